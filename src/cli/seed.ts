import { parseArgs } from 'node:util';
import { loadHousehold } from '../../demo/load.ts';
import { connect } from '../testing/connect.ts';
import { findConnectionString } from './connection_string.ts';
import { fail } from './fail.ts';

const help = `npm run db:seed

Loads a year of a travelling household, the data of the demo, into DATABASE_URL or the server of npm run db:start. The
database must be migrated. What is there already stays; loading twice adds nothing.`;

async function seed(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
  if (values.help) {
    console.log(help);
    return;
  }
  const connectionString = await findConnectionString();
  const client = await connect(connectionString);
  const { rows } = await client.query<{ migrated: boolean }>(
    "select to_regclass('public.trips') is not null as migrated",
  );
  await client.end();
  if (!rows[0]?.migrated) throw new Error('The database is not migrated: run npx kysely migrate:latest first.');
  const counts = await loadHousehold(connectionString);
  console.log(
    `Loaded: ${Object.entries(counts)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(', ')}.`,
  );
}

await seed().catch(fail);
