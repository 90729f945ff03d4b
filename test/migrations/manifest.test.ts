import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { compareManifests, type Difference } from '../../src/manifest/compare_manifests.ts';
import { parseText, toText } from '../../src/manifest/manifest_text.ts';
import { readManifest } from '../../src/manifest/read_manifest.ts';
import { connect } from '../../src/session/connect.ts';
import { type ClonedDatabase, cloneDatabase } from '../../src/testing/template_database.ts';

const server = { connectionString: inject('connectionString') };
const committed = await readFile(new URL('../../docs/manifest.txt', import.meta.url), 'utf8');
let database: ClonedDatabase;

beforeEach(async () => {
  database = await cloneDatabase(server, inject('template'));
});

afterEach(async () => {
  await database.drop();
});

/** Runs SQL as the server's superuser, and says how the schema then differs from the committed one. */
async function differencesAfter(text: string): Promise<Difference[]> {
  const client = await connect(database.connectionString);
  try {
    await client.query(text);
    return compareManifests(parseText(committed), await readManifest(client));
  } finally {
    await client.end();
  }
}

test('is the committed one, on every major', async () => {
  expect(await differencesAfter('select')).toEqual([]);
  const client = await connect(database.connectionString);
  expect(toText(await readManifest(client))).toBe(committed);
  await client.end();
});

test('is the same once Postgres has read what it prints of every view and function, as a restore makes it', async () => {
  const client = await connect(database.connectionString);
  try {
    await client.query("set search_path = ''");
    await client.query('set check_function_bodies = off');
    const { rows } = await client.query<{ definition: string }>(`
      select pg_get_functiondef(p.oid) as definition
      from pg_catalog.pg_proc p
      where pronamespace in ('public'::regnamespace, 'private'::regnamespace) and prokind in ('f', 'p')
        and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and deptype = 'e')
      union all
      select format('create or replace view %s with (%s) as %s', oid::regclass, array_to_string(reloptions, ', '), pg_get_viewdef(oid))
      from pg_catalog.pg_class
      where relnamespace in ('public'::regnamespace, 'private'::regnamespace) and relkind = 'v'`);
    expect(rows.length).toBeGreaterThan(50);
    for (const { definition } of rows) await client.query(definition);
    expect(compareManifests(parseText(committed), await readManifest(client))).toEqual([]);
  } finally {
    await client.end();
  }
});

describe('names the object and the line', () => {
  const trips = 'table public.trips';
  test.each([
    ['alter table trips add extra text', trips, [], ['column extra text']],
    ['alter table trips alter name drop not null', trips, ['column name text not null'], ['column name text']],
    ["alter table trips alter status set default 'active'", trips, [/default 'planning'/], [/default 'active'/]],
    ['alter table trips drop constraint trips_name_check', trips, [/^constraint trips_name_check CHECK/], []],
    ['alter table trips disable row level security', trips, ['row level security'], []],
    ['alter table trips force row level security', trips, [], [/forced on its owner/]],
    ['alter table trips owner to pg_monitor', trips, [], ['owner pg_monitor']],
    ['alter table profiles owner to pg_monitor', 'table public.profiles', [], ['owner pg_monitor']],
    ['alter table trips replica identity full', trips, [/replica identity using index/], [/replica identity full/]],
    ['drop index idx_trips_status', trips, [/^CREATE INDEX idx_trips_status/], []],
    ['create unique index extra on trips (name) where version > 1', trips, [], [/^CREATE UNIQUE INDEX extra .*WHERE/]],
    [
      'alter policy "Users can view own trips" on trips using (true)',
      trips,
      [/^ {2}using \(user_id/],
      ['  using true'],
    ],
    ['alter policy "Users can view own trips" on trips to public', trips, [/to authenticated$/], [/select to public$/]],
    ['create policy extra on trips as restrictive using (true)', trips, [], [/extra restrictive all/, '  using true']],
    ['drop trigger complete_trip on trips', trips, [/^CREATE TRIGGER complete_trip/], []],
    ['alter table trips disable trigger complete_trip', trips, [/^CREATE TRIGGER/], [/complete_trip.*, enabled D$/]],
    ['create rule extra as on delete to trips do instead nothing', trips, [], [/^CREATE RULE extra/, /ON DELETE/]],
    ['grant truncate on trips to anon', trips, [], ['grant truncate to anon']],
    ['grant update (budget_spent) on trips to anon', trips, [], ['grant update (budget_spent) to anon']],
    ['grant select on budgets to anon with grant option', 'table public.budgets', [], [/to anon with grant option$/]],
    ['drop trigger wheels_sign_up on auth.users', 'table auth.users', [/wheels_sign_up/], []],
    ['alter function like_post(uuid) stable', 'function public.like_post(uuid)', undefined, undefined],
    ['create table extra (id int)', 'table public.extra', [], ['column id integer']],
    [
      'create function extra() returns int return 1',
      'function public.extra()',
      [],
      [/^returns integer/, /execute/, 'text', '  RETURN 1'],
    ],
    ['grant create on schema public to anon', 'schema public', [], ['grant create to anon']],
    ['grant usage on schema private to anon', 'schema private', [], ['grant usage to anon']],
    ["alter domain currency_code set default 'AUD'", 'domain public.currency_code', ['as text'], [/default 'AUD'/]],
    ['create sequence extra', 'sequence public.extra', [], ['bigint from 1 by 1']],
    ["create type extra as enum ('a', 'b')", 'type public.extra', [], ["labels 'a', 'b'", /^grant usage to public/]],
    ['alter publication supabase_realtime drop table posts', 'publication supabase_realtime', [/^public\.posts/], []],
    [
      'alter publication supabase_realtime add table budgets where (amount > 0)',
      'publication supabase_realtime',
      [],
      [/^public\.budgets where/],
    ],
  ] as const)('%s', async (statement, object, expected, found) => {
    const differences = await differencesAfter(statement);
    expect(differences.map((difference) => difference.object)).toEqual([object]);
    const [difference] = differences;
    const like = (lines: readonly (string | RegExp)[]) =>
      lines.map((line) => (typeof line === 'string' ? line : expect.stringMatching(line)));
    if (expected) expect(difference?.expected).toEqual(like(expected));
    if (found) expect(difference?.found).toEqual(like(found));
  });

  test.each([
    ['create or replace function private.can_write() returns boolean language sql as $$ select true $$', 5],
    ['alter function private.can_write() security invoker', 1],
    ['alter function private.can_write() reset search_path', 1],
    ['alter function private.can_write() leakproof', 1],
    ['grant execute on function private.can_write() to anon', 1],
    ['alter view trip_financial_summary set (security_invoker = false)', 1],
    [
      'create or replace view user_financial_summary with (security_invoker = true) as select * from user_financial_summary where false',
      1,
    ],
  ])('%s', async (statement, least) => {
    const [difference, ...others] = await differencesAfter(statement).catch((error) => [error]);
    expect(others).toEqual([]);
    expect(difference).toMatchObject({ kind: 'different' });
    expect(difference.expected.length + difference.found.length).toBeGreaterThanOrEqual(least);
  });

  test('that is gone', async () => {
    expect(await differencesAfter('drop function public.unlike_post(uuid)')).toMatchObject([
      { object: 'function public.unlike_post(uuid)', kind: 'missing', found: [] },
    ]);
  });
});
