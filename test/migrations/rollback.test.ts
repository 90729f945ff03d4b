import { readdirSync } from 'node:fs';
import { sql } from 'kysely';
import { type Migration, NO_MIGRATIONS } from 'kysely/migration';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { migrate } from '../../src/migrations/migrate.ts';
import { type ClonedDatabase, cloneDatabase } from '../../src/testing/template_database.ts';
import { ConfigurationError } from '../../src/types/errors.ts';
import { catalogOf, matching, rolesOf } from './support/catalog.ts';
import { runMigrator } from './support/migrator.ts';
import { privateServer } from './support/private_server.ts';

/** How many migrations there are. */
const migrations = readdirSync(new URL('../../migrations', import.meta.url)).length;
const runsServer = { connectionString: inject('connectionString') };

async function query(database: ClonedDatabase, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: database.connectionString });
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}

async function apiRoles(database: ClonedDatabase): Promise<string[]> {
  const text =
    "select rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role') order by rolname";
  return (await query(database, text)).rows.map(({ rolname }) => rolname);
}

/** Fails after it has changed a table and a role and has made a table. */
const failing: Migration = {
  async up(db) {
    await sql`
      alter table public.trips add column mistake text;
      comment on role anon is 'mistaken';
      create table public.mistakes (id integer);
      insert into public.mistakes select 1 / 0;
    `.execute(db);
  },
  async down() {},
};

/** Something in each table, and in the tables that count them. */
const rows = `
  insert into auth.users (id, email) values
    ('a0000000-0000-4000-8000-000000000001', 'alice@example.com'), ('b0000000-0000-4000-8000-000000000001', 'bob@example.com');
  insert into public.friendships (user_id, friend_id, status) values
    ('a0000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000001', 'accepted'),
    ('b0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'accepted');
  insert into private.blocks (user_id, blocked_id) values
    ('b0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001');
  insert into public.trips (id, user_id, name) values
    ('c0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'Big Lap');
  insert into public.expenses (user_id, trip_id, amount, category) values
    ('a0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000001', 42.5, 'fuel');
  insert into public.income_entries (user_id, amount, source) values ('a0000000-0000-4000-8000-000000000001', 10, 'wages');
  insert into public.budgets (user_id, trip_id, amount, period) values
    ('a0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000001', 900, 'trip');
  insert into public.places (user_id, trip_id, name, kind, location) values
    ('a0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000001', 'Tap', 'water', '{"lat": 1, "lng": 2}');
  insert into public.posts (id, user_id, trip_id, title, content) values
    ('d0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000001', 'Day 1', 'Dust');
  insert into public.post_locations (post_id, user_id, location) values
    ('d0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', '{"lat": -36.85, "lng": 174.76}');
  insert into public.post_likes (post_id, user_id, post_user_id, post_visibility) values
    ('d0000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'public');
  insert into public.post_comments (post_id, user_id, post_user_id, post_visibility, content) values
    ('d0000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'public', 'Nice');
  insert into public.pam_conversations (id, user_id, session_id) values
    ('e0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'one');
  insert into public.pam_messages (id, user_id, conversation_id, role, content) values
    ('f0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'e0000000-0000-4000-8000-000000000001', 'user', 'Hi');
  insert into public.pam_feedback (user_id, message_id, thumbs_up) values
    ('a0000000-0000-4000-8000-000000000001', 'f0000000-0000-4000-8000-000000000001', true);`;

