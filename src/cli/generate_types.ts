import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createTemplateDatabase, dropTemplateDatabase, startPostgres } from '../testing/index.ts';
import { fail } from './fail.ts';

const help = `npm run types [-- --check]

Migrates a fresh database and writes src/types/database.ts from it, as .kysely-codegenrc.json says. The server is
DATABASE_URL's (in a database made for this), else a Docker container, else one from node_modules.

--check   writes nothing, prints how the file differs, and fails if it does (npm run types:check)`;

async function generateTypes(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' }, check: { type: 'boolean' } } });
  if (values.help) return console.log(help);
  const server = await startPostgres();
  try {
    const template = await createTemplateDatabase(server);
    try {
      const url = new URL(server.connectionString);
      url.pathname = `/${template}`;
      runCodegen(url.href, values.check === true);
    } finally {
      await dropTemplateDatabase(server, template);
    }
  } finally {
    await server.stop();
  }
}

function runCodegen(connectionString: string, check: boolean): void {
  const project = fileURLToPath(new URL('../..', import.meta.url));
  const bin = join(project, 'node_modules/kysely-codegen/dist/cli/bin.js');
  const codegen = spawnSync(process.execPath, [bin, ...(check ? ['--verify'] : [])], {
    cwd: project,
    env: { ...process.env, DATABASE_URL: connectionString },
    encoding: 'utf8',
  });
  const differs = codegen.stderr.includes('Generated types are not up-to-date');
  process.stdout.write(codegen.stdout);
  // The difference, without the stack that follows it.
  process.stderr.write(differs ? codegen.stderr.slice(0, codegen.stderr.search(/^.*generate\.js:/m)) : codegen.stderr);
  // An include pattern that matches nothing is no error to kysely-codegen.
  const introspected = / (\d+) tables/.exec(codegen.stdout)?.[1];
  if (introspected === '0') throw new Error('The includePattern of .kysely-codegenrc.json matches no table.');
  if (differs) throw new Error('src/types/database.ts differs from the schema: run `npm run types`.');
  if (codegen.status !== 0) throw new Error('kysely-codegen failed: what it said is above.');
}

await generateTypes().catch(fail);
