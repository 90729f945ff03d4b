import { type Kysely, sql } from 'kysely';

const helpers = sql.raw(`
  private.find_tagged_posts(text, timestamptz, uuid, integer),
  private.find_posts_near(double precision, double precision, double precision, integer, timestamptz, uuid, integer)`);
const functions = sql.raw(`
  public.tagged_posts(text, timestamptz, uuid, integer),
  public.posts_near(double precision, double precision, double precision, integer, timestamptz, uuid, integer)`);

const forUsers = sql.raw(
  'private.find_friends_posts(timestamptz, uuid, integer), public.friends_posts(timestamptz, uuid, integer)',
);

/** What is asked for is a page of up to 100, and one more, which tells whether another page follows. */
const rows = sql.raw('least(greatest(coalesce(limit_results, 20), 1), 101)');
/** Without a row to come after, a page starts before all rows. */
const before = sql.raw(
  `coalesce(before_created_at, 'infinity'), coalesce(before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')`,
);

/** Of a post that is not public, for whom it is: 'friends:<author>' or 'private:<author>'. */
const audience = sql.raw("visibility || ':' || user_id::text");

/** A moment between the years 2000 and 2100, the first or the last one if it is outside: infinity is. */
const within = (moment: string) =>
  sql.raw(`least(greatest(${moment}, '2000-01-01Z'::timestamptz), '2100-01-01Z'::timestamptz)`);
const week = (moment: string) => sql`((${within(moment)} at time zone 'UTC')::date - date '2000-01-01') / 7`;

/**
 * When a post was made: its week, and its period of 4, 16, 64 and 256 weeks, as numbers whose last octal digit says which.
 * An index with these gives the newest posts that match, and not all there ever were: any span is a few of them.
 */
const periods = sql`array[${sql.join(
  [0, 1, 2, 3, 4].map((level) => sql`${week('created_at')} / ${sql.lit(4 ** level)} * 8 + ${sql.lit(level)}`),
)}]`;

/**
 * Unless `newest` has as many as are wanted: the newest public posts that match, from `to_week` on, at first in so many `weeks`,
 * then in those before, three times as many, and so on to the first.
 */
const readWeeks = (matches: string, wanted: string) => sql`
      if cardinality(newest) < ${sql.raw(wanted)} then
        newest := '{}';
        first_week := (
          select ${week('p.created_at')} from public.posts p where p.visibility = 'public' order by p.created_at, p.id limit 1
        );
      end if;
      while cardinality(newest) < ${sql.raw(wanted)} and to_week >= first_week loop
        from_week := greatest(to_week - weeks, first_week);
        newest := newest || array(
          select found.id
          from (
            select p.id, p.created_at from public.posts p
            where p.visibility = 'public' and ${sql.raw(matches)}
              and ${periods} && (select private.periods(from_week, to_week))
              and ${week('p.created_at')} between from_week and to_week and p.user_id <> all (blocked)
            offset 0
          ) as found
          order by found.created_at desc, found.id desc
          limit ${sql.raw(wanted)} - cardinality(newest)
        );
        to_week := from_week - 1;
        weeks := weeks * 3 + 1;
      end loop;`;

/** The last "offset 0" has the distance calculated once a row. */
const withMetres = (posts: string) =>
  sql.raw(`
            select found.id, found.created_at, round(2 * 6371009 * asin(least(1, sqrt(
              sind((found.coordinates[1] - here_lat) / 2) ^ 2
              + cosd(here_lat) * cosd(found.coordinates[1]) * sind((found.coordinates[0] - here_lng) / 2) ^ 2
            ))))::integer as metres
            from (${posts}
            ) as found
            offset 0`);
const comesAfter = sql.raw('(near.metres, before_created_at, before_id) > (after_distance, near.created_at, near.id)');

