import { Command } from 'commander';
import { migrate } from '../../migrations/migrate.ts';
import { type MigrationStatus, migrationStatus } from '../../migrations/migration_status.ts';
import { writeRendered } from '../../migrations/render_migrations.ts';
import { placeOf } from '../connection_string.ts';
import { withDevelopmentDatabase, withMeantDatabase } from '../database_url.ts';

/** `wheels-db migrate`, with a subcommand for each thing to do. */
export function migrateCommand(): Command {
  const command = new Command('migrate')
    .description('Runs the migrations of this package, says which have run, writes them as SQL.')
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  wheels-db migrate latest
  wheels-db migrate status --fail-on-pending
  wheels-db migrate render supabase/migrations`,
    );
  addLatest(command);
  addStatus(command);
  addDown(command);
  addRender(command);
  return command;
}

function addLatest(command: Command): void {
  withDevelopmentDatabase(command.command('latest'))
    .description('Runs all that have not run, in one transaction: all of them or none.')
    .option('--json', 'the names of those that ran as JSON')
    .addHelpText(
      'after',
      `
Use a direct connection, not a transaction pooler. It waits 5 s for the lock of a table; DATABASE_URL may say otherwise, as
?lock_timeout=30000. A second deploy waits for the first to end.`,
    )
    .action(async ({ databaseUrl, json }: { databaseUrl: string; json?: boolean }) => {
      const ran = await migrate(databaseUrl, 'latest');
      if (json) console.log(JSON.stringify({ ran }));
      else console.log(ran.length === 0 ? 'Nothing to do: all migrations have run.' : `Ran ${ran.join(', ')}.`);
    });
}

const marks: Readonly<Record<MigrationStatus['state'], string>> = {
  executed: '',
  pending: 'pending',
  edited: 'edited since it ran: see wheels-db drift',
  unknown: 'unknown: a newer version of this package, or another one, ran it',
};

function addStatus(command: Command): void {
  withDevelopmentDatabase(command.command('status'))
    .description('Lists the migrations that have run, are pending, or were edited after they ran.')
    .option('--fail-on-pending', 'exit with 1 if one has not run')
    .option('--json', 'the list as JSON')
    .action(async (options: { databaseUrl: string; failOnPending?: boolean; json?: boolean }) => {
      const migrations = await migrationStatus(options.databaseUrl);
      const pending = migrations.filter(({ state }) => state === 'pending').length;
      if (options.json) console.log(JSON.stringify({ pending, migrations }, undefined, 2));
      else {
        for (const { name, state, executed_at } of migrations) {
          console.log(`${name.padEnd(32)}${(executed_at ?? '').padEnd(26)}${marks[state]}`.trimEnd());
        }
      }
      if (options.failOnPending && pending > 0) {
        throw new Error(`${pending} migrations have not run there: wheels-db migrate latest.`);
      }
    });
}

function addDown(command: Command): void {
  withMeantDatabase(command.command('down'), 'wheels-db migrate down takes the last migration back in')
    .description('Takes the last migration back, with the data in what it had made.')
    .option('--json', 'the name of the one that was taken back as JSON')
    .action(async ({ databaseUrl, json }: { databaseUrl: string; json?: boolean }) => {
      const place = placeOf(databaseUrl);
      const [back = null] = await migrate(databaseUrl, 'previous');
      if (json) console.log(JSON.stringify({ back }));
      else console.log(back === null ? `No migration has run in ${place}.` : `Took ${back} back in ${place}.`);
    });
}

function addRender(command: Command): void {
  command
    .command('render')
    .description('Writes the migrations as SQL files, for supabase db push. It needs no database.')
    .argument('<folder>', 'such as supabase/migrations')
    .option('--json', 'the names of the files as JSON')
    .addHelpText(
      'after',
      `
The same migrations give the same files: those that are there stay, and one that differs stops it. Each file is one
transaction, and records itself in kysely_migration, so that a later wheels-db migrate latest has nothing to do.`,
    )
    .action(async (folder: string, { json }: { json?: boolean }) => {
      const { files, written } = await writeRendered(folder);
      if (json) console.log(JSON.stringify({ folder, files, written }));
      else console.log(`${folder}: ${files.length} migrations, ${written.length} of them written now.`);
    });
}
