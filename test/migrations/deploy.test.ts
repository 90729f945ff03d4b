import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import pg from 'pg';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { createDatabase } from '../../src/index.ts';
import { type ClonedDatabase, cloneDatabase } from '../../src/testing/template_database.ts';
import { runMigrator } from './support/migrator.ts';

// A deploy onto a database that people use. What was there first is the schema of the sixteen first migrations.

const kyselyCtl = fileURLToPath(new URL('../../node_modules/kysely-ctl/dist/bin.mjs', import.meta.url));
const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
const alice = 'a0000000-0000-4000-8000-000000000001';
let database: ClonedDatabase;
let admin: pg.Pool;

beforeEach(async () => {
  database = await cloneDatabase({ connectionString: inject('connectionString') }, 'template0');
  admin = new pg.Pool({ connectionString: database.connectionString, max: 1 });
  await runMigrator(database.connectionString, (migrator) => migrator.migrateTo('0016_realtime'));
  await admin.query("insert into auth.users (id, email) values ($1, 'alice@example.com')", [alice]);
  await admin.query(
    `insert into posts (user_id, title, content) select $1, 'Day ' || n, 'Dust' from generate_series(1, 2000) as n`,
    [alice],
  );
});

afterEach(async () => {
  await admin.end();
  await database.drop();
});

/** Deploys as `npx kysely migrate:latest` does, with `parameters` in the connection string. */
async function deploy(parameters: Record<string, string> = {}): Promise<{ code: number; stderr: string }> {
  const url = new URL(database.connectionString);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const env = { ...process.env, DATABASE_URL: url.href };
  const args = [kyselyCtl, 'migrate:latest', '--no-outdated-check'];
  return await new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: projectRoot, env }, (error, _, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stderr }),
    );
  });
}

async function executed(): Promise<number> {
  return (await admin.query('select count(*)::int as count from kysely_migration')).rows[0].count;
}

/**
 * Reads and writes as Alice until it is told to stop, in transactions, which run again after a deadlock. Fails if a statement
 * waits longer than `lockTimeoutMillis` for a lock. `stop` returns how many have been saved.
 */
function load(lockTimeoutMillis: number): { stop(): Promise<number> } {
  const people = createDatabase({ connectionString: database.connectionString, max: 4, lockTimeoutMillis });
  const session = people.asUser({ sub: alice });
  let isOver = false;
  let done = 0;
  const statements = [
    sql`select count(*) from posts where user_id = ${alice}`,
    sql`select * from trip_financial_summary`,
    sql`insert into posts (user_id, title, content) values (${alice}, 'Now', 'Dust')`,
    sql`insert into expenses (user_id, amount, category) values (${alice}, 1, 'fuel')`,
  ];
  const running = Promise.all(
    statements.map(async (statement) => {
      for (; !isOver; done++) await session.transaction((tx) => statement.execute(tx.kysely));
    }),
  );
  running.catch(() => {});
  return {
    async stop() {
      isOver = true;
      await running.finally(() => people.destroy());
      return done;
    },
  };
}

test('goes on beside people who read and write', async () => {
  const people = load(20_000);
  expect(await deploy()).toEqual({ code: 0, stderr: '' });
  expect(await people.stop()).toBeGreaterThan(0);
  const counted = await admin.query(
    `select public_posts_count = (select count(*) from posts where user_id = $1) as right from public_profiles where id = $1`,
    [alice],
  );
  expect(counted.rows).toEqual([{ right: true }]);
});

test('gives up when a transaction holds what it needs, and nobody has waited longer for it than it may', async () => {
  const before = await executed();
  const holder = new pg.Client({ connectionString: database.connectionString });
  await holder.connect();
  await holder.query('begin; lock table posts in access share mode');
  // They stand behind the deploy, which stands behind the holder.
  const people = load(5_000);
  const { code, stderr } = await deploy({ lock_timeout: '700' });
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(
      /^The migration "0019_post_lists" did not get its locks: [^\n]*lock_timeout=30000\.\n$/,
    ),
  });
  expect(await people.stop()).toBeGreaterThan(0);
  expect(await executed()).toBe(before);
  await holder.query('commit');
  await holder.end();
  expect(await deploy({ lock_timeout: '700' })).toEqual({ code: 0, stderr: '' });
});

test('waits for another deploy, however short its patience with locks', async () => {
  const other = new pg.Client({ connectionString: database.connectionString });
  await other.connect();
  // What Kysely's migrator takes.
  await other.query('select pg_advisory_lock(3853314791062309107)');
  const deployed = deploy({ lock_timeout: '100' });
  expect(await Promise.race([deployed, sleep(3_000, 'waits')])).toBe('waits');
  await other.end();
  expect(await deployed).toEqual({ code: 0, stderr: '' });
});
