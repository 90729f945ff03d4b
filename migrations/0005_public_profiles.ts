import { type Kysely, sql } from 'kysely';

/**
 * What others may see of a person: name and picture. Signed-in users see everybody but those blocked in either direction;
 * visitors see the authors of public posts, whom `public_posts_count` tells (posts keep it).
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .withSchema('public')
    .createTable('public_profiles')
    .addColumn('id', 'uuid', (column) => column.primaryKey().references('profiles.id').onDelete('cascade'))
    .addColumn('full_name', 'text')
    .addColumn('avatar_url', 'text')
    .addColumn('public_posts_count', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('published', 'boolean', (column) =>
      column.notNull().generatedAlwaysAs(sql`public_posts_count > 0`).stored(),
    )
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .execute();

  await sql`
    create trigger set_updated_at before update of full_name, avatar_url on public.public_profiles
      for each row execute function private.set_updated_at();

    create function private.start_public_profile() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
    begin
      new.public_posts_count := 0;
      return new;
    end
    $$;
    create trigger start_public_profile before insert on public.public_profiles
      for each row execute function private.start_public_profile();

    create function private.publish_profile() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      insert into public.public_profiles (id, full_name, avatar_url) values (new.id, new.full_name, new.avatar_url)
      on conflict (id) do update set full_name = excluded.full_name, avatar_url = excluded.avatar_url;
      return new;
    end
    $$;
    revoke execute on function private.start_public_profile(), private.publish_profile() from public, anon, authenticated, service_role;

    create trigger publish_profile after insert or update of full_name, avatar_url on public.profiles
      for each row execute function private.publish_profile();

    insert into public.public_profiles (id, full_name, avatar_url) select id, full_name, avatar_url from public.profiles;

    alter table public.public_profiles enable row level security;
    revoke all on public.public_profiles from public, anon, authenticated, service_role;
    grant select on public.public_profiles to anon, authenticated, service_role;

    create policy "Visitors can view authors" on public.public_profiles
      for select to anon using (published);
    create policy "Users can view people" on public.public_profiles
      for select to authenticated using (id <> all ((select private.blocked_ids())::uuid[]));
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop trigger publish_profile on public.profiles;
    drop function private.publish_profile();
    drop table public.public_profiles;
    drop function private.start_public_profile();
  `.execute(db);
}
