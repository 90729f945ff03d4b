import { Command } from 'commander';
import { migrate } from '../../migrations/migrate.ts';
import { migrationStatus } from '../../migrations/migration_status.ts';
import { placeOf } from '../connection_string.ts';
import { withMeantDatabase } from '../database_url.ts';

/** `wheels-db reset` */
export function resetCommand(): Command {
  const command = new Command('reset')
    .description('Drops everything that the migrations made, with all data, and migrates again.')
    .option('--json', 'what was done as JSON')
    .addHelpText(
      'after',
      `
Examples:
  wheels-db reset
  wheels-db reset --database-url "$STAGING_URL" --yes wheels_staging

It works only where our migrations have run before. What others made in the database stays, and stops it where it depends on
what is ours: then nothing is dropped.`,
    );
  return withMeantDatabase(command, 'wheels-db reset deletes all data of').action(reset);
}

type Options = { databaseUrl: string; json?: boolean };

async function reset({ databaseUrl, json }: Options): Promise<void> {
  const place = placeOf(databaseUrl);
  const statuses = await migrationStatus(databaseUrl);
  if (statuses.every(({ executed_at }) => executed_at === null)) {
    throw new Error(
      `None of our migrations has run in ${place}, so reset leaves it alone: wheels-db migrate latest runs them.`,
    );
  }
  await migrate(databaseUrl, 'nothing');
  const ran = await migrate(databaseUrl, 'latest').catch((error: Error) => {
    throw new Error(
      `All that the migrations made in ${place} is dropped, but they did not run again: ${error.message}`,
    );
  });
  if (json) console.log(JSON.stringify({ ran }));
  else console.log(`The database ${place} is empty and migrated to the latest migration.`);
}
