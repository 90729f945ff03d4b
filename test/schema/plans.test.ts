import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely';
import type { ClientBase } from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  AccountRepository,
  BudgetRepository,
  ExpenseRepository,
  FeedbackReader,
  PamRepository,
  PlaceRepository,
  ProfileRepository,
  TripRepository,
} from '../../src/index.ts';
import type { DB } from '../../src/types.ts';
import { type ApiRole, testDatabase } from '../support/database.ts';
import { sentStatement } from '../support/sent_statement.ts';

const database = testDatabase();
let alice: string;
/** Somebody with ten trips, five incomes and so on. */
let bob: string;
/** Alice's trip of 5000 expenses. */
let lap: string;
/** Alice's conversation of 3000 messages. */
let conversation: string;

beforeAll(async () => {
  const one = async (text: string, values?: unknown[]) => (await database.admin.query(text, values)).rows[0]?.id;
  alice = await database.signUp();
  const signUps =
    "insert into auth.users (email) select n || '@example.com' from generate_series($1::int, $2::int) as n";
  await database.admin.query(signUps, [1, 200]);
  bob = await one("select id from profiles where email = '7@example.com'");
  await database.admin.query(`
    insert into trips (user_id, name, description, start_date, created_at)
      select p.id, 'Lap ' || n, 'Around the country', date '2026-01-01' + n * 7, now() - random() * interval '900 days'
      from profiles p, generate_series(1, 10) as n`);
  lap = await one('select id from trips where user_id = $1 order by id limit 1', [alice]);
  await database.admin.query(`
    insert into expenses (user_id, trip_id, amount, category, date)
      select t.user_id, case when n < 3 then t.id end, 1 + n, (array['fuel', 'food', 'camping'])[n], current_date - (random() * 900)::int
      from trips t, generate_series(1, 3) as n`);
  await database.admin.query(
    `insert into expenses (user_id, trip_id, amount, category, date)
       select $1, $2, n, 'category ' || n % 5, current_date - n % 900 from generate_series(1, 5000) as n`,
    [alice, lap],
  );
  await database.admin.query(`
    insert into income_entries (user_id, amount, source, date, type, frequency)
      select p.id, 100, 'work', current_date - (random() * 900)::int, case when n = 5 then 'recurring' else 'one_time' end, case when n = 5 then 'weekly' end
      from profiles p, generate_series(1, 5) as n;
    insert into posts (user_id, trip_id, title, content, visibility, created_at)
      select t.user_id, case when n = 1 then t.id end, 'Sunset ' || n, 'It was word' || (random() * 2000)::int, (array['public', 'public', 'friends', 'private'])[1 + (random() * 3)::int], now() - random() * interval '900 days'
      from trips t, generate_series(1, 2) as n;
    insert into post_likes (post_id, user_id, post_user_id, post_visibility)
      select p.id, p.user_id, p.user_id, p.visibility from posts p;
    insert into post_comments (post_id, user_id, post_user_id, post_visibility, content)
      select p.id, p.user_id, p.user_id, p.visibility, 'Lovely.' from posts p;
    insert into friendships (user_id, friend_id, status)
      select a.id, b.id, 'accepted' from
        (select id, row_number() over (order by id) as place from profiles) as a,
        (select id, row_number() over (order by id) as place from profiles) as b
      where abs(a.place - b.place) in (1, 2, 3);
    insert into budgets (user_id, trip_id, amount, period)
      select user_id, id, 100, 'trip' from trips;
    insert into places (user_id, trip_id, name, kind, location)
      select user_id, id, 'Tap', 'water', '{"lat": 1, "lng": 2}' from trips;
    insert into pam_conversations (user_id, session_id, created_at)
      select id, 'session ' || n, now() - random() * interval '900 days' from profiles, generate_series(1, 5) as n;
    insert into pam_messages (user_id, conversation_id, role, content)
      select user_id, id, 'user', 'Fuel?' from pam_conversations, generate_series(1, 3) as n;
    insert into pam_feedback (user_id, message_id, rating, feedback_type)
      select user_id, id, 5, kind from pam_messages, unnest('{general,accuracy,tone,length}'::text[]) as kind`);
  // Alice has so much of everything that a page of it is a small part.
  await database.admin.query(
    `insert into trips (user_id, name, status, start_date, end_date, created_at)
       select $1, 'Detour ' || n, case when n % 10 = 0 then 'cancelled' else 'completed' end, current_date - n + 10, current_date - n + 12,
         now() - n * interval '1 day'
       from generate_series(1, 500) as n`,
    [alice],
  );
  await database.admin.query(
    `insert into posts (user_id, trip_id, title, content, created_at)
       select $1, case when n % 10 > 0 then $2::uuid end, 'Dawn ' || n, 'x', now() - n * interval '1 hour' from generate_series(1, 2000) as n`,
    [alice, lap],
  );
  await database.admin.query(
    `insert into post_comments (post_id, user_id, post_user_id, post_visibility, content, created_at)
       select id, $1, user_id, visibility, 'Lovely.', now() - n * interval '1 hour'
       from (select *, row_number() over (order by id) as n from posts where visibility = 'public' order by id limit 500) as p`,
    [alice],
  );
  await database.admin.query(
    `insert into income_entries (user_id, amount, source, date)
       select $1, n, 'sale', current_date - n from generate_series(1, 500) as n`,
    [alice],
  );
  await database.admin.query(
    `insert into pam_conversations (user_id, session_id, created_at)
       select $1, 'old ' || n, now() - n * interval '1 day' from generate_series(1, 500) as n`,
    [alice],
  );
  await database.admin.query(
    `insert into budgets (user_id, category, amount, period, starts_on, created_at)
       select $1, case when n > 1 then 'category 3' end, 100, 'monthly', current_date - 400, now() + n * interval '1 hour' from generate_series(-500, 2) as n`,
    [alice],
  );
  // The laundries, and the places of the lap, are her oldest.
  await database.admin.query(
    `insert into places (user_id, trip_id, name, kind, location, created_at)
       select $1, case when n > 1500 then $2::uuid end, 'Place ' || n, case when n > 1600 then 'laundry' else 'campsite' end,
         '{"lat": 1, "lng": 2}', now() - n * interval '1 hour' from generate_series(1, 2000) as n`,
    [alice, lap],
  );
  conversation = await one("select id from pam_conversations where user_id = $1 and session_id = 'session 3'", [alice]);
  await database.admin.query(
    `with said as (
       insert into pam_messages (user_id, conversation_id, role, content)
       select $1, $2, 'user', 'Fuel?' from generate_series(1, 3000) returning id, position
     )
     insert into pam_feedback (user_id, message_id, rating, created_at)
       select $1, id, 5, now() - position * interval '1 minute' from said`,
    [alice, conversation],
  );
  await database.admin.query(signUps, [201, 1000]);
  await database.admin.query('vacuum analyze');
}, 120_000);

