import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  CheckError,
  CursorError,
  ForeignKeyError,
  NotFoundError,
  PermissionError,
  ValidationError,
} from '../../src/index.ts';
import type { BudgetFilter, BudgetInput, BudgetPeriodUsage } from '../../src/types.ts';
import { testOwnRows } from './own_rows.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

testOwnRows(sessions, {
  table: 'budgets',
  sortedBy: 'created_at',
  repository: ({ budgets }) => budgets,
  onBehalf: ({ budgets }) => budgets,
  input: (id) => ({ id, amount: '400.00', period: 'monthly' as const, starts_on: '2026-12-01' }),
  patch: {
    trip_id: null,
    category: 'fuel',
    amount: '90.50',
    currency: 'NZD',
    period: 'weekly' as const,
    starts_on: '2026-12-03',
  },
});

async function traveller() {
  const alice = await sessions.signUp();
  const [trip, detour] = await alice.trips.createMany([{ name: 'Big Lap' }, { name: 'Detour' }]);
  if (!trip || !detour) throw new Error('no trips');
  return { ...alice, trip, detour };
}

describe('a budget', () => {
  test('starts today where its user is, in their currency, on all that they spend', async () => {
    const alice = await sessions.signUp();
    // One of these zones has another date than UTC at every hour.
    for (const timezone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
      await alice.profiles.update({ currency: 'AUD', timezone });
      const budget = await alice.budgets.create({ amount: 400, period: 'monthly' });
      expect(budget).toEqual({
        id: budget.id,
        user_id: alice.id,
        trip_id: null,
        category: null,
        amount: '400.00',
        currency: 'AUD',
        period: 'monthly',
        starts_on: new Intl.DateTimeFormat('en-CA', { timeZone: timezone }).format(budget.created_at),
        version: 1,
        created_at: expect.any(Date),
        updated_at: expect.any(Date),
      });
    }
  });

  test('has its category in lower case, after an update too', async () => {
    const { budgets } = await sessions.signUp();
    const { id, category } = await budgets.create({ amount: '1', period: 'yearly', category: ' Câmping' });
    expect(category).toBe('câmping');
    expect(await budgets.update(id, { category: 'FUEL ' })).toMatchObject({ category: 'fuel' });
    expect(await budgets.update(id, { category: null })).toMatchObject({ category: null });
  });

  test('for a trip needs one of the user’s own, for the service too', async () => {
    const { trip } = await traveller();
    const bob = await sessions.signUp();
    for (const { budgets } of [bob, sessions.database.asService().onBehalfOf(bob.id)]) {
      await expect(budgets.create({ amount: '1', period: 'trip' })).rejects.toThrow(CheckError);
      for (const trip_id of [trip.id, randomUUID()]) {
        await expect(budgets.create({ amount: '1', period: 'trip', trip_id })).rejects.toThrow(ForeignKeyError);
        const { id } = await budgets.create({ amount: '1', period: 'weekly' });
        await expect(budgets.update(id, { trip_id })).rejects.toThrow(ForeignKeyError);
        await expect(budgets.update(id, { period: 'trip' })).rejects.toMatchObject({
          constraint: 'budgets_trip_id_check',
        });
      }
    }
  });

  test.each<[string, object]>([
    ['no amount', { period: 'weekly' }],
    ['an amount of zero', { amount: '0', period: 'weekly' }],
    ['an amount below zero', { amount: '-1', period: 'weekly' }],
    ['three decimals', { amount: '1.005', period: 'weekly' }],
    ['no period', { amount: '1' }],
    ['a period that nobody knows', { amount: '1', period: 'daily' }],
    ['a blank category', { amount: '1', period: 'weekly', category: ' ' }],
    ['a currency that is none', { amount: '1', period: 'weekly', currency: 'aud' }],
    ['a date that is none', { amount: '1', period: 'weekly', starts_on: '2026-02-30' }],
    ['a trip that is no uuid', { amount: '1', period: 'weekly', trip_id: '42' }],
  ])('is not made with %s', async (_, wrong) => {
    const { budgets } = await sessions.signUp();
    await expect(budgets.create(wrong as BudgetInput)).rejects.toThrow(ValidationError);
    await expect(budgets.createMany([{ amount: '1', period: 'weekly' }, wrong as BudgetInput])).rejects.toMatchObject({
      issues: [{ path: expect.stringMatching(/^1\./) }],
    });
    expect((await budgets.list()).items).toEqual([]);
  });

  test.each([0, -1, 1.5, '1', null, 2 ** 31, Number.NaN])('is not changed with the if_version %j', async (version) => {
    const { budgets } = await sessions.signUp();
    const { id } = await budgets.create({ amount: '1', period: 'weekly' });
    const options = { if_version: version as number };
    await expect(budgets.update(id, { amount: '2' }, options)).rejects.toThrow(ValidationError);
    await expect(budgets.update(id, { amount: '2' }, { ifVersion: 1 } as object)).rejects.toThrow(ValidationError);
    await expect(budgets.update(id, { amount: '2' }, null as unknown as object)).rejects.toThrow(ValidationError);
    expect(await budgets.get(id)).toMatchObject({ version: 1 });
  });
});

