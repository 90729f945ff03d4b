import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { fail } from '../src/cli/fail.ts';
import { startPostgres } from '../src/testing/index.ts';
import { loadHousehold } from './load.ts';
import { tellStory } from './story.ts';

const help = `npm run demo [-- --keep]

Starts a Postgres, migrates it, loads a year of a travelling household and works with it as several people.
The server is DATABASE_URL's (in a database made for the demo), else a Docker container, else one from node_modules.

--keep   keeps the database, and the server until Ctrl-C, to look further`;

async function run(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' }, keep: { type: 'boolean' } } });
  if (values.help) return console.log(help);

  const server = await startPostgres();
  try {
    const name = `wheels_demo_${randomBytes(4).toString('hex')}`;
    await onServer(server.connectionString, `create database ${name}`);
    const url = new URL(server.connectionString);
    url.pathname = `/${name}`;
    try {
      console.log(`\nMigrating: npx kysely migrate:latest`);
      migrate(url.href);
      const counts = await loadHousehold(url.href);
      console.log(
        `Loaded a household's year: ${Object.entries(counts)
          .map(([kind, count]) => `${count} ${kind}`)
          .join(', ')}.`,
      );
      await tellStory(url.href);
      if (values.keep) {
        console.log(`\nLook further: psql '${url.href}'\nThe server runs until Ctrl-C.`);
        await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
      } else {
        console.log(`\nThis was ${url.href}. To look further: npm run demo -- --keep`);
      }
    } finally {
      if (!values.keep) await onServer(server.connectionString, `drop database ${name} with (force)`);
    }
  } finally {
    await server.stop();
  }
}

/** With the project's own configuration, as a deploy does it. */
function migrate(connectionString: string): void {
  const { status } = spawnSync('npx', ['--no-install', 'kysely', 'migrate:latest', '--no-outdated-check'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, DATABASE_URL: connectionString },
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('The demo ends here: its database could not be migrated.');
}

async function onServer(connectionString: string, statement: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

await run().catch(fail);
