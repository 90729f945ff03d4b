import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { compareManifests } from '../../src/manifest/compare_manifests.ts';
import { parseText } from '../../src/manifest/manifest_text.ts';
import { readManifest } from '../../src/manifest/read_manifest.ts';
import { migrate } from '../../src/migrations/migrate.ts';
import { connect } from '../../src/session/connect.ts';
import { type ClonedDatabase, cloneDatabase } from '../../src/testing/template_database.ts';
import { findings } from '../security/lint/findings.ts';
import { catalogOf, matching, rolesOf } from './support/catalog.ts';
import { privateServer } from './support/private_server.ts';
import {
  createSupabaseDatabase,
  createSupabaseRoles,
  type DefaultPrivileges,
  type LoginRole,
  type SupabaseDatabase,
} from './support/supabase.ts';

const server = privateServer();

const alice = 'a0000000-0000-4000-8000-000000000001';
const bob = 'b0000000-0000-4000-8000-000000000001';
const carol = 'c0000000-0000-4000-8000-000000000001';
const dave = 'd0000000-0000-4000-8000-000000000001';

beforeAll(async () => {
  await createSupabaseRoles(server);
});

/** A database for the tests of one `describe`. */
function supabaseDatabase(defaultPrivileges: DefaultPrivileges): SupabaseDatabase {
  let database: SupabaseDatabase | undefined;
  const opened = () => {
    if (!database) throw new Error('The database exists in hooks and tests only.');
    return database;
  };
  beforeAll(async () => {
    database = await createSupabaseDatabase(server, defaultPrivileges);
  });
  afterAll(async () => {
    await database?.drop();
  });
  return {
    get connectionString() {
      return opened().connectionString;
    },
    connectionStringOf: (role) => opened().connectionStringOf(role),
    drop: () => opened().drop(),
  };
}

/** Migrates as the role that migrates on Supabase. */
async function migrateSupabase(database: SupabaseDatabase, target: 'latest' | 'nothing'): Promise<void> {
  await migrate(database.connectionStringOf('supabase_migrator'), target);
}

async function queryAs(
  database: SupabaseDatabase,
  role: LoginRole | 'superuser',
  text: string,
  values: unknown[] = [],
): Promise<pg.QueryResult> {
  const connectionString = role === 'superuser' ? database.connectionString : database.connectionStringOf(role);
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await client.query(text, values);
  } finally {
    await client.end();
  }
}

/** A request of a signed-in person, as PostgREST makes it. */
async function request(database: SupabaseDatabase, sub: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: database.connectionStringOf('authenticator') });
  await client.connect();
  try {
    await client.query('begin');
    await client.query("select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)", [
      JSON.stringify({ sub, role: 'authenticated' }),
    ]);
    const result = await client.query(text);
    await client.query('commit');
    return result;
  } finally {
    await client.end();
  }
}

interface Account {
  id: string;
  email?: string;
  phone?: string;
  metadata?: unknown;
  is_sso_user?: boolean;
  is_anonymous?: boolean;
}

/** Inserts an account as Supabase's auth server does. */
async function signUp(database: SupabaseDatabase, account: Account): Promise<void> {
  const { id, email, phone, metadata = {}, is_sso_user = false, is_anonymous = false } = account;
  await queryAs(
    database,
    'supabase_auth_admin',
    `insert into users (
      instance_id, id, aud, role, email, phone, encrypted_password, raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
      is_sso_user, is_anonymous
    )
    values (
      '00000000-0000-0000-0000-000000000000', $1, 'authenticated', 'authenticated', $2, $3, 'hash', '{}', $4, now(), now(), $5, $6
    )`,
    [id, email, phone, JSON.stringify(metadata), is_sso_user, is_anonymous],
  );
}

async function profiles(database: SupabaseDatabase): Promise<unknown[]> {
  return (await queryAs(database, 'superuser', 'select id, email, full_name from public.profiles order by id')).rows;
}

/** The catalog's entries about what the migrations make, whoever migrates. */
function ours(catalog: string): string[] {
  return matching(catalog, /(public|private)\./)
    .map((entry) => entry.replaceAll(/supabase_migrator|postgres/g, 'migrator'))
    .sort();
}

