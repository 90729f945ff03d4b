import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type ExpenseFilter, ForeignKeyError, PermissionError, ValidationError } from '../../src/index.ts';
import { testOwnRows } from './own_rows.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

testOwnRows(sessions, {
  table: 'expenses',
  sortedBy: 'date',
  repository: ({ expenses }) => expenses,
  onBehalf: ({ expenses }) => expenses,
  input: (id) => ({ id, amount: '42.50', category: 'fuel', date: '2026-12-01' }),
  patch: {
    trip_id: null,
    amount: '7.05',
    currency: 'NZD',
    category: 'ferry',
    description: 'Cook Strait',
    date: '2026-12-02',
    location: 'Wellington',
    receipt_url: 'https://example.com/receipt.pdf',
    tags: ['boat'],
    metadata: { seats: 2 },
  },
});

async function traveller() {
  const alice = await sessions.signUp();
  const [trip, detour] = await alice.trips.createMany([{ name: 'Big Lap' }, { name: 'Detour' }]);
  if (!trip || !detour) throw new Error('no trips');
  return { ...alice, trip, detour };
}

describe('an expense', () => {
  test('is of today where its user is, in their currency, without a trip', async () => {
    const alice = await sessions.signUp();
    // One of these zones has another date than UTC at every hour.
    for (const timezone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
      await alice.profiles.update({ currency: 'AUD', timezone });
      const expense = await alice.expenses.create({ amount: 42.5, category: ' Fuel' });
      expect(expense).toEqual({
        id: expense.id,
        user_id: alice.id,
        trip_id: null,
        amount: '42.50',
        currency: 'AUD',
        category: 'fuel',
        description: null,
        date: new Intl.DateTimeFormat('en-CA', { timeZone: timezone }).format(expense.created_at),
        location: null,
        receipt_url: null,
        tags: [],
        metadata: {},
        version: 1,
        created_at: expect.any(Date),
        updated_at: expect.any(Date),
      });
    }
  });

  test('has its category and tags in lower case, once, after an update too', async () => {
    const { expenses } = await sessions.signUp();
    const given = { category: '\tCâmping ', tags: [' Beach', 'beach', 'BUSH'] };
    const kept = { category: 'câmping', tags: ['beach', 'bush'] };
    const expense = await expenses.create({ amount: '1', ...given });
    expect(expense).toMatchObject(kept);
    expect(await expenses.update(expense.id, given)).toMatchObject(kept);
  });

  test('counts in its trip, and no longer when it leaves', async () => {
    const { expenses, trips, trip, detour } = await traveller();
    const spent = async () =>
      (await Promise.all([trips.get(trip.id), trips.get(detour.id)])).map((t) => t.budget_spent);
    const { id } = await expenses.create({ trip_id: trip.id, amount: '10', category: 'fuel' });
    expect(await spent()).toEqual(['10.00', '0.00']);
    await expenses.update(id, { trip_id: detour.id, amount: '12.5' });
    expect(await spent()).toEqual(['0.00', '12.50']);
    await expenses.update(id, { trip_id: null });
    expect(await spent()).toEqual(['0.00', '0.00']);
  });

  test('of a trip that is not the user’s is a ForeignKeyError, for the service too', async () => {
    const { trip } = await traveller();
    const bob = await sessions.signUp();
    for (const { expenses } of [bob, sessions.database.asService().onBehalfOf(bob.id)]) {
      for (const trip_id of [trip.id, randomUUID()]) {
        await expect(expenses.create({ trip_id, amount: '1', category: 'fuel' })).rejects.toThrow(ForeignKeyError);
        const own = await expenses.create({ amount: '1', category: 'fuel' });
        await expect(expenses.update(own.id, { trip_id })).rejects.toThrow(ForeignKeyError);
      }
    }
  });

  test('is not made if another of the same call is wrong, and the error says which', async () => {
    const { expenses } = await sessions.signUp();
    const wrong = [
      { amount: '1', category: 'fuel' },
      { amount: '0', category: 'fuel' },
    ];
    await expect(expenses.createMany(wrong)).rejects.toMatchObject({ issues: [{ path: '1.amount' }] });
    expect((await expenses.list()).items).toEqual([]);
  });
});

test('5,000 expenses are made by one statement, in the order given, and count in their trip', async () => {
  const { expenses, trips, trip } = await traveller();
  await sessions.admin.query(`
    create table statements (at timestamptz default clock_timestamp());
    create function count_statement() returns trigger language plpgsql security definer set search_path = public as
      $$ begin insert into statements default values; return null; end $$;
    create trigger count_statement after insert on expenses for each statement execute function count_statement();
  `);
  const inputs = Array.from({ length: 5000 }, (_, i) => ({
    trip_id: trip.id,
    amount: '0.01',
    category: 'toll',
    description: `${i}`,
  }));
  const rows = await expenses.createMany(inputs);
  await sessions.admin.query('drop trigger count_statement on expenses');
  expect(rows.map(({ description }) => description)).toEqual(inputs.map(({ description }) => description));
  expect((await sessions.admin.query('select * from statements')).rows).toHaveLength(1);
  expect(await trips.get(trip.id)).toMatchObject({ budget_spent: '50.00', expense_count: 5000 });
});

