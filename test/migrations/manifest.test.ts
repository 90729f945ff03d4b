import { readFile } from 'node:fs/promises';
import { type Kysely, sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import * as realtime from '../../migrations/0016_realtime.ts';
import { compareManifests, type Difference } from '../../src/manifest/compare_manifests.ts';
import { parseText, toText } from '../../src/manifest/manifest_text.ts';
import { readManifest } from '../../src/manifest/read_manifest.ts';
import { connect } from '../../src/testing/connect.ts';
import { cloneDatabase, type TestDatabase } from '../../src/testing/index.ts';
import { runScript } from '../support/run_script.ts';
import { runMigrator } from './support/migrator.ts';

const server = { connectionString: inject('connectionString') };
const committed = await readFile(new URL('../../docs/manifest.txt', import.meta.url), 'utf8');
let database: TestDatabase;

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
    ['alter table trips replica identity full', trips, [], [/replica identity f/]],
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

describe('schema:check --live', () => {
  const check = (...flags: string[]) =>
    runScript('src/cli/schema_manifest.ts', database.connectionString, '--check', '--live', ...flags);

  test('changes nothing and says that nothing differs', async () => {
    const same = 'The schema is as docs/manifest.txt says.\n';
    expect(await check()).toEqual({ code: 0, stdout: same, stderr: '' });
    const { code, stdout } = await check('--json');
    expect({ code, ...JSON.parse(stdout) }).toEqual({ code: 0, same: true, pending: 0, differences: [] });
  });

  test('finds what somebody has edited by hand', async () => {
    await differencesAfter('create table notes (secret text); alter table trips disable row level security');
    const { code, stdout, stderr } = await check();
    expect(code).toBe(1);
    expect(stdout).toContain('different: table public.trips\n  - row level security\n');
    expect(stdout).toContain('unexpected: table public.notes\n  + column secret text\n');
    expect(stderr).toMatch(/^The schema differs from docs\/manifest\.txt in 2 objects: mend it by a migration\.\n$/);
    const json = JSON.parse((await check('--json')).stdout);
    expect(json).toMatchObject({
      same: false,
      differences: [{ object: 'table public.trips' }, { kind: 'unexpected' }],
    });
  });

  test('finds that a migration was edited after it had run there', async () => {
    const fresh = await cloneDatabase(server, 'template0');
    const asItWas = {
      ...realtime,
      async up(db: Kysely<unknown>) {
        await realtime.up(db);
        await sql`create index idx_posts_title on public.posts (title)`.execute(db);
      },
    };
    await runMigrator(fresh.connectionString, (migrator) => migrator.migrateToLatest(), { '0016_realtime': asItWas });
    const outcome = await runScript('src/cli/schema_manifest.ts', fresh.connectionString, '--check', '--live');
    await fresh.drop();
    expect(outcome).toMatchObject({ code: 1, stdout: expect.stringMatching(/ {2}\+ CREATE INDEX idx_posts_title ON/) });
  });

  test('tells of migrations that have not run', async () => {
    await runMigrator(database.connectionString, (migrator) => migrator.migrateDown());
    const { code, stderr } = await check();
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^1 migrations have not run there: npx kysely migrate:latest\.\n/),
    });
  });

  test('has an exit code of its own for a wrong flag', async () => {
    const { code, stderr } = await check('--jsno');
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/^Unknown option '--jsno'/) });
  });
});
