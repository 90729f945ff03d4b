import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connect } from '../../src/testing/connect.ts';
import { cloneDatabase, type TestDatabase } from '../../src/testing/index.ts';

// The package as npm installs it, in a project that knows nothing of this repository.

const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = join(root, 'node_modules');
const dependencies = ['csv-parse', 'kysely', 'pg', 'pg-connection-string', 'zod'];
const peers = ['@opentelemetry'];
const ofTheProject = ['@types', 'kysely-ctl'];
let project: string;
let database: TestDatabase;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'consumer-'));
  database = await cloneDatabase({ connectionString: inject('connectionString') }, 'template0');
  const installed = join(project, 'node_modules/@wheelsandwins/db');
  await mkdir(installed, { recursive: true });
  const [{ filename }] = JSON.parse(await run('npm', ['pack', '--json', '--pack-destination', project], root));
  await run('tar', ['-xf', join(project, filename), '--strip-components=1', '-C', installed]);
  for (const name of [...dependencies, ...peers, ...ofTheProject]) {
    await symlink(join(modules, name), join(project, 'node_modules', name));
  }
  await write('package.json', '{ "type": "module" }');
}, 120_000);

afterAll(async () => {
  await rm(project, { recursive: true });
  await database.drop();
});

const write = (name: string, text: string) => writeFile(join(project, name), text);

/** Runs a program in the project. @returns what it printed. @throws {Error} with all that it printed if it failed. */
async function run(program: string, args: string[], cwd = project): Promise<string> {
  const env = { ...process.env, DATABASE_URL: database.connectionString };
  return await new Promise((resolve, reject) => {
    execFile(program, args, { cwd, env }, (error, stdout, stderr) =>
      error ? reject(new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`)) : resolve(stdout),
    );
  });
}

test('is migrated by kysely-ctl, as a deploy does it', async () => {
  await write(
    'kysely.config.ts',
    `import { defineConfig } from 'kysely-ctl';
     import { Pool } from 'pg';
     import { migrationProvider } from '@wheelsandwins/db/migrations';
     export default defineConfig({
       dialect: 'pg',
       dialectConfig: { pool: new Pool({ connectionString: process.env.DATABASE_URL }) },
       migrations: { provider: migrationProvider },
     });`,
  );
  const kysely = join(modules, 'kysely-ctl/dist/bin.mjs');
  await run(process.execPath, [kysely, 'migrate:latest', '--no-outdated-check']);
  const client = await connect(database.connectionString);
  const { rows } = await client.query('select max(name) as latest from kysely_migration');
  await client.end();
  expect(rows).toEqual([{ latest: '0023_accounts' }]);
});

test('works from plain JavaScript', async () => {
  await write(
    'service.js',
    `import { createDatabase, ValidationError } from '@wheelsandwins/db';
     import { migrate } from '@wheelsandwins/db/migrations';
     import { tripInputSchema } from '@wheelsandwins/db/schemas';
     import pg from 'pg';
     const connectionString = process.env.DATABASE_URL;
     await migrate(connectionString, 'latest');
     const admin = new pg.Client(connectionString);
     await admin.connect();
     const { rows } = await admin.query("insert into auth.users (email) values ('a@example.com') returning id");
     await admin.end();
     const database = createDatabase({ connectionString });
     const alice = database.asUser({ sub: rows[0].id });
     const trip = await alice.trips.create(tripInputSchema.parse({ name: 'Big Lap', budget_total: 9000 }));
     const refused = await alice.trips.create({ name: '' }).catch((error) => error instanceof ValidationError);
     console.log(JSON.stringify({ budget: trip.budget_total, refused }));
     await database.destroy();`,
  );
  expect(JSON.parse(await run(process.execPath, ['service.js']))).toEqual({ budget: '9000.00', refused: true });
});

test('has types that a strict project compiles, declarations included', async () => {
  await write(
    'service.ts',
    `import { createDatabase, type Money, type Trip } from '@wheelsandwins/db';
     import { migrate } from '@wheelsandwins/db/migrations';
     import { expenseInputSchema } from '@wheelsandwins/db/schemas';
     const database = createDatabase({ connectionString: process.env.DATABASE_URL });
     const alice = database.asUser({ sub: 'a0000000-0000-4000-8000-000000000001' });
     export const trips: Promise<Trip[]> = alice.trips.list().then(({ items }) => items);
     export const spent: Promise<Money[]> = trips.then((all) => all.map((trip) => trip.budget_spent));
     export const migrated: Promise<void> = migrate('postgres://localhost/wheels', 'latest');
     await alice.expenses.create(expenseInputSchema.parse({}));
     // @ts-expect-error no such column
     await alice.kysely.selectFrom('trips').select('titel').execute();
     // @ts-expect-error the service's own
     alice.accounts;
     // @ts-expect-error visitors write nothing
     await database.asAnon().posts.create({ title: 'x', content: 'x' });
     // @ts-expect-error money is no number
     const sum: number = (await alice.trips.list()).items[0]!.budget_spent;
     console.log(sum);`,
  );
  const compilerOptions = {
    target: 'es2024',
    lib: ['es2024'],
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
  };
  await write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['service.ts'] }));
  const tsc = run(process.execPath, [join(modules, 'typescript/bin/tsc'), '-p', '.']);
  const errors = await tsc.catch(({ message }: Error) => message.split('\n').filter((line) => /error TS/.test(line)));
  // Other people's declarations have errors of their own, when they are checked.
  expect([errors].flat().filter((line) => /^(service|node_modules\/@wheelsandwins)/.test(line))).toEqual([]);
});

test('holds what it says, and nothing of the tests', async () => {
  const files = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], root);
  const paths = (JSON.parse(files) as [{ files: { path: string }[] }])[0].files.map(({ path }) => path);
  expect(paths.filter((path) => !path.startsWith('dist/')).sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
  expect(paths.filter((path) => /^dist\/(?!src\/|migrations\/\d{4}_\w+\.(d\.ts|js)$)|\.test\./.test(path))).toEqual([]);
});
