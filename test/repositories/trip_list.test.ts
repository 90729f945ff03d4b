import { describe, expect, test } from 'vitest';
import { CursorError, ValidationError } from '../../src/index.ts';
import type { Page, TripFilter, TripInput, TripListRequest } from '../../src/types.ts';
import { readPages } from '../support/read_pages.ts';
import { type Person, testSessions } from './sessions.ts';

const sessions = testSessions();

async function namesOf(read: (request: TripListRequest) => Promise<Page<{ name: string }>>, filter: TripFilter) {
  const trips = await readPages((cursor) => read({ ...filter, limit: 2, cursor }));
  return trips.map(({ name }) => name);
}

/** Both lists have the same trips in the same order, page by page. */
async function bothListsOf({ trips }: Pick<Person, 'trips'>, filter: TripFilter): Promise<string> {
  const names = await namesOf((request) => trips.list(request), filter);
  expect(await namesOf((request) => trips.listWithTotals(request), filter)).toEqual(names);
  return names.join(' ');
}

const trip = (name: string, start_date: string | null, end_date: string | null = null): TripInput => ({
  name,
  start_date,
  end_date,
});

/** One after the other, so that `created_at` differs. */
async function plan({ trips }: Person, inputs: TripInput[]): Promise<void> {
  for (const input of inputs) await trips.create(input);
}

