import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Explanation, explainMethod } from '../../src/explain/explain_method.ts';
import { callerOf, methodsOf, nearest } from '../../src/explain/methods.ts';
import { planText, withoutValues } from '../../src/explain/plan_text.ts';
import { createDatabase, type Database } from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';

const file = testDatabase();
let database: Database;
let alice: string;
let trip: string;

beforeAll(async () => {
  database = createDatabase({ connectionString: file.connectionString, max: 2 });
  alice = await file.signUp();
  ({ id: trip } = await database.asUser({ sub: alice }).trips.create({ name: 'Big Lap' }));
});
afterAll(() => database.destroy());

const explain = (method: string, inputs: unknown[] = [], { as = alice, analyze = false } = {}): Promise<Explanation> =>
  explainMethod(file.connectionString, callerOf(as), method, inputs, analyze);

function plansOf({ statements }: Explanation): string[] {
  return statements.map((statement) =>
    'plan' in statement ? planText(withoutValues(statement.plan)) : statement.unexplained,
  );
}

test('the plan is the caller’s: of a user with policies, of the service without', async () => {
  const [own] = plansOf(await explain('trips.find', [trip]));
  // The policy's own condition stands beside the statement's.
  expect(own).toMatch(
    /One-Time Filter: \(\$0 = \?::uuid\)|One-Time Filter: \(\(InitPlan \d\)\.col1 = \?::uuid\)|Filter: .*InitPlan/,
  );
  const [service] = plansOf(await explain('trips.find', [trip], { as: `service:${alice}` }));
  expect(service).not.toMatch(/InitPlan/);
  expect(service).toMatch(/Index Cond: .*user_id = \?::uuid/);
});

test('without analyze nothing is measured; with it the rows are those of the caller', async () => {
  expect(plansOf(await explain('trips.list'))[0]).not.toMatch(/actual|Execution/);
  const [own] = plansOf(await explain('trips.list', [], { analyze: true }));
  expect(own).toMatch(/^-> Limit .*\(actual time=\S+ rows=1(\.00)? loops=1\)/);
  const stranger = await file.signUp();
  const [none] = plansOf(await explain('trips.list', [], { as: stranger, analyze: true }));
  expect(none).toMatch(/^-> Limit .*\(actual time=\S+ rows=0(\.00)? loops=1\)/);
});

test('a write is measured once, on the rows as they are, and undone', async () => {
  const [plan] = plansOf(await explain('trips.delete', [trip], { analyze: true }));
  expect(plan).toMatch(/^-> Delete on trips/);
  expect(plan).toMatch(/-> Index Scan using \w+ on trips .*\(actual time=\S+ rows=1(\.00)? loops=1\)/);
  expect(plan).toMatch(/^Trigger \w+: time=[\d.]+ calls=1$/m);
  expect(await database.asUser({ sub: alice }).trips.get(trip)).toMatchObject({ name: 'Big Lap', version: 1 });
  const [update] = plansOf(await explain('trips.update', [trip, { name: 'Other' }], { analyze: true }));
  expect(update).toMatch(/^-> Update on trips .*rows=1(\.00)? loops=1\)/);
  expect(await database.asUser({ sub: alice }).trips.get(trip)).toMatchObject({ name: 'Big Lap', version: 1 });
});

test('a method that fails after its statement still has a plan', async () => {
  const { statements, error } = await explain('trips.get', ['3f0c8f0e-8a52-4c63-9d0e-6f1f7e1d2a10']);
  expect(statements).toHaveLength(1);
  expect(error).toMatchObject({ code: 'NOT_FOUND' });
  const refused = await explain(
    'trips.create',
    [{ id: trip, name: 'x', start_date: '2026-02-01', end_date: '2026-01-01' }],
    {
      analyze: true,
    },
  );
  expect(refused.error).toMatchObject({ constraint: 'trips_dates_check' });
  expect(refused.statements[0]).toMatchObject({ unexplained: expect.stringMatching(/end/i) });
});

test('a method that fails before it sends anything throws', async () => {
  await expect(explain('trips.create', [{ name: '' }])).rejects.toThrow(/name/);
});

test('an unknown method, or another kind of session’s, names the near ones', async () => {
  await expect(explain('trip.lst')).rejects.toThrow(
    /^There is no method "trip\.lst" for this caller; near it: trips\.list, /,
  );
  await expect(explain('trips.constructor')).rejects.toThrow(/no method "trips\.constructor"/);
  await expect(explain('accounts.find')).rejects.toThrow(
    /no method "accounts\.find" for this caller; near it: \w+\.find,/,
  );
  expect((await explain('accounts.find', [alice], { as: 'service' })).statements).toHaveLength(1);
  expect((await explain('posts.feed', [], { as: 'anon' })).statements).toHaveLength(1);
  await expect(explain('posts.create', [], { as: 'anon' })).rejects.toThrow(/no method "posts\.create"/);
});

test('methods of a session are found by name', () => {
  const kysely = database.asAnon().kysely;
  expect([...methodsOf(callerOf('anon').repositories(kysely)).keys()].toSorted()).toEqual([
    'posts.byAuthor',
    'posts.byTag',
    'posts.feed',
    'posts.find',
    'posts.get',
    'posts.near',
    'posts.search',
    'profiles.find',
    'profiles.findMany',
    'profiles.get',
  ]);
  expect(nearest('post.ner', ['posts.feed', 'posts.near', 'trips.list'])[0]).toBe('posts.near');
});

test('values are in no plan, whatever they are', () => {
  const plan = {
    Plan: {
      'Node Type': 'Index Scan',
      'Index Name': 'idx_1',
      Filter: `((name = 'a''secret: 7'::text) AND (n > 12.5) AND (x = (InitPlan 3).col1) AND (t = E'\\\\''secret'))`,
      'Index Cond': [
        '(a = secret_column)',
        `(b = 'secret
-> Seq Scan'::text)`,
      ],
      'Some New Key': `'secret'`,
      'Plan Rows': 7,
    },
    Settings: { work_mem: '4MB' },
  };
  expect(withoutValues(plan)).toEqual({
    Plan: {
      'Node Type': 'Index Scan',
      'Index Name': 'idx_1',
      Filter: '((name = ?::text) AND (n > ?) AND (x = (InitPlan 3).col1) AND (t = ?))',
      'Index Cond': ['(a = secret_column)', '(b = ?::text)'],
      'Some New Key': '?',
      'Plan Rows': 7,
    },
    Settings: { work_mem: '4MB' },
  });
});