describe('a list of budgets', () => {
  test.each<[string, (trip_id: string) => BudgetFilter, string[]]>([
    ['a trip', (trip_id) => ({ trip_id }), ['20.00', '10.00']],
    ['no trip', () => ({ trip_id: null }), ['40.00', '30.00']],
    ['a category, however it is written', () => ({ category: ' FUEL' }), ['40.00', '20.00']],
    ['a period', () => ({ period: 'weekly' }), ['30.00']],
    ['all at once', (trip_id) => ({ trip_id, category: 'fuel', period: 'trip' }), ['20.00']],
    ['nothing in particular', () => ({}), ['40.00', '30.00', '20.00', '10.00']],
  ])('and of their usage may be of %s, and its pages too', async (_, filter, amounts) => {
    const { budgets, trip } = await traveller();
    await budgets.create({ amount: 10, period: 'monthly', trip_id: trip.id });
    await budgets.create({ amount: 20, period: 'trip', trip_id: trip.id, category: 'fuel' });
    await budgets.create({ amount: 30, period: 'weekly' });
    await budgets.create({ amount: 40, period: 'yearly', category: 'fuel' });
    for (const read of [budgets.list.bind(budgets), budgets.usage.bind(budgets)]) {
      const seen = [];
      let cursor: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof read>> = await read({ ...filter(trip.id), limit: 1, cursor });
        seen.push(...page.items.map(({ amount }) => amount));
        cursor = page.next_cursor;
      } while (cursor);
      expect(seen).toEqual(amounts);
    }
  });

  test('refuses what is no filter', async () => {
    const { budgets } = await sessions.signUp();
    for (const wrong of [{ trip_id: '42' }, { category: '' }, { period: 'daily' }, { colour: 'red' }]) {
      await expect(budgets.list(wrong as BudgetFilter)).rejects.toThrow(ValidationError);
      await expect(budgets.usage(wrong as BudgetFilter)).rejects.toThrow(ValidationError);
    }
  });
});

