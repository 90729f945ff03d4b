import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fail } from '../src/cli/fail.ts';
import { Stopped, stopSignal } from '../src/cli/stop_signal.ts';
import { listCounts, loadHousehold } from '../src/household/load_household.ts';
import { startPostgres } from '../src/testing/start_postgres.ts';
import { createDemoDatabase } from '../src/testing/template_database.ts';
import { tellStory } from './story.ts';

const help = `npm run demo [-- --keep]

Starts a Postgres, migrates it, loads a year of a travelling household and works with it as several people.
The server is DATABASE_URL's (in a database made for the demo), else a Docker container, else one from node_modules.

--keep   to look further: keeps the server until Ctrl-C, or the database if the server is DATABASE_URL's`;

async function run(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' }, keep: { type: 'boolean' } } });
  if (values.help) return console.log(help);

  const stopped = stopSignal();
  const interrupted = stopped.then((signal) => Promise.reject(signal));
  interrupted.catch(() => {});

  // A server that is still starting goes with the process.
  const server = await Promise.race([startPostgres(), interrupted]);
  try {
    const keep = values.keep === true;
    const database = await createDemoDatabase(server, { keep: keep && server.stays });
    let stays = false;
    try {
      await Promise.race([showcase(database.connectionString), interrupted]);
      if (!keep) {
        console.log('\nTo look further: npm run demo -- --keep');
      } else if (server.stays) {
        const url = new URL(database.connectionString);
        url.password = '';
        console.log(`\nLook further: psql '${url.href}'`);
        console.log(`The database stays until you drop it: drop database ${url.pathname.slice(1)};`);
        stays = true;
      } else {
        console.log(`\nLook further: psql '${database.connectionString}'\nThe server runs until Ctrl-C.`);
        // Listening for signals does not keep a process alive.
        const alive = setInterval(() => {}, 60_000);
        await stopped;
        clearInterval(alive);
      }
    } finally {
      if (!stays) await database.drop();
    }
  } finally {
    await server.stop();
  }
}

async function showcase(connectionString: string): Promise<void> {
  console.log('\nMigrating: npx kysely migrate:latest');
  migrate(connectionString);
  console.log(`Loaded a household's year: ${listCounts(await loadHousehold(connectionString))}.`);
  await tellStory(connectionString);
}

/** With the project's own configuration, as a deploy does it. */
function migrate(connectionString: string): void {
  const project = fileURLToPath(new URL('..', import.meta.url));
  const kysely = join(project, 'node_modules/kysely-ctl/dist/bin.mjs');
  const { status, stdout } = spawnSync(process.execPath, [kysely, 'migrate:latest', '--no-outdated-check'], {
    cwd: project,
    env: { ...process.env, DATABASE_URL: connectionString },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  process.stdout.write(stdout);
  if (status !== 0) throw new Error('The demo ends here: its database could not be migrated.');
}

await run().catch((error) => {
  if (error instanceof Stopped) process.exit(error.exitCode);
  fail(error);
});