describe.each<DefaultPrivileges>(['everything', 'nothing'])(
  'a project whose default privileges give %s to the API roles',
  (defaultPrivileges) => {
    const database = supabaseDatabase(defaultPrivileges);
    let plain: ClonedDatabase;
    let before: { catalog: string; roles: string };

    beforeAll(async () => {
      before = { catalog: await catalogOf(database.connectionString), roles: await rolesOf(database.connectionString) };
      await migrateSupabase(database, 'latest');
      plain = await cloneDatabase(server, 'template0');
      await migrate(plain.connectionString, 'latest');
    });

    afterAll(async () => {
      await plain.drop();
    });

    test('has the schema of docs/manifest.txt, and nothing that Supabase warns of', async () => {
      const committed = await readFile(new URL('../../docs/manifest.txt', import.meta.url), 'utf8');
      const client = await connect(database.connectionString);
      const manifest = await readManifest(client);
      const warnings = await findings(client);
      await client.end();
      expect(compareManifests(parseText(committed), manifest)).toEqual([]);
      expect(warnings).toEqual([]);
    });

    test('gets the same objects as a plain Postgres, with the same privileges', async () => {
      const [onSupabase, onPlain] = [
        ours(await catalogOf(database.connectionString)),
        ours(await catalogOf(plain.connectionString)),
      ];
      const grants = (entries: string[]) => entries.filter((entry) => entry.startsWith('grant on'));
      expect(grants(onSupabase)).toEqual(grants(onPlain));
      expect(onSupabase).toEqual(onPlain);
      expect(grants(onSupabase).length).toBeGreaterThan(300);
    });

    test("has Kysely's tables closed to requests", async () => {
      const { rows } = await queryAs(
        database,
        'superuser',
        `select relname, relrowsecurity, relacl::text ~ 'anon|authenticated|service_role|[{,]=' as granted
        from pg_class where relname in ('kysely_migration', 'kysely_migration_lock') order by relname`,
      );
      expect(rows).toEqual([
        { relname: 'kysely_migration', relrowsecurity: true, granted: false },
        { relname: 'kysely_migration_lock', relrowsecurity: true, granted: false },
      ]);
    });

    test('is rolled back to what it was, roles included, and migrated again to the same', async () => {
      const migrated = await catalogOf(database.connectionString);
      await migrateSupabase(database, 'nothing');
      expect(await catalogOf(database.connectionString)).toBe(before.catalog);
      expect(await rolesOf(database.connectionString)).toBe(before.roles);
      await migrateSupabase(database, 'latest');
      expect(await catalogOf(database.connectionString)).toBe(migrated);
    });
  },
);

