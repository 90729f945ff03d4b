import { type Kysely, sql } from 'kysely';

const helpers = sql.raw(`
  private.end_request(uuid, text), private.mutual_friends(uuid, uuid, integer),
  private.blocked_users(timestamptz, uuid, integer), private.delete_comment(uuid)`);
const functions = sql.raw(`
  public.decline_friend_request(uuid), public.cancel_friend_request(uuid), public.mutual_friends(uuid, uuid, integer),
  public.blocked_users(timestamptz, uuid, integer), public.delete_comment(uuid)`);

/** What is asked for is a page of up to 100, and one more, which tells whether another page follows. */
const rows = sql.raw('least(greatest(coalesce(limit_results, 20), 1), 101)');

/**
 * Friend requests that are declined or taken back, friends in common, blocks that meet a block, comments that their author
 * or the post's removes.
 *
 * A person may block somebody who blocks them: otherwise who blocks first decides when both see each other again. As the
 * blocked are not told, that block is not `listed` until the other one is lifted, and blocking nobody is no error.
 *
 * What was there before is replaced, not dropped and made anew: a grant in `down` would lock the roles, which two databases
 * that are rolled back at once then wait for each other to drop.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create index idx_friendships_created_at on public.friendships (user_id, created_at desc, friend_id desc);
    create index idx_friendships_status on public.friendships (user_id, status, created_at desc, friend_id desc);
    -- A page of posts asks of each whether its reader likes it.
    drop index public.idx_post_likes_user_id;
    create index idx_post_likes_user_id on public.post_likes (user_id, post_id);
    create index idx_post_likes_created_at on public.post_likes (post_id, created_at desc, user_id desc);
    create index idx_post_comments_shared on public.post_comments (created_at desc, id desc) where post_visibility <> 'private';

    alter table private.blocks add column listed boolean not null default true;
  `.execute(db);

  await sql`
    create function private.end_request(other_id uuid, wanted_status text) returns boolean
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    declare
      me constant uuid := private.lock_people(other_id);
    begin
      if not exists (select from public.friendships where user_id = me and friend_id = other_id and status = wanted_status) then
        return false;
      end if;
      delete from public.friendships where (user_id, friend_id) in ((me, other_id), (other_id, me));
      return true;
    end
    $$;

    -- The caller's friends who are the other's friends, too. Told of who is a friend or has asked to be one: a request of
    -- the caller's own opens nothing.
    create function private.mutual_friends(other_id uuid, after_id uuid, most integer) returns table (friend_id uuid)
      language sql stable security definer rows 20 set search_path = pg_catalog, pg_temp
      begin atomic
        select mine.friend_id
        from public.friendships as mine
        join public.friendships as theirs on theirs.user_id = other_id and theirs.friend_id = mine.friend_id
        where mine.user_id = (select auth.uid()) and mine.status = 'accepted' and theirs.status = 'accepted'
          and mine.friend_id > after_id
          and exists (
            select from public.friendships as ours
            where ours.user_id = (select auth.uid()) and ours.friend_id = other_id and ours.status in ('accepted', 'received')
          )
        order by mine.friend_id
        limit most;
      end;

    create function private.lock_pair(other_id uuid) returns uuid
      language plpgsql set search_path = pg_catalog, pg_temp as $$
    declare
      me constant uuid := auth.uid();
    begin
      if not private.can_write() then
        raise insufficient_privilege using message = 'This account may not write.';
      end if;
      perform from public.profiles where id in (me, other_id) order by id for no key update;
      return me;
    end
    $$;

    create or replace function private.block_user(other_id uuid) returns void
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    declare
      me constant uuid := private.lock_pair(other_id);
    begin
      if other_id = me then
        raise invalid_parameter_value using message = 'That is your own account.';
      end if;
      insert into private.blocks (user_id, blocked_id, listed)
      select me, p.id, not exists (select from private.blocks b where b.user_id = other_id and b.blocked_id = me)
      from public.profiles p
      where p.id = other_id
      on conflict do nothing;
      delete from public.friendships where (user_id, friend_id) in ((me, other_id), (other_id, me));
    end
    $$;

    create or replace function private.unblock_user(other_id uuid) returns boolean
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    declare
      me constant uuid := private.lock_pair(other_id);
      was_listed boolean;
    begin
      delete from private.blocks b where b.user_id = me and b.blocked_id = other_id returning b.listed into was_listed;
      update private.blocks b set listed = true where b.user_id = other_id and b.blocked_id = me and not b.listed;
      return coalesce(was_listed, false);
    end
    $$;

    create or replace function private.list_blocked_users() returns table (blocked_id uuid, created_at timestamptz)
      language sql stable security definer set search_path = pg_catalog, pg_temp
      begin atomic
        select b.blocked_id, b.created_at from private.blocks b
        where b.user_id = (select auth.uid()) and b.listed
        order by b.created_at desc, b.blocked_id;
      end;

    -- By pages, and with the names, which a block hides from who made it as well.
    create function private.blocked_users(before_created_at timestamptz, before_id uuid, most integer)
      returns table (blocked_id uuid, created_at timestamptz, full_name text, avatar_url text)
      language sql stable security definer rows 20 set search_path = pg_catalog, pg_temp
      begin atomic
        select b.blocked_id, b.created_at, p.full_name, p.avatar_url
        from private.blocks b
        join public.public_profiles p on p.id = b.blocked_id
        where b.user_id = (select auth.uid()) and b.listed and (b.created_at, b.blocked_id) < (before_created_at, before_id)
        order by b.created_at desc, b.blocked_id desc
        limit most;
      end;

    -- By its author or the post's, though a block may hide it from them; by moderators and the service itself, if it is not
    -- on a private post. The post is locked first, as whoever hides or deletes it does.
    create function private.delete_comment(wanted_id uuid) returns boolean
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    declare
      me constant uuid := auth.uid();
      moderates constant boolean := private.is_moderator() or (me is null and current_setting('role') = 'service_role');
      comment public.post_comments;
    begin
      if not moderates and not private.can_write() then
        raise insufficient_privilege using message = 'This account may not write.';
      end if;
      select * into comment from public.post_comments c
      where c.id = wanted_id and (c.user_id = me or c.post_user_id = me or moderates);
      perform from public.posts p where p.user_id = comment.post_user_id and p.id = comment.post_id for no key update;
      delete from public.post_comments c
      where c.id = comment.id and (c.user_id = me or c.post_user_id = me or c.post_visibility <> 'private');
      return found;
    end
    $$;
  `.execute(db);

  await sql`
    create function public.decline_friend_request(friend_id uuid) returns boolean
      language sql security invoker set search_path = pg_catalog, pg_temp
      begin atomic select private.end_request(friend_id, 'received'); end;

    create function public.cancel_friend_request(friend_id uuid) returns boolean
      language sql security invoker set search_path = pg_catalog, pg_temp
      begin atomic select private.end_request(friend_id, 'requested'); end;

    create function public.mutual_friends(other_id uuid, after_id uuid default null, limit_results integer default 20)
      returns table (friend_id uuid, full_name text, avatar_url text)
      language sql stable security invoker rows 20 set search_path = pg_catalog, pg_temp
      begin atomic
        select p.id, p.full_name, p.avatar_url
        from private.mutual_friends(other_id, coalesce(after_id, '00000000-0000-0000-0000-000000000000'), ${rows}) as mutual
        join public.public_profiles p on p.id = mutual.friend_id
        order by p.id;
      end;

    create function public.blocked_users(
      before_created_at timestamptz default null, before_id uuid default null, limit_results integer default 20
    )
      returns table (blocked_id uuid, created_at timestamptz, full_name text, avatar_url text)
      language sql stable security invoker rows 20 set search_path = pg_catalog, pg_temp
      begin atomic
        select * from private.blocked_users(
          coalesce(before_created_at, 'infinity'), coalesce(before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'), ${rows}
        );
      end;

    create function public.delete_comment(comment_id uuid) returns boolean
      language sql security invoker set search_path = pg_catalog, pg_temp
      begin atomic select private.delete_comment(comment_id); end;

    -- With an account go its posts, likes and comments, which changes others' posts: all of these are locked first, in one
    -- order, so that two who leave at once wait for each other and not in a circle.
    create function private.lock_reacted_posts() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      perform from public.posts p
      where p.id in (
        select l.post_id from public.post_likes l where l.user_id = old.id
        union
        select c.post_id from public.post_comments c where c.user_id = old.id
        union
        select own.id from public.posts own where own.user_id = old.id
      )
      order by p.id
      for no key update;
      return old;
    end
    $$;
    create trigger lock_reacted_posts before delete on public.profiles
      for each row execute function private.lock_reacted_posts();

    revoke execute on function private.lock_pair(uuid), private.lock_reacted_posts(), ${helpers}, ${functions}
      from public, anon, authenticated, service_role;
    grant execute on function ${helpers}, ${functions} to authenticated, service_role;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop trigger lock_reacted_posts on public.profiles;
    drop function private.lock_reacted_posts();
    drop function ${functions};
    drop function ${helpers};

    create or replace function private.block_user(other_id uuid) returns void
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    declare
      me constant uuid := private.lock_people(other_id);
    begin
      insert into private.blocks (user_id, blocked_id) values (me, other_id) on conflict do nothing;
      delete from public.friendships where (user_id, friend_id) in ((me, other_id), (other_id, me));
    end
    $$;

    create or replace function private.unblock_user(other_id uuid) returns boolean
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      if not private.can_write() then
        raise insufficient_privilege using message = 'This account may not write.';
      end if;
      delete from private.blocks where user_id = auth.uid() and blocked_id = other_id;
      return found;
    end
    $$;

    create or replace function private.list_blocked_users() returns table (blocked_id uuid, created_at timestamptz)
      language sql stable security definer set search_path = pg_catalog, pg_temp
      begin atomic
        select b.blocked_id, b.created_at from private.blocks b
        where b.user_id = (select auth.uid())
        order by b.created_at desc, b.blocked_id;
      end;

    drop function private.lock_pair(uuid);
    alter table private.blocks drop column listed;
    drop index public.idx_post_comments_shared, public.idx_post_likes_created_at, public.idx_friendships_status,
      public.idx_friendships_created_at, public.idx_post_likes_user_id;
    create index idx_post_likes_user_id on public.post_likes (user_id);
  `.execute(db);
}
