import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
let alice: string;

beforeAll(async () => {
  alice = await database.signUp();
});

const asAlice = async (text: string, values?: unknown[]) =>
  (await database.as('authenticated', alice, (client) => client.query(text, values))).rows;

const refusedBy = (constraint: string) => ({ code: '23514', constraint });

describe.each([
  { table: 'expenses', column: 'amount', more: "category) values (auth.uid(), $1, 'fuel'" },
  { table: 'income_entries', column: 'amount', more: "source) values (auth.uid(), $1, 'work'" },
  { table: 'budgets', column: 'amount', more: "period) values (auth.uid(), $1, 'weekly'" },
  { table: 'trips', column: 'budget_total', more: "name) values (auth.uid(), $1, 'Big Lap'" },
])('$table.$column', ({ table, column, more }) => {
  const insert = `insert into ${table} (user_id, ${column}, ${more}) returning id, ${column}::text as amount`;

  test.each([
    ['42.5', '42.50'],
    ['7', '7.00'],
    ['10.990', '10.99'],
    ['1e3', '1000.00'],
    ['0.01', '0.01'],
    ['99999999.99', '99999999.99'],
  ])('takes %s and keeps %s', async (given, kept) => {
    const rows = await asAlice(insert, [given]);
    expect(rows[0].amount).toBe(kept);
  });

  const wrong = ['10.999', '0.001', '99999999.995', 'NaN', 'Infinity', '-Infinity', '-1', '-0.01', '1e8', '100000000'];
  test.each(wrong)('refuses %s, on insert and on update', async (amount) => {
    await expect(asAlice(insert, [amount])).rejects.toMatchObject(refusedBy(`${table}_${column}_check`));
    const rows = await asAlice(insert, ['5']);
    await expect(
      asAlice(`update ${table} set ${column} = $1 where id = $2`, [amount, rows[0].id]),
    ).rejects.toMatchObject(refusedBy(`${table}_${column}_check`));
  });

  test('is kept with two decimals after an update too', async () => {
    const rows = await asAlice(insert, ['5']);
    const update = `update ${table} set ${column} = 6.5 where id = $1 returning ${column}::text as amount`;
    expect(await asAlice(update, [rows[0].id])).toEqual([{ amount: '6.50' }]);
  });
});

test.each([
  ['expenses', "(user_id, amount, category) values (auth.uid(), $1, 'fuel')"],
  ['income_entries', "(user_id, amount, source) values (auth.uid(), $1, 'work')"],
  ['budgets', "(user_id, amount, period) values (auth.uid(), $1, 'weekly')"],
])('an amount of %s is more than nothing', async (table, row) => {
  await expect(asAlice(`insert into ${table} ${row}`, ['0'])).rejects.toMatchObject(refusedBy(`${table}_amount_check`));
  await expect(asAlice(`insert into ${table} ${row}`, [null])).rejects.toMatchObject({
    code: '23502',
    column: 'amount',
  });
});

test('a trip may have no budget, or one of nothing', async () => {
  const insert = "insert into trips (user_id, name, budget_total) values (auth.uid(), 'x', $1) returning budget_total";
  expect(await asAlice(insert, [null])).toEqual([{ budget_total: null }]);
  expect(await asAlice(insert, ['0'])).toEqual([{ budget_total: '0.00' }]);
});

test('a sum may be larger than any single amount', async () => {
  const bob = await database.signUp();
  const [trip, person] = await database.as('authenticated', bob, async (client) => {
    await client.query("insert into trips (user_id, name, budget_total) values (auth.uid(), 'Gold', 99999999.99)");
    await client.query(`insert into expenses (user_id, trip_id, amount, category)
      select auth.uid(), id, 99999999.99, 'gold' from trips, generate_series(1, 3)`);
    await client.query(`insert into income_entries (user_id, amount, source)
      select auth.uid(), 99999999.99, 'gold' from generate_series(1, 4)`);
    const trips = await client.query('select actual_spent, remaining_budget from trip_financial_summary');
    const people = await client.query('select total_expenses, total_income, net_income from user_financial_summary');
    return [trips.rows, people.rows];
  });
  expect(trip).toEqual([{ actual_spent: '299999999.97', remaining_budget: '-199999999.98' }]);
  expect(person).toEqual([{ total_expenses: '299999999.97', total_income: '399999999.96', net_income: '99999999.99' }]);
});

