import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspected } from '../../src/inspect/inspected.ts';
import { makeReport } from '../../src/inspect/report.ts';
import { migrate } from '../../src/migrations/migrate.ts';
import { connect } from '../../src/session/connect.ts';
import { privateServer } from '../migrations/support/private_server.ts';
import { createSupabaseDatabase, createSupabaseRoles, type SupabaseDatabase } from '../migrations/support/supabase.ts';
import { ask, rowsOf } from './inspected_database.ts';

const server = privateServer();
let database: SupabaseDatabase;
let migrator: string;
let stranger: string;

beforeAll(async () => {
  await createSupabaseRoles(server);
  database = await createSupabaseDatabase(server, 'everything');
  migrator = database.connectionStringOf('supabase_migrator');
  await migrate(migrator, 'latest');
  const admin = await connect(database.connectionString);
  await admin.query(`create role stranger login password 'stranger'`);
  await admin.end();
  const url = new URL(database.connectionString);
  url.username = url.password = 'stranger';
  stranger = url.href;
});

afterAll(() => database.drop());

test.each([
  ['Supabase’s postgres', () => migrator],
  ['a role that may nothing', () => stranger],
])('as %s everything is answered but what needs pg_stat_statements, and a project is healthy', async (_, url) => {
  const report = await inspected(url(), (open) => makeReport(open, new Map()));
  const unanswered = Object.entries(report.answers).flatMap(([name, answer]) => ('unanswered' in answer ? [name] : []));
  expect(unanswered).toEqual(['slow-statements', 'frequent-statements']);
  expect(report.findings).toEqual([]);
});

test('what is hidden is said, until pg_monitor is granted', async () => {
  const admin = await connect(database.connectionString);
  await admin.query('begin');
  await admin.query('select from trips');
  const hidden = {
    rows: [],
    note: "What other roles' sessions do is hidden from supabase_migrator: grant it pg_read_all_stats.",
  };
  expect(await ask(migrator, 'idle-in-transaction')).toMatchObject(hidden);
  expect(await ask(migrator, 'connections')).toMatchObject({
    note: "Which of other roles' connections are idle is hidden from supabase_migrator.",
  });
  // Whose they are is not.
  expect(await rowsOf(migrator, 'connections')).toContainEqual(
    expect.objectContaining({ role: 'postgres', open: 1, idle: 0 }),
  );
  await admin.query('rollback');
  await admin.query('grant pg_monitor to supabase_migrator');
  await admin.query('begin');
  await admin.query('select from trips');
  expect(await ask(migrator, 'idle-in-transaction')).toMatchObject({
    rows: [{ role: 'postgres', statement: 'select trips' }],
    note: undefined,
  });
  await admin.query('rollback');
  await admin.end();
});

test('who waits for whom is seen by all, what they do is not', async () => {
  const [holder, waiter] = [await connect(database.connectionString), await connect(database.connectionString)];
  await holder.query('begin');
  await holder.query('lock table trips in exclusive mode');
  const waited = waiter.query('begin; lock table trips in exclusive mode; rollback').catch(() => {});
  await expect.poll(() => rowsOf(stranger, 'blocking')).toHaveLength(1);
  expect(await rowsOf(stranger, 'blocking')).toEqual([
    expect.objectContaining({ role: 'postgres', object: 'public.trips', blocking_state: null }),
  ]);
  await holder.query('rollback');
  await waited;
  await Promise.all([holder.end(), waiter.end()]);
});

test('bloat says of which tables it knows nothing', async () => {
  expect(await ask(stranger, 'bloat')).toMatchObject({
    note: 'Only tables are estimated that stranger may read past their policies: it lacks pg_read_all_data or bypassrls.',
  });
  expect(await ask(database.connectionString, 'bloat')).toMatchObject({ note: undefined });
});

test('Supabase’s own schemas are Supabase’s business', async () => {
  const admin = await connect(database.connectionString);
  await admin.query('create schema storage');
  await admin.query('create table storage.objects (id int, owner uuid references auth.users)');
  await admin.query('grant usage on schema storage to anon');
  await admin.query('grant select on storage.objects to anon');
  await admin.end();
  expect(await ask(migrator, 'row-level-security')).toMatchObject({ rows: [] });
  expect(await ask(migrator, 'missing-indexes')).toMatchObject({ rows: [] });
  expect((await rowsOf(migrator, 'table-sizes')).map(({ table }) => table)).toContain('storage.objects');
});
