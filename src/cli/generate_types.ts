import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { withTemplateDatabase } from '../testing/with_template_database.ts';
import { runCodegen } from './codegen.ts';
import { fail } from './fail.ts';

const help = `npm run types [-- --check]

Migrates a fresh database and writes src/types/database.ts from it, as .kysely-codegenrc.json says. The server is
DATABASE_URL's (in a database made for this), else a Docker container, else one from node_modules.

--check   writes nothing, prints how the file differs, and fails if it does (npm run types:check)`;

async function generateTypes(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' }, check: { type: 'boolean' } } });
  if (values.help) return console.log(help);
  await withTemplateDatabase({}, async ({ connectionString }) => generate(connectionString, values.check === true));
}

function generate(connectionString: string, check: boolean): void {
  const project = fileURLToPath(new URL('../..', import.meta.url));
  const { status, stdout, stderr, tables } = runCodegen(project, connectionString, check ? ['--verify'] : []);
  const differs = stderr.includes('Generated types are not up-to-date');
  process.stdout.write(stdout);
  // The difference, without the stack that follows it.
  process.stderr.write(differs ? stderr.slice(0, stderr.search(/^.*generate\.js:/m)) : stderr);
  // An include pattern that matches nothing is no error to kysely-codegen.
  if (tables === 0) throw new Error('The includePattern of .kysely-codegenrc.json matches no table.');
  if (differs) throw new Error('src/types/database.ts differs from the schema: run `npm run types`.');
  if (status !== 0) throw new Error('kysely-codegen failed: what it said is above.');
}

await generateTypes().catch(fail);
