import { type Kysely, sql } from 'kysely';

const ours = sql.lit('Made by the Wheels & Wins migrations.');

/**
 * What Supabase provides and a plain Postgres lacks: the API roles, the schema `auth`, the publication `supabase_realtime`;
 * and the schema `private`, which no API exposes. Each is created only where it is missing and then carries a comment,
 * by which `down` knows its own work.
 *
 * Roles belong to the server, not to the database, so two databases may be migrated at once: a concurrent creator is
 * tolerated, and `down` leaves a role that another database still uses.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    do $$
    declare
      api_role text;
    begin
      foreach api_role in array array['anon', 'authenticated', 'service_role'] loop
        begin
          if to_regrole(api_role) is null then
            execute format(
              'create role %I nologin noinherit %s', api_role, case when api_role = 'service_role' then 'bypassrls' else '' end
            );
            execute format('comment on role %I is %L', api_role, ${ours});
            -- A superuser may take any role; whoever else migrates must be a member to act as it.
            if not (select rolsuper from pg_roles where rolname = current_user) then
              execute format('grant %I to %I', api_role, current_user);
            end if;
          end if;
        exception
          when duplicate_object or unique_violation then null;
        end;
      end loop;
    end
    $$;

    do $$
    begin
      if to_regnamespace('auth') is null then
        create schema auth;
        comment on schema auth is ${ours};
        grant usage on schema auth to anon, authenticated, service_role;
      end if;

      if to_regclass('auth.users') is null then
        create table auth.users (
          id uuid primary key default gen_random_uuid(),
          email varchar(255),
          phone text unique,
          raw_user_meta_data jsonb,
          raw_app_meta_data jsonb,
          created_at timestamptz not null default now(),
          updated_at timestamptz not null default now()
        );
        create unique index users_email_key on auth.users (lower(email));
        comment on table auth.users is ${ours};
      end if;

      -- The claims arrive as one JSON setting, or, from older PostgREST versions, as one setting a claim. A body that is
      -- parsed here needs no search_path, and without one the planner writes it into the policy: no function is called.
      if to_regprocedure('auth.jwt()') is null then
        create function auth.jwt() returns jsonb language sql stable
          return coalesce(nullif(current_setting('request.jwt.claim', true), ''), nullif(current_setting('request.jwt.claims', true), ''))::jsonb;
        comment on function auth.jwt() is ${ours};
      end if;

      if to_regprocedure('auth.uid()') is null then
        create function auth.uid() returns uuid language sql stable
          return coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''), nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
        comment on function auth.uid() is ${ours};
      end if;

      if to_regprocedure('auth.role()') is null then
        create function auth.role() returns text language sql stable
          return coalesce(nullif(current_setting('request.jwt.claim.role', true), ''), nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role');
        comment on function auth.role() is ${ours};
      end if;

      if to_regnamespace('private') is null then
        create schema private;
        comment on schema private is ${ours};
      end if;

      if not exists (select from pg_publication where pubname = 'supabase_realtime') then
        create publication supabase_realtime;
        comment on publication supabase_realtime is ${ours};
      end if;

      -- Whoever may write these two tables decides what the next deploy runs.
      if to_regclass('kysely_migration') is not null then
        revoke all on kysely_migration, kysely_migration_lock from public, anon, authenticated, service_role;
        alter table kysely_migration enable row level security;
        alter table kysely_migration_lock enable row level security;
      end if;
    end
    $$;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    do $$
    declare
      api_role text;
      signature text;
    begin
      if (select obj_description(oid, 'pg_publication') from pg_publication where pubname = 'supabase_realtime') = ${ours} then
        drop publication supabase_realtime;
      end if;

      if obj_description(to_regnamespace('private'), 'pg_namespace') = ${ours} then
        drop schema private;
      end if;

      foreach signature in array array['auth.role()', 'auth.uid()', 'auth.jwt()'] loop
        if obj_description(to_regprocedure(signature), 'pg_proc') = ${ours} then
          execute 'drop function ' || signature;
        end if;
      end loop;

      if obj_description(to_regclass('auth.users'), 'pg_class') = ${ours} then
        drop table auth.users;
      end if;

      if obj_description(to_regnamespace('auth'), 'pg_namespace') = ${ours} then
        drop schema auth;
      end if;

      foreach api_role in array array['service_role', 'authenticated', 'anon'] loop
        if shobj_description(to_regrole(api_role), 'pg_authid') = ${ours} then
          begin
            execute format('drop role %I', api_role);
          exception
            when dependent_objects_still_exist or insufficient_privilege then
              raise notice 'The role % stays: another database on this server uses it, or it is not yours to drop.', api_role;
            when undefined_object then null;
          end;
        end if;
      end loop;
    end
    $$;
  `.execute(db);
}
