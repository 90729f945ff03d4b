import { describe, expect, test } from 'vitest';
import { type ExpenseRepository, ValidationError } from '../../src/index.ts';
import type { ExpenseInput, TotalsFilter } from '../../src/types.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

const year = { since: '2026-01-01', until: '2026-12-31' };

/** Somebody with expenses in two currencies, some of them on a trip, and somebody else with the same. */
async function spender() {
  const alice = await sessions.signUp();
  const bob = await sessions.signUp();
  const trip = await alice.trips.create({ name: 'Big Lap' });
  const paid = (
    amount: number | string,
    currency: string,
    category: string,
    date: string,
    more: Partial<ExpenseInput> = {},
  ): ExpenseInput => ({ amount, currency, category, date, ...more });
  await alice.expenses.createMany([
    paid(1000, 'USD', 'fuel', '2026-09-30'),
    paid(9, 'USD', 'fuel', '2026-10-01', { trip_id: trip.id, tags: ['van', 'diesel'] }),
    paid(1, 'USD', 'fuel', '2026-10-31', { tags: ['van'] }),
    paid('0.02', 'USD', 'fuel', '2026-10-15', { trip_id: trip.id }),
    paid(100, 'USD', 'camp', '2026-10-15'),
    paid(5, 'AUD', 'fuel', '2026-10-15', { trip_id: trip.id, tags: ['van'] }),
    paid(1000, 'USD', 'fuel', '2026-11-01'),
    paid(7, 'USD', 'fuel', '2025-10-15'),
  ]);
  await bob.expenses.create(paid(1000, 'USD', 'fuel', '2026-10-15'));
  return { alice, trip };
}

const row = (currency: string, total: string, count: number, average: string, more: object = {}) => ({
  ...more,
  currency,
  total,
  count,
  average,
});

