import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { migrate } from '../../src/migrations/migrate.ts';
import { cloneDatabase } from '../../src/testing/template_database.ts';
import { testDatabase } from '../support/database.ts';
import { runScript } from '../support/run_script.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const database = testDatabase();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wheels-daily-'));
});
afterAll(() => rm(folder, { recursive: true }));

const nameOf = (url: string) => new URL(url).pathname.slice(1);

/** Names the database, as one on another machine needs it. */
const meant = (verb: string, url = database.connectionString, ...flags: string[]) =>
  runScript('src/cli/wheels_db.ts', url, verb, '--yes', nameOf(url), ...flags);

test('wheels-db reset leaves an empty, migrated database', async () => {
  await database.signUp();
  const { pathname, hostname } = new URL(database.connectionString);
  expect(await meant('reset')).toEqual({
    code: 0,
    stdout: `The database "${pathname.slice(1)}" on ${hostname} is empty and migrated to the latest migration.\n`,
    stderr: '',
  });
  expect((await database.admin.query('select count(*)::int as count from auth.users')).rows).toEqual([{ count: 0 }]);
});

test('wheels-db reset of what somebody has edited says what stands in the way', { timeout: 60_000 }, async () => {
  const alice = await database.signUp();
  const shape = () => database.admin.query('select conname from pg_constraint order by oid');
  await database.admin.query(`
    create view by_hand as select id from trips; create table notes (trip_id uuid references trips (id))`);
  const before = await shape();
  expect(await meant('reset')).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /^The migration "0006_trips" cannot be taken back, .*: view by_hand depends on table trips, constraint notes_trip_id_fkey on table notes depends on table trips\. Nothing was changed: .* drop what was added, .*\n$/,
    ),
  });
  expect((await shape()).rows).toEqual(before.rows);
  expect((await database.admin.query('select id from auth.users')).rows).toEqual([{ id: alice }]);

  await database.admin.query('drop view by_hand; drop table notes; drop function list_own_likes()');
  expect((await meant('reset')).stderr).toMatch(
    /^The migration "0023_accounts" cannot be taken back, .*: function public\.list_own_likes\(\) does not exist\. Nothing was changed: /,
  );
  await database.admin.query('create function list_own_likes() returns void return null');
  while (!(await migrate(database.connectionString, 'previous')).includes('0023_accounts'));
  await database.admin.query('create function list_own_likes() returns void return null');
  expect(await meant('reset')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^All that the migrations made in .* is dropped, .*"list_own_likes" already exists/),
  });
  await database.admin.query('drop function list_own_likes()');
  await migrate(database.connectionString, 'latest');
});

test('wheels-db reset refuses another name', async () => {
  const { code, stderr } = await runScript(
    'src/cli/wheels_db.ts',
    database.connectionString,
    'reset',
    '--yes',
    'wrong',
  );
  expect(stderr).toMatch(/^--yes names "wrong", but wheels-db reset deletes all data of "wheels_\w+" on \S+\.\n$/);
  expect(code).toBe(2);
});

test('wheels-db seed says what it added', { timeout: 90_000 }, async () => {
  const first = await meant('seed');
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toMatch(/^Added: \d+ people, .*\d+ trips, .*\d+ messages.*\.\n$/);
  await database.admin.query('delete from post_likes where ctid in (select ctid from post_likes limit 2)');
  const again = JSON.parse((await meant('seed', database.connectionString, '--json')).stdout);
  expect(again).toMatchObject({ added: { likes: 2, trips: 0 } });
  expect(await meant('seed')).toEqual({ code: 0, stdout: 'Everything was there already.\n', stderr: '' });
});

test.each([
  ['reset', /^None of our migrations has run in "wheels_\w+" on \S+, so reset leaves it alone: .*\n$/],
  ['seed', /^\d+ migrations have not run in "wheels_\w+" on \S+: run wheels-db migrate latest first\.\n$/],
])(
  'wheels-db %s leaves a database alone that was never migrated, whatever its tables are called',
  async (verb, line) => {
    const foreign = await cloneDatabase({ connectionString: inject('connectionString') }, 'template0');
    try {
      const { code, stdout, stderr } = await meant(verb, foreign.connectionString);
      expect(stderr).toMatch(line);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    } finally {
      await foreign.drop();
    }
  },
);

