import { beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type Database } from '../../src/index.ts';
import type {
  BlockedUser,
  ConversationMessage,
  FinancialSummary,
  Friendship,
  IncomeOccurrence,
  Message,
  MutualFriend,
  OwnBlock,
  OwnComment,
  OwnLike,
  PostComment,
  PostSearchResult,
  TripFinancialSummary,
  TripSearchResult,
  UserActivity,
} from '../../src/types.ts';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();

/** The Postgres types that `pg`, with our parsers, reads as a TypeScript type. */
type PostgresType<T> = [T] extends [Date]
  ? 'timestamp with time zone'
  : [T] extends [number]
    ? 'integer' | 'real'
    : [T] extends [boolean]
      ? 'boolean'
      : [T] extends [string]
        ? 'uuid' | 'text' | 'date' | 'numeric' | 'bigint'
        : never;

/** A row’s columns: TypeScript holds the keys and types to the hand-written row, the tests hold them to the database. */
type Columns<Row> = { [Column in keyof Row]-?: PostgresType<NonNullable<Row[Column]>> };

const friendship = {
  user_id: 'uuid',
  friend_id: 'uuid',
  status: 'text',
  created_at: 'timestamp with time zone',
  updated_at: 'timestamp with time zone',
} as const satisfies Columns<Friendship>;

const incomeOccurrence = {
  income_id: 'uuid',
  date: 'date',
  amount: 'numeric',
  currency: 'text',
  source: 'text',
  type: 'text',
  frequency: 'text',
} as const satisfies Columns<IncomeOccurrence>;