test('money is text with two decimals in every JSON', async () => {
  const carol = await database.signUp();
  const found = await database.as('authenticated', carol, async (client) => {
    await client.query("insert into trips (user_id, name) values (auth.uid(), 'Big Lap')");
    await client.query(`insert into expenses (user_id, trip_id, amount, currency, category)
      select auth.uid(), trips.id, paid.amount, paid.currency, 'fuel' from trips, (values (42.5, 'USD'), (7, 'EUR')) as paid (amount, currency)`);
    await client.query("insert into income_entries (user_id, amount, source) values (auth.uid(), 100, 'work')");
    const { rows } = await client.query(`
      select
        (select jsonb_agg(e -> 'amount') from trip_financial_summary, jsonb_array_elements(recent_expenses) as e
          where e ->> 'currency' = 'USD') as recent_expenses,
        (select spent_by_currency from trip_financial_summary) as spent_by_currency,
        (select jsonb_agg(e -> 'amount') from user_financial_summary, jsonb_array_elements(expense_categories) as e) as expense_categories,
        (select by_currency from user_financial_summary) as by_currency,
        (select jsonb_agg(e -> 'amount' order by e ->> 'currency')
          from jsonb_array_elements(get_user_activity(auth.uid()) -> 'expenses') as e) as activity`);
    return rows[0];
  });
  expect(found).toEqual({
    recent_expenses: ['42.50'],
    spent_by_currency: { EUR: '7.00', USD: '42.50' },
    expense_categories: ['42.50'],
    by_currency: [
      {
        currency: 'EUR',
        total_expenses: '7.00',
        total_income: '0.00',
        net_income: '-7.00',
        expense_categories: [{ category: 'fuel', amount: '7.00', count: 1 }],
      },
      {
        currency: 'USD',
        total_expenses: '42.50',
        total_income: '100.00',
        net_income: '57.50',
        expense_categories: [{ category: 'fuel', amount: '42.50', count: 1 }],
      },
    ],
    activity: ['7.00', '42.50'],
  });
});

describe('a currency', () => {
  const insert =
    "insert into expenses (user_id, amount, category, currency) values (auth.uid(), 1, 'fuel', $1) returning currency";

  test.each(['AUD', 'EUR', 'JPY', 'XCG', 'ZWG'])('%s is one of ISO 4217', async (currency) => {
    expect(await asAlice(insert, [currency])).toEqual([{ currency }]);
  });

  test.each(['usd', 'XXX', 'BTC', 'EURO', ' USD', 'US', '', '€', 'DEM'])('"%s" is none', async (currency) => {
    await expect(asAlice(insert, [currency])).rejects.toMatchObject({
      code: '23514',
      constraint: 'currency_code_check',
    });
  });

  test.each([
    ['trips', "(user_id, name) values (auth.uid(), 'Big Lap')"],
    ['expenses', "(user_id, amount, category) values (auth.uid(), 1, 'fuel')"],
    ['expenses', "(user_id, amount, category, currency) values (auth.uid(), 1, 'fuel', null)"],
    ['income_entries', "(user_id, amount, source) values (auth.uid(), 1, 'work')"],
    ['budgets', "(user_id, amount, period) values (auth.uid(), 1, 'weekly')"],
  ])('is the profile’s unless said otherwise: %s %s', async (table, row) => {
    await asAlice("update profiles set currency = 'NZD' where id = auth.uid()");
    expect(await asAlice(`insert into ${table} ${row} returning currency`)).toEqual([{ currency: 'NZD' }]);
  });

  test.each(['trips', 'expenses', 'income_entries', 'budgets', 'profiles'])('is never missing in %s', async (table) => {
    await expect(database.admin.query(`update ${table} set currency = null`)).rejects.toMatchObject({
      code: '23502',
      column: 'currency',
    });
  });
});
