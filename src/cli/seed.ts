import { parseArgs } from 'node:util';
import { listCounts, loadHousehold } from '../../demo/load.ts';
import { countMigrations } from '../testing/migrate.ts';
import { findTarget } from './connection_string.ts';
import { fail } from './fail.ts';

const help = `npm run db:seed -- [--force]

Loads a year of a travelling household, the data of the demo, into DATABASE_URL or the server of npm run db:start. The
database must be migrated. What is there already stays; loading twice adds nothing.

--force   also on a host other than localhost`;

async function seed(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' }, force: { type: 'boolean' } } });
  if (values.help) {
    console.log(help);
    return;
  }
  const { connectionString, place } = await findTarget('db:seed writes invented people into', values.force);
  const { pending } = await countMigrations(connectionString);
  if (pending > 0) {
    throw new Error(`${pending} migrations have not run in ${place}: run npx kysely migrate:latest first.`);
  }
  const added = listCounts(await loadHousehold(connectionString));
  console.log(added ? `Added: ${added}.` : 'Everything was there already.');
}

await seed().catch(fail);