const functions = {
  search_trips: {
    parameters: 'search_term text, user_filter uuid, status_filter text, limit_results integer',
    required: 1,
    result: {
      trip_id: 'uuid',
      trip_name: 'text',
      description: 'text',
      user_email: 'text',
      status: 'text',
      created_at: 'timestamp with time zone',
      rank: 'real',
      user_id: 'uuid',
    } as const satisfies Columns<TripSearchResult>,
  },
  search_posts: {
    parameters: 'search_term text, limit_results integer',
    required: 1,
    result: {
      post_id: 'uuid',
      user_id: 'uuid',
      title: 'text',
      content: 'text',
      visibility: 'text',
      created_at: 'timestamp with time zone',
      rank: 'real',
    } as const satisfies Columns<PostSearchResult>,
  },
  income_occurrences: { parameters: 'from_date date, to_date date', required: 2, result: incomeOccurrence },
  user_income_occurrences: {
    parameters: 'target_user_id uuid, from_date date, to_date date',
    required: 3,
    result: incomeOccurrence,
  },
  comment_on_post: {
    parameters: 'post_id uuid, content text, comment_id uuid',
    required: 2,
    result: {
      id: 'uuid',
      post_id: 'uuid',
      user_id: 'uuid',
      post_user_id: 'uuid',
      post_visibility: 'text',
      content: 'text',
      created_at: 'timestamp with time zone',
      updated_at: 'timestamp with time zone',
    } as const satisfies Columns<PostComment>,
  },
  request_friend: { parameters: 'friend_id uuid', required: 1, result: friendship },
  accept_friend: { parameters: 'friend_id uuid', required: 1, result: friendship },
  remove_friend: { parameters: 'friend_id uuid', required: 1, result: 'boolean' },
  block_user: { parameters: 'blocked_id uuid', required: 1, result: 'void' },
  unblock_user: { parameters: 'blocked_id uuid', required: 1, result: 'boolean' },
  list_blocked_users: {
    parameters: '',
    required: 0,
    result: { blocked_id: 'uuid', created_at: 'timestamp with time zone' } as const satisfies Columns<OwnBlock>,
  },
  blocked_users: {
    parameters: 'before_created_at timestamp with time zone, before_id uuid, limit_results integer',
    required: 0,
    result: {
      blocked_id: 'uuid',
      created_at: 'timestamp with time zone',
      full_name: 'text',
      avatar_url: 'text',
    } as const satisfies Columns<BlockedUser>,
  },
  decline_friend_request: { parameters: 'friend_id uuid', required: 1, result: 'boolean' },
  cancel_friend_request: { parameters: 'friend_id uuid', required: 1, result: 'boolean' },
  mutual_friends: {
    parameters: 'other_id uuid, after_id uuid, limit_results integer',
    required: 1,
    result: { friend_id: 'uuid', full_name: 'text', avatar_url: 'text' } as const satisfies Columns<MutualFriend>,
  },
  tagged_posts: {
    parameters: 'tag text, before_created_at timestamp with time zone, before_id uuid, limit_results integer',
    required: 1,
    result: { post_id: 'uuid', created_at: 'timestamp with time zone' },
  },
  friends_posts: {
    parameters: 'before_created_at timestamp with time zone, before_id uuid, limit_results integer',
    required: 0,
    result: { post_id: 'uuid' },
  },
  posts_near: {
    parameters:
      'lat double precision, lng double precision, radius_m double precision, after_distance_m integer, before_created_at timestamp with time zone, before_id uuid, limit_results integer',
    required: 3,
    result: { post_id: 'uuid', distance_m: 'integer', created_at: 'timestamp with time zone' },
  },
  delete_comment: { parameters: 'comment_id uuid', required: 1, result: 'boolean' },
  list_own_likes: {
    parameters: '',
    required: 0,
    result: { post_id: 'uuid', created_at: 'timestamp with time zone' } as const satisfies Columns<OwnLike>,
  },
  list_own_comments: {
    parameters: '',
    required: 0,
    result: {
      id: 'uuid',
      post_id: 'uuid',
      content: 'text',
      created_at: 'timestamp with time zone',
      updated_at: 'timestamp with time zone',
    } as const satisfies Columns<OwnComment>,
  },
  search_messages: {
    parameters:
      'search_term text, user_filter uuid, conversation_filter uuid, before_position bigint, limit_results integer',
    required: 1,
    result: {
      ...({
        id: 'uuid',
        conversation_id: 'uuid',
        user_id: 'uuid',
        position: 'bigint',
        role: 'text',
        content: 'text',
        created_at: 'timestamp with time zone',
        updated_at: 'timestamp with time zone',
      } as const satisfies Columns<Omit<Message, 'metadata'>>),
      metadata: 'jsonb',
    },
  },
  jsonb_merge_patch: { parameters: 'target jsonb, patch jsonb', required: 2, result: 'jsonb' },
  like_post: { parameters: 'post_id uuid', required: 1, result: 'integer' },
  unlike_post: { parameters: 'post_id uuid', required: 1, result: 'boolean' },
  get_user_activity: { parameters: 'target_user_id uuid, activity_limit integer', required: 1, result: 'jsonb' },
  messages: { parameters: 'conversation pam_conversations', required: 1, result: 'jsonb' },
};

test('the public functions have the parameters and results that the types say', async () => {
  const { rows } = await database.admin.query(`
    select p.proname as name, pg_get_function_identity_arguments(p.oid) as parameters,
      p.pronargs - p.pronargdefaults as required,
      coalesce(
        (
          select jsonb_object_agg(p.proargnames[place], format_type(p.proallargtypes[place], null))
          from generate_subscripts(p.proargmodes, 1) as place where p.proargmodes[place] = 't'
        ),
        (
          select jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod))
          from pg_type t join pg_attribute a on a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
          where t.oid = p.prorettype and t.typrelid <> 0
        ),
        to_jsonb(format_type(p.prorettype, null))
      ) as result
    from pg_proc p where p.pronamespace = 'public'::regnamespace`);
  expect(Object.fromEntries(rows.map(({ name, ...signature }) => [name, signature]))).toEqual(functions);
});

/** How a value looks: a name for each JavaScript type, a list of one shape, an object of shapes; 'map' for unknown keys. */
type Shape<T> = [T] extends [Date]
  ? 'Date'
  : [T] extends [string]
    ? 'string'
    : [T] extends [number]
      ? 'number'
      : [T] extends [readonly (infer Item)[]]
        ? [Shape<Item>]
        : string extends keyof T
          ? 'map'
          : { [Key in keyof T]-?: Shape<NonNullable<T[Key]>> };

