import { beforeAll, expect, inject, test } from 'vitest';
import { cloneDatabase } from '../../../src/testing/template_database.ts';
import { testDatabase } from '../../support/database.ts';
import { catalogOf } from './catalog.ts';

const database = testDatabase();
let catalog: string;

beforeAll(async () => {
  catalog = await catalogOf(database.connectionString);
});

test('is the same for two databases of the same content', async () => {
  const other = await cloneDatabase({ connectionString: inject('connectionString') }, inject('template'));
  expect(await catalogOf(other.connectionString)).toBe(catalog);
  await other.drop();
});

test('leaves the tables of Kysely and the rows of all tables out', async () => {
  await database.signUp();
  await database.admin.query('alter table kysely_migration add column note text');
  expect(await catalogOf(database.connectionString)).toBe(catalog);
});

// Each line stands for one kind of change that a migration could make and its rollback forget.
test.each([
  'create schema extra',
  "comment on schema public is 'Changed'",
  'grant create on schema public to anon',
  'alter schema private owner to pg_monitor',
  'create table public.extra (id integer)',
  'create unlogged table public.unlogged (id integer)',
  'create type public.mood as enum ()',
  "alter type public.mood add value 'glad'",
  'create type public.pair as (a integer, b integer)',
  'create view public.extra_view as select id from public.extra',
  'create or replace view public.extra_view as select id + 0 as id from public.extra',
  'alter view public.extra_view set (security_barrier = true)',
  'alter table public.trips add column extra integer',
  'alter table public.trips alter column extra set default 1',
  'alter table public.trips alter column extra set not null',
  'alter table public.trips alter column extra set statistics 10',
  "comment on column public.trips.extra is 'Changed'",
  'grant update (extra) on public.trips to anon',
  'grant truncate on public.trips to service_role',
  'alter table public.trips disable row level security',
  'alter table public.trips force row level security',
  'alter table public.trips replica identity full',
  'alter table public.trips set (fillfactor = 90)',
  'alter table public.trips owner to pg_monitor',
  'alter table public.trips add constraint extra_check check (extra > 0) not valid',
  'alter table public.trips validate constraint extra_check',
  'create index extra_index on public.trips (extra)',
  'alter table public.trips cluster on extra_index',
  'alter table public.trips disable trigger set_updated_at',
  'drop trigger wheels_email_change on auth.users',
  'create rule extra_rule as on delete to public.extra do instead nothing',
  'alter policy "Users can view own trips" on public.trips using (true)',
  'alter policy "Users can view own trips" on public.trips to public',
  'create policy extra_policy on public.trips as restrictive for select using (true)',
  'alter function private.can_write() volatile',
  'alter function private.can_write() security invoker',
  'alter function private.can_write() reset search_path',
  'grant execute on function private.can_write() to anon',
  'alter function private.can_write() owner to pg_monitor',
  'create aggregate public.product(numeric) (sfunc = numeric_mul, stype = numeric)',
  "alter domain public.currency_code set default 'AUD'",
  'alter domain public.currency_code add constraint extra_rule check (value is not null)',
  'revoke usage on type public.currency_code from public',
  'create sequence public.extra_sequence',
  'alter sequence public.extra_sequence increment by 2',
  'grant usage on sequence public.extra_sequence to anon',
  'alter publication supabase_realtime add table public.extra',
  'alter publication supabase_realtime set table public.extra where (id > 0)',
  "alter publication supabase_realtime set (publish = 'insert')",
  'create publication extra_publication for tables in schema public',
  'alter default privileges in schema public grant select on tables to anon',
  'alter default privileges revoke execute on functions from public',
  'alter default privileges in schema public revoke select on tables from anon',
  "do $$ begin execute format('alter database %I set work_mem = 1000', current_database()); end $$",
  "do $$ begin execute format('comment on database %I is ''Changed''', current_database()); end $$",
  "do $$ begin execute format('grant create on database %I to anon', current_database()); end $$",
  "create function public.watch() returns event_trigger language plpgsql as 'begin end'",
  'create event trigger extra_event on ddl_command_end execute function public.watch()',
  'create cast (public.mood as integer) with inout',
  'create statistics public.extra_statistics on user_id, status from public.trips',
  'create text search configuration public.extra_search (copy = simple)',
])('tells of: %s', async (statement) => {
  const before = await catalogOf(database.connectionString);
  await database.admin.query(statement);
  expect(await catalogOf(database.connectionString)).not.toBe(before);
});

test('shows no trace of a privilege that was granted and revoked', async () => {
  const before = await catalogOf(database.connectionString);
  await database.admin.query('grant select on public.budgets to anon; revoke select on public.budgets from anon');
  expect(await catalogOf(database.connectionString)).toBe(before);
});
