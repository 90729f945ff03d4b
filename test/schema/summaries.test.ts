import { beforeEach, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
let alice: string;

beforeEach(async () => {
  alice = await database.signUp();
});

const asAlice = async (text: string, values?: unknown[]) =>
  (await database.as('authenticated', alice, (client) => client.query(text, values))).rows;

const columnsOf = async (view: string) =>
  (
    await database.admin.query(
      'select column_name as name from information_schema.columns where table_name = $1 order by ordinal_position',
      [view],
    )
  ).rows.map((row) => row.name);

const spend = (day: string, amount: string, category = 'fuel', currency = 'USD') =>
  asAlice(
    `insert into expenses (user_id, amount, category, currency, date)
     select auth.uid(), $1, $2, $3, summary_date + $4::int from user_financial_summary`,
    [amount, category, currency, day],
  );

const earn = (day: string, amount: string, frequency: string | null = null, ends: string | null = null) =>
  asAlice(
    `insert into income_entries (user_id, amount, source, date, type, frequency, ends_on)
     select auth.uid(), $1, 'work', summary_date + $2::int, case when $3::text is null then 'one_time' else 'recurring' end, $3, summary_date + $4::int
     from user_financial_summary`,
    [amount, day, frequency, ends],
  );

describe('user_financial_summary', () => {
  const summary = async () => (await asAlice('select * from user_financial_summary'))[0];

  test('has the specification’s columns first, in its order', async () => {
    expect(await columnsOf('user_financial_summary')).toEqual([
      'user_id',
      'email',
      'total_expenses',
      'total_income',
      'net_income',
      'expense_categories',
      'summary_date',
      'currency',
      'by_currency',
    ]);
  });

  test('is one row of zeros and empty lists at first', async () => {
    const rows = await asAlice(
      'select *, summary_date = (now() at time zone $1)::date as is_today from user_financial_summary',
      ['UTC'],
    );
    expect(rows).toEqual([
      {
        user_id: alice,
        email: `${alice}@example.com`,
        total_expenses: '0.00',
        total_income: '0.00',
        net_income: '0.00',
        expense_categories: [],
        summary_date: expect.any(Date),
        currency: 'USD',
        by_currency: [],
        is_today: true,
      },
    ]);
  });

  test('counts thirty days: today and the 29 before, neither the 30th nor tomorrow', async () => {
    for (const [day, amount] of [
      ['-30', '1'],
      ['-29', '10'],
      ['0', '100'],
      ['1', '1000'],
    ] as const) {
      await spend(day, amount);
      await earn(day, amount);
    }
    expect(await summary()).toMatchObject({ total_expenses: '110.00', total_income: '110.00', net_income: '0.00' });
  });

  test('counts each of the thirty days once', async () => {
    for (let day = -35; day <= 5; day++) await spend(`${day}`, '1');
    expect(await summary()).toMatchObject({
      total_expenses: '30.00',
      expense_categories: [{ category: 'fuel', amount: '30.00', count: 30 }],
    });
  });

  test.each([
    ['weekly', '-28', null, '500.00'],
    ['weekly', '-30', null, '400.00'],
    ['weekly', '-700', null, '500.00'],
    ['weekly', '-28', '-14', '300.00'],
    ['weekly', '1', null, '0.00'],
    ['daily', '-400', null, '3000.00'],
    ['daily', '-9', null, '1000.00'],
    ['daily', '-60', '-30', '0.00'],
    ['daily', '-60', '-29', '100.00'],
    ['yearly', '0', null, '100.00'],
    ['yearly', '-100', null, '0.00'],
  ])(
    'counts %s income that began on day %s and ended on %s once an occurrence: %s',
    async (frequency, day, ends, total) => {
      await earn(day, '100', frequency, ends);
      expect(await summary()).toMatchObject({ total_income: total, net_income: total });
    },
  );

  test('agrees with income_occurrences', async () => {
    for (const [frequency, day] of [
      ['weekly', '-100'],
      ['daily', '-10'],
      ['monthly', '-200'],
      ['yearly', '-365'],
    ] as const) {
      await earn(day, '3.33', frequency);
    }
    const rows = await asAlice(
      `select total_income = (select sum(amount) from income_occurrences(summary_date - 29, summary_date)) as same, total_income > 40 as some
       from user_financial_summary`,
    );
    expect(rows).toEqual([{ same: true, some: true }]);
  });

  test('sums each category, the largest first', async () => {
    await spend('0', '5', 'food');
    await spend('-3', '20', 'fuel');
    await spend('-1', '2.5', 'Food');
    await spend('0', '7.5', 'camping');
    expect(await summary()).toMatchObject({
      total_expenses: '35.00',
      expense_categories: [
        { category: 'fuel', amount: '20.00', count: 1 },
        { category: 'camping', amount: '7.50', count: 1 },
        { category: 'food', amount: '7.50', count: 2 },
      ],
    });
  });

  test('never adds two currencies: the columns are in the profile’s, by_currency holds each', async () => {
    await spend('0', '100');
    await spend('0', '10000', 'fuel', 'JPY');
    await earn('0', '40');
    expect(await summary()).toMatchObject({ currency: 'USD', total_expenses: '100.00', net_income: '-60.00' });
    await asAlice("update profiles set currency = 'JPY' where id = auth.uid()");
    const yen = {
      currency: 'JPY',
      total_expenses: '10000.00',
      total_income: '0.00',
      net_income: '-10000.00',
      expense_categories: [{ category: 'fuel', amount: '10000.00', count: 1 }],
    };
    expect(await summary()).toMatchObject({
      ...yen,
      by_currency: [
        yen,
        {
          currency: 'USD',
          total_expenses: '100.00',
          total_income: '40.00',
          net_income: '-60.00',
          expense_categories: [{ category: 'fuel', amount: '100.00', count: 1 }],
        },
      ],
    });
    await asAlice("update profiles set currency = 'EUR' where id = auth.uid()");
    expect(await summary()).toMatchObject({ currency: 'EUR', total_expenses: '0.00', expense_categories: [] });
  });

  test('has a row for whoever has no email', async () => {
    const { rows } = await database.admin.query("insert into auth.users (phone) values ('+61400000000') returning id");
    const found = await database.as('authenticated', rows[0].id, (client) =>
      client.query('select user_id, email from user_financial_summary'),
    );
    expect(found.rows).toEqual([{ user_id: rows[0].id, email: null }]);
  });
});

describe('trip_financial_summary', () => {
  const trip = async (budget: string | null = '1000') =>
    (
      await asAlice("insert into trips (user_id, name, budget_total) values (auth.uid(), 'Big Lap', $1) returning id", [
        budget,
      ])
    )[0].id;

  test('has the specification’s columns first, in its order', async () => {
    expect(await columnsOf('trip_financial_summary')).toEqual([
      'trip_id',
      'trip_name',
      'user_id',
      'budget_total',
      'actual_spent',
      'remaining_budget',
      'expense_count',
      'recent_expenses',
      'currency',
      'spent_by_currency',
    ]);
  });

  test('of a new trip is nothing spent and an empty list', async () => {
    const id = await trip();
    expect(await asAlice('select * from trip_financial_summary')).toEqual([
      {
        trip_id: id,
        trip_name: 'Big Lap',
        user_id: alice,
        budget_total: '1000.00',
        actual_spent: '0.00',
        remaining_budget: '1000.00',
        expense_count: 0,
        recent_expenses: [],
        currency: 'USD',
        spent_by_currency: {},
      },
    ]);
  });

  test('without a budget has nothing that remains of it', async () => {
    await trip(null);
    expect(await asAlice('select budget_total, remaining_budget from trip_financial_summary')).toEqual([
      { budget_total: null, remaining_budget: null },
    ]);
  });

  test('counts the trip’s own expenses, in its currency', async () => {
    const id = await trip('100');
    const insert =
      'insert into expenses (user_id, trip_id, amount, currency, category) values (auth.uid(), $1, $2, $3, $4)';
    await asAlice(insert, [id, '120', 'USD', 'fuel']);
    await asAlice(insert, [id, '50', 'EUR', 'food']);
    await asAlice(insert, [await trip(), '7', 'USD', 'fuel']);
    await asAlice(insert, [null, '9', 'USD', 'fuel']);
    const rows = await asAlice(
      'select actual_spent, remaining_budget, expense_count, spent_by_currency from trip_financial_summary where trip_id = $1',
      [id],
    );
    expect(rows).toEqual([
      {
        actual_spent: '120.00',
        remaining_budget: '-20.00',
        expense_count: 2,
        spent_by_currency: { USD: '120.00', EUR: '50.00' },
      },
    ]);
  });

  test('shows the ten newest expenses, the newest first', async () => {
    const id = await trip();
    await asAlice(
      `insert into expenses (user_id, trip_id, amount, category, date)
       select auth.uid(), $1, n, 'fuel', date '2026-01-01' + n % 40 from generate_series(1, 100) as n`,
      [id],
    );
    const [row] = await asAlice('select expense_count, recent_expenses from trip_financial_summary');
    expect(row.expense_count).toBe(100);
    const newest = await asAlice(
      `select id, category, amount, currency, date::text as date from expenses order by date desc, id desc limit 10`,
    );
    expect(row.recent_expenses).toEqual(newest);
  });
});

test.each(['user_financial_summary', 'trip_financial_summary'])('%s works with DISTINCT and UNION', async (view) => {
  await asAlice("insert into trips (user_id, name) values (auth.uid(), 'Big Lap')");
  expect(await asAlice(`select distinct * from ${view} union select * from ${view}`)).toHaveLength(1);
});
