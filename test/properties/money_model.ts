import fc from 'fast-check';
import {
  type DatabaseError,
  ForeignKeyError,
  NotFoundError,
  type TransactionSession,
  UniqueError,
  type UserRepositories,
} from '../../src/index.ts';

type Trip = { user: number; currency: string };
type Fields = { trip: number | null; cents: number; currency: string; category: string; date: string; tags: string[] };
type Expense = Fields & { user: number };

/** What two users have recorded. Users, trips and expenses are numbers, so that sequences meet often and read well. */
export type Money = { trips: Map<number, Trip>; expenses: Map<number, Expense> };

type Step =
  | { do: 'create trip'; trip: number; currency: string }
  | { do: 'update trip'; trip: number; currency: string }
  | { do: 'delete trip'; trip: number }
  | { do: 'create expense'; expense: number; fields: Fields }
  | { do: 'create expenses'; expenses: { expense: number; fields: Fields }[] }
  | { do: 'update expense'; expense: number; fields: Partial<Fields> }
  | { do: 'delete expense'; expense: number }
  | { do: 'move'; from: number; to: number | null };

/** A step, or a transaction (in one, a savepoint) of several, which its function may give up at its end. */
export type Work = Step | { do: 'all' | 'all and give up'; works: Work[] };

export type UserWork = { user: number; work: Work };

/** The ids of the trips and expenses of one run. */
export type Ids = { trips: string[]; expenses: string[] };

export const tripCount = 4;
export const expenseCount = 8;

/** Even numbers are meant for user 0, odd ones for user 1, who now and then take one of the other's. */
function works(user: number): fc.Arbitrary<UserWork> {
  const numberBelow = (count: number) =>
    fc.oneof(
      { weight: 9, arbitrary: fc.nat(count / 2 - 1).map((number) => 2 * number + user) },
      { weight: 1, arbitrary: fc.nat(count - 1) },
    );
  const trip = numberBelow(tripCount);
  const tripOrNone = fc.option(trip, { freq: 6 });
  const expense = numberBelow(expenseCount);
  const currency = fc.constantFrom('AUD', 'USD');
  const fields = {
    trip: tripOrNone,
    cents: fc.oneof(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 1, max: 9_999_999_999 })),
    currency,
    category: fc.constantFrom('fuel', 'food'),
    date: fc.constantFrom('2025-12-31', '2026-02-14', '2026-02-15', '2026-02-21', '2026-02-22', '2026-03-01'),
    tags: fc.subarray(['van', 'work']),
  };
  const newExpense = { expense, fields: fc.record(fields) };
  const patch = fc.record(fields, { requiredKeys: [] }).filter((patch) => Object.keys(patch).length > 0);
  const expenses = fc.uniqueArray(fc.record(newExpense), {
    maxLength: 4,
    size: 'max',
    selector: ({ expense }) => expense,
  });
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constant('create trip'), trip, currency }),
    { weight: 3, arbitrary: fc.record({ do: fc.constant('update trip'), trip, currency }) },
    fc.record({ do: fc.constant('delete trip'), trip }),
    fc.record({ do: fc.constant('create expense'), ...newExpense }),
    { weight: 4, arbitrary: fc.record({ do: fc.constant('create expenses'), expenses }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('update expense'), expense, fields: patch }) },
    fc.record({ do: fc.constant('delete expense'), expense }),
    fc.record({ do: fc.constant('move'), from: trip, to: tripOrNone }),
  );
  const several = (work: fc.Arbitrary<Work>): fc.Arbitrary<Work> =>
    fc.record({
      do: fc.constantFrom('all', 'all and give up'),
      works: fc.array(work, { minLength: 1, maxLength: 4, size: 'max' }),
    });
  const transaction = several(fc.oneof({ weight: 3, arbitrary: step }, several(step)));
  return fc.record({ user: fc.constant(user), work: fc.oneof({ weight: 4, arbitrary: step }, transaction) });
}

export const userWork: fc.Arbitrary<UserWork> = fc.oneof(works(0), works(1));

/** How every sequence begins: a trip for each, so that there is something to spend on. */
export const firstTrips: readonly UserWork[] = [
  { user: 0, work: { do: 'create trip', trip: 0, currency: 'AUD' } },
  { user: 1, work: { do: 'create trip', trip: 1, currency: 'USD' } },
];

export const euros = (cents: number) => (cents / 100).toFixed(2);