interface PlanNode {
  Filter?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  'Node Type': string;
  'Relation Name'?: string;
  Plans?: PlanNode[];
}

/** The nodes of the plan that the role gets for a statement. */
async function planOf(role: ApiRole, text: string, values: unknown[]): Promise<PlanNode[]> {
  const { rows } = await database.as(role, alice, (client) => client.query(`explain (format json) ${text}`, values));
  const flatten = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flatten)];
  return flatten(rows[0]['QUERY PLAN'][0].Plan);
}

interface Work {
  /** Rows read one after the other, through the whole table. */
  scanned: number;
  /** Rows read through an index. */
  fetched: number;
  inserted: number;
  updated: number;
}

/** What a statement does to each table, triggers and functions included. */
async function workOf(
  role: ApiRole,
  statement: string | ((kysely: Kysely<DB>) => Promise<unknown>),
  values: unknown[] = [],
  sub: string | null = alice,
): Promise<(table: string) => Work> {
  // The counters of this session and transaction: exact, and nobody else's.
  const counters = `
    select relname as table, seq_tup_read::int as scanned, idx_tup_fetch::int as fetched, n_tup_ins::int as inserted, n_tup_upd::int as updated
    from pg_stat_xact_user_tables where schemaname in ('public', 'private', 'auth')`;
  return await database.as(role, sub ?? undefined, async (client) => {
    const before = new Map((await client.query(counters)).rows.map((row) => [row.table, row]));
    await (typeof statement === 'string' ? client.query(statement, values) : statement(kyselyOn(client)));
    const after = new Map((await client.query(counters)).rows.map((row) => [row.table, row]));
    const scanned = [...after.values()].filter((row) => row.scanned > before.get(row.table).scanned);
    expect(
      scanned.map((row) => row.table),
      'tables that are read whole',
    ).toEqual([]);
    return (table) => {
      const [now, then] = [after.get(table), before.get(table)];
      const grown = (counter: keyof Work) => (now?.[counter] ?? 0) - (then?.[counter] ?? 0);
      return {
        scanned: grown('scanned'),
        fetched: grown('fetched'),
        inserted: grown('inserted'),
        updated: grown('updated'),
      };
    };
  });
}