describe('an empty database', () => {
  let database: ClonedDatabase;
  let empty: string;

  beforeEach(async () => {
    database = await cloneDatabase(runsServer, 'template0');
    empty = await catalogOf(database.connectionString);
  });

  afterEach(async () => {
    await database.drop();
  });

  test('is migrated, rolled back to what it was, and migrated again to the same', async () => {
    await migrate(database.connectionString, 'latest');
    const migrated = await catalogOf(database.connectionString);
    const kinds = ['table', 'view'].map((kind) => matching(migrated, new RegExp(`^relation .*: ${kind},`)).length);
    expect(kinds).toEqual([17, 2]);

    await migrate(database.connectionString, 'nothing');
    expect(await catalogOf(database.connectionString)).toBe(empty);
    // The template database uses the roles.
    expect(await apiRoles(database)).toEqual(['anon', 'authenticated', 'service_role']);

    await migrate(database.connectionString, 'latest');
    expect(await catalogOf(database.connectionString)).toBe(migrated);
  });

  test.each([undefined, 'sideways', 'Latest'])(
    'is not rolled back to a target that there is not: %s',
    async (target) => {
      await migrate(database.connectionString, 'latest');
      const migrated = await catalogOf(database.connectionString);
      const untyped: unknown = target;
      await expect(migrate(database.connectionString, untyped as 'latest')).rejects.toThrow(ConfigurationError);
      expect(await catalogOf(database.connectionString)).toBe(migrated);
    },
  );

  test('is rolled back from the data it holds as well', async () => {
    await migrate(database.connectionString, 'latest');
    await query(database, rows);
    await migrate(database.connectionString, 'nothing');
    expect(await catalogOf(database.connectionString)).toBe(empty);
  });

  test('goes up and down by one migration at a time', { timeout: 120_000 }, async () => {
    const levels = [empty];
    for (;;) {
      await runMigrator(database.connectionString, (migrator) => migrator.migrateUp());
      const level = await catalogOf(database.connectionString);
      if (level === levels.at(-1)) break;
      levels.push(level);
    }
    expect(levels).toHaveLength(1 + migrations);

    for (const level of levels.slice(0, -1).reverse()) {
      await runMigrator(database.connectionString, (migrator) => migrator.migrateDown());
      expect(await catalogOf(database.connectionString)).toBe(level);
    }
    for (const level of levels.slice(1)) {
      await runMigrator(database.connectionString, (migrator) => migrator.migrateUp());
      expect(await catalogOf(database.connectionString)).toBe(level);
    }
  });

  test('is left as it was by a migration that fails, alone or after others', async () => {
    const toLatest = () =>
      runMigrator(database.connectionString, (migrator) => migrator.migrateToLatest(), { '9999_failing': failing });
    const executed = 'select name from kysely_migration order by name';

    await expect(toLatest()).rejects.toThrow('"9999_failing" failed: division by zero');
    expect(await catalogOf(database.connectionString)).toBe(empty);
    expect((await query(database, executed)).rows).toEqual([]);

    await migrate(database.connectionString, 'latest');
    const migrated = await catalogOf(database.connectionString);
    const { rows: before } = await query(database, executed);
    await expect(toLatest()).rejects.toThrow('"9999_failing" failed: division by zero');
    expect(await catalogOf(database.connectionString)).toBe(migrated);
    expect((await query(database, executed)).rows).toEqual(before);
  });

  test('is left migrated by a rollback that something else stands in the way of', async () => {
    await migrate(database.connectionString, 'latest');
    await query(database, 'create view public.trip_names as select name from public.trips');
    const before = await catalogOf(database.connectionString);
    await expect(migrate(database.connectionString, 'nothing')).rejects.toThrow(
      /"0006_trips" cannot be taken back, .*view trip_names depends on table trips/,
    );
    expect(await catalogOf(database.connectionString)).toBe(before);
  });

  test('is migrated once by two deploys at the same time', async () => {
    await migrate(database.connectionString, 'latest');
    const migrated = await catalogOf(database.connectionString);
    await migrate(database.connectionString, 'nothing');

    await Promise.all([1, 2].map(() => migrate(database.connectionString, 'latest')));
    expect(await catalogOf(database.connectionString)).toBe(migrated);
    await Promise.all([1, 2].map(() => migrate(database.connectionString, 'nothing')));
    expect(await catalogOf(database.connectionString)).toBe(empty);
  });

  test('is migrated by two deploys that also race to make the tables of Kysely', async () => {
    await Promise.all([1, 2].map(() => migrate(database.connectionString, 'latest')));
    const names = 'select count(*)::int as count, count(distinct name)::int as names from kysely_migration';
    expect((await query(database, names)).rows).toEqual([{ count: migrations, names: migrations }]);
  });
});

