import { beforeEach, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
let alice: string;

beforeEach(async () => {
  alice = await database.signUp();
});

const asAlice = async (text: string, values?: unknown[]) =>
  (await database.as('authenticated', alice, (client) => client.query(text, values))).rows;

const activity = async (...limit: (number | null)[]) =>
  (await asAlice(`select get_user_activity(auth.uid()${limit.length ? ', $1' : ''}) as activity`, limit))[0].activity;

async function live(rows: number) {
  await asAlice(
    `insert into trips (user_id, name, start_date) select auth.uid(), 'Trip ' || n, '2026-01-01' from generate_series(1, $1::int) as n`,
    [rows],
  );
  await asAlice(
    `insert into expenses (user_id, amount, category, date)
     select auth.uid(), n, 'fuel', date '2026-01-01' + n from generate_series(1, $1::int) as n`,
    [rows],
  );
  await asAlice(
    `insert into posts (user_id, title, content, visibility)
     select auth.uid(), 'Post ' || n, 'x', (array['public', 'friends', 'private'])[1 + n % 3] from generate_series(1, $1::int) as n`,
    [rows],
  );
  // Rows of one statement are made in one moment: they are told apart here.
  for (const table of ['trips', 'posts']) {
    const column = table === 'trips' ? 'name' : 'title';
    await database.admin.query(
      `update ${table} set created_at = timestamptz '2026-01-01Z' + split_part(${column}, ' ', 2)::int * interval '1 hour' where user_id = $1`,
      [alice],
    );
  }
}

test('a new person’s activity is three empty lists', async () => {
  expect(await activity()).toEqual({ trips: [], expenses: [], posts: [] });
});

test('activity tells what the specification’s keys say, the newest first', async () => {
  await live(3);
  const { trips, expenses, posts } = await activity();
  expect(trips.map((trip: { name: string }) => trip.name)).toEqual(['Trip 3', 'Trip 2', 'Trip 1']);
  expect(trips[0]).toEqual({
    id: expect.any(String),
    name: 'Trip 3',
    status: 'planning',
    created_at: '2026-01-01T03:00:00+00:00',
  });
  expect(expenses.map((expense: { amount: string }) => expense.amount)).toEqual(['3.00', '2.00', '1.00']);
  expect(expenses[0]).toEqual({
    id: expect.any(String),
    amount: '3.00',
    currency: 'USD',
    category: 'fuel',
    date: '2026-01-04',
  });
  expect(posts.map((post: { title: string }) => post.title)).toEqual(['Post 3', 'Post 2', 'Post 1']);
  expect(Object.keys(posts[0]).sort()).toEqual(['created_at', 'id', 'title']);
});

test.each([
  [[], 10],
  [[null], 10],
  [[3], 3],
  [[0], 1],
  [[-1], 1],
  [[1000], 100],
  [[2_147_483_647], 100],
])('with the limit %j each list has %i entries', async (limit, length) => {
  await live(120);
  const { trips, expenses, posts } = await activity(...limit);
  expect([trips.length, expenses.length, posts.length]).toEqual([length, length, length]);
  expect([trips[0].name, expenses[0].amount, posts[0].title]).toEqual(['Trip 120', '120.00', 'Post 120']);
});

test('activity works with DISTINCT', async () => {
  expect(await asAlice('select distinct get_user_activity(auth.uid()) from generate_series(1, 3)')).toHaveLength(1);
});
