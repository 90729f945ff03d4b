import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { ForeignKeyError, PermissionError, UniqueError, ValidationError } from '../../src/index.ts';
import type { ExpenseFilter } from '../../src/types.ts';
import { testOwnRows } from './own_rows.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

/** What an expense may have besides an amount and a category. */
const details = {
  currency: 'NZD',
  description: 'Cook Strait',
  date: '2026-12-02',
  location: 'Wellington',
  receipt_url: 'https://example.com/receipt.pdf',
  tags: ['boat'],
  metadata: { seats: 2 },
};

testOwnRows(sessions, {
  table: 'expenses',
  sortedBy: 'date',
  repository: ({ expenses }) => expenses,
  onBehalf: ({ expenses }) => expenses,
  input: (id) => ({ id, amount: '42.50', category: 'fuel', date: '2026-12-01' }),
  patch: { trip_id: null, amount: '7.05', category: 'ferry', ...details },
});

const waitingForLocks = `select count(*)::int as count from pg_stat_activity
  where wait_event_type = 'Lock' and datname = current_database()`;

async function traveller() {
  const alice = await sessions.signUp();
  const [trip, detour] = await alice.trips.createMany([{ name: 'Big Lap' }, { name: 'Detour' }]);
  if (!trip || !detour) throw new Error('no trips');
  return { ...alice, trip, detour };
}

