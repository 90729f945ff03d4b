import { type Kysely, sql } from 'kysely';

const helpers = sql.raw(
  'private.search_query(text), private.find_trips(text, uuid, text, integer), private.find_posts(text, integer)',
);
const functions = sql.raw('public.search_trips(text, uuid, text, integer), public.search_posts(text, integer)');

/**
 * Text search. "@@" is not leakproof, so beneath a policy Postgres would test the policy on every row first and use no
 * search index (manual, section 41.5). The helpers in `private` therefore search with their owner's rights and return ids
 * and ranks alone; the public functions join these to the table under the caller's policies. `rows 20` keeps that join on
 * the primary key: for the default of 1000 rows Postgres would read the whole table.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    -- Every word must occur: as it is written, as the start of a word, or by its English stem. A stem that is the word
    -- itself is left out: ts_rank takes one of two equal operands, and not the one that matches prefixes.
    create function private.search_query(search_term text) returns tsquery
      language sql immutable strict set search_path = pg_catalog, pg_temp
      return (
        select string_agg(
          format('(''%s'':*%s)', replace(replace(word, '\\', '\\\\'), '''', ''''''), (
            select string_agg(format(' | ''%s''', replace(replace(stem, '\\', '\\\\'), '''', '''''')), '')
            from unnest(ts_lexize('pg_catalog.english_stem', word)) as stem
            where stem <> word
          )),
          ' & '
        )::tsquery
        from unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', translate(left(search_term, 200), '/', ' ')))) as word
      );

    create function private.find_trips(search_term text, owner_id uuid, wanted_status text, most integer)
      returns table (id uuid, rank real)
      language plpgsql stable security definer rows 20 set search_path = pg_catalog, pg_temp as $$
    declare
      query constant tsquery := private.search_query(search_term);
    begin
      -- A schema private that was there before may be open to users: called by name, this must not search others' trips.
      if current_setting('role') = 'authenticated' then
        owner_id := coalesce(auth.uid(), '00000000-0000-0000-0000-000000000000');
      end if;
      if owner_id is null then
        return query
          select t.id, ts_rank(t.search, query) from public.trips t
          where t.search @@ query and (wanted_status is null or t.status = wanted_status)
          order by 2 desc, t.created_at desc, t.id desc limit most;
      else
        return query
          select t.id, ts_rank(t.search, query) from public.trips t
          where t.user_id = owner_id and t.search @@ query and (wanted_status is null or t.status = wanted_status)
          order by 2 desc, t.created_at desc, t.id desc limit most;
      end if;
    end
    $$;

    create function private.find_posts(search_term text, most integer) returns table (id uuid, rank real)
      language plpgsql stable security definer rows 20 set search_path = pg_catalog, pg_temp as $$
    declare
      query constant tsquery := private.search_query(search_term);
      me constant uuid := auth.uid();
      friends constant uuid[] := private.friend_ids();
      blocked constant uuid[] := private.blocked_ids();
    begin
      return query
        select p.id, ts_rank(p.search, query) from public.posts p
        where p.search @@ query
          and (p.visibility = 'public' or p.user_id = me or (p.visibility = 'friends' and p.user_id = any (friends)))
          and p.user_id <> all (blocked)
        order by 2 desc, p.created_at desc, p.id desc limit most;
    end
    $$;

    -- A caller under row level security searches their own trips, so that another's cost no time that could be measured.
    create function public.search_trips(
      search_term text, user_filter uuid default null, status_filter text default null, limit_results integer default 20
    )
      returns table (
        trip_id uuid, trip_name text, description text, user_email text, status text, created_at timestamptz, rank real, user_id uuid
      )
      language sql stable security invoker set search_path = pg_catalog, pg_temp
      begin atomic
        select t.id, t.name, t.description, p.email::text, t.status, t.created_at, found.rank, t.user_id
        from private.find_trips(
          search_term,
          case when row_security_active('public.trips') then (select auth.uid()) else coalesce(user_filter, (select auth.uid())) end,
          status_filter,
          least(greatest(coalesce(limit_results, 20), 1), 100)
        ) as found
        join public.trips t on t.id = found.id
        join public.profiles p on p.id = t.user_id
        where user_filter is null or t.user_id = user_filter
        order by found.rank desc, t.created_at desc, t.id desc;
      end;

    create function public.search_posts(search_term text, limit_results integer default 20)
      returns table (
        post_id uuid, user_id uuid, title text, content text, visibility text, created_at timestamptz, rank real
      )
      language sql stable security invoker set search_path = pg_catalog, pg_temp
      begin atomic
        select p.id, p.user_id, p.title, p.content, p.visibility, p.created_at, found.rank
        from private.find_posts(search_term, least(greatest(coalesce(limit_results, 20), 1), 100)) as found
        join public.posts p on p.id = found.id
        order by found.rank desc, p.created_at desc, p.id desc;
      end;

    revoke execute on function ${helpers}, ${functions} from public, anon, authenticated, service_role;
    grant execute on function private.find_trips(text, uuid, text, integer), public.search_trips(text, uuid, text, integer)
      to authenticated, service_role;
    grant execute on function private.find_posts(text, integer), public.search_posts(text, integer)
      to anon, authenticated, service_role;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop function ${functions};
    drop function ${helpers};
  `.execute(db);
}
