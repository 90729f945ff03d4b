import { type Kysely, sql } from 'kysely';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import * as realtime from '../../migrations/0016_realtime.ts';
import { remembered } from '../../src/migrations/remembered.ts';
import { type ClonedDatabase, cloneDatabase } from '../../src/testing/template_database.ts';
import { runMigrator } from '../migrations/support/migrator.ts';
import { runScript } from '../support/run_script.ts';

const server = { connectionString: inject('connectionString') };
let database: ClonedDatabase;

beforeEach(async () => {
  database = await cloneDatabase(server, inject('template'));
});

afterEach(async () => {
  await database.drop();
});

const wheelsDb = (...args: string[]) => runScript('src/cli/wheels_db.ts', database.connectionString, ...args);

const takeBack = () => runMigrator(database.connectionString, (migrator) => migrator.migrateDown());

type Status = { name: string; state: string; executed_at: string | null };

async function statuses(): Promise<{ pending: number; migrations: Status[] }> {
  return JSON.parse((await wheelsDb('migrate', 'status', '--json')).stdout);
}

describe('wheels-db migrate', () => {
  test('latest runs what is pending, and says when there is nothing', async () => {
    await takeBack();
    await takeBack();
    expect(await wheelsDb('migrate', 'latest')).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^Ran 00\d\d_\w+, 00\d\d_\w+\.\n$/),
      stderr: '',
    });
    expect(await wheelsDb('migrate', 'latest')).toEqual({
      code: 0,
      stdout: 'Nothing to do: all migrations have run.\n',
      stderr: '',
    });
    expect(JSON.parse((await wheelsDb('migrate', 'latest', '--json')).stdout)).toEqual({ ran: [] });
  });

  test('status lists what has run and what is pending, and may fail then', async () => {
    await takeBack();
    const { pending, migrations } = await statuses();
    expect(pending).toBe(1);
    expect(migrations.map(({ state }) => state)).toEqual([...migrations.slice(1).map(() => 'executed'), 'pending']);
    expect(migrations[0]).toEqual({
      name: '0001_platform',
      state: 'executed',
      executed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    expect(migrations.at(-1)?.executed_at).toBe(null);

    const { code, stdout } = await wheelsDb('migrate', 'status');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^0001_platform +\d{4}-\S+Z\n0002_value_rules +/);
    expect(stdout).toMatch(/\n\d{4}_\w+ +pending\n$/);
    expect(await wheelsDb('migrate', 'status', '--fail-on-pending')).toMatchObject({
      code: 1,
      stderr: '1 migrations have not run there: wheels-db migrate latest.\n',
    });
    await wheelsDb('migrate', 'latest');
    expect(await wheelsDb('migrate', 'status', '--fail-on-pending')).toMatchObject({ code: 0, stderr: '' });
  });

  test('status finds all pending where none has run, and changes nothing there', async () => {
    const fresh = await cloneDatabase(server, 'template0');
    try {
      const { stdout } = await runScript('src/cli/wheels_db.ts', fresh.connectionString, 'migrate', 'status', '--json');
      const { pending, migrations } = JSON.parse(stdout);
      expect(pending).toBe(migrations.length);
      expect(stdout).toBe(
        (await runScript('src/cli/wheels_db.ts', fresh.connectionString, 'migrate', 'status', '--json')).stdout,
      );
    } finally {
      await fresh.drop();
    }
  });

  test('status names a migration that was edited after it had run, and one of another version', async () => {
    const fresh = await cloneDatabase(server, 'template0');
    const asItWas = remembered('0016_realtime', {
      ...realtime,
      async up(db: Kysely<unknown>) {
        await realtime.up(db);
        await sql`create index idx_posts_title on public.posts (title)`.execute(db);
      },
    });
    try {
      await runMigrator(fresh.connectionString, (migrator) => migrator.migrateToLatest(), {
        '0016_realtime': asItWas,
        '9999_later': { up: async () => {} },
      });
      const ended = await runScript('src/cli/wheels_db.ts', fresh.connectionString, 'migrate', 'status');
      const marked = ended.stdout.split('\n').filter((line) => !/^(\w+ +\S+Z)?$/.test(line));
      expect(marked).toEqual([
        expect.stringMatching(/^0016_realtime +\S+Z +edited since it ran: see wheels-db drift$/),
        expect.stringMatching(/^9999_later +\S+Z +unknown: /),
      ]);
      const drift = await runScript('src/cli/wheels_db.ts', fresh.connectionString, 'drift');
      expect(drift).toMatchObject({ code: 1, stdout: expect.stringMatching(/ {2}\+ CREATE INDEX idx_posts_title ON/) });
    } finally {
      await fresh.drop();
    }
  });

  test.each(['{see the wiki}', '{"owner": "data"}'])("somebody's own comment %s is replaced", async (comment) => {
    const client = new pg.Client({ connectionString: database.connectionString });
    await client.connect();
    try {
      await client.query(`comment on table kysely_migration is '${comment}'`);
      const { migrations } = await statuses();
      expect(new Set(migrations.map(({ state }) => state))).toEqual(new Set(['executed']));
      const name = new URL(database.connectionString).pathname.slice(1);
      expect(await wheelsDb('migrate', 'down', '--yes', name)).toMatchObject({ code: 0, stderr: '' });
      expect(await wheelsDb('migrate', 'latest')).toMatchObject({ code: 0, stderr: '' });
      const { rows } = await client.query("select obj_description('kysely_migration'::regclass)::jsonb as sums");
      expect(rows).toEqual([{ sums: { [migrations.at(-1)?.name ?? '']: expect.stringMatching(/^[0-9a-f]{16}$/) } }]);
    } finally {
      await client.end();
    }
  });

  test('down takes the last one back, of a database that is meant', async () => {
    const name = new URL(database.connectionString).pathname.slice(1);
    const before = await statuses();
    expect(await wheelsDb('migrate', 'down', '--yes', 'wheels')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^--yes names "wheels", but wheels-db migrate down takes .* "wheels_test_\w+" on /),
    });
    expect((await statuses()).pending).toBe(0);
    const { stdout } = await wheelsDb('migrate', 'down', '--yes', name, '--json');
    expect(JSON.parse(stdout)).toEqual({ back: before.migrations.at(-1)?.name });
    expect((await statuses()).pending).toBe(1);
  });

  test.each([
    [['migrate'], /Usage: wheels-db migrate/],
    [['migrate', 'lastest'], /unknown command 'lastest'/],
    [['migrate', 'latest', '--force'], /unknown option '--force'/],
    [['migrate', 'render', 'README.md'], /^README\.md cannot be written \(EEXIST\): name one in a folder /],
    [['migrate', 'render'], /missing required argument 'folder'/],
    [
      ['migrate', 'status', '--database-url', 'localhost:s3cret'],
      /^--database-url is malformed: it must look like [^\n]*\n$/,
    ],
  ])('ends with 2 for %j', async (args, message) => {
    const { code, stdout, stderr } = await wheelsDb(...args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('s3cret');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('wheels-db drift', () => {
  test('changes nothing and says that nothing differs', async () => {
    expect(await wheelsDb('drift')).toEqual({
      code: 0,
      stdout: 'The schema is as the migrations make it.\n',
      stderr: '',
    });
    const { code, stdout } = await wheelsDb('drift', '--json');
    expect({ code, ...JSON.parse(stdout) }).toEqual({ code: 0, same: true, pending: 0, differences: [] });
  });

  test('finds what somebody has edited by hand', async () => {
    await runMigrator(database.connectionString, (migrator) => migrator.migrateToLatest(), {
      '9999_by_hand': {
        up: async (db) => {
          await sql`create table notes (secret text); alter table trips disable row level security`.execute(db);
        },
      },
    });
    const { code, stdout, stderr } = await wheelsDb('drift');
    expect(code).toBe(1);
    expect(stdout).toContain('different: table public.trips\n  - row level security\n');
    expect(stdout).toContain('unexpected: table public.notes\n  + column secret text\n');
    expect(stderr).toBe('The schema differs from that of the migrations in 2 objects: mend it by a migration.\n');
    expect(JSON.parse((await wheelsDb('drift', '--json')).stdout)).toMatchObject({
      same: false,
      differences: [{ object: 'table public.trips' }, { kind: 'unexpected' }],
    });
  });

  test('lists nothing of a database in which no migration has run', async () => {
    const fresh = await cloneDatabase(server, 'template0');
    try {
      expect(await runScript('src/cli/wheels_db.ts', fresh.connectionString, 'drift')).toEqual({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(
          /^\d\d migrations pending there: run wheels-db migrate latest\.\nNo migration has run there: .*\n$/,
        ),
      });
    } finally {
      await fresh.drop();
    }
  });

  test('tells of migrations that have not run', async () => {
    await takeBack();
    expect(await wheelsDb('drift')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^1 migration pending there: run wheels-db migrate latest\.\nThe schema differs .* what is left after migrating /,
      ),
    });
  });
});