/** Does to the model what the database promises to do: all of the work, or nothing and the class of its error. */
export function expected(money: Money, { user, work }: UserWork): typeof DatabaseError | undefined {
  const { trips, expenses } = money;
  const mayUse = (trip: number | null | undefined) => trip == null || trips.get(trip)?.user === user;
  switch (work.do) {
    case 'create trip':
      if (!trips.has(work.trip)) trips.set(work.trip, { user, currency: work.currency });
      return trips.get(work.trip)?.user === user ? undefined : UniqueError;
    case 'update trip': {
      const row = trips.get(work.trip);
      if (row?.user !== user) return NotFoundError;
      row.currency = work.currency;
      return undefined;
    }
    case 'delete trip':
      if (trips.get(work.trip)?.user !== user) return undefined;
      trips.delete(work.trip);
      for (const row of expenses.values()) if (row.trip === work.trip) row.trip = null;
      return undefined;
    case 'create expense':
      return expected(money, { user, work: { do: 'create expenses', expenses: [work] } });
    case 'create expenses': {
      const made = work.expenses.filter(({ expense }) => !expenses.has(expense));
      if (!made.every(({ fields }) => mayUse(fields.trip))) return ForeignKeyError;
      if (work.expenses.some(({ expense }) => (expenses.get(expense)?.user ?? user) !== user)) return UniqueError;
      for (const { expense, fields } of made) expenses.set(expense, { user, ...fields });
      return undefined;
    }
    case 'update expense': {
      const row = expenses.get(work.expense);
      if (row?.user !== user) return NotFoundError;
      if (!mayUse(work.fields.trip)) return ForeignKeyError;
      Object.assign(row, work.fields);
      return undefined;
    }
    case 'delete expense':
      if (expenses.get(work.expense)?.user === user) expenses.delete(work.expense);
      return undefined;
    case 'move': {
      const rows = [...expenses.values()].filter((row) => row.user === user && row.trip === work.from);
      if (rows.length > 0 && !mayUse(work.to)) return ForeignKeyError;
      for (const row of rows) row.trip = work.to;
      return undefined;
    }
    default: {
      const copy = structuredClone(money);
      for (const part of work.works) {
        const error = expected(copy, { user, work: part });
        if (error) return error;
      }
      if (work.do === 'all') Object.assign(money, copy);
      return undefined;
    }
  }
}

type Scope = UserRepositories & {
  transaction<T>(fn: (tx: TransactionSession<UserRepositories>) => Promise<T>): Promise<T>;
};

/** Does the work. Expenses of work that is given up are described as such: no such row may ever be stored. */
export async function perform(scope: Scope, ids: Ids, work: Work, description = 'kept'): Promise<unknown> {
  const tripId = (trip: number) => ids.trips[trip] ?? '';
  const expenseId = (expense: number) => ids.expenses[expense] ?? '';
  const input = ({ trip, cents, ...fields }: Fields) => ({
    ...fields,
    amount: euros(cents),
    trip_id: trip === null ? null : tripId(trip),
  });
  switch (work.do) {
    case 'create trip': {
      const trip = await scope.trips.create({ id: tripId(work.trip), name: 'Big Lap', currency: work.currency });
      const budget = { trip_id: trip.id, amount: '10.00' };
      return await scope.budgets.createMany([
        { ...budget, period: 'trip', currency: 'USD' },
        { ...budget, period: 'trip', currency: 'AUD', category: 'fuel' },
        { ...budget, period: 'weekly', currency: 'AUD', starts_on: '2026-02-15' },
      ]);
    }
    case 'update trip':
      return await scope.trips.update(tripId(work.trip), { currency: work.currency });
    case 'delete trip':
      return await scope.trips.delete(tripId(work.trip));
    case 'create expense':
      return await scope.expenses.create({ id: expenseId(work.expense), ...input(work.fields), description });
    case 'create expenses':
      return await scope.expenses.createMany(
        work.expenses.map(({ expense, fields }) => ({ id: expenseId(expense), ...input(fields), description })),
      );
    case 'update expense': {
      const { trip, cents, ...others } = work.fields;
      return await scope.expenses.update(expenseId(work.expense), {
        ...others,
        ...(cents !== undefined && { amount: euros(cents) }),
        ...(trip !== undefined && { trip_id: trip === null ? null : tripId(trip) }),
      });
    }
    case 'delete expense':
      return await scope.expenses.delete(expenseId(work.expense));
    case 'move':
      return await scope.expenses.move({ from: tripId(work.from), to: work.to === null ? null : tripId(work.to) });
    default: {
      const givenUp = new Error('given up');
      const whole = scope.transaction(async (tx) => {
        for (const part of work.works) await perform(tx, ids, part, work.do === 'all' ? description : 'given up');
        if (work.do === 'all and give up') throw givenUp;
      });
      return await whole.catch((error: unknown) => {
        if (error !== givenUp) throw error;
      });
    }
  }
}
