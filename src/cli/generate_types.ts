import { spawnSync } from 'node:child_process';
import { createTemplateDatabase, dropTemplateDatabase, startPostgres } from '../testing/index.ts';

/**
 * `npm run types`: migrates a fresh database and writes `src/types/database.ts` from it, as `.kysely-codegenrc.json` says.
 * With `--check` it writes nothing and exits with 1 if the file differs from what it would write.
 */
const check = process.argv.includes('--check');
const server = await startPostgres();
try {
  const template = await createTemplateDatabase(server);
  try {
    const url = new URL(server.connectionString);
    url.pathname = `/${template}`;
    const codegen = spawnSync('npx', ['--no-install', 'kysely-codegen', ...(check ? ['--verify'] : [])], {
      env: { ...process.env, DATABASE_URL: url.href },
      encoding: 'utf8',
    });
    // An include pattern that matches nothing is no error to kysely-codegen.
    const introspected = / (\d+) tables/.exec(codegen.stdout)?.[1];
    process.stdout.write(codegen.stdout);
    process.stderr.write(codegen.stderr);
    process.exitCode = codegen.status === 0 && introspected !== '0' ? 0 : 1;
    if (check && process.exitCode === 1)
      console.error('src/types/database.ts differs from the schema: run `npm run types`.');
  } finally {
    await dropTemplateDatabase(server, template);
  }
} finally {
  await server.stop();
}