test.each([
  [['reset'], 'wheels-db reset deletes all data of'],
  [['seed'], 'wheels-db seed writes invented people into'],
  [['migrate', 'down'], 'wheels-db migrate down takes the last migration back in'],
])(
  'wheels-db %j refuses another machine, also one that hides in a parameter',
  { timeout: 60_000 },
  async (verb, deed) => {
    for (const url of [
      'postgres://a:s3cret@db.example/wheels',
      'postgres://a:s3cret@localhost/wheels?host=db.example',
    ]) {
      expect(await runScript('src/cli/wheels_db.ts', url, ...verb)).toEqual({
        code: 2,
        stdout: '',
        stderr: `${deed} "wheels" on db.example, which is not this machine: add --yes wheels if you mean it.\n`,
      });
    }
  },
);

describe('wheels-db types', () => {
  const types = (...flags: string[]) => runScript('src/cli/wheels_db.ts', database.connectionString, 'types', ...flags);

  test('says that there is nothing beside the package', async () => {
    expect(await types()).toEqual({
      code: 1,
      stdout: '',
      stderr: 'There is no table in public but those of this package, whose types are in it.\n',
    });
  });

  test('has the tables of the project, which its sessions then take', { timeout: 90_000 }, async () => {
    await database.admin.query(`
      create table bookings (id uuid primary key default gen_random_uuid(), trip_id uuid not null, starts_on date not null);
      create view booked as select trip_id, count(*) as nights from bookings group by trip_id`);
    const { code, stdout, stderr } = await types();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await writeFile(join(folder, 'own_tables.ts'), stdout);
    expect(stdout).toMatch(/export type DB = \{\n {2}booked: Booked;\n {2}bookings: Bookings;\n\};/);
    await writeFile(
      join(folder, 'service.ts'),
      `import type { Kysely } from 'kysely';
       import type { DB as Ours } from '${root}src/types/database.ts';
       import type { DB } from './own_tables.ts';
       declare const kysely: Kysely<Ours>;
       const mixed = kysely.withTables<DB>().selectFrom('bookings').innerJoin('trips', 'trips.id', 'bookings.trip_id');
       export const rows: Promise<{ starts_on: string; name: string }[]> = mixed.select(['starts_on', 'name']).execute();
       // @ts-expect-error a date is text
       export const wrong: Promise<{ starts_on: Date }[]> = mixed.select('starts_on').execute();`,
    );
    await compile('service.ts');
    expect(await types('--out', '/nowhere/types.ts')).toMatchObject({
      code: 2,
      stderr: '/nowhere/types.ts cannot be written (ENOENT): name one in a folder that is there and open to you.\n',
    });
  });

  test('names what the project lacks', async () => {
    const { stderr } = await run(process.execPath, [join(root, 'src/cli/wheels_db.ts'), 'types'], {
      cwd: tmpdir(),
      env: { ...process.env, DATABASE_URL: database.connectionString },
    }).catch((error) => error);
    expect(stderr).toMatch(/ has no kysely-codegen: npm install --save-dev kysely-codegen /);
  });
});

describe('wheels-db new', () => {
  const newMigration = (...args: string[]) => runScript('src/cli/wheels_db.ts', '', 'new', ...args);

  test('writes the next migration, which compiles and passes the lint', { timeout: 90_000 }, async () => {
    await writeFile(join(folder, '0009_before.ts'), 'export const up = async () => {};\n');
    const file = join(folder, '0010_trip_photos.ts');
    expect(await newMigration('trip-photos', '--folder', folder)).toEqual({ code: 0, stdout: `${file}\n`, stderr: '' });
    await compile('0010_trip_photos.ts');
    await run(join(root, 'node_modules/.bin/biome'), [
      'check',
      '--error-on-warnings',
      `--config-path=${join(folder, 'biome.json')}`,
      file,
    ]);
    const { up, down } = await import(file);
    expect([typeof up, typeof down]).toEqual(['function', 'function']);
    const next = await newMigration('more', '--folder', folder, '--json');
    expect(JSON.parse(next.stdout)).toEqual({ file: join(folder, '0011_more.ts') });
    expect((await readdir(folder)).filter((name) => /^00/.test(name))).toHaveLength(3);
  });

  test.each([
    [['Trip Photos'], /It must be words of small letters/],
    [['../x'], /It must be words of small letters/],
    [['x', '--folder', '/nowhere'], /^There is no folder \/nowhere: /],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await newMigration(...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});

/** As this project compiles and lints, with its modules. */
async function compile(file: string): Promise<void> {
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules')).catch(() => {});
  await copyFile(join(root, 'package.json'), join(folder, 'package.json'));
  const biome = JSON.parse(await readFile(join(root, 'biome.json'), 'utf8'));
  await writeFile(join(folder, 'biome.json'), JSON.stringify({ ...biome, vcs: undefined }));
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: { rewriteRelativeImportExtensions: false },
      files: [file],
      include: [],
    }),
  );
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]).catch(({ stdout }) => {
    throw new Error(stdout);
  });
}