describe('an expense', () => {
  test('is inserted by one of few statements, whatever is left out of it', async () => {
    const alice = await traveller();
    const options = { trip_id: alice.trip.id, ...details };
    const texts = await alice.transaction(async (tx) => {
      for (const left of Object.keys(options)) {
        const { [left as keyof typeof options]: _, ...others } = options;
        await tx.expenses.create({ ...others, amount: '42.50', category: 'ferry' });
        await tx.expenses.create({ amount: '42.50', [left]: options[left as keyof typeof options], category: 'ferry' });
      }
      const { rows } = await sql<{ name: string }>`
        select name from pg_prepared_statements where statement like 'insert into "expenses"%'`.execute(tx.kysely);
      return rows;
    });
    expect([1, 2, 3, 4]).toContain(texts.length);
    expect((await alice.expenses.list({ limit: 100 })).items).toHaveLength(16);
  });

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

  test.each<[string, unknown]>([
    ['text', { if_version: '1' }],
    ['null', { if_version: null }],
    ['none', { if_version: 0 }],
    ['a fraction', { if_version: 1.5 }],
    ['misspelt', { ifVersion: 1 }],
    ['no object', 1],
  ])('is not changed with an if_version that is %s', async (_, options) => {
    const { expenses, income } = await sessions.signUp();
    const rows = [await expenses.create({ amount: 1, category: 'x' }), await income.create({ amount: 1, source: 'x' })];
    for (const [index, repository] of [expenses, income].entries()) {
      const { id = '' } = rows[index] ?? {};
      await expect(repository.update(id, { amount: 2 }, options as object)).rejects.toThrow(ValidationError);
      expect(await repository.get(id)).toEqual(rows[index]);
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

describe('more expenses than a statement takes', () => {
  const inputs = (count: number, trip_id: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => ({
      trip_id: trip_id(i),
      amount: '0.01',
      category: 'toll',
      description: `${i}`,
    }));

  test('are made all together, in the order given', { timeout: 120_000 }, async () => {
    const { expenses, trips, trip } = await traveller();
    const many = inputs(20_001, () => trip.id);
    const rows = await expenses.createMany(many);
    expect(rows.map(({ description }) => description)).toEqual(many.map(({ description }) => description));
    expect(await trips.get(trip.id)).toMatchObject({ budget_spent: '200.01', expense_count: 20_001 });
  });

  test('are none if the last is refused', { timeout: 120_000 }, async () => {
    const { expenses, trips, trip } = await traveller();
    const bob = await sessions.signUp();
    const taken = await bob.expenses.create({ id: `ffffffff-${randomUUID().slice(9)}`, amount: 1, category: 'x' });
    const many = [{ id: taken.id, amount: 1, category: 'x' }, ...inputs(10_000, () => trip.id)];
    await expect(expenses.createMany(many)).rejects.toThrow(UniqueError);
    expect((await expenses.list()).items).toEqual([]);
    expect(await trips.get(trip.id)).toMatchObject({ budget_spent: '0.00', expense_count: 0 });
  });

  test('that two devices make at once for two trips do not wait for each other in a circle', {
    timeout: 120_000,
  }, async () => {
    const { expenses, trips, trip, detour } = await traveller();
    // The first statement of each writes to one trip alone, the second to the other.
    const from = (first: string, second: string) =>
      inputs(10_100, (i) => (i < 10_000 ? first : second)).map((input, i) => ({
        ...input,
        id: `${i < 10_000 ? '0' : 'f'}${randomUUID().slice(1)}`,
      }));
    const both = [from(trip.id, detour.id), from(detour.id, trip.id)];
    await Promise.all(both.map((many) => expenses.createMany(many)));
    expect(await trips.get(trip.id)).toMatchObject({ expense_count: 10_100 });
    expect(await trips.get(detour.id)).toMatchObject({ expense_count: 10_100 });
  });

  test('and some of them in a statement of their own, at once, do not wait for each other in a circle', {
    timeout: 120_000,
  }, async () => {
    const { trips, trip, transaction, id: user_id } = await traveller();
    const many = inputs(10_050, () => trip.id).map((input, i) => ({
      ...input,
      id: `${i < 2 ? i : 'f'}${randomUUID().slice(1)}`,
    }));
    const waiting = async (count: number) =>
      await expect
        .poll(async () => (await sessions.admin.query(waitingForLocks)).rows, { timeout: 30_000 })
        .toEqual([{ count }]);
    const holder = await sessions.admin.connect();
    try {
      await holder.query('begin');
      // The first statement has an id of both by the time at which the second begins.
      await holder.query("insert into expenses (id, user_id, amount, category) values ($1, $2, 1, 'x')", [
        many[1]?.id,
        user_id,
      ]);
      const make = (inputs: typeof many) => transaction((tx) => tx.expenses.createMany(inputs), { retries: 0 });
      const few = make(many.slice(0, 2));
      await waiting(1);
      const all = make(many);
      await waiting(2);
      await holder.query('rollback');
      await Promise.all([few, all]);
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    expect(await trips.get(trip.id)).toMatchObject({ expense_count: 10_050 });
  });

  test('are parted by their size, too', { timeout: 120_000 }, async () => {
    const { expenses } = await traveller();
    const note = { note: 'x'.repeat(16_000) };
    const many = Array.from({ length: 1100 }, () => ({ amount: 1, category: 'x', metadata: note }));
    expect(await expenses.createMany(many)).toHaveLength(1100);
  });
});

describe('a list of expenses', () => {
  test.each<[string, (trip_id: string) => ExpenseFilter, string]>([
    ['a trip', (trip_id) => ({ trip_id }), 'ba'],
    ['a category, however it is written', () => ({ category: ' FUEL' }), 'ca'],
    ['a currency', () => ({ currency: 'NZD' }), 'dc'],
    ['days from one on', () => ({ since: '2026-12-03' }), 'dc'],
    ['days up to one', () => ({ until: '2026-12-02' }), 'ba'],
    ['one day', () => ({ since: '2026-12-02', until: '2026-12-02' }), 'b'],
    ['no trip', () => ({ trip_id: null }), 'dc'],
    ['a tag, however it is written', () => ({ tag: ' VAN' }), 'ca'],
    ['text in a description', () => ({ text: 'B' }), 'b'],
    ['text in a place, whatever the case', () => ({ text: ' ZION ' }), 'd'],
    ['text with signs that patterns have', () => ({ text: '100%_\\' }), 'd'],
    ['text that runs from one field into the next', () => ({ text: 'dz' }), ''],
    [
      'all at once',
      (trip_id) => ({
        trip_id,
        category: 'fuel',
        currency: 'AUD',
        tag: 'van',
        text: 'a',
        since: '2026-12-01',
        until: '2026-12-31',
      }),
      'a',
    ],
    ['nothing in particular', () => ({}), 'dcba'],
  ])('may be of %s, and its pages too', async (_, filter, found) => {
    const { expenses, trip } = await traveller();
    await expenses.createMany([
      {
        description: 'a',
        trip_id: trip.id,
        amount: '1',
        currency: 'AUD',
        category: 'fuel',
        date: '2026-12-01',
        tags: ['diesel', 'van'],
      },
      { description: 'b', trip_id: trip.id, amount: '1', currency: 'AUD', category: 'food', date: '2026-12-02' },
      { description: 'c', amount: '1', currency: 'NZD', category: 'Fuel', date: '2026-12-03', tags: ['van'] },
      {
        description: 'd',
        amount: '1',
        currency: 'NZD',
        category: 'food',
        date: '2026-12-04',
        location: 'Zion, 100%_\\',
        tags: ['vans'],
      },
    ]);
    const { items } = await expenses.list(filter(trip.id));
    expect(items.map(({ description }) => description).join('')).toBe(found);
    const first = await expenses.list({ ...filter(trip.id), limit: 1 });
    const rest = first.next_cursor
      ? await expenses.list({ ...filter(trip.id), cursor: first.next_cursor })
      : { items: [] };
    expect([...first.items, ...rest.items]).toEqual(items);
  });

  test.each([
    { trip_id: '42' },
    { currency: 'usd' },
    { since: '2026-02-30' },
    { until: 'today' },
    { tag: ' ' },
    { text: '' },
    { text: 'x'.repeat(201) },
    { category: null as unknown as string },
    { colour: 'red' },
  ])('refuses the filter %j', async (filter) => {
    const { expenses } = await sessions.signUp();
    await expect(expenses.list(filter)).rejects.toThrow(ValidationError);
  });
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
    for (const wrong of [
      { from: '42', to: null },
      { from: trip.id },
      { from: null, to: null },
      { to: null },
      null,
      'x',
    ]) {
      await expect(expenses.move(wrong as { from: string; to: null })).rejects.toThrow(ValidationError);
    }
  });

  test('is not for a suspended user', async () => {
    const { expenses, trip, ...alice } = await traveller();
    await expenses.create({ trip_id: trip.id, amount: '1', category: 'fuel' });
    await sessions.suspend(alice);
    await expect(expenses.move({ from: trip.id, to: null })).rejects.toThrow(PermissionError);
  });
});