/** For repositories: all that they send goes to this connection. */
function kyselyOn(client: ClientBase): Kysely<DB> {
  const only: PostgresPoolClient = { query: client.query.bind(client), release() {} };
  return new Kysely<DB>({
    dialect: new PostgresDialect({ pool: { options: {}, connect: async () => only, end: async () => {} } }),
  });
}

const page = 'order by created_at desc, id desc limit 20';
const roles = ['authenticated', 'service_role'] as const;

describe('a query has its index, under row level security', () => {
  test.each([
    ['the newest trips', 'idx_trips_user_id', `select * from trips where user_id = $1 ${page}`, () => [alice]],
    [
      'the trips of a time',
      'idx_trips_dates',
      "select * from trips where user_id = $1 and start_date between '2026-01-10' and '2026-01-20'",
      () => [alice],
    ],
    [
      'the newest trips of a status',
      'idx_trips_status',
      "select * from trips where user_id = $1 and status = 'completed' order by created_at desc, id desc limit 5",
      () => [alice],
    ],
    [
      'trips by their start',
      'idx_trips_dates',
      'select * from trips where user_id = $1 and start_date < $2 order by start_date desc, id desc limit 20',
      () => [alice, '2999-12-31'],
    ],
    [
      'the newest expenses',
      'idx_expenses_user_date',
      'select * from expenses where user_id = $1 order by date desc, id desc limit 20',
      () => [alice],
    ],
    [
      'the next page of expenses',
      'idx_expenses_user_date',
      'select * from expenses where user_id = $1 and (date, id) < ($2, $3) order by date desc, id desc limit 20',
      () => [alice, '2026-01-01', alice],
    ],
    [
      'the expenses of a trip',
      'idx_expenses_trip_id',
      'select * from expenses where user_id = $1 and trip_id = $2 order by date desc, id desc limit 20',
      () => [alice, lap],
    ],
    [
      'the expenses of a category',
      'idx_expenses_category',
      "select * from expenses where user_id = $1 and category = 'category 3' order by date desc, id desc limit 20",
      () => [alice],
    ],
    [
      'the newest income',
      'idx_income_date',
      'select * from income_entries where user_id = $1 order by date desc, id desc limit 20',
      () => [alice],
    ],
    [
      'recurring income',
      'idx_income_recurring',
      'select * from income_entries where user_id = $1 and frequency is not null and date <= current_date',
      () => [alice],
    ],
    ['one’s own posts', 'idx_posts_user_id', `select * from posts where user_id = $1 ${page}`, () => [alice]],
    [
      'the posts of a trip',
      'idx_posts_trip_id',
      `select * from posts where user_id = $1 and trip_id = $2 ${page}`,
      () => [alice, lap],
    ],
    ['the feed', 'idx_posts_created_at', `select * from posts ${page}`, () => []],
    [
      'the comments of a post',
      'idx_post_comments_created_at',
      'select * from post_comments where post_id = $1 order by created_at, id limit 20',
      () => [lap],
    ],
    [
      'one’s own comments',
      'idx_post_comments_user_id',
      `select * from post_comments where user_id = $1 ${page}`,
      () => [alice],
    ],
    ['one’s own likes', 'idx_post_likes_user_id', 'select * from post_likes where user_id = $1', () => [alice]],
    [
      'the budgets of a trip',
      'idx_budgets_trip_id',
      `select * from budgets where user_id = $1 and trip_id = $2 ${page}`,
      () => [alice, lap],
    ],
    ['the newest budgets', 'idx_budgets_user_id', `select * from budgets where user_id = $1 ${page}`, () => [alice]],
    [
      'the places of a trip',
      'idx_places_trip_id',
      `select * from places where user_id = $1 and trip_id = $2 ${page}`,
      () => [alice, lap],
    ],
    [
      'the places of a kind',
      'idx_places_kind',
      `select * from places where user_id = $1 and kind = 'laundry' ${page}`,
      () => [alice],
    ],
    ['the newest places', 'idx_places_user_id', `select * from places where user_id = $1 ${page}`, () => [alice]],
    [
      'the newest conversations',
      'idx_pam_conversations_user_id',
      `select * from pam_conversations where user_id = $1 ${page}`,
      () => [alice],
    ],
    [
      'the conversation of a session',
      'idx_pam_conversations_session',
      "select * from pam_conversations where user_id = $1 and session_id = 'session 3'",
      () => [alice],
    ],
    [
      'the history of a conversation',
      'idx_pam_messages_position',
      'select * from pam_messages where user_id = $1 and conversation_id = $2 and position < $3 order by position desc limit 50',
      () => [alice, conversation, 1e9],
    ],
    [
      'the newest feedback',
      'idx_pam_feedback_user_id',
      `select * from pam_feedback where user_id = $1 ${page}`,
      () => [alice],
    ],
    [
      'one’s friends',
      'idx_friendships_created_at',
      'select * from friendships where user_id = $1 order by created_at desc, friend_id desc limit 3',
      () => [alice],
    ],
  ] as const)('%s: %s', async (_, index, text, values) => {
    const plan = await planOf('authenticated', text, [...values()]);
    expect(plan.map((node) => node['Index Name'])).toContain(index);
    expect(plan.filter((node) => node['Node Type'] === 'Seq Scan')).toEqual([]);
    expect(plan.filter((node) => node['Node Type'] === 'Sort')).toEqual([]);
  });

  test('the visitors’ feed: idx_posts_visibility', async () => {
    const plan = await planOf('anon', `select * from posts ${page}`, []);
    expect(plan.map((node) => node['Index Name'])).toContain('idx_posts_visibility');
  });

  test('a window of days is a condition of the index, not a filter', async () => {
    const plan = await planOf(
      'authenticated',
      `select category, sum(amount) as total, count(*) as count, avg(amount) as average
       from expenses where user_id = $1 and date >= current_date - 30 group by category order by total desc`,
      [alice],
    );
    const conditions = plan.map((node) => node['Index Cond'] ?? '').filter((text) => text.includes('date >='));
    expect(conditions).toHaveLength(1);
  });

  test.each([
    ['posts', 2],
    ['post_likes', 3],
    ['post_comments', 3],
  ])('the people in the policy of %s are read once a statement, and looked up by their hash', async (table, lists) => {
    const { rows } = await database.as('authenticated', alice, (client) =>
      client.query(`explain (format json, analyze, verbose) select count(*) from ${table}`),
    );
    const flatten = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flatten)];
    const nodes = flatten(rows[0]['QUERY PLAN'][0].Plan);
    const read = nodes.filter((node) => node['Node Type'] === 'ProjectSet' && 'Subplan Name' in node);
    expect(read).toHaveLength(lists);
    for (const node of read) expect(node).toMatchObject({ 'Actual Loops': 1 });
    const filters = nodes.map((node) => node.Filter ?? '').join();
    expect(filters).toContain('hashed SubPlan');
    // One that is not hashed is gone through for each row.
    expect(filters).not.toMatch(/(?<!hashed )SubPlan/);
    const asked = nodes.filter((node) => 'Subplan Name' in node && node['Node Type'] === 'Result');
    for (const node of asked) expect(node).toMatchObject({ 'Parent Relationship': 'InitPlan' });
  });
});

