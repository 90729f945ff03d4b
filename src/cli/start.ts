import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { migrate } from '../migrations/migrate.ts';
import { connect } from '../session/connect.ts';
import { running } from '../testing/cluster.ts';
import { startPersistentPostgres } from '../testing/embedded_postgres.ts';
import { developmentDatabase, developmentDirectory } from './connection_string.ts';
import { fail } from './fail.ts';
import { stopSignal } from './stop_signal.ts';

const help = `npm run db:start

Starts Postgres for development from node_modules, creates the database "wheels", migrates it to the latest migration
and runs until Ctrl-C. The data stays in .postgres/; the port is 54329 or the next free one. If it runs already, this
prints its connection string.

TEST_POSTGRES_VERSION   15, 17 or 18 (unless set): the major of a new .postgres/`;

async function start(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
  if (values.help) {
    console.log(help);
    return;
  }
  const directory = await developmentDirectory();
  const already = await running(directory);
  if (already) {
    console.log(`Postgres runs already: ${developmentDatabase(already)}`);
    console.log('Stop it with Ctrl-C in the terminal that started it.');
    return;
  }
  // From here on, so that Ctrl-C does not leave a data directory that is half made.
  const stopped = stopSignal();
  const server = await startPersistentPostgres(process.env.TEST_POSTGRES_VERSION ?? '18', directory, 54329);
  const client = await connect(server.connectionString);
  try {
    const { rowCount } = await client.query("select from pg_database where datname = 'wheels'");
    if (rowCount === 0) await client.query('create database wheels');
    await migrate(developmentDatabase(server.connectionString), 'latest');
  } catch (error) {
    await server.stop();
    throw error;
  }
  console.log(`Postgres runs: ${developmentDatabase(server.connectionString)}`);
  console.log(`The data is in ${directory}. Stop the server with Ctrl-C.`);

  const ended = new Promise<undefined>((resolve) => client.once('end', () => resolve(undefined)));
  if (!(await Promise.race([stopped, ended]))) {
    throw new Error(`Postgres has ended: see ${join(directory, 'server.log')}.`);
  }
  await server.stop();
  console.log('Postgres has stopped.');
}

await start().catch(fail);
