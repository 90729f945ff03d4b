import { connect } from '../../../src/session/connect.ts';
import { type ClonedDatabase, cloneDatabase, type ServerAddress } from '../../../src/testing/template_database.ts';

/**
 * What a project on Supabase gives to new objects in `public`: everything to the API roles, as every project did at
 * first, or nothing, as projects may choose now.
 */
export type DefaultPrivileges = 'everything' | 'nothing';

/** The roles that log in, by the names Supabase gives them, but for the one that migrates. */
export type LoginRole = 'supabase_migrator' | 'supabase_auth_admin' | 'authenticator';

/** A database as a new project on Supabase has it. Its `connectionString` is the server's superuser's. */
export interface SupabaseDatabase extends ClonedDatabase {
  /** The connection string of another role. */
  connectionStringOf(role: LoginRole): string;
}

/**
 * Makes the roles of a Supabase project, once on a server. On Supabase the role that migrates is called `postgres` and is
 * no superuser. On other servers that is the superuser's name, so it is `supabase_migrator` here.
 */
export async function createSupabaseRoles(server: ServerAddress): Promise<void> {
  await run(server.connectionString, [
    'create role anon nologin noinherit',
    'create role authenticated nologin noinherit',
    'create role service_role nologin noinherit bypassrls',

    // PostgREST logs in as this role and takes the one that the token names.
    "create role authenticator login noinherit password 'supabase'",
    'grant anon, authenticated, service_role to authenticator',

    'create role supabase_admin login superuser createdb createrole replication bypassrls',
    "create role supabase_auth_admin login noinherit createrole password 'supabase'",
    'alter role supabase_auth_admin set search_path = auth',

    "create role supabase_migrator login nosuperuser createdb createrole replication bypassrls password 'supabase'",
    'grant anon, authenticated, service_role to supabase_migrator',
    'alter role supabase_migrator set search_path = "$user", public, extensions',
  ]);
}

/** Makes a database on a server that has the roles. */
export async function createSupabaseDatabase(
  server: ServerAddress,
  defaultPrivileges: DefaultPrivileges,
): Promise<SupabaseDatabase> {
  const database = await cloneDatabase(server, 'template0');
  await run(database.connectionString, [
    `do $$ begin execute format('alter database %I owner to supabase_migrator', current_database()); end $$`,
    'grant usage on schema public to anon, authenticated, service_role',

    'create schema extensions authorization supabase_migrator',
    'grant usage on schema extensions to anon, authenticated, service_role',

    ...(defaultPrivileges === 'everything' ? ['supabase_migrator', 'supabase_admin'] : []).flatMap((owner) =>
      ['tables', 'functions', 'sequences'].map(
        (kind) =>
          `alter default privileges for role ${owner} in schema public
           grant all on ${kind} to supabase_migrator, anon, authenticated, service_role`,
      ),
    ),

    'create schema auth authorization supabase_admin',
    'grant all on schema auth to supabase_auth_admin',
    'grant usage on schema auth to supabase_migrator, anon, authenticated, service_role',
    'set role supabase_auth_admin',
    ...accounts,
    ...claims,
    'grant select, insert, update, delete, references, trigger on auth.users to supabase_migrator',

    'set role supabase_migrator',
    'create publication supabase_realtime',
  ]);
  return {
    ...database,
    connectionStringOf(role) {
      const url = new URL(database.connectionString);
      url.username = role;
      url.password = 'supabase';
      return url.href;
    },
  };
}

/** The table of accounts: its columns, keys and checks. An email is unique among those who do not come by SSO. */
const accounts = [
  `create table auth.users (
    instance_id uuid,
    id uuid primary key,
    aud varchar(255),
    role varchar(255),
    email varchar(255),
    encrypted_password varchar(255),
    email_confirmed_at timestamptz,
    invited_at timestamptz,
    confirmation_token varchar(255),
    confirmation_sent_at timestamptz,
    recovery_token varchar(255),
    recovery_sent_at timestamptz,
    email_change_token_new varchar(255),
    email_change varchar(255),
    email_change_sent_at timestamptz,
    last_sign_in_at timestamptz,
    raw_app_meta_data jsonb,
    raw_user_meta_data jsonb,
    is_super_admin boolean,
    created_at timestamptz,
    updated_at timestamptz,
    phone text default null unique,
    phone_confirmed_at timestamptz,
    phone_change text default '',
    phone_change_token varchar(255) default '',
    phone_change_sent_at timestamptz,
    confirmed_at timestamptz generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
    email_change_token_current varchar(255) default '',
    email_change_confirm_status smallint default 0 check (email_change_confirm_status between 0 and 2),
    banned_until timestamptz,
    reauthentication_token varchar(255) default '',
    reauthentication_sent_at timestamptz,
    is_sso_user boolean not null default false,
    deleted_at timestamptz,
    is_anonymous boolean not null default false
  )`,
  'create unique index users_email_partial_key on auth.users (email) where is_sso_user = false',
  'create index users_instance_id_email_idx on auth.users (instance_id, lower(email::text))',
  'create index users_is_anonymous_idx on auth.users (is_anonymous)',
  'alter table auth.users enable row level security',
];

/** The claims of the request, from the JSON setting or, as older PostgREST versions send them, from one setting each. */
const claims = [
  ...[
    ['uid', 'sub', 'uuid'],
    ['role', 'role', 'text'],
    ['email', 'email', 'text'],
  ].map(
    ([name, claim, type]) => `
      create function auth.${name}() returns ${type} language sql stable as $$
        select coalesce(
          nullif(current_setting('request.jwt.claim.${claim}', true), ''),
          nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> '${claim}'
        )::${type}
      $$`,
  ),
  `create function auth.jwt() returns jsonb language sql stable as $$
    select coalesce(
      nullif(current_setting('request.jwt.claim', true), ''), nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
  $$`,
];

async function run(connectionString: string, statements: string[]): Promise<void> {
  const client = await connect(connectionString);
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