describe('a list of expenses', () => {
  test.each<[string, (trip_id: string) => ExpenseFilter, string]>([
    ['a trip', (trip_id) => ({ trip_id }), 'ba'],
    ['a category, however it is written', () => ({ category: ' FUEL' }), 'ca'],
    ['a currency', () => ({ currency: 'NZD' }), 'dc'],
    ['days from one on', () => ({ since: '2026-12-03' }), 'dc'],
    ['days up to one', () => ({ until: '2026-12-02' }), 'ba'],
    ['one day', () => ({ since: '2026-12-02', until: '2026-12-02' }), 'b'],
    [
      'all at once',
      (trip_id) => ({ trip_id, category: 'fuel', currency: 'AUD', since: '2026-12-01', until: '2026-12-31' }),
      'a',
    ],
    ['nothing in particular', () => ({}), 'dcba'],
  ])('may be of %s, and its pages too', async (_, filter, found) => {
    const { expenses, trip } = await traveller();
    await expenses.createMany([
      { description: 'a', trip_id: trip.id, amount: '1', currency: 'AUD', category: 'fuel', date: '2026-12-01' },
      { description: 'b', trip_id: trip.id, amount: '1', currency: 'AUD', category: 'food', date: '2026-12-02' },
      { description: 'c', amount: '1', currency: 'NZD', category: 'Fuel', date: '2026-12-03' },
      { description: 'd', amount: '1', currency: 'NZD', category: 'food', date: '2026-12-04' },
    ]);
    const { items } = await expenses.list(filter(trip.id));
    expect(items.map(({ description }) => description).join('')).toBe(found);
    const first = await expenses.list({ ...filter(trip.id), limit: 1 });
    const rest = first.next_cursor
      ? await expenses.list({ ...filter(trip.id), cursor: first.next_cursor })
      : { items: [] };
    expect([...first.items, ...rest.items]).toEqual(items);
  });

  test.each([{ trip_id: '42' }, { currency: 'usd' }, { since: '2026-02-30' }, { until: 'today' }, { colour: 'red' }])(
    'refuses the filter %j',
    async (filter) => {
      const { expenses } = await sessions.signUp();
      await expect(expenses.list(filter)).rejects.toThrow(ValidationError);
    },
  );
});

describe('moving expenses', () => {
  test('takes all from one trip to another, or off any trip, and the totals follow', async () => {
    const { expenses, trips, trip, detour } = await traveller();
    await expenses.createMany([1, 2, 3].map((amount) => ({ trip_id: trip.id, amount, category: 'fuel' })));
    await expenses.create({ amount: '50', category: 'fuel' });
    expect(await expenses.move({ from: trip.id, to: detour.id })).toBe(3);
    expect(await trips.get(trip.id)).toMatchObject({ budget_spent: '0.00', expense_count: 0 });
    expect(await trips.get(detour.id)).toMatchObject({ budget_spent: '6.00', expense_count: 3 });
    expect(await expenses.move({ from: trip.id, to: detour.id })).toBe(0);
    expect(await expenses.move({ from: detour.id, to: null })).toBe(3);
    expect(await trips.get(detour.id)).toMatchObject({ budget_spent: '0.00', expense_count: 0 });
    expect((await expenses.list()).items).toHaveLength(4);
  });

  test('leaves other people’s where they are, and does not move to their trips', async () => {
    const { expenses, trip, detour } = await traveller();
    const bob = await traveller();
    const expense = await expenses.create({ trip_id: trip.id, amount: '1', category: 'fuel' });
    await bob.expenses.create({ trip_id: bob.trip.id, amount: '1', category: 'fuel' });
    for (const session of [bob, sessions.database.asService().onBehalfOf(bob.id)]) {
      expect(await session.expenses.move({ from: trip.id, to: bob.trip.id })).toBe(0);
      await expect(session.expenses.move({ from: bob.trip.id, to: detour.id })).rejects.toThrow(ForeignKeyError);
    }
    expect(await expenses.get(expense.id)).toEqual(expense);
    await expect(expenses.move({ from: '42', to: null })).rejects.toThrow(ValidationError);
  });

  test('is not for a suspended user', async () => {
    const { expenses, trip, ...alice } = await traveller();
    await expenses.create({ trip_id: trip.id, amount: '1', category: 'fuel' });
    await sessions.suspend(alice);
    await expect(expenses.move({ from: trip.id, to: null })).rejects.toThrow(PermissionError);
  });
});

describe('totals by category', () => {
  test('are by currency, the largest first, of the days between two dates', async () => {
    const alice = await sessions.signUp();
    const bob = await sessions.signUp();
    const paid = (amount: number, currency: string, category: string, date: string) => ({
      amount,
      currency,
      category,
      date,
    });
    await alice.expenses.createMany([
      paid(1000, 'USD', 'fuel', '2026-09-30'),
      paid(9, 'USD', 'fuel', '2026-10-01'),
      paid(1, 'USD', 'fuel', '2026-10-31'),
      paid(0.02, 'USD', 'fuel', '2026-10-15'),
      paid(100, 'USD', 'camp', '2026-10-15'),
      paid(5, 'AUD', 'fuel', '2026-10-15'),
      paid(1000, 'USD', 'fuel', '2026-11-01'),
    ]);
    await bob.expenses.create(paid(1000, 'USD', 'fuel', '2026-10-15'));
    const october = { since: '2026-10-01', until: '2026-10-31' };
    const totals = [
      { category: 'fuel', currency: 'AUD', total: '5.00', count: 1, average: '5.00' },
      { category: 'camp', currency: 'USD', total: '100.00', count: 1, average: '100.00' },
      { category: 'fuel', currency: 'USD', total: '10.02', count: 3, average: '3.34' },
    ];
    expect(await alice.expenses.totalsByCategory(october)).toEqual(totals);
    const service = sessions.database.asService().onBehalfOf(alice.id);
    expect(await service.expenses.totalsByCategory(october)).toEqual(totals);
    expect(await alice.expenses.totalsByCategory({ since: '2026-10-31', until: '2026-10-01' })).toEqual([]);
    await expect(alice.expenses.totalsByCategory({ since: '2026-10', until: '2026-10-31' })).rejects.toThrow(
      ValidationError,
    );
  });
});