describe('the usage of a budget', () => {
  test('has the budget, its period, and what was spent in it', async () => {
    const { budgets, expenses } = await sessions.signUp();
    const budget = await budgets.create({
      amount: '400',
      period: 'monthly',
      starts_on: '2026-11-15',
      category: 'fuel',
    });
    await expenses.createMany(
      ['2026-12-14', '2026-12-15', '2027-01-14', '2027-01-15'].map((date, i) => ({
        amount: 100 * (i + 1),
        category: 'fuel',
        date,
      })),
    );
    const { items, next_cursor } = await budgets.usage({ as_of: '2026-12-31' });
    expect(next_cursor).toBeNull();
    expect(items).toEqual([
      {
        ...budget,
        period_start: '2026-12-15',
        period_end: '2027-01-14',
        used: '500.00',
        remaining: '-100.00',
        percent: 125,
        state: 'over',
      },
    ]);
  });

  test.each<[BudgetInput['period'], string, string, string, string]>([
    ['weekly', '2026-12-01', '2026-12-01', '2026-12-01', '2026-12-07'],
    ['weekly', '2026-12-01', '2026-12-07', '2026-12-01', '2026-12-07'],
    ['weekly', '2026-12-01', '2026-12-08', '2026-12-08', '2026-12-14'],
    ['weekly', '2026-12-01', '2027-01-01', '2026-12-29', '2027-01-04'],
    ['weekly', '1900-01-01', '2999-12-31', '2999-12-30', '3000-01-05'],
    ['weekly', '2026-12-01', '2026-11-01', '2026-12-01', '2026-12-07'],
    ['monthly', '2026-01-15', '2026-02-14', '2026-01-15', '2026-02-14'],
    ['monthly', '2026-01-15', '2026-02-15', '2026-02-15', '2026-03-14'],
    ['monthly', '2026-01-31', '2026-02-27', '2026-01-31', '2026-02-27'],
    ['monthly', '2026-01-31', '2026-02-28', '2026-02-28', '2026-03-30'],
    ['monthly', '2026-01-31', '2026-03-30', '2026-02-28', '2026-03-30'],
    ['monthly', '2026-01-31', '2026-03-31', '2026-03-31', '2026-04-29'],
    ['monthly', '2026-01-31', '2026-04-30', '2026-04-30', '2026-05-30'],
    ['monthly', '2026-01-31', '2028-02-28', '2028-01-31', '2028-02-28'],
    ['monthly', '2026-01-31', '2028-02-29', '2028-02-29', '2028-03-30'],
    ['monthly', '2026-12-31', '2027-01-30', '2026-12-31', '2027-01-30'],
    ['monthly', '2026-01-31', '2025-06-15', '2026-01-31', '2026-02-27'],
    ['monthly', '1900-01-31', '2999-12-30', '2999-11-30', '2999-12-30'],
    ['yearly', '2026-07-01', '2027-06-30', '2026-07-01', '2027-06-30'],
    ['yearly', '2026-07-01', '2027-07-01', '2027-07-01', '2028-06-30'],
    ['yearly', '2024-02-29', '2025-02-27', '2024-02-29', '2025-02-27'],
    ['yearly', '2024-02-29', '2025-02-28', '2025-02-28', '2026-02-27'],
    ['yearly', '2024-02-29', '2028-02-28', '2027-02-28', '2028-02-28'],
    ['yearly', '2024-02-29', '2028-02-29', '2028-02-29', '2029-02-27'],
    ['yearly', '2024-02-29', '1999-12-31', '2024-02-29', '2025-02-27'],
  ])('%s from %s, as of %s, is from %s to %s', async (period, starts_on, as_of, period_start, period_end) => {
    const { budgets, expenses } = await sessions.signUp();
    const { id } = await budgets.create({ amount: '1', period, starts_on });
    const days = [period_start, ...(period_end < '3000' ? [period_end] : [])];
    await expenses.createMany(days.map((date) => ({ amount: '0.25', category: 'x', date })));
    const used = days.length === 2 ? '0.50' : '0.25';
    expect((await budgets.usage({ as_of })).items).toMatchObject([{ period_start, period_end, used }]);
    expect((await budgets.history(id, { as_of, limit: 1 })).items).toMatchObject([{ period_start, period_end, used }]);
  });

  test('is today’s where its user is', async () => {
    const { budgets, profiles } = await sessions.signUp();
    for (const timezone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
      await profiles.update({ timezone });
      const today = new Intl.DateTimeFormat('en-CA', { timeZone: timezone }).format();
      const daysAgo = (days: number) => new Date(Date.parse(today) - days * 86_400_000).toISOString().slice(0, 10);
      // Of these two weeks one begins today, the other ends.
      const made = await budgets.createMany(
        [7, 6].map((n) => ({ amount: 1, period: 'weekly', starts_on: daysAgo(n) })),
      );
      const { items } = await budgets.usage();
      const started = new Map(items.map(({ id, period_start }) => [id, period_start]));
      expect(made.map(({ id }) => started.get(id))).toEqual([today, daysAgo(6)]);
      expect((await budgets.history(made[0]?.id ?? '')).items.map((item) => item.period_start)).toEqual([
        today,
        daysAgo(7),
      ]);
    }
  });

  test('counts what is of its user, trip, category, currency and period, and nothing else', async () => {
    const { id, budgets, expenses, trips, trip, detour } = await traveller();
    const bob = await traveller();
    await trips.update(trip.id, { start_date: '2026-11-01', end_date: '2027-01-31' });
    const days = ['2026-11-30', '2026-12-01', '2026-12-31', '2027-01-01'];
    // Each amount is another power of two in cents, so that a sum tells what is in it.
    const shapes = [trip.id, detour.id, null].flatMap((trip_id) =>
      ['fuel', 'food'].flatMap((category) =>
        ['USD', 'NZD'].flatMap((currency) => days.map((date) => ({ trip_id, category, currency, date }))),
      ),
    );
    const spent = shapes.map((shape, bit) => ({ ...shape, cents: 2n ** BigInt(bit % 32) * (bit < 32 ? 1n : 3n) }));
    const toMoney = (cents: bigint) => `${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`;
    await expenses.createMany(spent.map(({ cents, ...shape }) => ({ ...shape, amount: toMoney(cents) })));
    await bob.expenses.createMany(shapes.map((shape) => ({ ...shape, trip_id: null, amount: '77' })));
    const inputs = [trip.id, detour.id, null].flatMap((trip_id) =>
      ['fuel', 'food', null].flatMap((category) =>
        ['USD', 'NZD'].flatMap((currency) =>
          (['trip', 'weekly', 'monthly', 'yearly'] as const)
            .filter((period) => trip_id !== null || period !== 'trip')
            .map((period) => ({ trip_id, category, currency, period, amount: '1', starts_on: '2026-12-01' })),
        ),
      ),
    );
    await budgets.createMany(inputs);
    const { items } = await budgets.usage({ as_of: '2026-12-01', limit: 100 });
    expect(items).toHaveLength(inputs.length);
    const forAlice = sessions.database.asService().onBehalfOf(id).budgets;
    expect((await forAlice.usage({ as_of: '2026-12-01', limit: 100 })).items).toEqual(items);
    const ends = { trip: null, weekly: '2026-12-07', monthly: '2026-12-31', yearly: '2027-11-30' };
    for (const { trip_id, category, currency, period, used, period_start, period_end } of items) {
      const counted = spent.filter(
        (expense) =>
          (trip_id === null || expense.trip_id === trip_id) &&
          (category === null || expense.category === category) &&
          expense.currency === currency &&
          (period === 'trip' || (expense.date >= '2026-12-01' && expense.date <= ends[period])),
      );
      const cents = counted.reduce((sum, expense) => sum + expense.cents, 0n);
      expect({ trip_id, category, currency, period, used }).toEqual({
        trip_id,
        category,
        currency,
        period,
        used: toMoney(cents),
      });
      const whole = trip_id === trip.id ? ['2026-11-01', '2027-01-31'] : [null, null];
      expect([period_start, period_end]).toEqual(period === 'trip' ? whole : ['2026-12-01', ends[period]]);
    }
  });

  test('of a trip follows what is moved, changed and deleted', async () => {
    const { budgets, expenses, trip, detour } = await traveller();
    await budgets.create({ amount: '100', period: 'trip', trip_id: trip.id });
    await budgets.create({ amount: '100', period: 'trip', trip_id: trip.id, category: 'fuel' });
    const used = async () => (await budgets.usage()).items.map((item) => item.used);
    expect(await used()).toEqual(['0.00', '0.00']);
    const { id } = await expenses.create({ trip_id: trip.id, amount: '10', category: 'fuel' });
    await expenses.create({ trip_id: trip.id, amount: '5', category: 'food' });
    expect(await used()).toEqual(['10.00', '15.00']);
    await expenses.update(id, { trip_id: detour.id });
    expect(await used()).toEqual(['0.00', '5.00']);
    await expenses.move({ from: detour.id, to: trip.id });
    await expenses.update(id, { amount: '12.5', category: 'tolls' });
    expect(await used()).toEqual(['0.00', '17.50']);
    await expenses.delete(id);
    expect(await used()).toEqual(['0.00', '5.00']);
  });

  test('is exact while sixteen devices spend, and seen by the transaction that spends', async () => {
    const { budgets, expenses, trip, transaction } = await traveller();
    await budgets.createMany([
      { amount: '100', period: 'weekly' },
      { amount: '100', period: 'trip', trip_id: trip.id },
    ]);
    const used = async (repository = budgets) => (await repository.usage()).items.map((item) => item.used);
    await sessions.sixteenTimes('expenses', () => expenses.create({ trip_id: trip.id, amount: '0.1', category: 'x' }));
    expect(await used()).toEqual(['1.60', '1.60']);
    await transaction(async (tx) => {
      await tx.expenses.create({ trip_id: trip.id, amount: '0.1', category: 'x' });
      expect(await used(tx.budgets)).toEqual(['1.70', '1.70']);
    });
  });

  test.each<[string, number | undefined, string, number]>([
    ['0', undefined, 'within', 0],
    ['79.99', undefined, 'within', 80],
    ['80', undefined, 'near', 80],
    ['100', undefined, 'near', 100],
    ['100.01', undefined, 'over', 100],
    ['1234.56', undefined, 'over', 1234.6],
    ['50', 50, 'near', 50],
    ['49.99', 50, 'within', 50],
    ['99.99', 100, 'within', 100],
    ['100', 100, 'near', 100],
    ['33.32', 33.33, 'within', 33.3],
    ['33.33', 33.33, 'near', 33.3],
  ])('of 100.00 with %s spent and the threshold %s is %s: %s percent', async (amount, threshold, state, percent) => {
    const { budgets, expenses } = await sessions.signUp();
    await budgets.create({ amount: '100', period: 'yearly' });
    if (amount !== '0') await expenses.create({ amount, category: 'x' });
    expect((await budgets.usage({ threshold })).items).toMatchObject([{ state, percent }]);
    for (const wanted of ['within', 'near', 'over'] as const) {
      const { items } = await budgets.usage({ threshold, states: [wanted] });
      expect(items).toHaveLength(wanted === state ? 1 : 0);
    }
  });

  test('in some states is paged without those in others', async () => {
    const { budgets, expenses } = await sessions.signUp();
    await budgets.createMany(Array.from({ length: 30 }, (_, i) => ({ amount: i + 1, period: 'monthly' })));
    await expenses.create({ amount: '10', category: 'x' });
    const seen = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof budgets.usage>> = await budgets.usage({
        states: ['over', 'near'],
        limit: 4,
        cursor,
      });
      seen.push(...page.items.map(({ amount }) => Number(amount)));
      cursor = page.next_cursor;
    } while (cursor);
    expect(seen.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect((await budgets.usage({ states: [] })).items).toEqual([]);
  });

  test.each([
    { as_of: '2026-02-30' },
    { as_of: null },
    { threshold: 0 },
    { threshold: 100.5 },
    { threshold: '80' },
    { threshold: Number.NaN },
    { states: ['lost'] },
    { states: 'over' },
    { limit: 0 },
    { colour: 'red' },
  ])('is not asked for with %j', async (wrong) => {
    const { budgets } = await sessions.signUp();
    await expect(budgets.usage(wrong as object)).rejects.toThrow(ValidationError);
  });

  test('is the user’s own alone, for the service too, and for the suspended', async () => {
    const { budgets, expenses, trip, ...alice } = await traveller();
    const bob = await traveller();
    await budgets.create({ amount: '100', period: 'trip', trip_id: trip.id });
    const { id } = await budgets.create({ amount: '100', period: 'yearly' });
    await bob.budgets.create({ amount: '100', period: 'yearly' });
    await expenses.create({ trip_id: trip.id, amount: '10', category: 'fuel' });
    const forBob = sessions.database.asService().onBehalfOf(bob.id).budgets;
    for (const others of [bob.budgets, forBob]) {
      expect((await others.usage()).items.map(({ used }) => used)).toEqual(['0.00']);
      await expect(others.history(id)).rejects.toThrow(NotFoundError);
    }
    await sessions.suspend(alice);
    const forAlice = sessions.database.asService().onBehalfOf(alice.id).budgets;
    for (const own of [budgets, forAlice]) {
      expect((await own.usage()).items.map(({ used }) => used)).toEqual(['10.00', '10.00']);
      expect((await own.history(id)).items).toHaveLength(1);
    }
    await expect(budgets.create({ amount: '1', period: 'weekly' })).rejects.toThrow(PermissionError);
  });
});

