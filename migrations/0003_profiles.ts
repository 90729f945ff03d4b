import { type Kysely, sql } from 'kysely';

const writable = sql.raw('full_name, avatar_url, region, timezone, currency, preferences');

/**
 * A person's own row, made when they sign up. `email` follows `auth.users`; `role` and `status` are the service's to change.
 * Deleting the profile deletes the account, and with it everything the person owns.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .withSchema('public')
    .createTable('profiles')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('user_id', 'uuid', (column) => column.notNull().references('auth.users.id').onDelete('cascade'))
    .addColumn('email', 'varchar(255)', (column) => column.unique())
    .addColumn('full_name', 'text')
    .addColumn('avatar_url', 'text')
    .addColumn('role', 'text', (column) => column.notNull().defaultTo('user'))
    .addColumn('status', 'text', (column) => column.notNull().defaultTo('active'))
    .addColumn('region', 'text', (column) => column.notNull().defaultTo('US'))
    .addColumn('timezone', 'text', (column) => column.notNull().defaultTo('UTC'))
    .addColumn('currency', sql`public.currency_code`, (column) => column.notNull().defaultTo('USD'))
    .addColumn('preferences', 'jsonb', (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addCheckConstraint('profiles_id_check', sql`id = user_id`)
    .addCheckConstraint('profiles_email_check', sql`email = lower(email)`)
    .addCheckConstraint('profiles_full_name_check', sql`full_name ~ '[^[:space:]]' and char_length(full_name) <= 200`)
    .addCheckConstraint('profiles_avatar_url_check', sql`private.is_https_url(avatar_url)`)
    .addCheckConstraint('profiles_role_check', sql`role in ('user', 'admin', 'moderator')`)
    .addCheckConstraint('profiles_status_check', sql`status in ('active', 'inactive', 'suspended')`)
    .addCheckConstraint('profiles_region_check', sql`region ~ '[^[:space:]]' and char_length(region) <= 100`)
    .addCheckConstraint('profiles_timezone_check', sql`private.is_timezone(timezone)`)
    .addCheckConstraint('profiles_preferences_check', sql`private.is_json_object(preferences)`)
    .execute();
  await db.schema
    .withSchema('public')
    .createIndex('idx_profiles_user_id')
    .unique()
    .on('profiles')
    .column('user_id')
    .execute();

  await sql`
    -- Suspended means read-only. A token may outlive the account, so the profile must exist too.
    -- In PL/pgSQL, as every helper of a policy: before version 18 Postgres plans an SQL function anew in each statement.
    -- As their owner: a plan that is subject to row level security is made anew whenever the role is another than before, and
    -- these are asked by policies, as the user, and by definer functions.
    create function private.can_write() returns boolean
      language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
    begin
      return exists (select from public.profiles where id = (select auth.uid()) and status <> 'suspended');
    end
    $$;

    create function private.is_moderator() returns boolean
      language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
    begin
      return exists (
        select from public.profiles where id = (select auth.uid()) and role in ('moderator', 'admin') and status <> 'suspended'
      );
    end
    $$;

    revoke execute on function private.can_write(), private.is_moderator() from public, anon, authenticated, service_role;
    grant execute on function private.can_write(), private.is_moderator() to authenticated;

    create trigger set_updated_at before update of ${writable}, email, role, status on public.profiles
      for each row execute function private.set_updated_at_and_version();

    alter table public.profiles enable row level security;
    revoke all on public.profiles from public, anon, authenticated, service_role;
    grant select, delete, update (${writable}) on public.profiles to authenticated;
    grant select, delete, update (${writable}, role, status) on public.profiles to service_role;

    create policy "Users can view own profile" on public.profiles
      for select to authenticated using (user_id = (select auth.uid()));
    create policy "Users can update own profile" on public.profiles
      for update to authenticated
      using (user_id = (select auth.uid()))
      with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can delete own profile" on public.profiles
      for delete to authenticated using (user_id = (select auth.uid()) and (select private.can_write()));
  `.execute(db);

  await sql`
    -- Metadata is whatever the client sent at sign-up: it may be absent or unfit, and must not stop the sign-up. Nor must an
    -- address that another account has, which Supabase allows to accounts by SSO: it stays with the first.
    create function private.make_profile(account auth.users) returns void
      language plpgsql set search_path = pg_catalog, pg_temp as $$
    declare
      name constant text := case when jsonb_typeof(account.raw_user_meta_data -> 'full_name') = 'string'
        then nullif(left(private.trimmed(account.raw_user_meta_data ->> 'full_name'), 200), '') end;
      picture constant text := account.raw_user_meta_data ->> 'avatar_url';
    begin
      insert into public.profiles (id, user_id, email, full_name, avatar_url)
      values (account.id, account.id, nullif(lower(account.email), ''), name, case when private.is_https_url(picture) then picture end)
      on conflict (email) do nothing;
      if not found then
        insert into public.profiles (id, user_id, full_name, avatar_url)
        values (account.id, account.id, name, case when private.is_https_url(picture) then picture end);
      end if;
    end
    $$;

    create function private.handle_sign_up() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      perform private.make_profile(new);
      return new;
    end
    $$;

    create function private.handle_email_change() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      update public.profiles set email = nullif(lower(new.email), '') where id = new.id;
      return new;
    exception
      when unique_violation then
        update public.profiles set email = null where id = new.id;
        return new;
    end
    $$;

    create function private.delete_account() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      delete from auth.users where id = old.id;
      return old;
    end
    $$;

    revoke execute on function private.make_profile(auth.users), private.handle_sign_up(), private.handle_email_change(), private.delete_account()
      from public, anon, authenticated, service_role;

    -- Whoever migrates may create a trigger on Supabase's auth.users, but neither drop nor lock it first.
    create or replace trigger wheels_sign_up after insert on auth.users
      for each row execute function private.handle_sign_up();
    create or replace trigger wheels_email_change after update of email on auth.users
      for each row when (old.email is distinct from new.email) execute function private.handle_email_change();
    create trigger delete_account after delete on public.profiles
      for each row execute function private.delete_account();

    do $$
    begin
      perform private.make_profile(account) from auth.users as account order by account.id;
    end
    $$;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    -- CASCADE takes the triggers on auth.users along, which their table's owner alone may drop.
    drop function private.handle_email_change() cascade;
    drop function private.handle_sign_up() cascade;
    drop table public.profiles;
    drop function private.delete_account(), private.make_profile(auth.users), private.is_moderator(), private.can_write();
  `.execute(db);
}
