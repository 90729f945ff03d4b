import { beforeAll, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { type Belongings, makeBelongings } from './belongings.ts';
import { outcome, type Request, refused, requests } from './requests.ts';

const database = testDatabase();
const { anon, user } = requests(database);
let alice: Request;
let bob: Request;
let aliceId: string;
let hers: Belongings;

beforeAll(async () => {
  aliceId = await database.signUp();
  alice = user(aliceId);
  bob = user(await database.signUp());
  hers = await makeBelongings(alice, aliceId);
});

test.each(['user_financial_summary', 'trip_financial_summary'])('%s has the own rows only', async (view) => {
  expect((await alice(`select distinct user_id from ${view}`)).rows).toEqual([{ user_id: aliceId }]);
  expect(await outcome(anon(`select 1 from ${view}`))).toBe(refused);
});

test('search_trips finds nobody else’s trips, whatever the filter', async () => {
  const search = 'select user_id, user_email from search_trips($1, $2)';
  expect((await alice(search, ['lap', null])).rows).toEqual([
    { user_id: aliceId, user_email: `${aliceId}@example.com` },
  ]);
  expect(await outcome(bob(search, ['lap', aliceId]))).toBe(0);
  expect(await outcome(anon(search, ['lap', null]))).toBe(refused);
});

test('get_user_activity tells others public posts and nothing else', async () => {
  await alice("insert into posts (user_id, title, content) values ($1, 'Open', 'To all.')", [aliceId]);
  const activity = 'select get_user_activity($1, $2) as activity';
  const { rows } = await bob(activity, [aliceId, 10]);
  expect(rows).toMatchObject([{ activity: { trips: [], expenses: [], posts: [{ title: 'Open' }] } }]);
  expect((await alice(activity, [aliceId, null])).rows).toMatchObject([
    { activity: { trips: [{ id: hers.trip_id }], expenses: [{ id: hers.expense_id }] } },
  ]);
  expect(await outcome(anon(activity, [aliceId, 10]))).toBe(refused);
});

test.each([-1, 0, 1, null, 1_000_000])('a limit of %s is brought within 1 and 100', async (limit) => {
  const dave = await database.signUp();
  await user(dave)(
    `insert into posts (user_id, title, content) select $1, 'Fuel', 'Diary of day ' || day from generate_series(1, 101) as day`,
    [dave],
  );
  const size = limit === null ? 10 : Math.min(Math.max(limit, 1), 100);
  const { rows } = await user(dave)('select jsonb_array_length(get_user_activity($1, $2) -> $3) as size', [
    dave,
    limit,
    'posts',
  ]);
  expect(rows).toEqual([{ size }]);
  const found = await outcome(user(dave)('select 1 from search_posts($1, $2)', ['diary', limit]));
  expect(found).toBe(limit === null ? 20 : size);
});

test('income_occurrences counts the own income only', async () => {
  const occurrences = "select income_id from income_occurrences('2000-01-01', '2009-12-31')";
  await alice(`update income_entries set date = '2001-01-01'`);
  expect((await alice(occurrences)).rows).toEqual([{ income_id: hers.income_id }]);
  expect(await outcome(anon(occurrences))).toBe(refused);
});