describe('the history of a budget', () => {
  test('has one period after the other, back to the first, and every expense once', async () => {
    const { budgets, expenses } = await sessions.signUp();
    const day = (n: number) => new Date(Date.UTC(2023, 0, 1 + n)).toISOString().slice(0, 10);
    const spent = Array.from({ length: 400 }, (_, i) => ({ amount: '1', category: 'x', date: day((i * 37) % 1461) }));
    await expenses.createMany(spent);
    const starts = ['2023-01-31', '2024-02-29', '2023-08-30', '2023-12-31'];
    for (const period of ['weekly', 'monthly', 'yearly'] as const) {
      for (const starts_on of starts) {
        const { id } = await budgets.create({ amount: '10', period, starts_on });
        const periods: BudgetPeriodUsage[] = [];
        let cursor: string | null = null;
        do {
          const page: Awaited<ReturnType<typeof budgets.history>> = await budgets.history(id, {
            as_of: '2026-12-31',
            limit: 17,
            cursor,
          });
          periods.unshift(...page.items.toReversed());
          cursor = page.next_cursor;
        } while (cursor);
        expect(periods[0]?.period_start).toBe(starts_on);
        for (const [i, { period_start, used, remaining, percent }] of periods.entries()) {
          if (i > 0) expect(Date.parse(period_start ?? '') - Date.parse(periods[i - 1]?.period_end ?? '')).toBe(864e5);
          const counted = spent.filter(
            ({ date }) => date >= (period_start ?? '') && date <= (periods[i]?.period_end ?? ''),
          ).length;
          expect({ used, remaining, percent }).toEqual({
            used: `${counted}.00`,
            remaining: `${10 - counted}.00`,
            percent: counted * 10,
          });
        }
        expect(periods.at(-1)?.period_end?.localeCompare('2026-12-30')).toBe(1);
      }
    }
  });

  test('of a trip is the trip', async () => {
    const { budgets, expenses, trip } = await traveller();
    const { id } = await budgets.create({ amount: '100', period: 'trip', trip_id: trip.id, starts_on: '2020-01-01' });
    await expenses.create({ trip_id: trip.id, amount: '10', category: 'fuel', date: '1999-12-31' });
    expect(await budgets.history(id)).toEqual({
      items: [{ period_start: null, period_end: null, used: '10.00', remaining: '90.00', percent: 10 }],
      next_cursor: null,
    });
  });

  test('is of 20 periods unless told otherwise, and refuses what it does not know', async () => {
    const { budgets } = await sessions.signUp();
    const [one, other] = await budgets.createMany(
      [1, 2].map((amount) => ({ amount, period: 'weekly', starts_on: '1900-01-01' })),
    );
    const id = one?.id ?? '';
    const { items, next_cursor } = await budgets.history(id.toUpperCase(), { as_of: '2999-12-31' });
    expect(items).toHaveLength(20);
    expect((await budgets.history(id, { limit: 100 })).items).toHaveLength(100);
    await expect(budgets.history(randomUUID())).rejects.toThrow(NotFoundError);
    await expect(budgets.history('42')).rejects.toThrow(ValidationError);
    await expect(budgets.history(id, { limit: 101 })).rejects.toThrow(ValidationError);
    await expect(budgets.history(id, { as_of: 'today' })).rejects.toThrow(ValidationError);
    await expect(budgets.history(other?.id ?? '', { cursor: next_cursor })).rejects.toThrow(CursorError);
    const own = `budgets.history ${id}`;
    for (const forged of [[own, '0'], [own, '-1'], [own, '1e3'], [own, '1', '2'], [own], ['budgets.list', '1']]) {
      const cursor = Buffer.from(JSON.stringify(forged)).toString('base64url');
      await expect(budgets.history(id, { cursor })).rejects.toThrow(CursorError);
    }
  });
});
