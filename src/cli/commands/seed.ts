import { Command } from 'commander';
import { listCounts, loadHousehold } from '../../household/load_household.ts';
import { migrationStatus } from '../../migrations/migration_status.ts';
import { placeOf } from '../connection_string.ts';
import { withMeantDatabase } from '../database_url.ts';

/** `wheels-db seed` */
export function seedCommand(): Command {
  const command = new Command('seed')
    .description('Loads a year of a travelling household, invented people, to develop with.')
    .option('--json', 'how many of each were added as JSON')
    .addHelpText(
      'after',
      `
Examples:
  wheels-db reset && wheels-db seed

The database must be migrated. What is there already stays, and loading twice adds nothing.`,
    );
  return withMeantDatabase(command, 'wheels-db seed writes invented people into').action(seed);
}

type Options = { databaseUrl: string; json?: boolean };

async function seed({ databaseUrl, json }: Options): Promise<void> {
  const place = placeOf(databaseUrl);
  const pending = (await migrationStatus(databaseUrl)).filter(({ state }) => state === 'pending').length;
  if (pending > 0) {
    throw new Error(`${pending} migrations have not run in ${place}: run wheels-db migrate latest first.`);
  }
  const counts = await loadHousehold(databaseUrl);
  const added = listCounts(counts);
  if (json) console.log(JSON.stringify({ added: counts }));
  else console.log(added ? `Added: ${added}.` : 'Everything was there already.');
}