describe('accounts', () => {
  const database = supabaseDatabase('nothing');

  beforeAll(async () => {
    await migrateSupabase(database, 'latest');
  });

  afterEach(async () => {
    await queryAs(database, 'supabase_auth_admin', 'delete from users');
  });

  test('get a profile when they sign up, which follows their email', async () => {
    await signUp(database, {
      id: alice,
      email: 'alice@example.com',
      metadata: { full_name: ' Alice ', avatar_url: 'https://example.com/a.png' },
    });
    expect(await profiles(database)).toEqual([{ id: alice, email: 'alice@example.com', full_name: 'Alice' }]);

    await queryAs(database, 'supabase_auth_admin', 'update users set email = $2 where id = $1', [
      alice,
      'Al@example.com',
    ]);
    expect(await profiles(database)).toEqual([{ id: alice, email: 'al@example.com', full_name: 'Alice' }]);
  });

  test.each<[string, Omit<Account, 'id'>]>([
    ['with a phone only', { phone: '61400000001' }],
    ['anonymously', { is_anonymous: true }],
    ['with an empty email', { email: '' }],
    ['with a name of white space', { metadata: { full_name: '\t\n' } }],
    ['with a name of wide spaces', { metadata: { full_name: '\u3000\u2003' } }],
    ['with white space and then a name', { metadata: { full_name: `${'\t'.repeat(200)}Alice` } }],
    ['with a picture that is no https address', { metadata: { avatar_url: 'javascript:alert(1)' } }],
    ['with a list for metadata', { metadata: [{ full_name: 'Alice' }] }],
    ['with a text for metadata', { metadata: 'Alice' }],
  ])('sign up %s', async (_, account) => {
    await signUp(database, { id: alice, ...account });
    expect(await profiles(database)).toMatchObject([{ id: alice, email: null }]);
  });

  test('by SSO may have the email of another account, whose profile keeps it', async () => {
    await signUp(database, { id: alice, email: 'alice@example.com' });
    await signUp(database, { id: bob, email: 'alice@example.com', is_sso_user: true });
    expect(await profiles(database)).toMatchObject([
      { id: alice, email: 'alice@example.com' },
      { id: bob, email: null },
    ]);
    const changeEmail = 'update users set email = $2 where id = $1';
    await queryAs(database, 'supabase_auth_admin', changeEmail, [bob, 'bob@example.com']);
    expect(await profiles(database)).toMatchObject([{}, { id: bob, email: 'bob@example.com' }]);
    await queryAs(database, 'supabase_auth_admin', changeEmail, [bob, 'Alice@example.com']);
    expect(await profiles(database)).toMatchObject([
      { id: alice, email: 'alice@example.com' },
      { id: bob, email: null },
    ]);
  });

  test('use the platform', async () => {
    await signUp(database, { id: alice, email: 'alice@example.com' });
    const trips = await request(
      database,
      alice,
      `insert into public.trips (user_id, name, budget_total) values ('${alice}', 'Big Lap', 9000) returning id, currency`,
    );
    expect(trips.rows).toEqual([{ id: expect.any(String), currency: 'USD' }]);
    const trip = trips.rows[0].id;
    await request(
      database,
      alice,
      `insert into public.expenses (user_id, trip_id, amount, category) values ('${alice}', '${trip}', 42.5, 'Fuel')`,
    );
    const summary = await request(database, alice, 'select actual_spent from public.trip_financial_summary');
    expect(summary.rows).toEqual([{ actual_spent: '42.50' }]);
  });

  test('take all that is theirs along when they are deleted', async () => {
    await signUp(database, { id: alice, email: 'alice@example.com' });
    await signUp(database, { id: bob, email: 'bob@example.com' });
    await signUp(database, { id: dave, email: 'dave@example.com' });
    await queryAs(
      database,
      'superuser',
      `
      insert into public.friendships (user_id, friend_id, status) values
        ('${alice}', '${dave}', 'accepted'), ('${dave}', '${alice}', 'accepted');
      insert into private.blocks (user_id, blocked_id) values ('${dave}', '${bob}');
      insert into public.trips (id, user_id, name) values ('${dave}', '${dave}', 'Detour');
      insert into public.expenses (user_id, trip_id, amount, category) values ('${dave}', '${dave}', 10, 'fuel');
      insert into public.income_entries (user_id, amount, source) values ('${dave}', 10, 'wages');
      insert into public.budgets (user_id, trip_id, amount, period) values ('${dave}', '${dave}', 10, 'trip');
      insert into public.places (user_id, trip_id, name, kind, location) values ('${dave}', '${dave}', 'Tap', 'water', '{"lat": 1, "lng": 2}');
      insert into public.posts (id, user_id, trip_id, title, content) values
        ('${dave}', '${dave}', '${dave}', 'Day 1', 'Dust'), ('${alice}', '${alice}', null, 'Day 2', 'Rain');
      insert into public.post_locations (post_id, user_id, location) values ('${dave}', '${dave}', '{"lat": 1, "lng": 2}');
      insert into public.post_likes (post_id, user_id, post_user_id, post_visibility) values
        ('${dave}', '${alice}', '${dave}', 'public'), ('${alice}', '${dave}', '${alice}', 'public');
      insert into public.post_comments (post_id, user_id, post_user_id, post_visibility, content) values
        ('${dave}', '${alice}', '${dave}', 'public', 'Nice'), ('${alice}', '${dave}', '${alice}', 'public', 'Nice');
      insert into public.pam_conversations (id, user_id, session_id) values ('${dave}', '${dave}', 'one');
      insert into public.pam_messages (id, user_id, conversation_id, role, content) values ('${dave}', '${dave}', '${dave}', 'user', 'Hi');
      insert into public.pam_feedback (user_id, message_id, thumbs_up) values ('${dave}', '${dave}', true);
      `,
    );
    const { rows: tables } = await queryAs(
      database,
      'superuser',
      "select oid::regclass::text as name from pg_class where relkind = 'r' and relnamespace in ('public'::regnamespace, 'private'::regnamespace)",
    );
    const holding = async () => {
      const counts = tables.map(
        ({ name }) => `select '${name}' as name from ${name} as held where held::text like '%${dave}%'`,
      );
      const { rows } = await queryAs(database, 'superuser', counts.join(' union '));
      return rows.length;
    };
    expect(await holding()).toBe(tables.length - 2);

    await queryAs(database, 'supabase_auth_admin', 'delete from users where id = $1', [dave]);
    expect(await holding()).toBe(0);
    const { rows } = await queryAs(database, 'superuser', 'select likes_count, comments_count from public.posts');
    expect(rows).toEqual([{ likes_count: 0, comments_count: 0 }]);
  });

  test('are gone when the person deletes the profile', async () => {
    await signUp(database, { id: alice, email: 'alice@example.com' });
    await signUp(database, { id: bob, email: 'bob@example.com' });
    const { rowCount } = await request(database, alice, 'delete from public.profiles');
    expect(rowCount).toBe(1);
    const { rows } = await queryAs(database, 'supabase_auth_admin', 'select id from users');
    expect(rows).toEqual([{ id: bob }]);
  });
});

