import { type Kysely, sql } from 'kysely';

const writable = sql.raw('trip_id, title, content, images, location, tags, visibility, metadata');

const publicPostDeltas = (changes: string) =>
  sql.raw(`
    select user_id, sum(sign) as count
    from (${changes}) as changes
    where visibility = 'public'
    group by user_id
    having sum(sign) <> 0
    order by user_id`);

const triggers = [
  { event: 'insert', references: 'new table as new_rows', changes: 'select *, 1 as sign from new_rows' },
  { event: 'delete', references: 'old table as old_rows', changes: 'select *, -1 as sign from old_rows' },
  {
    event: 'update',
    references: 'old table as old_rows new table as new_rows',
    changes: 'select *, 1 as sign from new_rows union all select *, -1 as sign from old_rows',
  },
];

/**
 * Posts: public, for accepted friends, or private. `location` is coarse (two decimals of a degree, about 1 km) unless the
 * author says `"exact": true`; the exact point may be kept in `post_locations`, which nobody else reads.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .withSchema('public')
    .createTable('posts')
    .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('user_id', 'uuid', (column) => column.notNull().references('profiles.id').onDelete('cascade'))
    .addColumn('trip_id', 'uuid')
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .addColumn('images', sql`text[]`, (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('location', 'jsonb')
    .addColumn('tags', sql`text[]`, (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('likes_count', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('comments_count', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('visibility', 'text', (column) => column.notNull().defaultTo('public'))
    .addColumn('metadata', 'jsonb', (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('search', sql`tsvector`, (column) =>
      column
        .notNull()
        .generatedAlwaysAs(sql`
          setweight(to_tsvector('pg_catalog.simple', translate(left(title, 200), '/', ' ')) || to_tsvector('pg_catalog.english', translate(left(title, 200), '/', ' ')), 'A')
          || setweight(to_tsvector('pg_catalog.simple', translate(left(content, 20000), '/', ' '))
            || to_tsvector('pg_catalog.english', translate(left(content, 20000), '/', ' ')), 'B')`)
        .stored(),
    )
    .addUniqueConstraint('posts_user_id_id_key', ['user_id', 'id'])
    // Likes and comments refer to the visibility too, so that their policies read no other table.
    .addUniqueConstraint('posts_user_id_id_visibility_key', ['user_id', 'id', 'visibility'])
    .addCheckConstraint('posts_title_check', sql`title ~ '[^[:space:]]' and char_length(title) <= 200`)
    .addCheckConstraint('posts_content_check', sql`content ~ '[^[:space:]]' and char_length(content) <= 20000`)
    .addCheckConstraint('posts_images_check', sql`images = '{}' or private.is_image_list(images)`)
    .addCheckConstraint('posts_location_check', sql`private.is_location(location)`)
    .addCheckConstraint('posts_tags_check', sql`tags = '{}' or private.is_tag_list(tags)`)
    .addCheckConstraint('posts_visibility_check', sql`visibility in ('public', 'friends', 'private')`)
    .addCheckConstraint('posts_metadata_check', sql`private.is_json_object(metadata)`)
    .execute();

  await db.schema
    .withSchema('public')
    .createTable('post_locations')
    .addColumn('post_id', 'uuid', (column) => column.notNull())
    .addColumn('user_id', 'uuid', (column) => column.notNull())
    .addColumn('location', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addPrimaryKeyConstraint('post_locations_pkey', ['user_id', 'post_id'])
    .addCheckConstraint('post_locations_location_check', sql`private.is_location(location)`)
    .addForeignKeyConstraint('post_locations_post_id_fkey', ['user_id', 'post_id'], 'posts', ['user_id', 'id'], (key) =>
      key.onDelete('cascade'),
    )
    .execute();

  await sql`
    alter table public.posts add constraint posts_trip_id_fkey
      foreign key (user_id, trip_id) references public.trips (user_id, id) on delete set null (trip_id);

    -- Room on each page for the next version of a row: a counter's update then writes no index.
    alter table public.posts set (fillfactor = 85);
    create index idx_posts_user_id on public.posts (user_id, created_at desc, id desc);
    create index idx_posts_visibility on public.posts (created_at desc, id desc) where visibility = 'public';
    create index idx_posts_created_at on public.posts (created_at desc, id desc);
    create index idx_posts_trip_id on public.posts (user_id, trip_id, created_at desc, id desc) where trip_id is not null;
    create index idx_posts_search on public.posts using gin (search);

    create function private.complete_post() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      if tg_op = 'INSERT' then
        new.likes_count := 0;
        new.comments_count := 0;
      end if;
      if new.tags <> '{}' then
        new.tags := private.normalize_tags(new.tags);
      end if;
      if private.is_location(new.location) and not coalesce((new.location -> 'exact')::boolean, false) then
        new.location := new.location || jsonb_build_object(
          'lat', round((new.location -> 'lat')::numeric, 2), 'lng', round((new.location -> 'lng')::numeric, 2)
        );
      end if;
      return new;
    end
    $$;
    revoke execute on function private.complete_post() from public, anon, authenticated, service_role;

    create trigger complete_post before insert or update of location, tags on public.posts
      for each row execute function private.complete_post();
    create trigger set_updated_at before update of ${writable} on public.posts
      for each row execute function private.set_updated_at_and_version();
    create trigger refuse_truncate before truncate on public.posts
      for each statement execute function private.refuse_truncate();
    create trigger set_updated_at before update of location on public.post_locations
      for each row execute function private.set_updated_at();

    alter table public.posts enable row level security;
    revoke all on public.posts from public, anon, authenticated, service_role;
    grant select on public.posts to anon;
    grant select, delete, insert (id, user_id, ${writable}), update (${writable}) on public.posts to authenticated;
    grant select, delete, insert (id, user_id, ${writable}, created_at), update (${writable}) on public.posts to service_role;

    create policy "Visitors can view public posts" on public.posts
      for select to anon using (visibility = 'public');
    create policy "Users can view posts" on public.posts
      for select to authenticated using (
        user_id = (select auth.uid())
        or (
          user_id not in (select unnest(private.blocked_ids()))
          and (visibility = 'public' or (visibility = 'friends' and user_id in (select unnest(private.friend_ids()))))
        )
        or (visibility <> 'private' and (select private.is_moderator()))
      );
    create policy "Users can create own posts" on public.posts
      for insert to authenticated with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can update own posts" on public.posts
      for update to authenticated
      using (user_id = (select auth.uid()))
      with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can delete own posts, moderators shared ones" on public.posts
      for delete to authenticated using (
        (user_id = (select auth.uid()) and (select private.can_write()))
        or (visibility <> 'private' and (select private.is_moderator()))
      );

    alter table public.post_locations enable row level security;
    revoke all on public.post_locations from public, anon, authenticated, service_role;
    grant select, delete, insert (post_id, user_id, location), update (location) on public.post_locations to authenticated, service_role;

    create policy "Users can view own exact locations" on public.post_locations
      for select to authenticated using (user_id = (select auth.uid()));
    create policy "Users can create own exact locations" on public.post_locations
      for insert to authenticated with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can update own exact locations" on public.post_locations
      for update to authenticated
      using (user_id = (select auth.uid()))
      with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can delete own exact locations" on public.post_locations
      for delete to authenticated using (user_id = (select auth.uid()) and (select private.can_write()));
  `.execute(db);

  for (const { event, references, changes } of triggers) {
    const name = sql.raw(`count_public_posts_on_${event}`);
    await sql`
      create function private.${name}() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
      declare
        delta record;
      begin
        for delta in ${publicPostDeltas(changes)} loop
          update public.public_profiles set public_posts_count = public_posts_count + delta.count where id = delta.user_id;
        end loop;
        return null;
      end
      $$;
      revoke execute on function private.${name}() from public, anon, authenticated, service_role;

      create trigger ${name} after ${sql.raw(event)} on public.posts
        referencing ${sql.raw(references)} for each statement execute function private.${name}();
    `.execute(db);
  }
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop table public.post_locations, public.posts;
    drop function private.count_public_posts_on_update(), private.count_public_posts_on_delete(), private.count_public_posts_on_insert(),
      private.complete_post();
  `.execute(db);
}
