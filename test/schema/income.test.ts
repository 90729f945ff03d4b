import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
let alice: string;

beforeAll(async () => {
  alice = await database.signUp();
});

const by = async (person: string, text: string, values?: unknown[]) =>
  (await database.as('authenticated', person, (client) => client.query(text, values))).rows;

describe('the days of an income', () => {
  const days = async (first: string, frequency: string | null, ends: string | null, since: string, until: string) => {
    const { rows } = await database.admin.query(
      'select to_char(day, $6) as day from private.occurrences($1, $2, $3, $4, $5) as day',
      [first, frequency, ends, since, until, 'YYYY-MM-DD'],
    );
    return rows.map((row) => row.day);
  };

  test('of a month’s end are the ends of months, none is lost and none drifts', async () => {
    expect(await days('2024-01-31', 'monthly', null, '2024-01-01', '2024-06-30')).toEqual([
      '2024-01-31',
      '2024-02-29',
      '2024-03-31',
      '2024-04-30',
      '2024-05-31',
      '2024-06-30',
    ]);
    expect(await days('2025-01-30', 'monthly', null, '2025-02-01', '2025-03-31')).toEqual(['2025-02-28', '2025-03-30']);
  });

  test('of 29 February are 28 February in other years', async () => {
    expect(await days('2024-02-29', 'yearly', null, '2024-01-01', '2028-12-31')).toEqual([
      '2024-02-29',
      '2025-02-28',
      '2026-02-28',
      '2027-02-28',
      '2028-02-29',
    ]);
    expect(await days('1896-02-29', 'yearly', null, '1900-01-01', '1904-12-31')).toEqual([
      '1900-02-28',
      '1901-02-28',
      '1902-02-28',
      '1903-02-28',
      '1904-02-29',
    ]);
  });

  test('are every seventh day, over the year’s end', async () => {
    expect(await days('2025-12-18', 'weekly', null, '2025-12-20', '2026-01-10')).toEqual([
      '2025-12-25',
      '2026-01-01',
      '2026-01-08',
    ]);
  });

  test('are every day, clocks changed or not', async () => {
    expect(await days('2026-03-28', 'daily', null, '2026-03-27', '2026-03-30')).toEqual([
      '2026-03-28',
      '2026-03-29',
      '2026-03-30',
    ]);
  });

  test('end with ends_on, which is the last', async () => {
    expect(await days('2026-01-01', 'weekly', '2026-01-15', '2026-01-01', '2026-12-31')).toEqual([
      '2026-01-01',
      '2026-01-08',
      '2026-01-15',
    ]);
    expect(await days('2026-01-01', 'weekly', '2026-01-14', '2026-01-08', '2026-12-31')).toEqual(['2026-01-08']);
    expect(await days('2026-01-01', 'daily', '2026-01-01', '2025-01-01', '2026-12-31')).toEqual(['2026-01-01']);
  });

  test.each(['daily', 'weekly', 'monthly', 'yearly', null])(
    'begin with the first, whatever was before (%s)',
    async (frequency) => {
      expect(await days('2026-06-15', frequency, null, '2020-01-01', '2026-06-14')).toEqual([]);
      expect(await days('2026-06-15', frequency, null, '2020-01-01', '2026-06-15')).toEqual(['2026-06-15']);
      expect(await days('2026-06-15', frequency, null, '2026-06-15', '2026-06-15')).toEqual(['2026-06-15']);
    },
  );

  test('of a single income are one day, if the window holds it', async () => {
    expect(await days('2026-06-15', null, null, '2026-06-01', '2026-06-30')).toEqual(['2026-06-15']);
    expect(await days('2026-06-15', null, null, '2026-06-16', '2026-06-30')).toEqual([]);
  });

  test('are none in a window that ends before it starts', async () => {
    expect(await days('2026-01-01', 'daily', null, '2026-01-31', '2026-01-01')).toEqual([]);
  });

  test('are found as far as the calendar goes', async () => {
    expect(await days('1900-01-01', 'daily', null, '2999-12-30', '2999-12-31')).toEqual(['2999-12-30', '2999-12-31']);
    expect(await days('1900-01-31', 'monthly', null, '2999-02-01', '2999-02-28')).toEqual(['2999-02-28']);
  });

  test('are those that counting up from the first gives', async () => {
    const { rows } = await database.admin.query(`
      with cases as (
        select
          n, date '2020-01-01' + (random() * 2000)::int as first_day, (array['daily', 'weekly', 'monthly', 'yearly'])[1 + n % 4] as frequency,
          case when random() < 0.5 then date '2023-01-01' + (random() * 2000)::int end as ends_on,
          date '2019-01-01' + (random() * 3000)::int as since, (random() * 800)::int - 20 as length
        from generate_series(1, 200) as n
      ),
      given as (
        select n, day from cases, private.occurrences(first_day, frequency, greatest(ends_on, first_day), since, since + length) as day
      ),
      expected as (
        select n, (first_day + step * ('{"daily": "1 day", "weekly": "7 days", "monthly": "1 month", "yearly": "1 year"}'::jsonb ->> frequency)::interval)::date as day
        from cases, generate_series(0, 3600) as step
        where first_day + step * ('{"daily": "1 day", "weekly": "7 days", "monthly": "1 month", "yearly": "1 year"}'::jsonb ->> frequency)::interval
          between since and least(since + length, greatest(ends_on, first_day))
      )
      select 'too many' as wrong, c.*, d.day from (table given except table expected) as d join cases c using (n)
      union all
      select 'missing', c.*, d.day from (table expected except table given) as d join cases c using (n)
      union all
      select 'twice', c.*, d.day from (select n, day from given group by n, day having count(*) > 1) as d join cases c using (n)`);
    expect(rows).toEqual([]);
  });
});