describe('a database that holds things of its own', () => {
  let database: ClonedDatabase;

  beforeEach(async () => {
    database = await cloneDatabase(runsServer, 'template0');
  });

  afterEach(async () => {
    await database.drop();
  });

  /** Every entry that was there before is there after `up`, and `down` leaves these alone. */
  async function expectUntouched(): Promise<void> {
    const before = await catalogOf(database.connectionString);
    await migrate(database.connectionString, 'latest');
    const migrated = matching(await catalogOf(database.connectionString), /./);
    expect(matching(before, /./).filter((entry) => !migrated.includes(entry))).toEqual([]);
    await migrate(database.connectionString, 'nothing');
    expect(await catalogOf(database.connectionString)).toBe(before);
  }

  test('keeps its schema private, tables, accounts, sign-up trigger and publication', async () => {
    await query(
      database,
      `
      create schema private;
      comment on schema private is 'Mine.';
      grant usage on schema private to anon, authenticated;
      create function private.mine() returns integer language sql return 1;
      revoke execute on function private.mine() from public;
      grant execute on function private.mine() to anon, service_role;
      alter default privileges in schema private grant execute on functions to anon;
      alter default privileges in schema private grant select on tables to anon;

      create schema auth;
      create table auth.users (id uuid primary key default gen_random_uuid(), email varchar(255), phone text, raw_user_meta_data jsonb);
      comment on table auth.users is 'Mine too.';
      create function auth.uid() returns uuid language sql stable return null::uuid;

      create table public.newsletter (id integer primary key, account_id uuid references auth.users on delete cascade);
      comment on table public.newsletter is 'Mine as well.';
      grant all on public.newsletter to anon, authenticated;
      alter table public.newsletter enable row level security;
      create policy "Anybody" on public.newsletter using (true);

      create function public.handle_new_user() returns trigger language plpgsql security definer as $$
      begin
        insert into public.newsletter values (1, new.id);
        return new;
      end
      $$;
      create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();

      create publication supabase_realtime for table public.newsletter (id);
      `,
    );
    await expectUntouched();

    await migrate(database.connectionString, 'latest');
    await query(database, "insert into auth.users (email) values ('carol@example.com')");
    const both = 'select email, account_id = p.id as same from public.profiles p cross join public.newsletter';
    expect((await query(database, both)).rows).toEqual([{ email: 'carol@example.com', same: true }]);

    await migrate(database.connectionString, 'nothing');
    expect((await query(database, 'select email from auth.users')).rows).toEqual([{ email: 'carol@example.com' }]);
  });

  test('closes what it makes, whatever the default privileges give away', async () => {
    await migrate(database.connectionString, 'latest');
    const plain = matching(await catalogOf(database.connectionString), /^grant on \S+ (public|private)\./);
    await migrate(database.connectionString, 'nothing');
    await query(
      database,
      `
      alter default privileges grant all on tables to anon, authenticated, service_role;
      alter default privileges grant all on functions to anon, authenticated, service_role;
      alter default privileges grant all on sequences to anon, authenticated, service_role;
      `,
    );
    await migrate(database.connectionString, 'latest');
    expect(matching(await catalogOf(database.connectionString), /^grant on \S+ (public|private)\./)).toEqual(plain);
  });

  test.each([
    ['all tables', 'for all tables'],
    ['the tables of the schema public', 'for tables in schema public'],
  ])('keeps a publication of %s', async (_, tables) => {
    await query(database, `create publication supabase_realtime ${tables}`);
    await expectUntouched();
  });

  test('is migrated into public, whichever schema a search path names first', async () => {
    await migrate(database.connectionString, 'latest');
    const usual = matching(await catalogOf(database.connectionString), /(public|private)\./);
    await migrate(database.connectionString, 'nothing');
    await query(database, 'drop table public.kysely_migration, public.kysely_migration_lock');

    // "$user", public is the default: a schema of the user's name comes first.
    await query(database, "do $$ begin execute format('create schema %I', current_user); end $$");
    await migrate(database.connectionString, 'latest');
    expect(matching(await catalogOf(database.connectionString), /(public|private)\./)).toEqual(usual);
    const closed = "select relrowsecurity from pg_class where relname in ('kysely_migration', 'kysely_migration_lock')";
    expect((await query(database, closed)).rows).toEqual([{ relrowsecurity: true }, { relrowsecurity: true }]);
  });

  test('is rolled back when somebody has taken a table out of the publication', async () => {
    const empty = await catalogOf(database.connectionString);
    await migrate(database.connectionString, 'latest');
    await query(database, 'alter publication supabase_realtime drop table public.posts');
    await migrate(database.connectionString, 'nothing');
    expect(await catalogOf(database.connectionString)).toBe(empty);
  });
});