const primitives = { Date, string: String, number: Number, map: Object };
const isPrimitive = (shape: unknown): shape is keyof typeof primitives =>
  typeof shape === 'string' && shape in primitives;

/** What `toEqual` takes for a value of this shape: every key, no other, and lists that are not empty. */
function matching(shape: unknown, value: unknown): unknown {
  if (isPrimitive(shape)) return expect.any(primitives[shape]);
  if (Array.isArray(shape)) {
    const items: unknown[] = Array.isArray(value) ? value : [];
    return items.length > 0 ? items.map((item) => matching(shape[0], item)) : 'a list with items';
  }
  const members = Object.entries(shape ?? {});
  return Object.fromEntries(members.map(([key, member]) => [key, matching(member, Object(value)[key])]));
}

function expectShape<T>(value: T, shape: Shape<T>): void {
  expect(value).toEqual(matching(shape, value));
}

describe('documents', () => {
  let sessions: Database;
  let alice: ReturnType<Database['asUser']>;
  let trip_id: string;

  beforeAll(async () => {
    sessions = createDatabase({ connectionString: database.connectionString, max: 2 });
    alice = sessions.asUser({ sub: await database.signUp() });
    trip_id = (await alice.trips.create({ name: 'Big Lap', budget_total: '100' })).id;
    await alice.expenses.create({ trip_id, amount: '42.50', category: 'fuel' });
    await alice.income.create({ amount: '1', source: 'work' });
    await alice.posts.create({ title: 'Red dust', content: 'We saw it.' });
    const { id } = await alice.pam.startConversation({ session_id: 'phone' });
    await alice.pam.appendMessage(id, { role: 'user', content: 'How far?', metadata: { lang: 'en' } });
    return () => sessions.destroy();
  });

  test('get_user_activity', async () => {
    const activity: UserActivity = await alice.profiles.activity();
    expectShape(activity, {
      trips: [{ id: 'string', name: 'string', status: 'string', created_at: 'string' }],
      expenses: [{ id: 'string', amount: 'string', currency: 'string', category: 'string', date: 'string' }],
      posts: [{ id: 'string', title: 'string', created_at: 'string' }],
    });
    const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d$/;
    expect(activity.trips[0]?.created_at).toMatch(iso);
    expect(activity.posts[0]?.created_at).toMatch(iso);
    expect(activity.expenses[0]?.date).toMatch(/^\d{4}-\d\d-\d\d$/);
  });

  test('messages', async () => {
    const { rows } = await database.admin.query<{ messages: ConversationMessage[] }>(
      'select c.messages from pam_conversations c',
    );
    const [message] = rows[0]?.messages ?? [];
    if (!message) throw new Error('no message');
    expectShape(message, { id: 'string', role: 'string', content: 'string', metadata: 'map', created_at: 'string' });
    expect(message.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/);
  });

  test('user_financial_summary', async () => {
    const summary: FinancialSummary = await alice.profiles.financialSummary();
    const expense_categories: Shape<FinancialSummary['expense_categories']> = [
      { category: 'string', amount: 'string', count: 'number' },
    ];
    const totals = {
      total_expenses: 'string',
      total_income: 'string',
      net_income: 'string',
      expense_categories,
    } as const;
    expectShape(summary, {
      user_id: 'string',
      email: 'string',
      ...totals,
      summary_date: 'string',
      currency: 'string',
      by_currency: [{ currency: 'string', ...totals }],
    });
  });

  test('trip_financial_summary', async () => {
    const summary: TripFinancialSummary = await alice.trips.financialSummary(trip_id);
    expectShape(summary, {
      trip_id: 'string',
      trip_name: 'string',
      user_id: 'string',
      budget_total: 'string',
      actual_spent: 'string',
      remaining_budget: 'string',
      expense_count: 'number',
      recent_expenses: [{ id: 'string', category: 'string', amount: 'string', currency: 'string', date: 'string' }],
      currency: 'string',
      spent_by_currency: 'map',
    });
    expect(summary.spent_by_currency).toEqual({ USD: '42.50' });
  });
});