describe('income_occurrences', () => {
  test.each([
    ['-infinity', '2026-01-01'],
    ['2026-01-01', 'infinity'],
    ['2020-01-01', '2030-01-09'],
  ])('from %s to %s are too many: at most ten years', async (from, to) => {
    await expect(by(alice, 'select * from income_occurrences($1, $2)', [from, to])).rejects.toMatchObject({
      code: '22023',
    });
  });

  test('lists every occurrence of all income between two days, both included, in order', async () => {
    const person = await database.signUp();
    await by(
      person,
      `insert into income_entries (user_id, amount, currency, source, date, type, frequency, ends_on) values
        (auth.uid(), 100, 'USD', 'salary', '2026-01-31', 'recurring', 'monthly', null),
        (auth.uid(), 7.5, 'EUR', 'rent', '2026-02-20', 'recurring', 'weekly', '2026-02-27'),
        (auth.uid(), 5, 'USD', 'sale', '2026-03-01', 'one_time', null, null),
        (auth.uid(), 6, 'USD', 'shop', '2026-02-01', 'business', null, null),
        (auth.uid(), 1, 'USD', 'before', '2026-01-31', 'one_time', null, null),
        (auth.uid(), 1, 'USD', 'after', '2026-04-01', 'one_time', null, null),
        (auth.uid(), 1, 'USD', 'ended', '2025-01-01', 'recurring', 'daily', '2026-01-31'),
        (auth.uid(), 1, 'USD', 'later', '2026-04-01', 'recurring', 'daily', null)`,
    );
    await by(
      alice,
      "insert into income_entries (user_id, amount, source, date) values (auth.uid(), 1, 'hers', '2026-02-01')",
    );
    const found = await by(
      person,
      `select date::text as date, amount, currency, source, type, frequency from income_occurrences('2026-02-01', '2026-03-31')`,
    );
    const salary = { amount: '100.00', currency: 'USD', source: 'salary', type: 'recurring', frequency: 'monthly' };
    const rent = { amount: '7.50', currency: 'EUR', source: 'rent', type: 'recurring', frequency: 'weekly' };
    expect(found).toEqual([
      { date: '2026-02-01', amount: '6.00', currency: 'USD', source: 'shop', type: 'business', frequency: null },
      { date: '2026-02-20', ...rent },
      { date: '2026-02-27', ...rent },
      { date: '2026-02-28', ...salary },
      { date: '2026-03-01', amount: '5.00', currency: 'USD', source: 'sale', type: 'one_time', frequency: null },
      { date: '2026-03-31', ...salary },
    ]);
  });

  test('names the entry of each occurrence', async () => {
    const [entry] = await by(
      alice,
      "insert into income_entries (user_id, amount, source, date, type, frequency) values (auth.uid(), 1, 'x', '2030-01-01', 'recurring', 'daily') returning id",
    );
    const rows = await by(alice, "select distinct income_id from income_occurrences('2030-01-05', '2030-01-06')");
    expect(rows).toEqual([{ income_id: entry.id }]);
  });
});

describe('an income', () => {
  const insert =
    "insert into income_entries (user_id, amount, source, date, type, frequency, ends_on) values (auth.uid(), 1, 'work', '2026-01-01', $1, $2, $3) returning id";

  test.each([
    ['one_time', null, null],
    ['business', null, null],
    ['recurring', 'daily', null],
    ['recurring', 'weekly', '2026-01-01'],
    ['recurring', 'monthly', '2999-12-31'],
    ['recurring', 'yearly', '2026-12-31'],
  ])('may be %s %s until %s', async (type, frequency, ends) => {
    expect(await by(alice, insert, [type, frequency, ends])).toHaveLength(1);
  });

  test.each([
    ['recurring', null, null, 'recurrence'],
    ['one_time', 'weekly', null, 'recurrence'],
    ['business', 'monthly', null, 'recurrence'],
    ['recurring', 'hourly', null, 'frequency'],
    ['sometimes', null, null, 'type'],
    ['recurring', 'weekly', '2025-12-31', 'ends_on'],
    ['recurring', 'weekly', 'infinity', 'ends_on'],
    ['one_time', null, '2026-12-31', 'ends_on'],
  ])('may not be %s %s until %s', async (type, frequency, ends, rule) => {
    await expect(by(alice, insert, [type, frequency, ends])).rejects.toMatchObject({
      code: '23514',
      constraint: `income_entries_${rule}_check`,
    });
  });

  test('stays whole when it is changed', async () => {
    const [{ id }] = await by(alice, insert, ['recurring', 'weekly', '2026-06-30']);
    for (const change of ['frequency = null', "type = 'one_time'", "date = '2026-07-01'"]) {
      await expect(by(alice, `update income_entries set ${change} where id = $1`, [id])).rejects.toMatchObject({
        code: '23514',
      });
    }
    const single =
      "update income_entries set type = 'one_time', frequency = null, ends_on = null where id = $1 returning type";
    expect(await by(alice, single, [id])).toEqual([{ type: 'one_time' }]);
  });
});