describe('a repository’s statement has its indexes', () => {
  const pam = (db: Kysely<DB>) => new PamRepository(db, alice);
  const month = { since: '2026-01-01', until: '2026-01-31' };
  const first = {
    limit: 20,
    cursor: Buffer.from(
      `["accounts.list","2026-01-01 00:00:00+00","${'0'.repeat(8)}-0000-0000-0000-000000000000"]`,
    ).toString('base64url'),
  };

  test.each<[string, ApiRole, string[], (db: Kysely<DB>) => Promise<unknown>]>([
    [
      'conversations that have changed',
      'authenticated',
      ['idx_pam_conversations_updated_at', 'idx_pam_messages_created_at'],
      (db) => pam(db).list({ updated_since: new Date(Date.now() + 1000) }),
    ],
    [
      'the oldest messages',
      'authenticated',
      ['idx_pam_messages_position'],
      (db) => pam(db).history(conversation, { order: 'oldest', after: '7' }),
    ],
    [
      'recent messages',
      'authenticated',
      ['idx_pam_messages_position'],
      (db) => pam(db).recent(conversation, { max_characters: 1000 }),
    ],
    ['one’s own feedback', 'authenticated', ['idx_pam_feedback_user_id'], (db) => pam(db).listFeedback()],
    [
      'one’s own feedback on a screen of messages',
      'authenticated',
      ['idx_pam_feedback_message_id'],
      (db) => pam(db).listFeedback({ message_ids: [lap, conversation] }),
    ],
    ['one’s own statistics', 'authenticated', ['idx_pam_feedback_user_id'], (db) => pam(db).feedbackStatistics(month)],
    [
      'everybody’s feedback',
      'service_role',
      ['idx_pam_feedback_created_at'],
      (db) => new FeedbackReader(db).list(month),
    ],
    [
      'everybody’s statistics',
      'service_role',
      ['idx_pam_feedback_created_at'],
      (db) => new FeedbackReader(db).statistics(month),
    ],
    ['the newest accounts', 'service_role', ['idx_profiles_created_at'], (db) => new AccountRepository(db).list()],
    [
      'the next page of accounts',
      'service_role',
      ['idx_profiles_created_at'],
      (db) => new AccountRepository(db).list(first),
    ],
    [
      'the active users',
      'service_role',
      ['idx_profiles_created_at'],
      (db) => new AccountRepository(db).list({ role: 'user', status: 'active' }),
    ],
    ['the admins', 'service_role', ['idx_profiles_role'], (db) => new AccountRepository(db).list({ role: 'admin' })],
    [
      'the suspended',
      'service_role',
      ['idx_profiles_status'],
      (db) => new AccountRepository(db).list({ status: 'suspended', role: 'user' }),
    ],
    [
      'an address',
      'service_role',
      ['profiles_email_key'],
      (db) => new AccountRepository(db).findByEmail('7@example.com'),
    ],
    [
      'people',
      'authenticated',
      ['public_profiles_pkey'],
      (db) => new ProfileRepository(db, alice).findMany([alice, bob]),
    ],
  ])('%s', async (_, role, indexes, call) => {
    const plan = await planOf(role, ...(await sentStatement(call)));
    expect(plan.map((node) => node['Index Name'])).toEqual(expect.arrayContaining(indexes));
    expect(plan.filter((node) => node['Node Type'] === 'Seq Scan')).toEqual([]);
  });
});

