import { type Kysely, sql } from 'kysely';

const helpers = sql.raw('private.list_own_likes(), private.list_own_comments()');
const functions = sql.raw('public.list_own_likes(), public.list_own_comments()');

/**
 * What the service asks of all accounts, and what a person takes along.
 *
 * The policies hide one's own likes and comments with the post they are on, but what one wrote stays one's own to have: two
 * helpers give it back, without what would tell how the hidden post is hidden.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create index idx_profiles_created_at on public.profiles (created_at desc, id desc);
    -- Of the few: whoever is a mere user, or active, is found by the index above.
    create index idx_profiles_role on public.profiles (role, created_at desc, id desc) where role <> 'user';
    create index idx_profiles_status on public.profiles (status, created_at desc, id desc) where status <> 'active';
    create index idx_pam_feedback_created_at on public.pam_feedback (created_at desc, id desc);

    create function private.list_own_likes() returns table (post_id uuid, created_at timestamptz)
      language sql stable security definer set search_path = pg_catalog, pg_temp
      begin atomic
        select l.post_id, l.created_at from public.post_likes l where l.user_id = (select auth.uid());
      end;

    create function private.list_own_comments()
      returns table (id uuid, post_id uuid, content text, created_at timestamptz, updated_at timestamptz)
      language sql stable security definer set search_path = pg_catalog, pg_temp
      begin atomic
        select c.id, c.post_id, c.content, c.created_at, c.updated_at from public.post_comments c
        where c.user_id = (select auth.uid());
      end;

    create function public.list_own_likes() returns table (post_id uuid, created_at timestamptz)
      language sql stable security invoker set search_path = pg_catalog, pg_temp
      begin atomic select * from private.list_own_likes(); end;

    create function public.list_own_comments()
      returns table (id uuid, post_id uuid, content text, created_at timestamptz, updated_at timestamptz)
      language sql stable security invoker set search_path = pg_catalog, pg_temp
      begin atomic select * from private.list_own_comments(); end;

    revoke execute on function ${helpers}, ${functions} from public, anon, authenticated, service_role;
    grant execute on function ${helpers}, ${functions} to authenticated, service_role;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop function ${functions};
    drop function ${helpers};
    drop index public.idx_pam_feedback_created_at, public.idx_profiles_status, public.idx_profiles_role,
      public.idx_profiles_created_at;
  `.execute(db);
}
