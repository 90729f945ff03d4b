import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { committedManifest, manifestFile } from '../manifest/committed_manifest.ts';
import { compareManifests, describeDifferences } from '../manifest/compare_manifests.ts';
import { diagramPage } from '../manifest/er_diagram.ts';
import { toText } from '../manifest/manifest_text.ts';
import { type ManifestEntry, readManifest } from '../manifest/read_manifest.ts';
import { connect } from '../session/connect.ts';
import { withTemplateDatabase } from '../testing/with_template_database.ts';
import { fail } from './fail.ts';

const help = `npm run schema:manifest
npm run schema:check

schema:manifest   migrates a fresh database and writes docs/manifest.txt, all of the schema that the migrations make, and
                  docs/er.md, its tables in diagrams. The server is DATABASE_URL's (in a database made for this), else a
                  Docker container, else one from node_modules
schema:check      compares such a database with the files (wheels-db drift compares one that is there)`;

const diagrams = new URL('../../docs/er.md', import.meta.url);

async function run(): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
  if (values.help) return console.log(help);
  const made = await withTemplateDatabase({ log: console.error }, ({ connectionString }) =>
    manifestOf(connectionString),
  );
  if (!values.check) {
    await writeFile(manifestFile, toText(made));
    return await writeFile(diagrams, diagramPage(made));
  }
  if ((await readFile(diagrams, 'utf8')) !== diagramPage(made)) {
    throw new Error('docs/er.md differs from the schema: run npm run schema:manifest.');
  }

  const differences = compareManifests(await committedManifest(), made);
  if (differences.length === 0) return console.log('The schema is as docs/manifest.txt says.');
  console.log(describeDifferences(differences));
  throw new Error(
    `The schema differs from docs/manifest.txt in ${differences.length} objects: run npm run schema:manifest and read what has changed.`,
  );
}

async function manifestOf(connectionString: string): Promise<ManifestEntry[]> {
  const client = await connect(connectionString);
  return await readManifest(client).finally(() => client.end());
}

await run().catch(fail);
