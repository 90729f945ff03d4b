import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { createDatabase, type Database } from '../src/index.ts';
import { quantile } from './statistics.ts';
import type { Call } from './work.ts';

/** What is stored grows by one thing at a time, and this is what the methods cost then. */
export type Growth = {
  readonly name: string;
  readonly title: string;
  readonly methods: readonly { readonly method: string; readonly points: readonly Point[] }[];
};

/** Microseconds of a call by how many `rows` there are: the median, and a quarter of the calls on either side. */
export type Point = { readonly rows: number; readonly micros: number; readonly quartiles: readonly [number, number] };

type User = ReturnType<Database['asUser']>;

/** A connection as the owner of the tables on which no trigger runs and no key is checked. */
type Filler = (text: string, values?: unknown[]) => Promise<void>;

type Dimension = {
  readonly name: string;
  readonly title: string;
  /** Adds the rows after the first `from`, up to `to`. */
  grow(fill: Filler, me: string, from: number, to: number): Promise<void>;
  methods(user: User, me: string): Promise<Record<string, Call>>;
};

const otherId = (number: string) => `('00000000-0000-4000-8000-' || lpad((${number})::text, 12, '0'))::uuid`;
const trip = '00000000-0000-4000-9000-000000000001';
const conversation = '00000000-0000-4000-9000-000000000002';
const lastYear = { since: '2026-09-01', until: '2026-09-30' };
const atThePump = { amount: '42.50', currency: 'USD', category: 'fuel', date: '2026-10-01' };

/** Thirty a day, back from October 2026: a month holds 900 at most, however many years there are. */
const expenses = (owner: string, tripId: string) => `
  insert into expenses (user_id, trip_id, amount, currency, category, description, date)
  select ${owner}, ${tripId}, (1 + number % 90) * 1.00, 'USD', (array['fuel', 'food', 'camping', 'repairs'])[1 + number % 4],
    'Paid at stop ' || number, date '2026-10-01' - number / 30
  from generate_series($2::int + 1, $3::int) as number`;

const own: Dimension = {
  name: 'own',
  title: "The user's expenses",
  grow: (fill, me, from, to) => fill(expenses('$1::uuid', 'null::uuid'), [me, from, to]),
  async methods({ expenses }) {
    const { items, next_cursor } = await expenses.list();
    const id = items[0]?.id ?? '';
    const page = next_cursor ?? null;
    return {
      'expenses.get': () => expenses.get(id),
      'expenses.list': () => expenses.list(),
      'expenses.list, next page': () => expenses.list({ cursor: page }),
      'expenses.list of a category': () => expenses.list({ category: 'food' }),
      'expenses.create': () => expenses.create(atThePump),
      'expenses.update': () => expenses.update(id, { description: 'Diesel, and a coffee' }),
      'expenses.totalsByCategory of a month': () => expenses.totalsByCategory(lastYear),
    };
  },
};

const others: Dimension = {
  name: 'others',
  title: "Others' expenses and posts, of each as many",
  async grow(fill, me, from, to) {
    if (from === 0) await fill(expenses('$1::uuid', 'null::uuid'), [me, 0, 200]);
    await fill(expenses(otherId('number % 1000'), 'null::uuid').replaceAll('$2', '$1').replaceAll('$3', '$2'), [
      from,
      to,
    ]);
    await fill(
      `insert into posts (user_id, title, content, created_at)
       select ${otherId('number % 1000')}, 'Day ' || number,
         case when number % 50 = 0 then 'Dust storm' else 'word' || number % 5000 end,
         timestamptz '2026-01-01' + number * interval '1 minute'
       from generate_series($1::int + 1, $2::int) as number`,
      [from, to],
    );
  },
  async methods({ expenses, posts }) {
    const { items } = await expenses.list();
    const id = items[0]?.id ?? '';
    return {
      'expenses.get': () => expenses.get(id),
      'expenses.list': () => expenses.list(),
      'expenses.create': () => expenses.create(atThePump),
      'posts.feed': () => posts.feed(),
      'posts.feed of all public': () => posts.feed({ scope: 'public' }),
      'posts.search': () => posts.search('dust storm'),
    };
  },
};

const messages: Dimension = {
  name: 'messages',
  title: "Messages in one of PAM's conversations",
  async grow(fill, me, from, to) {
    if (from === 0) {
      await fill("insert into pam_conversations (id, user_id, session_id) values ($1, $2, 'bench')", [
        conversation,
        me,
      ]);
    }
    await fill(
      `insert into pam_messages (user_id, conversation_id, role, content)
       select $1, $2, 'user', 'Where is diesel cheap, beside stop ' || number from generate_series($3::int + 1, $4::int) as number`,
      [me, conversation, from, to],
    );
  },
  async methods({ pam }) {
    const { next_cursor } = await pam.history(conversation);
    const page = next_cursor ?? null;
    return {
      'pam.appendMessage': () => pam.appendMessage(conversation, { role: 'user', content: 'And water?' }),
      'pam.history': () => pam.history(conversation),
      'pam.history, next page': () => pam.history(conversation, { cursor: page }),
      'pam.recent': () => pam.recent(conversation, { max_characters: 2000 }),
    };
  },
};