describe('a list of trips by date', () => {
  const calendar = [
    trip('january', '2026-01-01', '2026-01-31'),
    trip('winter', '2025-12-01', '2026-02-28'),
    trip('endless', '2026-01-15'),
    trip('someday', null),
    trip('march', '2026-03-01', '2026-03-31'),
    trip('day', '2026-02-28', '2026-02-28'),
  ];

  test.each<[string, TripFilter, string]>([
    ['a span', { from: '2026-02-01', to: '2026-02-28' }, 'day endless winter'],
    ['a span that begins on the last day of one', { from: '2026-01-31', to: '2026-02-01' }, 'endless january winter'],
    ['a span that ends on the first day of one', { from: '2026-02-20', to: '2026-03-01' }, 'march day endless winter'],
    ['a span before all', { from: '2020-01-01', to: '2025-11-30' }, ''],
    ['one day', { from: '2026-02-28', to: '2026-02-28' }, 'day endless winter'],
    ['all from a day on', { from: '2026-03-01' }, 'march endless'],
    ['all up to a day', { to: '2026-01-01' }, 'january winter'],
    ['all time', { from: '1900-01-01', to: '2999-12-31' }, 'march day endless january winter'],
  ])('may be of %s, the latest start first', async (_, filter, names) => {
    const alice = await sessions.signUp();
    await plan(alice, calendar);
    expect(await bothListsOf(alice, filter)).toBe(names);
  });

  test('may be of what is upcoming, current or past, where the user is', async () => {
    const alice = await sessions.signUp();
    for (const timezone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
      const today = new Intl.DateTimeFormat('en-CA', { timeZone: timezone }).format();
      const day = (days: number) => new Date(Date.parse(today) + days * 86_400_000).toISOString().slice(0, 10);
      const bob = await sessions.signUp();
      await bob.profiles.update({ timezone });
      await plan(bob, [
        trip('yesterday', day(-1), day(-1)),
        trip('until-today', day(-2), day(0)),
        trip('from-today', day(0), day(0)),
        trip('endless', day(-3)),
        trip('later', day(2), day(3)),
        trip('tomorrow', day(1)),
        trip('long-ago', day(-300), day(-200)),
        trip('long-past', day(-9), day(-1)),
        trip('someday', null),
      ]);
      await plan(alice, [trip('hers', day(1)), trip('hers', day(-1), day(-1)), trip('hers', day(0))]);
      for (const reader of [bob, sessions.database.asService().onBehalfOf(bob.id)]) {
        expect(await bothListsOf(reader, { when: 'upcoming' })).toBe('tomorrow later');
        expect(await bothListsOf(reader, { when: 'current' })).toBe('from-today until-today endless');
        expect(await bothListsOf(reader, { when: 'past' })).toBe('yesterday long-past long-ago');
        expect(await bothListsOf(reader, { when: 'past', from: day(-5) })).toBe('yesterday long-past');
        expect(await bothListsOf(reader, { when: 'upcoming', to: day(1) })).toBe('tomorrow');
      }
    }
  });

  test('may be of a status, too', async () => {
    const alice = await sessions.signUp();
    await plan(alice, [...calendar, { ...trip('cancelled', '2026-02-01'), status: 'cancelled' }]);
    const february = { from: '2026-02-01', to: '2026-02-28' };
    expect(await bothListsOf(alice, { ...february, status: 'cancelled' })).toBe('cancelled');
    expect(await bothListsOf(alice, { ...february, status: 'planning' })).toBe('day endless winter');
    expect(await bothListsOf(alice, { status: 'cancelled' })).toBe('cancelled');
  });

  test.each<['list' | 'listWithTotals', TripFilter]>([
    ['list', { when: 'upcoming' }],
    ['list', { from: '2999-01-01' }],
    ['listWithTotals', { when: 'upcoming' }],
    ['listWithTotals', { from: '2999-01-01' }],
  ])('neither loses nor repeats a trip in %s of %j while others come and go', async (method, filter) => {
    const { trips } = await sessions.signUp();
    // Three trips start on each day.
    const made = await trips.createMany(
      Array.from({ length: 24 }, (_, i) => trip(`${i}`, `2999-01-${10 + Math.floor(i / 3)}`)),
    );
    const sign = filter.when ? 1 : -1;
    const order = made
      .toSorted((a, b) => sign * `${a.start_date} ${a.id}`.localeCompare(`${b.start_date} ${b.id}`))
      .map(({ id }) => id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<{ id: string; start_date: string | null }> = await trips[method]({
        ...filter,
        limit: 4,
        cursor,
      });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor;
      const last = page.items.at(-1);
      await trips.createMany(['2999-01-01', '2999-12-31', last?.start_date ?? ''].map((date) => trip('new', date)));
      await trips.delete(last?.id ?? '');
    } while (cursor && seen.length < 200);
    expect(seen.filter((id) => order.includes(id))).toEqual(order);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('refuses the cursor of another order and of the other list', async () => {
    const { trips } = await sessions.signUp();
    await trips.createMany([trip('a', '2999-01-01'), trip('b', '2999-01-02')]);
    const orders: TripFilter[] = [{}, { when: 'upcoming' }, { from: '2999-01-01' }];
    const pages = await Promise.all(
      orders.flatMap((order) => [trips.list({ ...order, limit: 1 }), trips.listWithTotals({ ...order, limit: 1 })]),
    );
    const cursors = pages.map(({ next_cursor }) => next_cursor);
    expect(new Set(cursors).size).toBe(6);
    for (const [place, order] of orders.entries()) {
      for (const [other, cursor] of cursors.entries()) {
        if (other !== 2 * place) await expect(trips.list({ ...order, cursor })).rejects.toThrow(CursorError);
        if (other !== 2 * place + 1)
          await expect(trips.listWithTotals({ ...order, cursor })).rejects.toThrow(CursorError);
      }
    }
    const forged = Buffer.from(JSON.stringify(['trips.list by start_date desc', '2026-02-30', 'x'])).toString(
      'base64url',
    );
    await expect(trips.list({ from: '2026-01-01', cursor: forged })).rejects.toThrow(CursorError);
  });

  test.each([
    { when: 'someday' },
    { when: null },
    { from: '2026-02-30' },
    { from: '2026-03-01', to: '2026-02-28' },
    { to: 20260101 },
    { status: 'lost' },
    { colour: 'red' },
    { limit: '5' },
    { limit: 101 },
  ])('is not asked for with %j', async (wrong) => {
    const { trips } = await sessions.signUp();
    await expect(trips.list(wrong as TripFilter)).rejects.toThrow(ValidationError);
    await expect(trips.listWithTotals(wrong as TripFilter)).rejects.toThrow(ValidationError);
  });
});

describe('a list with totals', () => {
  test('tells what each trip costs, without its plan', async () => {
    const { trips, expenses } = await sessions.signUp();
    const route_data = { distance: 1, duration: 1 };
    const given = { ...trip('Big Lap', '2026-12-01', '2027-02-28'), budget_total: '9000', currency: 'AUD', route_data };
    const { id: trip_id } = await trips.create(given);
    await expenses.createMany([
      { trip_id, amount: '7650', currency: 'AUD', category: 'fuel' },
      { trip_id, amount: '12', currency: 'NZD', category: 'ferry' },
    ]);
    expect((await trips.listWithTotals()).items).toEqual([
      {
        id: trip_id,
        name: 'Big Lap',
        start_date: '2026-12-01',
        end_date: '2027-02-28',
        status: 'planning',
        currency: 'AUD',
        budget_total: '9000.00',
        budget_spent: '7650.00',
        spent_by_currency: { AUD: '7650.00', NZD: '12.00' },
        expense_count: 2,
        remaining_budget: '1350.00',
        used_percent: 85,
      },
    ]);
  });

  test.each([
    [null, '5', null, null],
    ['0', '5', '-5.00', null],
    ['0', null, '0.00', null],
    ['100', null, '100.00', 0],
    ['3', '1', '2.00', 33.3],
    ['100', '250.5', '-150.50', 250.5],
  ])('of a budget of %s with %s spent has %s left: %s percent', async (budget_total, amount, remaining, percent) => {
    const { trips, expenses } = await sessions.signUp();
    const { id: trip_id } = await trips.create({ name: 'Big Lap', budget_total });
    if (amount) await expenses.create({ trip_id, amount, category: 'fuel' });
    const { items } = await trips.listWithTotals();
    expect(items).toMatchObject([{ remaining_budget: remaining, used_percent: percent }]);
    expect(await trips.financialSummary(trip_id)).toMatchObject({ remaining_budget: remaining });
  });
});
