import { expect, test } from 'vitest';
import { testDatabase } from '../../support/database.ts';
import { findings } from './findings.ts';

const database = testDatabase();

test('the schema has nothing that Supabase warns of', async () => {
  expect(await findings(database.admin)).toEqual([]);
});

test.each([
  ['unindexed foreign key', 'drop index idx_expenses_trip_id'],
  [
    'unindexed foreign key',
    'create table extra (id int primary key, trip_id uuid references trips); alter table extra enable row level security',
  ],
  [
    'exposed accounts',
    'create view extra with (security_invoker) as select email from auth.users; grant select on extra to anon',
  ],
  ['function called for each row', 'alter policy "Users can view own trips" on trips using (user_id = auth.uid())'],
  [
    'function called for each row',
    "alter policy \"Users can view own trips\" on trips using (current_setting('a.b', true) = 'c')",
  ],
  ['no primary key', 'alter table budgets drop constraint budgets_pkey cascade'],
  ['several permissive policies', 'create policy extra on trips for select to authenticated using (name is null)'],
  [
    'several permissive policies',
    'create policy extra on trips to authenticated using (name is null) with check (name is null)',
  ],
  ['row level security is off', 'create table extra (id int primary key)'],
  ['row level security is off', 'alter table trips disable row level security'],
  [
    'row level security without a policy',
    'create table extra (id int primary key); alter table extra enable row level security; grant select (id) on extra to authenticated',
  ],
  ['duplicate index', 'create index extra on expenses (user_id, date desc, id desc)'],
  ['view with the rights of its owner', 'alter view trip_financial_summary reset (security_invoker)'],
  ['view with the rights of its owner', 'alter view trip_financial_summary set (security_invoker = off)'],
  ['mutable search path', 'alter function private.can_write() reset search_path'],
  ['mutable search path', "create function public.extra() returns int language sql as 'select 1'"],
  ['extension in public', 'create extension pg_trgm schema public'],
  [
    'policy trusts what users edit',
    "alter policy \"Users can view own trips\" on trips using ((select auth.jwt() -> 'user_metadata' ->> 'admin') = 'yes')",
  ],
  [
    'served without row level security',
    'create materialized view extra as select 1 as id; grant select on extra to anon',
  ],
  ['policy that is always true', 'alter policy "Users can delete own trips" on trips using (true)'],
  ['policy that is always true', 'alter policy "Users can update own trips" on trips with check (true)'],
  ['policy that is always true', 'create policy extra on post_locations for all to anon using (true)'],
  ['definer function that requests may call', 'alter function public.like_post(uuid) security definer'],
])('%s is found: %s', async (rule, statement) => {
  const client = await database.admin.connect();
  try {
    await client.query('begin');
    await client.query(statement);
    expect((await findings(client)).map((finding) => finding.rule)).toContain(rule);
  } finally {
    await client.query('rollback');
    client.release();
  }
});
