import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { compareManifests, describeDifferences } from '../manifest/compare_manifests.ts';
import { parseText, toText } from '../manifest/manifest_text.ts';
import { type ManifestEntry, readManifest } from '../manifest/read_manifest.ts';
import { connect } from '../testing/connect.ts';
import { createTemplateDatabase, dropTemplateDatabase, startPostgres } from '../testing/index.ts';
import { countMigrations } from '../testing/migrate.ts';
import { findConnectionString } from './connection_string.ts';
import { fail } from './fail.ts';

const help = `npm run schema:manifest
npm run schema:check [-- --live] [--json]

Writes docs/manifest.txt, all of the schema that the migrations make, or compares it.

schema:manifest   migrates a fresh database and writes the file. The server is DATABASE_URL's (in a database made for
                  this), else a Docker container, else one from node_modules
schema:check      compares such a database with the file
--live            compares the database of DATABASE_URL itself, else that of npm run db:start, without changing it: what
                  somebody has edited there, or what a migration that had run already did when it ran
--json            the differences as JSON on standard output

Exit code 0 if nothing differs, 1 if something does or the database cannot be read, 2 for a wrong flag.`;

const file = new URL('../../docs/manifest.txt', import.meta.url);

async function run(): Promise<void> {
  const { check = false, live = false, json = false, help: isHelp } = flags();
  if (isHelp) return console.log(help);
  if (!check) return await writeFile(file, toText(await fresh()));

  const expected = parseText(await readFile(file, 'utf8'));
  const { found, pending } = live ? await liveDatabase() : { found: await fresh(), pending: 0 };
  const differences = compareManifests(expected, found);
  if (json) console.log(JSON.stringify({ same: differences.length === 0, pending, differences }, undefined, 2));
  else if (differences.length > 0) console.log(describeDifferences(differences));
  if (pending > 0) console.error(`${pending} migrations have not run there: npx kysely migrate:latest.`);
  if (differences.length === 0) return json ? undefined : console.log('The schema is as docs/manifest.txt says.');
  const advice = live ? 'mend it by a migration' : 'run npm run schema:manifest and read what has changed';
  throw new Error(`The schema differs from docs/manifest.txt in ${differences.length} objects: ${advice}.`);
}

function flags() {
  try {
    return parseArgs({
      options: {
        check: { type: 'boolean' },
        live: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}

async function fresh(): Promise<ManifestEntry[]> {
  const server = await startPostgres({ log: console.error });
  try {
    const template = await createTemplateDatabase(server);
    try {
      const url = new URL(server.connectionString);
      url.pathname = `/${template}`;
      return await manifestOf(url.href);
    } finally {
      await dropTemplateDatabase(server, template);
    }
  } finally {
    await server.stop();
  }
}

async function liveDatabase(): Promise<{ found: ManifestEntry[]; pending: number }> {
  const connectionString = await findConnectionString();
  const { pending } = await countMigrations(connectionString);
  return { found: await manifestOf(connectionString), pending };
}

async function manifestOf(connectionString: string): Promise<ManifestEntry[]> {
  const client = await connect(connectionString);
  try {
    return await readManifest(client);
  } finally {
    await client.end();
  }
}

await run().catch(fail);
