import { type Kysely, sql } from 'kysely';

/** Policies ask them, which the service role bypasses. */
const audiences = sql.raw('private.friend_ids(), private.blocked_ids()');
const helpers = sql.raw(`
  private.request_friend(uuid), private.accept_friend(uuid),
  private.remove_friend(uuid), private.block_user(uuid), private.unblock_user(uuid), private.list_blocked_users()`);
const functions = sql.raw(`
  public.request_friend(uuid), public.accept_friend(uuid), public.remove_friend(uuid), public.block_user(uuid),
  public.unblock_user(uuid), public.list_blocked_users()`);

/**
 * Friendships, one row for each side, and blocks, which the blocked person is not told of. Both change through functions
 * only: each concerns two people, and each locks both profiles in key order, so that two simultaneous requests meet.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .withSchema('public')
    .createTable('friendships')
    .addColumn('user_id', 'uuid', (column) => column.notNull().references('profiles.id').onDelete('cascade'))
    .addColumn('friend_id', 'uuid', (column) => column.notNull().references('profiles.id').onDelete('cascade'))
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addPrimaryKeyConstraint('friendships_pkey', ['user_id', 'friend_id'])
    .addCheckConstraint('friendships_friend_id_check', sql`friend_id <> user_id`)
    .addCheckConstraint('friendships_status_check', sql`status in ('requested', 'received', 'accepted')`)
    .execute();
  await db.schema
    .withSchema('public')
    .createIndex('idx_friendships_friend_id')
    .on('friendships')
    .column('friend_id')
    .execute();

  await db.schema
    .withSchema('private')
    .createTable('blocks')
    .addColumn('user_id', 'uuid', (column) => column.notNull().references('public.profiles.id').onDelete('cascade'))
    .addColumn('blocked_id', 'uuid', (column) => column.notNull().references('public.profiles.id').onDelete('cascade'))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addPrimaryKeyConstraint('blocks_pkey', ['user_id', 'blocked_id'])
    .addCheckConstraint('blocks_blocked_id_check', sql`blocked_id <> user_id`)
    .execute();
  await db.schema
    .withSchema('private')
    .createIndex('idx_blocks_blocked_id')
    .on('blocks')
    .column('blocked_id')
    .execute();

  await sql`
    create trigger set_updated_at before update of status on public.friendships
      for each row execute function private.set_updated_at();

    alter table public.friendships enable row level security;
    revoke all on public.friendships from public, anon, authenticated, service_role;
    grant select on public.friendships to authenticated, service_role;
    create policy "Users can view own friendships" on public.friendships
      for select to authenticated using (user_id = (select auth.uid()));

    alter table private.blocks enable row level security;
    revoke all on private.blocks from public, anon, authenticated, service_role;
  `.execute(db);

  await sql`
    -- Policies look people up in these, which are read once a statement: "in (select unnest(…))" hashes them, while an array is
    -- gone through for each row that it filters, and will do for the profiles of a page.
    create function private.friend_ids() returns uuid[]
      language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
    begin
      return array(select friend_id from public.friendships where user_id = (select auth.uid()) and status = 'accepted');
    end
    $$;

    create function private.blocked_ids() returns uuid[]
      language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
    begin
      return array(
        select blocked_id from private.blocks where user_id = (select auth.uid())
        union all
        select user_id from private.blocks where blocked_id = (select auth.uid())
      );
    end
    $$;

    -- A made-up id, a deleted account and a person who blocked the caller cannot be told apart.
    create function private.lock_people(other_id uuid) returns uuid
      language plpgsql set search_path = pg_catalog, pg_temp as $$
    declare
      me constant uuid := auth.uid();
    begin
      if not private.can_write() then
        raise insufficient_privilege using message = 'This account may not write.';
      end if;
      if other_id = me then
        raise invalid_parameter_value using message = 'That is your own account.';
      end if;
      perform from public.profiles where id in (me, other_id) order by id for no key update;
      if not exists (select from public.profiles where id = other_id)
        or exists (select from private.blocks where user_id = other_id and blocked_id = me)
      then
        raise no_data_found using message = 'No such person.';
      end if;
      return me;
    end
    $$;

    create function private.request_friend(other_id uuid) returns setof public.friendships
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    declare
      me constant uuid := private.lock_people(other_id);
    begin
      if other_id = any (private.blocked_ids()) then
        raise invalid_parameter_value using message = 'You have blocked this person: unblock them first.';
      end if;
      -- A request that meets the other's request is an acceptance.
      update public.friendships set status = 'accepted'
      where (user_id, friend_id) in ((me, other_id), (other_id, me))
        and exists (select from public.friendships where user_id = me and friend_id = other_id and status = 'received');
      insert into public.friendships (user_id, friend_id, status)
      values (me, other_id, 'requested'), (other_id, me, 'received')
      on conflict do nothing;
      return query select * from public.friendships where user_id = me and friend_id = other_id;
    end
    $$;

    create function private.accept_friend(other_id uuid) returns setof public.friendships
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    declare
      me constant uuid := private.lock_people(other_id);
    begin
      if not exists (
        select from public.friendships where user_id = me and friend_id = other_id and status in ('received', 'accepted')
      ) then
        raise no_data_found using message = 'This person has not asked to be your friend.';
      end if;
      update public.friendships set status = 'accepted'
      where (user_id, friend_id) in ((me, other_id), (other_id, me)) and status <> 'accepted';
      return query select * from public.friendships where user_id = me and friend_id = other_id;
    end
    $$;

    create function private.remove_friend(other_id uuid) returns boolean
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    declare
      me constant uuid := private.lock_people(other_id);
    begin
      delete from public.friendships where (user_id, friend_id) in ((me, other_id), (other_id, me));
      return found;
    end
    $$;

    create function private.block_user(other_id uuid) returns void
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    declare
      me constant uuid := private.lock_people(other_id);
    begin
      insert into private.blocks (user_id, blocked_id) values (me, other_id) on conflict do nothing;
      delete from public.friendships where (user_id, friend_id) in ((me, other_id), (other_id, me));
    end
    $$;

    create function private.unblock_user(other_id uuid) returns boolean
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      if not private.can_write() then
        raise insufficient_privilege using message = 'This account may not write.';
      end if;
      delete from private.blocks where user_id = auth.uid() and blocked_id = other_id;
      return found;
    end
    $$;

    create function private.list_blocked_users() returns table (blocked_id uuid, created_at timestamptz)
      language sql stable security definer set search_path = pg_catalog, pg_temp
      begin atomic
        select b.blocked_id, b.created_at from private.blocks b
        where b.user_id = (select auth.uid())
        order by b.created_at desc, b.blocked_id;
      end;
  `.execute(db);

  await sql`
    create function public.request_friend(friend_id uuid) returns setof public.friendships
      language sql security invoker set search_path = pg_catalog, pg_temp
      begin atomic select * from private.request_friend(friend_id); end;

    create function public.accept_friend(friend_id uuid) returns setof public.friendships
      language sql security invoker set search_path = pg_catalog, pg_temp
      begin atomic select * from private.accept_friend(friend_id); end;

    create function public.remove_friend(friend_id uuid) returns boolean
      language sql security invoker set search_path = pg_catalog, pg_temp
      begin atomic select private.remove_friend(friend_id); end;

    create function public.block_user(blocked_id uuid) returns void
      language sql security invoker set search_path = pg_catalog, pg_temp
      begin atomic select private.block_user(blocked_id); end;

    create function public.unblock_user(blocked_id uuid) returns boolean
      language sql security invoker set search_path = pg_catalog, pg_temp
      begin atomic select private.unblock_user(blocked_id); end;

    create function public.list_blocked_users() returns table (blocked_id uuid, created_at timestamptz)
      language sql stable security invoker set search_path = pg_catalog, pg_temp
      begin atomic select * from private.list_blocked_users(); end;

    revoke execute on function private.lock_people(uuid), ${audiences}, ${helpers}, ${functions} from public, anon, authenticated, service_role;
    grant execute on function ${audiences} to authenticated;
    grant execute on function ${helpers}, ${functions} to authenticated, service_role;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop function ${functions};
    drop function ${audiences}, ${helpers}, private.lock_people(uuid);
    drop table private.blocks;
    drop table public.friendships;
  `.execute(db);
}