const inTrip: Dimension = {
  name: 'trip',
  title: 'Expenses in a trip',
  async grow(fill, me, from, to) {
    if (from === 0)
      await fill("insert into trips (id, user_id, name, currency) values ($1, $2, 'Big Lap', 'USD')", [trip, me]);
    await fill(expenses('$1::uuid', `'${trip}'::uuid`), [me, from, to]);
    await fill(
      `update trips set expense_count = totals.count, budget_spent = totals.sum,
         spent_by_currency = jsonb_build_object('USD', totals.sum)
       from (select count(*), sum(amount) from expenses where trip_id = $1) as totals where id = $1`,
      [trip],
    );
  },
  async methods({ expenses, trips }) {
    const { items } = await expenses.list({ trip_id: trip });
    const id = items[0]?.id ?? '';
    return {
      'expenses.create in it': () => expenses.create({ ...atThePump, trip_id: trip }),
      'expenses.update, the amount': () => expenses.update(id, { amount: '12.50' }),
      'expenses.list of it': () => expenses.list({ trip_id: trip }),
      'trips.get': () => trips.get(trip),
      'trips.financialSummary': () => trips.financialSummary(trip),
    };
  },
};

const friends: Dimension = {
  name: 'friends',
  title: 'Friends, each with a post for friends',
  async grow(fill, me, from, to) {
    await fill(
      `insert into friendships (user_id, friend_id, status)
       select $1, ${otherId('number')}, 'accepted' from generate_series($2::int + 1, $3::int) as number`,
      [me, from, to],
    );
    await fill(
      `insert into posts (user_id, title, content, visibility, created_at)
       select ${otherId('number')}, 'Day ' || number, 'Calm and sunny', 'friends', timestamptz '2026-01-01' + number * interval '1 minute'
       from generate_series($1::int + 1, $2::int) as number`,
      [from, to],
    );
  },
  async methods({ posts, friends }) {
    const { items } = await posts.feed({ scope: 'friends' });
    const id = items[0]?.id ?? '';
    return {
      'posts.feed of friends': () => posts.feed({ scope: 'friends' }),
      'posts.feed': () => posts.feed(),
      'posts.get of a friend': () => posts.get(id),
      'friends.list': () => friends.list(),
    };
  },
};

export const dimensions: readonly Dimension[] = [own, others, messages, inTrip, friends];

/** The numbers of rows at which everything is measured: 10, 100 … up to `rows`. */
function sizesUpTo(rows: number): number[] {
  return [10, 100, 1_000, 10_000, 100_000, 1_000_000].filter((size) => size <= rows);
}

/** Measures the methods of a dimension in an empty, migrated database, as it grows. */
export async function measureGrowth(
  { name, title, grow, methods }: Dimension,
  connectionString: string,
  { rows, calls }: { rows: number; calls: number },
  signal: AbortSignal,
): Promise<Growth> {
  const client = new Client({ connectionString });
  await client.connect();
  const measured = new Map<string, Point[]>();
  try {
    const me = randomUUID();
    await client.query("insert into auth.users (id, email) values ($1, 'bench@example.com')", [me]);
    await client.query('set session_replication_role = replica');
    const fill: Filler = async (text, values = []) => void (await client.query(text, values));
    let from = 0;
    for (const to of sizesUpTo(rows)) {
      signal.throwIfAborted();
      await grow(fill, me, from, to);
      await client.query('vacuum analyze');
      from = to;
      const database = createDatabase({ connectionString, max: 1, statementTimeoutMillis: 0 });
      try {
        for (const [method, call] of Object.entries(await methods(database.asUser({ sub: me }), me))) {
          const points = measured.get(method) ?? [];
          points.push({ rows: to, ...(await costOf(call, calls)) });
          measured.set(method, points);
        }
      } finally {
        await database.destroy();
      }
    }
  } finally {
    await client.end();
  }
  return { name, title, methods: [...measured].map(([method, points]) => ({ method, points })) };
}

async function costOf(call: Call, calls: number): Promise<Omit<Point, 'rows'>> {
  // After five the server may use one plan for all values.
  for (let time = 0; time < Math.min(calls, 6); time++) await call();
  const micros: number[] = [];
  const start = performance.now();
  // What takes long is called less often, but five times.
  while (micros.length < calls && (micros.length < 5 || performance.now() < start + 2_000)) {
    const before = performance.now();
    await call();
    micros.push((performance.now() - before) * 1000);
  }
  return { micros: quantile(micros, 0.5), quartiles: [quantile(micros, 0.25), quantile(micros, 0.75)] };
}
