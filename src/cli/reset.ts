import { parseArgs } from 'node:util';
import { countMigrations, migrate } from '../testing/migrate.ts';
import { findTarget } from './connection_string.ts';
import { fail } from './fail.ts';

const help = `npm run db:reset -- [--force]

Drops everything that the migrations made, with all its data, and migrates to the latest migration again. It works on
DATABASE_URL, else on the server of npm run db:start, and only where our migrations have run before.

--force   also on a host other than localhost`;

async function reset(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' }, force: { type: 'boolean' } } });
  if (values.help) {
    console.log(help);
    return;
  }
  const { connectionString, place } = await findTarget('db:reset deletes all data of', values.force);
  const { executed } = await countMigrations(connectionString);
  if (executed === 0) {
    throw new Error(
      `None of our migrations has run in ${place}, so db:reset leaves it alone: npx kysely migrate:latest.`,
    );
  }
  await migrate(connectionString, 'nothing');
  await migrate(connectionString, 'latest');
  console.log(`The database ${place} is empty and migrated to the latest migration.`);
}

await reset().catch(fail);