describe('what is read is in proportion to what is asked for', () => {
  test('recent messages are read, and one more, however long the conversation is', async () => {
    const recent = (db: Kysely<DB>) => new PamRepository(db, alice).recent(conversation, { max_characters: 5 * 17 });
    const work = await workOf('authenticated', ...(await sentStatement(recent)));
    expect(work('pam_messages').fetched).toBe(18);
  });

  test('a search of one’s messages reads those that match, whatever others have said', async () => {
    await database.admin.query(
      `insert into pam_messages (user_id, conversation_id, role, content)
        select user_id, id, 'user', 'On to Zanzibar' from pam_conversations where user_id <> $1 and session_id = 'session 1'
        union all
        select $1, $2, 'user', 'Back from Timbuktu'`,
      [alice, conversation],
    );
    const search = (term: string, user: string) =>
      sentStatement((db) => new PamRepository(db, user).search(term, { limit: 5 }));
    expect((await workOf('authenticated', ...(await search('zanzi', alice))))('pam_messages').fetched).toBe(0);
    // Once to search, once more under the caller's policies.
    expect((await workOf('authenticated', ...(await search('zanzi', bob)), bob))('pam_messages').fetched).toBe(2);
    expect((await workOf('authenticated', ...(await search('timbuktu', alice))))('pam_messages').fetched).toBe(2);
  });

  test('an export reads one’s own likes and comments', async () => {
    const likes = await workOf('authenticated', 'select * from list_own_likes()', [], bob);
    expect(likes('post_likes').fetched).toBeLessThanOrEqual(20);
    const comments = await workOf('authenticated', 'select * from list_own_comments()', [], bob);
    expect(comments('post_comments').fetched).toBeLessThanOrEqual(20);
  });

  test('a person’s summary reads their last thirty days', async () => {
    const { rows } = await database.admin.query(
      'select count(*)::int as count from expenses where user_id = $1 and date > current_date - 30',
      [alice],
    );
    for (const [role, text, values] of [
      ['authenticated', 'select * from user_financial_summary', []],
      ['service_role', 'select * from user_financial_summary where user_id = $1', [alice]],
      ['service_role', 'select * from user_financial_summary where email = $1', [`${alice}@example.com`]],
    ] as const) {
      const work = await workOf(role, text, [...values]);
      expect(work('expenses').fetched).toBe(rows[0].count);
      expect(work('income_entries').fetched).toBeLessThan(50);
      expect(work('profiles').fetched).toBeLessThanOrEqual(2);
    }
  });

  test('the summary of a trip reads ten of its expenses, however many there are', async () => {
    const one = await workOf('authenticated', 'select * from trip_financial_summary where trip_id = $1', [lap]);
    expect(one('expenses').fetched).toBe(10);
    const all = await workOf('authenticated', 'select * from trip_financial_summary', [], bob);
    expect(all('expenses').fetched).toBe(20);
    expect(all('trips').fetched).toBe(10);
  });

  test('activity reads the rows that it tells', async () => {
    const work = await workOf('authenticated', 'select get_user_activity($1, 5)', [alice]);
    for (const table of ['trips', 'expenses', 'posts']) expect(work(table).fetched, table).toBe(5);
  });

  test('a feed reads about a page', async () => {
    const visitors = await workOf('anon', `select * from posts ${page}`);
    expect(visitors('posts').fetched).toBe(20);
    const members = await workOf('authenticated', `select * from posts ${page}`);
    expect(members('posts').fetched).toBeLessThan(100);
  });

  test('a search of one’s trips reads one’s own, though everybody’s match', async () => {
    const work = await workOf('authenticated', "select * from search_trips('lap')", [], bob);
    expect(work('trips').fetched).toBeLessThanOrEqual(2 * 10);
  });

  test('a search of posts reads those that match, beside a sample of the newest', async () => {
    const { rows } = await database.admin.query(
      "select count(*)::int as count from posts where content like 'It was word77%'",
    );
    const work = await workOf('authenticated', "select * from search_posts('word77')");
    expect(rows[0].count).toBeGreaterThan(0);
    // Once to search, once for their rank, and a page of them once more under the caller's policies.
    expect(work('posts').fetched).toBeLessThanOrEqual(200 + 2 * rows[0].count + 30);
  });

  test('a search of everybody’s trips, by the service, reads those that match', async () => {
    await database.admin.query("insert into trips (user_id, name) values ($1, 'Zanzibar')", [bob]);
    const work = await workOf('service_role', "select * from search_trips('zanzibar')", [], null);
    // Planning may look at the ends of an index.
    expect(work('trips').fetched).toBeLessThanOrEqual(4);
  });

  test('income between two days reads that person’s entries', async () => {
    for (const [role, text, values] of [
      ['authenticated', 'select * from income_occurrences(current_date - 30, current_date)', []],
      ['authenticated', 'select * from user_income_occurrences($1, current_date - 30, current_date)', [bob]],
      ['service_role', 'select * from user_income_occurrences($1, current_date - 30, current_date)', [bob]],
    ] as const) {
      const work = await workOf(role, text, [...values], bob);
      expect(work('income_entries').fetched).toBeLessThanOrEqual(5);
    }
  });

  test('totals read the expenses of their days, of their trip, and the trips that they name', async () => {
    const today = '(select (now() at time zone timezone)::date from profiles where id = $1)';
    const thirtyDays = `expenses.user_id = $1 and date > ${today} - 30 and date <= ${today}`;
    const count = async (where: string, values: unknown[]) =>
      (await database.admin.query(`select count(*)::int as count from expenses where ${where}`, values)).rows[0].count;
    const byCategory = 'select category, currency, sum(amount) from expenses where %s group by currency, category';
    const byTrip = `select totals.*, trips.name
      from (select trip_id, currency, sum(amount) from expenses where %s group by currency, trip_id) as totals
      left join trips on trips.user_id = $1 and trips.id = totals.trip_id`;
    for (const role of ['authenticated', 'service_role'] as const) {
      const recent = await count(thirtyDays, [alice]);
      expect(recent).toBeGreaterThan(100);
      expect((await workOf(role, byCategory.replace('%s', thirtyDays), [alice]))('expenses').fetched).toBe(recent);
      const trips = await workOf(role, byTrip.replace('%s', thirtyDays), [alice]);
      expect(trips('expenses').fetched).toBe(recent);
      expect(trips('trips').fetched).toBeLessThan(100);
      const ofTrip = 'expenses.user_id = $1 and expenses.trip_id = $2';
      const { rows } = await database.admin.query(
        'select id from trips where user_id = $1 order by id offset 1 limit 1',
        [alice],
      );
      const work = await workOf(role, byCategory.replace('%s', ofTrip), [alice, rows[0].id]);
      expect(work('expenses').fetched).toBe(await count(ofTrip, [alice, rows[0].id]));
    }
  });
});