describe('a server without the API roles', () => {
  const server = privateServer();
  let one: ClonedDatabase;
  let other: ClonedDatabase;
  let noRoles: string;

  beforeEach(async () => {
    noRoles = await rolesOf(server.connectionString);
    one = await cloneDatabase(server, 'template0');
    other = await cloneDatabase(server, 'template0');
  });

  afterEach(async () => {
    await one.drop();
    await other.drop();
    const client = new pg.Client({ connectionString: server.connectionString });
    await client.connect();
    await client.query('drop role if exists anon, authenticated, service_role');
    await client.end();
  });

  test('has them while a database is migrated, and then no longer', async () => {
    const empty = await catalogOf(one.connectionString);
    await migrate(one.connectionString, 'latest');
    expect(await apiRoles(one)).toEqual(['anon', 'authenticated', 'service_role']);
    await migrate(one.connectionString, 'nothing');
    expect(await catalogOf(one.connectionString)).toBe(empty);
    expect(await rolesOf(one.connectionString)).toBe(noRoles);
  });

  test('has none of them after a migration that failed', async () => {
    const toLatest = runMigrator(one.connectionString, (migrator) => migrator.migrateToLatest(), {
      '9999_failing': failing,
    });
    await expect(toLatest).rejects.toThrow('division by zero');
    expect(await rolesOf(one.connectionString)).toBe(noRoles);
  });

  test('serves two databases that are migrated at the same time', async () => {
    await Promise.all([one, other].map(({ connectionString }) => migrate(connectionString, 'latest')));
    expect(await catalogOf(other.connectionString)).toBe(await catalogOf(one.connectionString));
    expect(matching(await rolesOf(one.connectionString), /^comment on role/)).toHaveLength(3);
  });

  test('keeps them for the database that still uses them, and says so', async () => {
    await Promise.all([one, other].map(({ connectionString }) => migrate(connectionString, 'latest')));
    const withRoles = await rolesOf(one.connectionString);

    const notices = await runMigrator(one.connectionString, (migrator) => migrator.migrateTo(NO_MIGRATIONS));
    expect(notices.filter((notice) => notice.startsWith('The role')).sort()).toEqual(
      ['anon', 'authenticated', 'service_role'].map(
        (role) => `The role ${role} stays: another database on this server uses it, or it is not yours to drop.`,
      ),
    );
    expect(await rolesOf(one.connectionString)).toBe(withRoles);

    await migrate(other.connectionString, 'nothing');
    expect(await rolesOf(one.connectionString)).toBe(noRoles);
  });

  test('lets two databases be rolled back at the same time', async () => {
    const empty = await catalogOf(one.connectionString);
    await Promise.all([one, other].map(({ connectionString }) => migrate(connectionString, 'latest')));
    await Promise.all([one, other].map(({ connectionString }) => migrate(connectionString, 'nothing')));
    expect(await catalogOf(one.connectionString)).toBe(empty);
    expect(await catalogOf(other.connectionString)).toBe(empty);
  });

  test('keeps roles that somebody else made', async () => {
    await query(one, 'create role anon nologin; create role authenticated login');
    const before = await rolesOf(one.connectionString);
    await migrate(one.connectionString, 'latest');
    await migrate(one.connectionString, 'nothing');
    expect(await rolesOf(one.connectionString)).toBe(before);
  });
});

test.each(['', undefined])('migrates no database that was not named: %j', async (connectionString) => {
  await expect(migrate(connectionString, 'latest')).rejects.toThrow('The connection string is empty');
});
