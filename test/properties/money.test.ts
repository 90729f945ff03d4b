import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ForeignKeyError, NotFoundError, SerializationError, UniqueError } from '../../src/index.ts';
import { type Person, testSessions } from '../repositories/sessions.ts';
import {
  euros,
  expected,
  expenseCount,
  firstTrips,
  type Ids,
  type Money,
  perform,
  tripCount,
  type UserWork,
  userWork,
} from './money_model.ts';

const sessions = testSessions();

/** The periods that the budgets have on the 20th of February, and no period for a trip. */
const periods: Record<string, [string, string]> = {
  weekly: ['2026-02-15', '2026-02-21'],
  monthly: ['2026-02-01', '2026-02-28'],
  yearly: ['2026-01-01', '2026-12-31'],
};
const always = { since: '1900-01-01', until: '2999-12-31' };

async function travellers(): Promise<{ people: Person[]; ids: Ids }> {
  const people = await Promise.all([sessions.signUp(), sessions.signUp()]);
  for (const person of people) {
    await person.budgets.createMany([
      { amount: '10.00', currency: 'AUD', category: 'fuel', period: 'monthly', starts_on: '2026-01-01' },
      { amount: '10.00', currency: 'USD', period: 'yearly', starts_on: '2026-01-01' },
      { amount: '10.00', currency: 'AUD', category: 'food', period: 'weekly', starts_on: '2026-02-01' },
    ]);
  }
  const some = (length: number) => Array.from({ length }, () => randomUUID());
  return { people, ids: { trips: some(tripCount), expenses: some(expenseCount) } };
}

async function work({ people, ids }: { people: Person[]; ids: Ids }, { user, work }: UserWork) {
  const person = people[user];
  if (!person) throw new Error('no such user');
  return await perform(person, ids, work);
}

const inAnyOrder = (rows: unknown[]) => rows.map((row) => JSON.stringify(row)).toSorted();

/** Asks for everything that is counted, and compares it with a recount of the model. */
async function expectCounts(money: Money, { people, ids }: { people: Person[]; ids: Ids }): Promise<void> {
  await Promise.all(people.map((person, user) => expectCountsOf(person, user, money, ids)));
}

async function expectCountsOf({ trips, expenses, budgets }: Person, user: number, money: Money, ids: Ids) {
  const spent = [...money.expenses.values()].filter((expense) => expense.user === user);
  const cents = (some: typeof spent) => some.reduce((sum, expense) => sum + expense.cents, 0);
  const idOf = (trip: number | null) => (trip === null ? null : ids.trips[trip]);
  const totals = <Key>(keysOf: (expense: (typeof spent)[number]) => Key[]) => {
    const groups = new Map<string, typeof spent>();
    for (const expense of spent) {
      for (const key of keysOf(expense)) {
        const name = JSON.stringify([key, expense.currency]);
        groups.set(name, [...(groups.get(name) ?? []), expense]);
      }
    }
    return [...groups].map(([name, group]) => [
      ...JSON.parse(name),
      euros(cents(group)),
      group.length,
      euros(Math.round(cents(group) / group.length)),
    ]);
  };
  const sums = (total: { currency: string; total: string; count: number; average: string }) => [
    total.currency,
    total.total,
    total.count,
    total.average,
  ];
  const { items } = await trips.list({ limit: 100 });
  expect(
    inAnyOrder(
      items.map(({ id, currency, budget_spent, spent_by_currency, expense_count }) => [
        id,
        currency,
        budget_spent,
        Object.entries(spent_by_currency).toSorted(),
        expense_count,
      ]),
    ),
  ).toEqual(
    inAnyOrder(
      [...money.trips].flatMap(([number, trip]) => {
        if (trip.user !== user) return [];
        const own = spent.filter((expense) => expense.trip === number);
        const inCurrency = (currency: string) => own.filter((expense) => expense.currency === currency);
        const amounts = ['AUD', 'USD'].filter((currency) => inCurrency(currency).length > 0);
        return [
          [
            ids.trips[number],
            trip.currency,
            euros(cents(inCurrency(trip.currency))),
            amounts.map((currency) => [currency, euros(cents(inCurrency(currency)))]),
            own.length,
          ],
        ];
      }),
    ),
  );

  expect(inAnyOrder((await expenses.totalsByCurrency(always)).map(sums))).toEqual(
    inAnyOrder(totals(() => [null]).map(([, ...rest]) => rest)),
  );
  expect(inAnyOrder((await expenses.totalsByCategory(always)).map((row) => [row.category, ...sums(row)]))).toEqual(
    inAnyOrder(totals(({ category }) => [category])),
  );
  expect(inAnyOrder((await expenses.totalsByMonth(always)).map((row) => [row.month, ...sums(row)]))).toEqual(
    inAnyOrder(totals(({ date }) => [date.slice(0, 7)])),
  );
  expect(inAnyOrder((await expenses.totalsByTrip(always)).map((row) => [row.trip_id, ...sums(row)]))).toEqual(
    inAnyOrder(totals(({ trip }) => [idOf(trip)])),
  );
  expect(inAnyOrder((await expenses.totalsByTag(always)).map((row) => [row.tag, ...sums(row)]))).toEqual(
    inAnyOrder(totals(({ tags }) => (tags.length > 0 ? tags : [null]))),
  );

  const usage = (await budgets.usage({ as_of: '2026-02-20', limit: 100 })).items;
  expect(usage.filter(({ trip_id }) => trip_id === null)).toHaveLength(3);
  const usedOf = (budget: (typeof usage)[number]) => {
    const [since, until] = periods[budget.period] ?? [always.since, always.until];
    return spent.filter(
      (expense) =>
        (budget.trip_id === null || budget.trip_id === idOf(expense.trip)) &&
        (budget.category === null || budget.category === expense.category) &&
        budget.currency === expense.currency &&
        since <= expense.date &&
        expense.date <= until,
    );
  };
  expect(usage.map(({ id, used }) => ({ id, used }))).toEqual(
    usage.map((budget) => ({ id: budget.id, used: euros(cents(usedOf(budget))) })),
  );
}

