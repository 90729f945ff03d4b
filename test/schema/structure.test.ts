import { expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();

const all = async (text: string) => (await database.admin.query(text)).rows;

test('these indexes exist, and no others', async () => {
  const rows = await all(`
    select t.relname as table, array_agg(i.relname::text order by i.relname) as indexes
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
    where t.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and t.relname not like 'kysely%'
    group by 1`);
  expect(Object.fromEntries(rows.map(({ table, indexes }) => [table, indexes]))).toEqual({
    blocks: ['blocks_pkey', 'idx_blocks_blocked_id'],
    budgets: ['budgets_pkey', 'idx_budgets_trip_id', 'idx_budgets_user_id'],
    expenses: [
      'expenses_pkey',
      'expenses_user_id_id_key',
      'idx_expenses_category',
      'idx_expenses_import_key',
      'idx_expenses_trip_id',
      'idx_expenses_user_date',
    ],
    friendships: [
      'friendships_pkey',
      'idx_friendships_created_at',
      'idx_friendships_friend_id',
      'idx_friendships_status',
    ],
    income_entries: ['idx_income_date', 'idx_income_recurring', 'income_entries_pkey', 'income_entries_user_id_id_key'],
    pam_conversations: [
      'idx_pam_conversations_session',
      'idx_pam_conversations_updated_at',
      'idx_pam_conversations_user_id',
      'pam_conversations_pkey',
      'pam_conversations_user_id_id_key',
    ],
    pam_feedback: [
      'idx_pam_feedback_created_at',
      'idx_pam_feedback_message_id',
      'idx_pam_feedback_user_id',
      'pam_feedback_pkey',
    ],
    pam_messages: [
      'idx_pam_messages_created_at',
      'idx_pam_messages_position',
      'idx_pam_messages_words',
      'pam_messages_pkey',
      'pam_messages_user_id_id_key',
    ],
    places: ['idx_places_kind', 'idx_places_trip_id', 'idx_places_user_id', 'places_pkey'],
    post_comments: [
      'idx_post_comments_created_at',
      'idx_post_comments_post_id',
      'idx_post_comments_shared',
      'idx_post_comments_user_id',
      'post_comments_pkey',
    ],
    post_likes: ['idx_post_likes_created_at', 'idx_post_likes_post_id', 'idx_post_likes_user_id', 'post_likes_pkey'],
    post_locations: ['post_locations_pkey'],
    posts: [
      'idx_posts_created_at',
      'idx_posts_place',
      'idx_posts_place_people',
      'idx_posts_search',
      'idx_posts_search_people',
      'idx_posts_shared',
      'idx_posts_trip_id',
      'idx_posts_user_id',
      'idx_posts_visibility',
      'posts_pkey',
      'posts_user_id_id_key',
      'posts_user_id_id_visibility_key',
    ],
    profiles: [
      'idx_profiles_created_at',
      'idx_profiles_role',
      'idx_profiles_status',
      'idx_profiles_user_id',
      'profiles_email_key',
      'profiles_pkey',
    ],
    public_profiles: ['public_profiles_pkey'],
    trips: [
      'idx_trips_dates',
      'idx_trips_search',
      'idx_trips_status',
      'idx_trips_user_id',
      'trips_pkey',
      'trips_user_id_id_key',
    ],
  });
});

test('no index repeats the beginning of another, but for keys that foreign keys need', async () => {
  const rows = await all(`
    with indexes as (
      select
        x.indrelid, i.relname::text as name, i.relam, x.indexrelid, coalesce(pg_get_expr(x.indpred, x.indrelid), '') as predicate,
        array(select pg_get_indexdef(x.indexrelid, k, false) || ' ' || pg_index_column_has_property(x.indexrelid, k, 'desc')::text
          from generate_series(1, x.indnkeyatts) as k) as columns
      from pg_index x join pg_class i on i.oid = x.indexrelid
      join pg_class t on t.oid = x.indrelid
      where t.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and i.relam = (select oid from pg_am where amname = 'btree')
    )
    select shorter.name
    from indexes shorter join indexes longer on longer.indrelid = shorter.indrelid and longer.indexrelid <> shorter.indexrelid
    where shorter.columns = longer.columns[1:cardinality(shorter.columns)]
      and longer.predicate in ('', shorter.predicate)
    order by 1`);
  expect(rows.map((row) => row.name)).toEqual([
    // Of an author, what others might see.
    'idx_posts_shared',
    // The anonymous feed reads public posts only, the other everybody's in the same order.
    'idx_posts_visibility',
    // The key of a post's location, beside the key of its likes and comments, which adds the visibility.
    'posts_user_id_id_key',
  ]);
});

test('every foreign key has an index that begins with its columns', async () => {
  const rows = await all(`
    select f.conrelid::regclass::text as table, f.conname as key
    from pg_constraint f join pg_class t on t.oid = f.conrelid
    where f.contype = 'f' and t.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and not exists (
      select from pg_index x
      where x.indrelid = f.conrelid and x.indisvalid
        and (select array_agg(c order by c) from unnest((x.indkey::int2[])[0:cardinality(f.conkey) - 1]) as c)
          = (select array_agg(c order by c) from unnest(f.conkey) as c)
        -- A key that is NULL refers to nothing, so its rows may be left out, no others.
        and (x.indpred is null or pg_get_expr(x.indpred, x.indrelid) in (
          select format('(%I IS NOT NULL)', a.attname) from pg_attribute a where a.attrelid = f.conrelid and a.attnum = any (f.conkey)
        ))
    )`);
  expect(rows).toEqual([]);
});

test('no unique key of a users’ table leaves out its user, but for the id', async () => {
  const rows = await all(`
    select i.relname::text as name
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
    where x.indisunique and t.relnamespace = 'public'::regnamespace and t.relname not like 'kysely%' and not exists (
      select from pg_attribute a where a.attrelid = t.oid and a.attnum = any (x.indkey) and a.attname in ('user_id', 'post_user_id')
    )
    order by 1`);
  const exceptions = rows.map((row) => row.name).filter((name) => !name.endsWith('_pkey'));
  expect(exceptions).toEqual(['profiles_email_key']);
});

test('only what may be unknown may be NULL', async () => {
  const rows = await all(`
    select c.relname as table, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind = 'r' and c.relname not like 'kysely%'
      and a.attnum > 0 and not a.attisdropped and not a.attnotnull
    group by 1`);
  expect(Object.fromEntries(rows.map(({ table, columns }) => [table, columns]))).toEqual({
    profiles: ['email', 'full_name', 'avatar_url'],
    public_profiles: ['full_name', 'avatar_url'],
    trips: ['description', 'start_date', 'end_date', 'budget_total', 'route_data'],
    expenses: ['trip_id', 'description', 'location', 'receipt_url', 'import_key'],
    income_entries: ['description', 'frequency', 'ends_on'],
    budgets: ['trip_id', 'category'],
    places: ['trip_id', 'rating', 'notes'],
    posts: ['trip_id', 'location', 'coordinates'],
    pam_feedback: ['rating', 'feedback_text', 'thumbs_up'],
  });
});

test('every table tells when its rows were made and changed, in absolute time', async () => {
  const rows = await all(`
    select c.relname as table, array_agg(a.attname::text order by a.attname) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind = 'r' and c.relname not like 'kysely%'
      and a.attname in ('created_at', 'updated_at') and a.atttypid = 'timestamptz'::regtype and a.attnotnull
    group by 1`);
  const both = rows.filter(({ columns }) => columns.length === 2).map(({ table }) => table);
  const made = rows.filter(({ columns }) => columns.length === 1).map(({ table }) => table);
  expect(made.sort()).toEqual(['blocks', 'post_likes']);
  expect(both).toHaveLength(14);
});

test('functions that only read are stable, and those that may change something say so', async () => {
  const rows = await all(`
    select proname as name, provolatile as kind from pg_proc
    where pronamespace = 'public'::regnamespace and prorettype <> 'trigger'::regtype`);
  const named = (kind: string) =>
    rows
      .filter((row) => row.kind === kind)
      .map((row) => row.name)
      .sort();
  expect(named('s')).toEqual([
    'blocked_users',
    'friends_posts',
    'get_user_activity',
    'income_occurrences',
    'list_blocked_users',
    'list_own_comments',
    'list_own_likes',
    'messages',
    'mutual_friends',
    'posts_near',
    'search_messages',
    'search_posts',
    'search_trips',
    'tagged_posts',
    'user_income_occurrences',
  ]);
  expect(named('v')).toEqual([
    'accept_friend',
    'block_user',
    'cancel_friend_request',
    'comment_on_post',
    'decline_friend_request',
    'delete_comment',
    'like_post',
    'remove_friend',
    'request_friend',
    'unblock_user',
    'unlike_post',
  ]);
  expect(named('i')).toEqual(['jsonb_merge_patch']);
});

test('functions have the specification’s names, arguments and results', async () => {
  const rows = await all(`
    select proname as name, pg_get_function_arguments(oid) as arguments, pg_get_function_result(oid) as result
    from pg_proc where pronamespace = 'public'::regnamespace and proname in ('get_user_activity', 'search_trips') order by 1`);
  expect(rows).toEqual([
    {
      name: 'get_user_activity',
      arguments: 'target_user_id uuid, activity_limit integer DEFAULT 10',
      result: 'jsonb',
    },
    {
      name: 'search_trips',
      arguments:
        'search_term text, user_filter uuid DEFAULT NULL::uuid, status_filter text DEFAULT NULL::text, limit_results integer DEFAULT 20',
      result:
        'TABLE(trip_id uuid, trip_name text, description text, user_email text, status text, created_at timestamp with time zone, rank real, user_id uuid)',
    },
  ]);
});

test('every function names schemas, so that it works under any search_path', async () => {
  const rows = await all(`
    select oid::regprocedure::text as name from pg_proc
    where pronamespace in ('public'::regnamespace, 'private'::regnamespace) and proconfig is distinct from array['search_path=pg_catalog, pg_temp']`);
  expect(rows).toEqual([]);
});

test('policies ask for the user once a statement, and each command of a table has one', async () => {
  const rows = await all(`
    select tablename, policyname, cmd, roles::text, coalesce(qual, '') || coalesce(with_check, '') as text from pg_policies
    where schemaname in ('public', 'private')`);
  expect(rows.length).toBeGreaterThan(30);
  const bare = rows.filter(({ text }) => /(?<!SELECT |SELECT unnest\()(auth\.|private\.)\w+\(\)/.test(text));
  expect(bare).toEqual([]);
  const places = rows.map(({ tablename, cmd, roles }) => `${tablename} ${cmd} ${roles}`);
  expect(places.length).toBe(new Set(places).size);
});

test('what the publication sends of a trip or a conversation stays small', async () => {
  const rows = await all(
    "select tablename as table, attnames as columns from pg_publication_tables where pubname = 'supabase_realtime'",
  );
  const columns = new Map(rows.map((row) => [row.table, row.columns]));
  expect([...columns.keys()].sort()).toEqual([
    'expenses',
    'income_entries',
    'pam_conversations',
    'pam_messages',
    'posts',
    'trips',
  ]);
  expect(columns.get('trips')).toContain('budget_spent');
  for (const large of ['route_data', 'destinations', 'search']) expect(columns.get('trips')).not.toContain(large);
  expect(columns.get('posts')).not.toContain('search');
  expect(columns.get('pam_conversations')).not.toContain('messages');
});
