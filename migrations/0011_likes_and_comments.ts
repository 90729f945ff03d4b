import { type Kysely, sql } from 'kysely';

const helpers = sql.raw(
  'private.like_post(uuid), private.unlike_post(uuid), private.comment_on_post(uuid, text, uuid)',
);
const functions = sql.raw('public.like_post(uuid), public.unlike_post(uuid), public.comment_on_post(uuid, text, uuid)');

const counted = [
  { table: 'post_likes', counter: 'likes_count' },
  { table: 'post_comments', counter: 'comments_count' },
];
const events = [
  { event: 'insert', references: 'new table as changed_rows', sign: 1 },
  { event: 'delete', references: 'old table as changed_rows', sign: -1 },
];

/** Seen by whoever sees the post, unless one of the two people blocked the other. */
const visible = sql.raw(`
  (
    user_id not in (select unnest(private.blocked_ids()))
    and post_user_id not in (select unnest(private.blocked_ids()))
    and (
      post_user_id = (select auth.uid())
      or post_visibility = 'public'
      or (post_visibility = 'friends' and post_user_id in (select unnest(private.friend_ids())))
    )
  )
  or (post_visibility <> 'private' and (select private.is_moderator()))`);

/**
 * Likes and comments. They carry their post's owner and visibility, kept true by the foreign key, and are made by
 * functions only: a direct insert would tell by its foreign key error which made-up ids are posts.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .withSchema('public')
    .createTable('post_likes')
    .addColumn('post_id', 'uuid', (column) => column.notNull())
    .addColumn('user_id', 'uuid', (column) => column.notNull().references('profiles.id').onDelete('cascade'))
    .addColumn('post_user_id', 'uuid', (column) => column.notNull())
    .addColumn('post_visibility', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addPrimaryKeyConstraint('post_likes_pkey', ['post_id', 'user_id'])
    .addForeignKeyConstraint(
      'post_likes_post_id_fkey',
      ['post_user_id', 'post_id', 'post_visibility'],
      'posts',
      ['user_id', 'id', 'visibility'],
      (key) => key.onUpdate('cascade').onDelete('cascade'),
    )
    .execute();

  await db.schema
    .withSchema('public')
    .createTable('post_comments')
    .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('post_id', 'uuid', (column) => column.notNull())
    .addColumn('user_id', 'uuid', (column) => column.notNull().references('profiles.id').onDelete('cascade'))
    .addColumn('post_user_id', 'uuid', (column) => column.notNull())
    .addColumn('post_visibility', 'text', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addCheckConstraint('post_comments_content_check', sql`content ~ '[^[:space:]]' and char_length(content) <= 2000`)
    .addForeignKeyConstraint(
      'post_comments_post_id_fkey',
      ['post_user_id', 'post_id', 'post_visibility'],
      'posts',
      ['user_id', 'id', 'visibility'],
      (key) => key.onUpdate('cascade').onDelete('cascade'),
    )
    .execute();

  await sql`
    create index idx_post_likes_post_id on public.post_likes (post_user_id, post_id, post_visibility);
    create index idx_post_likes_user_id on public.post_likes (user_id);
    create index idx_post_comments_post_id on public.post_comments (post_user_id, post_id, post_visibility);
    create index idx_post_comments_created_at on public.post_comments (post_id, created_at, id);
    create index idx_post_comments_user_id on public.post_comments (user_id, created_at desc, id desc);

    create trigger set_updated_at before update of content on public.post_comments
      for each row execute function private.set_updated_at();

    alter table public.post_likes enable row level security;
    revoke all on public.post_likes from public, anon, authenticated, service_role;
    grant select, delete on public.post_likes to authenticated, service_role;
    create policy "Users can view likes" on public.post_likes for select to authenticated using (${visible});
    create policy "Users can remove own likes" on public.post_likes
      for delete to authenticated using (user_id = (select auth.uid()) and (select private.can_write()));

    alter table public.post_comments enable row level security;
    revoke all on public.post_comments from public, anon, authenticated, service_role;
    grant select, delete, update (content) on public.post_comments to authenticated, service_role;
    create policy "Users can view comments" on public.post_comments for select to authenticated using (${visible});
    create policy "Users can update own comments" on public.post_comments
      for update to authenticated
      using (user_id = (select auth.uid()))
      with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can delete own comments, authors and moderators others'" on public.post_comments
      for delete to authenticated using (
        ((user_id = (select auth.uid()) or post_user_id = (select auth.uid())) and (select private.can_write()))
        or (post_visibility <> 'private' and (select private.is_moderator()))
      );
  `.execute(db);

  for (const { table, counter } of counted) {
    await sql`
      create trigger refuse_truncate before truncate on public.${sql.raw(table)}
        for each statement execute function private.refuse_truncate();
    `.execute(db);
    for (const { event, references, sign } of events) {
      const name = sql.raw(`count_${table}_on_${event}`);
      const column = sql.raw(counter);
      await sql`
        create function private.${name}() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
        declare
          delta record;
        begin
          for delta in
            select post_user_id, post_id, count(*) as count from changed_rows group by post_user_id, post_id order by post_id
          loop
            update public.posts set ${column} = ${column} + ${sql.raw(String(sign))} * delta.count
            where user_id = delta.post_user_id and id = delta.post_id;
          end loop;
          return null;
        end
        $$;
        revoke execute on function private.${name}() from public, anon, authenticated, service_role;

        create trigger ${name} after ${sql.raw(event)} on public.${sql.raw(table)}
          referencing ${sql.raw(references)} for each statement execute function private.${name}();
      `.execute(db);
    }
  }

  await sql`
    -- The lock holds the post's visibility until the like or comment that refers to it is written.
    create function private.lock_visible_post(wanted_id uuid) returns public.posts
      language plpgsql set search_path = pg_catalog, pg_temp as $$
    declare
      post public.posts;
    begin
      if not private.can_write() then
        raise insufficient_privilege using message = 'This account may not write.';
      end if;
      select * into post from public.posts p
      where p.id = wanted_id
        and p.user_id <> all (private.blocked_ids())
        and (
          p.user_id = auth.uid()
          or p.visibility = 'public'
          or (p.visibility = 'friends' and p.user_id = any (private.friend_ids()))
        )
      for no key update;
      if not found then
        raise no_data_found using message = 'No such post.';
      end if;
      return post;
    end
    $$;

    create function private.like_post(wanted_id uuid) returns integer
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    declare
      post constant public.posts := private.lock_visible_post(wanted_id);
    begin
      insert into public.post_likes (post_id, user_id, post_user_id, post_visibility)
      values (post.id, auth.uid(), post.user_id, post.visibility)
      on conflict do nothing;
      return (select p.likes_count from public.posts p where p.user_id = post.user_id and p.id = post.id);
    end
    $$;

    -- A like can be taken back when its post is out of sight. The post is locked first, as whoever hides or deletes it does.
    create function private.unlike_post(wanted_id uuid) returns boolean
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      if not private.can_write() then
        raise insufficient_privilege using message = 'This account may not write.';
      end if;
      perform from public.posts p
      where p.id = (select l.post_id from public.post_likes l where l.post_id = wanted_id and l.user_id = auth.uid())
      for no key update;
      delete from public.post_likes l where l.post_id = wanted_id and l.user_id = auth.uid();
      return found;
    end
    $$;

    create function private.comment_on_post(wanted_id uuid, comment_content text, comment_id uuid) returns setof public.post_comments
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    declare
      post constant public.posts := private.lock_visible_post(wanted_id);
    begin
      insert into public.post_comments (id, post_id, user_id, post_user_id, post_visibility, content)
      values (comment_id, post.id, auth.uid(), post.user_id, post.visibility, comment_content)
      on conflict do nothing;
      return query select * from public.post_comments c where c.id = comment_id and c.user_id = auth.uid() and c.post_id = post.id;
      if not found then
        raise unique_violation using message = 'Another comment has this id.',
          schema = 'public', table = 'post_comments', constraint = 'post_comments_pkey';
      end if;
    end
    $$;

    -- Likes the post as often as it is called, counts it once; returns how many people like it now.
    create function public.like_post(post_id uuid) returns integer
      language sql security invoker set search_path = pg_catalog, pg_temp
      begin atomic select private.like_post(post_id); end;

    create function public.unlike_post(post_id uuid) returns boolean
      language sql security invoker set search_path = pg_catalog, pg_temp
      begin atomic select private.unlike_post(post_id); end;

    -- With an id made by the client, a comment that is sent twice is made once.
    create function public.comment_on_post(post_id uuid, content text, comment_id uuid default gen_random_uuid())
      returns setof public.post_comments
      language sql security invoker set search_path = pg_catalog, pg_temp
      begin atomic select * from private.comment_on_post(post_id, content, coalesce(comment_id, gen_random_uuid())); end;

    revoke execute on function private.lock_visible_post(uuid), ${helpers}, ${functions} from public, anon, authenticated, service_role;
    grant execute on function ${helpers}, ${functions} to authenticated, service_role;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop function ${functions};
    drop function ${helpers}, private.lock_visible_post(uuid);
    drop table public.post_comments, public.post_likes;
  `.execute(db);
  for (const { table } of counted) {
    for (const { event } of events) {
      await sql`drop function private.${sql.raw(`count_${table}_on_${event}`)}()`.execute(db);
    }
  }
}