/** What is stored, in the model's form. */
async function stored({ people, ids }: { people: Person[]; ids: Ids }): Promise<Money> {
  const owners = people.map(({ id }) => id);
  const trips = await sessions.admin.query<{ id: string; user_id: string; currency: string }>(
    'select id, user_id, currency from trips where user_id = any($1)',
    [owners],
  );
  const expenses = await sessions.admin.query<{
    id: string;
    user_id: string;
    trip: string | null;
    cents: number;
    currency: string;
    category: string;
    date: string;
    tags: string[];
  }>(
    `select id, user_id, trip_id as trip, (100 * amount)::float8 as cents, currency, category, date::text, tags
    from expenses where user_id = any($1)`,
    [owners],
  );
  return {
    trips: new Map(
      trips.rows.map(({ id, user_id, ...trip }) => [ids.trips.indexOf(id), { ...trip, user: owners.indexOf(user_id) }]),
    ),
    expenses: new Map(
      expenses.rows.map(({ id, user_id, trip, ...fields }) => [
        ids.expenses.indexOf(id),
        { ...fields, trip: trip === null ? null : ids.trips.indexOf(trip), user: owners.indexOf(user_id) },
      ]),
    ),
  };
}

describe('what trips, totals and budgets count', () => {
  test('is what a recount gives, after each step of any sequence', async () => {
    const steps = fc.array(userWork, { minLength: 10, maxLength: 25, size: 'max' });
    const property = fc.asyncProperty(steps, async (steps) => {
      const run = await travellers();
      const money: Money = { trips: new Map(), expenses: new Map() };
      for (const step of [...firstTrips, ...steps]) {
        const refusal = expected(money, step);
        if (refusal) await expect(work(run, step)).rejects.toThrow(refusal);
        else await work(run, step);
        await expectCounts(money, run);
      }
      expect(await stored(run)).toEqual(money);
    });
    await fc.assert(property, { numRuns: 14, endOnFailure: true });
  }, 120_000);

  test('is what a recount gives, when steps that were taken at once are over', async () => {
    const batches = fc.array(fc.array(userWork, { minLength: 8, maxLength: 16, size: 'max' }), {
      minLength: 2,
      maxLength: 4,
      size: 'max',
    });
    const property = fc.asyncProperty(batches, async (batches) => {
      const run = await travellers();
      for (const batch of [firstTrips, ...batches]) {
        const settled = await Promise.allSettled(batch.map((step) => work(run, step)));
        for (const outcome of settled) {
          if (outcome.status === 'fulfilled') continue;
          const refusals = [NotFoundError, ForeignKeyError, UniqueError, SerializationError];
          if (!refusals.some((refusal) => outcome.reason instanceof refusal)) throw outcome.reason;
        }
        await expectCounts(await stored(run), run);
      }
      const { rows } = await sessions.admin.query("select id from expenses where description = 'given up'");
      expect(rows).toEqual([]);
    });
    await fc.assert(property, { numRuns: 14, endOnFailure: true });
  }, 120_000);
});