describe('a repository reads in proportion to what it gives', () => {
  const trips = (read: (trips: TripRepository) => Promise<unknown>) => (kysely: Kysely<DB>) =>
    read(new TripRepository(kysely, alice));
  const budgets = (read: (budgets: BudgetRepository) => Promise<unknown>) => (kysely: Kysely<DB>) =>
    read(new BudgetRepository(kysely, alice));

  test.each(roles)('a page of trips by status or date, as %s', async (role) => {
    // Of Alice's 510 trips 4 days' worth of detours, and the laps that began, go on today; some are to come.
    for (const [most, request] of [
      [6, { limit: 5 }],
      [6, { limit: 5, status: 'cancelled' }],
      [0, { limit: 5, status: 'active' }],
      [6, { limit: 5, when: 'upcoming' }],
      [13, { limit: 20, when: 'current' }],
      [6 + 13, { limit: 5, when: 'past' }],
      [13, { limit: 20, from: '2999-01-01' }],
      [0, { limit: 20, to: '1999-01-01' }],
    ] as const) {
      const list = await workOf(
        role,
        trips((repository) => repository.list(request)),
      );
      expect(list('trips').fetched, JSON.stringify(request)).toBeLessThanOrEqual(most);
      const totals = await workOf(
        role,
        trips((repository) => repository.listWithTotals(request)),
      );
      expect(totals('trips').fetched).toBeLessThanOrEqual(most);
      expect(totals('expenses').fetched).toBe(0);
    }
  });

  test.each(roles)('a page of places by kind or trip, as %s', async (role) => {
    for (const request of [{}, { kind: 'laundry' }, { trip_id: lap }] as const) {
      const list = await workOf(role, (kysely) => new PlaceRepository(kysely, alice).list({ ...request, limit: 5 }));
      expect(list('places').fetched, JSON.stringify(request)).toBe(6);
    }
  });

  test.each(roles)('a copy of a trip, without its expenses, as %s', async (role) => {
    const work = await workOf(
      role,
      trips((repository) => repository.duplicate(lap, { budgets: true })),
    );
    expect(work('trips')).toMatchObject({ inserted: 1, updated: 0 });
    expect(work('trips').fetched).toBeLessThanOrEqual(5);
    expect(work('budgets')).toMatchObject({ fetched: 1, inserted: 1 });
    expect(work('expenses').fetched).toBe(0);
  });

  test.each(roles)('a whole trip’s budget reads no expense, as %s', async (role) => {
    const work = await workOf(
      role,
      budgets((repository) => repository.usage({ trip_id: lap, period: 'trip', limit: 1 })),
    );
    expect(work('expenses').fetched).toBe(0);
    expect(work('budgets').fetched).toBe(1);
    expect(work('trips').fetched).toBeLessThanOrEqual(2);
    const { rows } = await database.admin.query('select id from budgets where user_id = $1 and trip_id = $2', [
      alice,
      lap,
    ]);
    const history = await workOf(
      role,
      budgets((repository) => repository.history(rows[0].id)),
    );
    expect(history('expenses').fetched).toBe(0);
    expect(history('trips').fetched).toBe(1);
  });

  test.each(roles)('a page of budgets reads the expenses of their periods, as %s', async (role) => {
    let counted = 0;
    // The two newest: one on a category, one on all that she spends.
    const usage = await workOf(
      role,
      budgets(async (repository) => {
        const { items } = await repository.usage({ limit: 2 });
        for (const { category, period_start, period_end } of items) {
          const { rows } = await database.admin.query(
            `select count(*)::int as count from expenses
             where user_id = $1 and date between $2 and $3 and category = coalesce($4, category)`,
            [alice, period_start, period_end, category],
          );
          counted += rows[0].count;
        }
      }),
    );
    expect(usage('expenses').fetched).toBe(counted);
    const list = await workOf(
      role,
      budgets((repository) => repository.list({ limit: 5 })),
    );
    expect(list('budgets').fetched).toBe(6);
    const newest = await database.admin.query(
      'select id from budgets where user_id = $1 order by created_at desc limit 1',
      [alice],
    );
    const history = await workOf(
      role,
      budgets((repository) => repository.history(newest.rows[0].id, { limit: 1 })),
    );
    // A month and the one before, which tells that there is one.
    expect(history('expenses').fetched).toBeLessThan(100);
    expect(history('budgets').fetched).toBe(1);
  });
});