/**
 * Lists of posts by word, by tag, by place and by author. What is public has indexes of its own, so that the time of a
 * search tells nothing of posts out of sight; what is not public is searched by person: the caller and their friends. As
 * the text search does, the helpers in `private` search with their owner's rights, because neither "@@" nor "@>" nor "<@"
 * is leakproof, and give ids, which the public functions join to the table under the caller's policies. An "offset 0" keeps
 * the plan from going through other rows: from the newest to the oldest, say, past those out of sight.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop index public.idx_posts_search;
    -- Without fastupdate: entries that wait in a list would be gone through by each search until the next vacuum.
    create index idx_posts_search on public.posts using gin (search, tags, (${periods}))
      with (fastupdate = off) where visibility = 'public';
    create index idx_posts_search_people on public.posts using gin ((array[${audience}]), search, tags)
      with (fastupdate = off) where visibility <> 'public';
    -- Where a post says it is, as (lng, lat). The check on "location" comes after this is calculated.
    alter table public.posts add column coordinates point generated always as (
      case when private.is_location(location) then
        point((location -> 'lng')::double precision, (location -> 'lat')::double precision)
      end
    ) stored;
    create index idx_posts_place on public.posts using gist (coordinates) include (user_id, created_at, id)
      where visibility = 'public' and coordinates is not null;
    create index idx_posts_place_people on public.posts ((${audience}), (coordinates[1]))
      where visibility <> 'public' and coordinates is not null;
    create index idx_posts_shared on public.posts (user_id, created_at desc, id desc) where visibility <> 'private';
  `.execute(db);

  await sql`
    -- Whose posts the caller sees of those that are not public, as the indexes name them.
    create function private.audiences() returns text[]
      language sql stable set search_path = pg_catalog, pg_temp
      begin atomic
        select coalesce(array_agg(kind || ':' || id::text), '{}')
        from (
          select 'friends' as kind, unnest(private.friend_ids()) as id
          union all
          select kind, auth.uid() from unnest(array['friends', 'private']) as kind
        ) as seen
        where id is not null;
      end;
    revoke execute on function private.audiences() from public, anon, authenticated, service_role;

    -- Some weeks as the index has them: in periods of a fourth to a sixteenth of the time, of which those at the ends may hold
    -- other weeks too.
    create function private.periods(from_week integer, to_week integer) returns integer[]
      language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
    declare
      level constant integer := least(4, greatest(0, floor(log(4, to_week - from_week + 1)) - 1));
      width constant integer := 4 ^ level;
    begin
      return array(select 8 * number + level from generate_series(from_week / width, to_week / width) as number);
    end
    $$;
    revoke execute on function private.periods(integer, integer) from public, anon, authenticated, service_role;

    -- The best of the newest thousand that match. Of a word that a sample shows to be common these are found among the newest
    -- 20,000 posts. Of others, through the index: in as many weeks as would hold a thousand, or 20,000 posts if the sample has
    -- none, and so on back. What is asked of an index comes from a "select",
    -- so that the plan does not depend on how common a word is out of sight.
    create or replace function private.find_posts(search_term text, most integer) returns table (id uuid, rank real)
      language plpgsql stable security definer rows 20 set search_path = pg_catalog, pg_temp as $$
    declare
      query constant tsquery := private.search_query(search_term);
      blocked constant uuid[] := private.blocked_ids();
      audiences constant text[] := private.audiences();
      first_week integer;
      from_week integer;
      to_week integer;
      weeks integer;
      matching integer;
      newest uuid[] := '{}';
    begin
      select count(*) filter (where sample.search @@ query), ${week('max(sample.created_at)')},
        least(10000, extract(epoch from ${within('max(sample.created_at)')} - ${within('min(sample.created_at)')}) / 604800
          * coalesce(1200.0 / nullif(count(*) filter (where sample.search @@ query), 0), 100))
      into matching, to_week, weeks
      from (
        select p.search, p.created_at from public.posts p where p.visibility = 'public' order by p.created_at desc, p.id desc limit 200
      ) as sample;
      if matching >= 10 then
        newest := array(
          select recent.id
          from (
            select p.id, p.user_id, p.search from public.posts p
            where p.visibility = 'public'
            order by p.created_at desc, p.id desc
            limit 20000
          ) as recent
          where recent.search @@ query and recent.user_id <> all (blocked)
          limit 1000
        );
      end if;
${readWeeks('p.search @@ (select query)', '1000')}
      return query
        select found.id, ts_rank(found.search, query)
        from (
          (select p.id, p.search, p.created_at from public.posts p where p.id = any ((select newest)::uuid[]))
          union all
          (
            select theirs.id, theirs.search, theirs.created_at
            from (
              select p.id, p.search, p.created_at from public.posts p
              where p.visibility <> 'public' and array[p.visibility || ':' || p.user_id::text] && (select audiences)
                and p.search @@ (select query)
              offset 0
            ) as theirs
            order by theirs.created_at desc, theirs.id desc
            limit 1000
          )
        ) as found
        order by 2 desc, found.created_at desc, found.id desc
        limit most;
    end
    $$;

    -- As a search: a tag that is common fills the page from the newest thousand posts, another from more and more weeks.
    create function private.find_tagged_posts(wanted_tag text, before_created_at timestamptz, before_id uuid, most integer)
      returns table (id uuid)
      language plpgsql stable security definer rows 20 set search_path = pg_catalog, pg_temp as $$
    declare
      wanted_tags constant text[] := array[wanted_tag];
      blocked constant uuid[] := private.blocked_ids();
      audiences constant text[] := private.audiences();
      first_week integer;
      from_week integer;
      to_week integer;
      weeks integer;
      newest uuid[];
    begin
      newest := array(
        select recent.id
        from (
          select p.id, p.user_id, p.tags from public.posts p
          where p.visibility = 'public' and (p.created_at, p.id) < (before_created_at, before_id)
          order by p.created_at desc, p.id desc
          limit 1000
        ) as recent
        where recent.tags @> wanted_tags and recent.user_id <> all (blocked)
        limit most
      );
      if cardinality(newest) < most then
        select ${week('max(recent.created_at)')}, least(10000,
          extract(epoch from ${within('max(recent.created_at)')} - ${within('min(recent.created_at)')}) / 604800
            * least(20, 1.2 * most / greatest(cardinality(newest), 1)))
        into to_week, weeks
        from (
          select p.created_at from public.posts p
          where p.visibility = 'public' and (p.created_at, p.id) < (before_created_at, before_id)
          order by p.created_at desc, p.id desc
          limit 1000
        ) as recent;
      end if;
${readWeeks('p.tags @> (select wanted_tags) and (p.created_at, p.id) < (before_created_at, before_id)', 'most')}
      return query
        select found.id
        from (
          (select p.id, p.created_at from public.posts p where p.id = any ((select newest)::uuid[]))
          union all
          (
            select theirs.id, theirs.created_at
            from (
              select p.id, p.created_at from public.posts p
              where p.visibility <> 'public' and array[p.visibility || ':' || p.user_id::text] && (select audiences)
                and p.tags @> (select wanted_tags) and (p.created_at, p.id) < (before_created_at, before_id)
              offset 0
            ) as theirs
            order by theirs.created_at desc, theirs.id desc
            limit most
          )
        ) as found
        order by found.created_at desc, found.id desc
        limit most;
    end
    $$;

    -- Somebody with more friends than a page has posts finds it among the newest posts of everybody, if they are theirs: as many
    -- are read as there are friends, which costs less than to ask for the newest post of each. Otherwise a page of n posts has
    -- at most n authors, those whose newest posts are the newest.
    create function private.find_friends_posts(before_created_at timestamptz, before_id uuid, most integer)
      returns table (id uuid)
      language plpgsql stable security definer rows 20 set search_path = pg_catalog, pg_temp as $$
    declare
      friends constant uuid[] := private.friend_ids();
      newest uuid[];
    begin
      if cardinality(friends) > most then
        newest := array(
          select recent.id
          from (
            select p.id, p.user_id, p.visibility from public.posts p
            where (p.created_at, p.id) < (before_created_at, before_id)
            order by p.created_at desc, p.id desc
            limit cardinality(friends)
          ) as recent
          -- Not as a join, which would have to read all of them.
          where recent.visibility <> 'private' and (recent.user_id in (select unnest(friends))) is true
          limit most
        );
        if cardinality(newest) = most then
          return query select unnest(newest);
          return;
        end if;
      end if;
      return query
        select theirs.id
        from (
          select friend.id
          from unnest(friends) as friend (id)
          cross join lateral (
            select p.created_at, p.id from public.posts p
            where p.user_id = friend.id and p.visibility <> 'private' and (p.created_at, p.id) < (before_created_at, before_id)
            order by p.created_at desc, p.id desc
            limit 1
          ) as newest
          order by newest.created_at desc, newest.id desc
          limit most
        ) as author
        cross join lateral (
          select p.created_at, p.id from public.posts p
          where p.user_id = author.id and p.visibility <> 'private' and (p.created_at, p.id) < (before_created_at, before_id)
          order by p.created_at desc, p.id desc
          limit most
        ) as theirs
        order by theirs.created_at desc, theirs.id desc
        limit most;
    end
    $$;

    -- Public posts: circles around the place, each wider than the one before, until they hold as many posts as are wanted,
    -- so that a page costs what lies about as near as its last post, however wide the radius. Then those of the caller and
    -- their friends. Both lists end where the page might; whoever asks puts them together.
    --
    -- Distances are whole metres on a sphere; the boxes around a circle are a metre wider, for what is rounded down into it.
    create function private.find_posts_near(
      here_lat double precision, here_lng double precision, radius double precision,
      after_distance integer, before_created_at timestamptz, before_id uuid, most integer
    )
      returns table (id uuid, distance integer)
      language plpgsql stable security definer rows 20 set search_path = pg_catalog, pg_temp as $$
    declare
      blocked constant uuid[] := private.blocked_ids();
      audiences constant text[] := private.audiences();
      farthest constant double precision := least(radius, 20040000);
      inner_radius double precision := after_distance - 1;
      outer_radius double precision := least(greatest(after_distance, 0) * 1.5 + 2000, farthest);
      angle double precision;
      south double precision;
      north double precision;
      width double precision;
      areas box[];
      wanted integer := most;
      given integer;
    begin
      if (here_lat between -90 and 90 and here_lng between -180 and 180 and radius > 0) is not true then
        raise invalid_parameter_value using
          message = 'A place has a latitude from -90 to 90, a longitude from -180 to 180 and a radius above zero.';
      end if;
      loop
        angle := (outer_radius + 1) / 6371009;
        south := here_lat - degrees(angle);
        north := here_lat + degrees(angle);
        -- A circle around a pole holds every meridian; one across the 180th has a part on either side of the map.
        width := case when south > -90 and north < 90 then degrees(asin(least(1, sin(angle) / cosd(here_lat)))) else 180 end;
        areas := case
          when width >= 180 then array[box(point(-180, south), point(180, north))]
          when here_lng - width < -180 then array[
            box(point(-180, south), point(here_lng + width, north)), box(point(here_lng - width + 360, south), point(180, north))
          ]
          when here_lng + width > 180 then array[
            box(point(here_lng - width, south), point(180, north)), box(point(-180, south), point(here_lng + width - 360, north))
          ]
          else array[box(point(here_lng - width, south), point(here_lng + width, north))]
        end;
        return query
          select near.id, near.metres from (
            ${withMetres(`
              select p.id, p.created_at, p.coordinates from unnest(areas) as area join public.posts p on p.coordinates <@ area
              where p.visibility = 'public' and p.coordinates is not null and p.user_id <> all (blocked)`)}
          ) as near
          where near.metres > inner_radius and near.metres <= outer_radius and ${comesAfter}
          order by near.metres, near.created_at desc, near.id desc
          limit wanted;
        get diagnostics given = row_count;
        wanted := wanted - given;
        exit when wanted = 0 or outer_radius >= farthest;
        inner_radius := outer_radius;
        outer_radius := least(outer_radius * case when given = 0 then 4 else 1.5 end, farthest);
      end loop;

      angle := (farthest + 1) / 6371009;
      return query
        select near.id, near.metres from (
          ${withMetres(`
            select p.id, p.created_at, p.coordinates from public.posts p
            where p.visibility <> 'public' and p.coordinates is not null
              and p.visibility || ':' || p.user_id::text = any (audiences)
              and p.coordinates[1] between here_lat - degrees(angle) and here_lat + degrees(angle)`)}
        ) as near
        where near.metres <= farthest and ${comesAfter}
        order by near.metres, near.created_at desc, near.id desc
        limit most;
    end
    $$;
  `.execute(db);

  await sql`
    create function public.tagged_posts(
      tag text, before_created_at timestamptz default null, before_id uuid default null, limit_results integer default 20
    )
      returns table (post_id uuid, created_at timestamptz)
      language sql stable security invoker rows 20 set search_path = pg_catalog, pg_temp
      begin atomic
        select p.id, p.created_at
        from private.find_tagged_posts(tag, ${before}, ${rows}) as found
        join public.posts p on p.id = found.id
        order by p.created_at desc, p.id desc;
      end;

    create function public.friends_posts(
      before_created_at timestamptz default null, before_id uuid default null, limit_results integer default 20
    )
      returns table (post_id uuid)
      language sql stable security invoker rows 20 set search_path = pg_catalog, pg_temp
      begin atomic
        select id from private.find_friends_posts(${before}, ${rows});
      end;

    -- By where a post says it is, about a kilometre off unless its author says exactly. A page that comes after another
    -- names the other's last post: its distance, its time and its id.
    create function public.posts_near(
      lat double precision, lng double precision, radius_m double precision,
      after_distance_m integer default null, before_created_at timestamptz default null, before_id uuid default null,
      limit_results integer default 20
    )
      returns table (post_id uuid, distance_m integer, created_at timestamptz)
      language sql stable security invoker rows 20 set search_path = pg_catalog, pg_temp
      begin atomic
        select p.id, found.distance, p.created_at
        from private.find_posts_near(lat, lng, radius_m, coalesce(after_distance_m, -1), ${before}, ${rows}) as found
        join public.posts p on p.id = found.id
        order by found.distance, p.created_at desc, p.id desc
        limit ${rows};
      end;

    revoke execute on function ${helpers}, ${functions}, ${forUsers} from public, anon, authenticated, service_role;
    grant execute on function ${helpers}, ${functions} to anon, authenticated, service_role;
    grant execute on function ${forUsers} to authenticated, service_role;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop function ${functions}, ${forUsers};
    drop function ${helpers};
    drop index public.idx_posts_shared, public.idx_posts_search_people, public.idx_posts_search;
    alter table public.posts drop column coordinates;
    create index idx_posts_search on public.posts using gin (search);

    create or replace function private.find_posts(search_term text, most integer) returns table (id uuid, rank real)
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
    drop function private.audiences(), private.periods(integer, integer);
  `.execute(db);
}
