import { parseArgs } from 'node:util';
import { clientFor, connect } from '../testing/connect.ts';
import { migrate } from '../testing/migrate.ts';
import { findConnectionString } from './connection_string.ts';
import { fail } from './fail.ts';

const help = `npm run db:reset -- [--force]

Drops everything that the migrations made, with all its data, and migrates to the latest migration again. It works on
DATABASE_URL, else on the server of npm run db:start.

--force   also on a host other than localhost`;

const local = ['localhost', '127.0.0.1', '::1'];

async function reset(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' }, force: { type: 'boolean' } } });
  if (values.help) {
    console.log(help);
    return;
  }
  const connectionString = await findConnectionString();
  const { host, database } = clientFor(connectionString);
  if (!local.includes(host) && !values.force) {
    throw new Error(
      `db:reset deletes all data of "${database}" on ${host}, which is not this machine: add --force if you mean it.`,
    );
  }
  await (await connect(connectionString)).end();
  await migrate(connectionString, 'nothing');
  await migrate(connectionString, 'latest');
  console.log(`The database "${database}" on ${host} is empty and migrated to the latest migration.`);
}

await reset().catch(fail);