describe('a write reads and writes what it must, however much there is', () => {
  test('an expense changes its trip’s total without reading the others', async () => {
    const insert = await workOf(
      'authenticated',
      "insert into expenses (user_id, trip_id, amount, category) values ($1, $2, 1, 'new')",
      [alice, lap],
    );
    expect(insert('expenses')).toMatchObject({ fetched: 0, inserted: 1 });
    expect(insert('trips').updated).toBe(1);
    for (const change of ['update expenses set amount = 2', 'delete from expenses']) {
      const work = await workOf('authenticated', `${change} where user_id = $1 and category = 'new'`, [alice]);
      expect(work('expenses').fetched).toBe(1);
      expect(work('trips')).toMatchObject({ updated: 1 });
      expect(work('trips').fetched).toBeLessThanOrEqual(2);
    }
  });

  test.each(roles)('an expense that is recorded reads its trip alone, of however many, as %s', async (role) => {
    const work = await workOf(role, (db) =>
      new ExpenseRepository(db, alice).create({ trip_id: lap, amount: '1', currency: 'USD', category: 'x' }),
    );
    expect(work('expenses')).toMatchObject({ fetched: 0, inserted: 1 });
    // For the lock, the count and the check of the key.
    expect(work('trips').fetched).toBeLessThanOrEqual(4);
  });

  test('a thousand expenses of two trips write each trip once', async () => {
    const work = await workOf(
      'authenticated',
      `insert into expenses (user_id, trip_id, amount, category)
       select $1, t.id, 1, 'many' from (select id from trips where user_id = $1 order by id limit 2) as t, generate_series(1, 500)`,
      [alice],
    );
    expect(work('expenses')).toMatchObject({ fetched: 0, inserted: 1000 });
    expect(work('trips').updated).toBe(2);
  });

  test('deleting a trip writes each of its expenses once and no other trip', async () => {
    const carol = await database.signUp();
    const { rows } = await database.admin.query(
      "insert into trips (user_id, name) values ($1, 'x'), ($1, 'y') returning id",
      [carol],
    );
    await database.admin.query(
      "insert into expenses (user_id, trip_id, amount, category) select $1, $2, 1, 'x' from generate_series(1, 2000)",
      [carol, rows[0].id],
    );
    const work = await workOf(
      'authenticated',
      'delete from trips where user_id = $1 and id = $2',
      [carol, rows[0].id],
      carol,
    );
    expect(work('expenses')).toMatchObject({ updated: 2000 });
    expect(work('expenses').fetched).toBeLessThanOrEqual(2 * 2000);
    expect(work('trips').updated).toBe(0);
  });

  test('a message is appended without reading or writing the conversation’s others', async () => {
    const work = await workOf(
      'authenticated',
      "insert into pam_messages (user_id, conversation_id, role, content) values ($1, $2, 'user', 'Fuel?')",
      [alice, conversation],
    );
    expect(work('pam_messages')).toEqual({ scanned: 0, fetched: 0, inserted: 1, updated: 0 });
    expect(work('pam_conversations').updated).toBe(0);
  });

  test('a like reads its post alone', async () => {
    const { rows } = await database.admin.query(
      "select id from posts where visibility = 'public' and user_id <> $1 limit 1",
      [alice],
    );
    const work = await workOf('authenticated', 'select like_post($1)', [rows[0].id]);
    expect(work('post_likes')).toMatchObject({ fetched: 0, inserted: 1 });
    expect(work('posts').updated).toBe(1);
    expect(work('posts').fetched).toBeLessThanOrEqual(6);
  });

  test('leaving reads the leaver’s rows alone', async () => {
    const { rows } = await database.admin.query('select id from profiles where id <> $1 order by id limit 1', [alice]);
    const work = await workOf('authenticated', 'delete from profiles where id = $1', [rows[0].id], rows[0].id);
    for (const table of [
      'trips',
      'expenses',
      'income_entries',
      'budgets',
      'places',
      'posts',
      'post_likes',
      'post_comments',
      'friendships',
      'pam_conversations',
      'pam_messages',
      'pam_feedback',
    ]) {
      expect(work(table).fetched, table).toBeLessThanOrEqual(200);
    }
  });
});