describe('accounts from before the migrations', () => {
  const database = supabaseDatabase('everything');

  test('get their profiles, and outlive a rollback', async () => {
    await signUp(database, { id: alice, email: 'Alice@example.com', metadata: { full_name: 'Alice' } });
    await signUp(database, { id: bob, phone: '61400000001' });
    const expected = [
      { id: alice, email: 'alice@example.com', full_name: 'Alice' },
      { id: bob, email: null, full_name: null },
    ];
    await migrateSupabase(database, 'latest');
    expect(await profiles(database)).toEqual(expected);
    const people = await request(database, alice, 'select id, full_name from public.public_profiles order by id');
    expect(people.rows).toEqual(expected.map(({ id, full_name }) => ({ id, full_name })));

    await migrateSupabase(database, 'nothing');
    const { rows } = await queryAs(database, 'supabase_auth_admin', 'select id from users order by id');
    expect(rows).toEqual([{ id: alice }, { id: bob }]);
    await migrateSupabase(database, 'latest');
    expect(await profiles(database)).toEqual(expected);
    await migrateSupabase(database, 'nothing');
  });

  test('get them too when they share an email by SSO, or but for its case', async () => {
    await signUp(database, { id: carol, email: 'alice@example.com', is_sso_user: true });
    await signUp(database, { id: dave, email: 'alice@example.com' });
    await migrateSupabase(database, 'latest');
    const { rows } = await queryAs(
      database,
      'superuser',
      `select count(*)::int as count, count(*) filter (where email = 'alice@example.com')::int as named,
        count(*) filter (where email is null)::int as unnamed
      from public.profiles`,
    );
    expect(rows).toEqual([{ count: 4, named: 1, unnamed: 3 }]);
  });
});

describe('a project that publishes all tables', () => {
  const database = supabaseDatabase('nothing');

  test('keeps its publication, which holds ours as well', async () => {
    await queryAs(
      database,
      'superuser',
      'drop publication supabase_realtime; set role supabase_admin; create publication supabase_realtime for all tables',
    );
    const before = await catalogOf(database.connectionString);
    await migrateSupabase(database, 'latest');
    const { rows } = await queryAs(
      database,
      'superuser',
      "select count(*)::int as count from pg_publication_tables where schemaname = 'public' and tablename in ('trips', 'posts')",
    );
    expect(rows).toEqual([{ count: 2 }]);
    await migrateSupabase(database, 'nothing');
    expect(await catalogOf(database.connectionString)).toBe(before);
  });
});