describe('totals', () => {
  const october = { since: '2026-10-01', until: '2026-10-31' };

  test('by category are by currency, the largest first', async () => {
    const { alice } = await spender();
    const totals = [
      row('AUD', '5.00', 1, '5.00', { category: 'fuel' }),
      row('USD', '100.00', 1, '100.00', { category: 'camp' }),
      row('USD', '10.02', 3, '3.34', { category: 'fuel' }),
    ];
    expect(await alice.expenses.totalsByCategory(october)).toEqual(totals);
    const service = sessions.database.asService().onBehalfOf(alice.id);
    expect(await service.expenses.totalsByCategory(october)).toEqual(totals);
  });

  test('by month are in the order of time', async () => {
    const { alice } = await spender();
    expect(await alice.expenses.totalsByMonth({ since: '2025-10-15', until: '2026-11-01' })).toEqual([
      row('USD', '7.00', 1, '7.00', { month: '2025-10' }),
      row('USD', '1000.00', 1, '1000.00', { month: '2026-09' }),
      row('AUD', '5.00', 1, '5.00', { month: '2026-10' }),
      row('USD', '110.02', 4, '27.51', { month: '2026-10' }),
      row('USD', '1000.00', 1, '1000.00', { month: '2026-11' }),
    ]);
  });

  test('by trip name the trip, and count what belongs to none', async () => {
    const { alice, trip } = await spender();
    const onTrip = { trip_id: trip.id, trip_name: 'Big Lap' };
    expect(await alice.expenses.totalsByTrip(october)).toEqual([
      row('AUD', '5.00', 1, '5.00', onTrip),
      row('USD', '101.00', 2, '50.50', { trip_id: null, trip_name: null }),
      row('USD', '9.02', 2, '4.51', onTrip),
    ]);
  });

  test('by tag count an expense for each of its tags, and what has none', async () => {
    const { alice } = await spender();
    expect(await alice.expenses.totalsByTag(october)).toEqual([
      row('AUD', '5.00', 1, '5.00', { tag: 'van' }),
      row('USD', '100.02', 2, '50.01', { tag: null }),
      row('USD', '10.00', 2, '5.00', { tag: 'van' }),
      row('USD', '9.00', 1, '9.00', { tag: 'diesel' }),
    ]);
  });

  test('by currency are one for each', async () => {
    const { alice } = await spender();
    expect(await alice.expenses.totalsByCurrency(october)).toEqual([
      row('AUD', '5.00', 1, '5.00'),
      row('USD', '110.02', 4, '27.51'),
    ]);
  });

  test.each<[string, (trip_id: string) => TotalsFilter, string | undefined]>([
    ['a trip, whenever', (trip_id) => ({ trip_id }), '9.02'],
    ['a trip between two days', (trip_id) => ({ trip_id, since: '2026-10-02' }), '0.02'],
    ['no trip', () => ({ trip_id: null, ...year }), '2101.00'],
    ['a category', () => ({ category: ' CAMP', ...year }), '100.00'],
    ['a currency', () => ({ currency: 'USD', ...october }), '110.02'],
    ['a tag', () => ({ tag: 'Van', ...year }), '10.00'],
    ['days from one on', () => ({ since: '2026-10-31' }), '1001.00'],
    ['days up to one', () => ({ until: '2026-09-30' }), '1007.00'],
    ['no day', () => ({ since: '2026-10-31', until: '2026-10-01' }), undefined],
    ['all at once', (trip_id) => ({ trip_id, category: 'fuel', currency: 'USD', tag: 'van', ...year }), '9.00'],
  ])('may be of %s', async (_, filter, total) => {
    const { alice, trip } = await spender();
    const totals = await alice.expenses.totalsByCurrency(filter(trip.id));
    expect(totals.find(({ currency }) => currency === 'USD')?.total).toBe(total);
  });

  test('are exact, and larger than any amount', async () => {
    const { expenses } = await sessions.signUp();
    const largest = Array.from({ length: 200 }, () => ({ amount: '99999999.99', category: 'x', date: '2026-01-01' }));
    await expenses.createMany([...largest, { amount: '0.01', category: 'x', date: '2026-01-01' }]);
    const [total] = await expenses.totalsByCategory(year);
    expect(total).toEqual(row('USD', '19999999998.01', 201, '99502487.55', { category: 'x' }));
  });

  const kinds = ['totalsByCategory', 'totalsByMonth', 'totalsByTrip', 'totalsByTag', 'totalsByCurrency'] as const;

  test.each(kinds)('%s refuses a filter that it does not know', async (kind) => {
    const { expenses } = await sessions.signUp();
    for (const filter of [
      { since: '2026-10' },
      { until: 'now' },
      { trip_id: '42' },
      { text: 'x' },
      { limit: 5 },
      null,
    ]) {
      await expect(expenses[kind](filter as TotalsFilter)).rejects.toThrow(ValidationError);
    }
    expect(await expenses[kind]()).toEqual([]);
  });

  describe('without dates', () => {
    /** Somebody, and their day: it is told by an expense without a date. */
    async function today(timezone: string) {
      const { profiles, expenses } = await sessions.signUp();
      await profiles.update({ timezone });
      const { date } = await expenses.create({ amount: 1, category: 'today' });
      return { expenses, date };
    }
    const spend = (expenses: ExpenseRepository, days: string[]) =>
      expenses.createMany(days.map((date) => ({ amount: 1, category: 'x', date })));

    // One of these zones has another date than UTC at every hour.
    test.each(['Pacific/Kiritimati', 'Pacific/Pago_Pago'])('count thirty days up to today in %s', async (timezone) => {
      const { expenses, date } = await today(timezone);
      const day = (offset: number) => new Date(Date.parse(date) + offset * 86_400_000).toISOString().slice(0, 10);
      await spend(expenses, [-31, -30, -29, -1, 1, 2].map(day));
      for (const kind of ['totalsByCategory', 'totalsByTrip', 'totalsByTag', 'totalsByCurrency'] as const) {
        const totals = await expenses[kind]();
        expect(totals.reduce((sum, { count }) => sum + count, 0)).toBe(3);
      }
    });

    test('count by month this month and the eleven before', async () => {
      const { expenses, date } = await today('Pacific/Kiritimati');
      const [year = 0, month = 0] = date.split('-').map(Number);
      const first = new Date(Date.UTC(year, month - 12, 1));
      const before = new Date(first.valueOf() - 86_400_000);
      const tomorrow = new Date(Date.parse(date) + 86_400_000);
      await spend(
        expenses,
        [first, before, tomorrow].map((day) => day.toISOString().slice(0, 10)),
      );
      expect(await expenses.totalsByMonth()).toMatchObject([
        { month: first.toISOString().slice(0, 7), count: 1 },
        { month: date.slice(0, 7), count: 1 },
      ]);
    });
  });
});
