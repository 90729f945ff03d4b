import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
let alice: string;

beforeAll(async () => {
  alice = await database.signUp();
});

const asAlice = async (text: string, values?: unknown[]) =>
  (await database.as('authenticated', alice, (client) => client.query(text, values))).rows;

describe.each([
  ['expenses', 'date', "(user_id, amount, category, date) values (auth.uid(), 1, 'fuel', $1)"],
  ['income_entries', 'date', "(user_id, amount, source, date) values (auth.uid(), 1, 'work', $1)"],
  ['budgets', 'starts_on', "(user_id, amount, period, starts_on) values (auth.uid(), 1, 'weekly', $1)"],
  ['trips', 'start_date', "(user_id, name, start_date) values (auth.uid(), 'Big Lap', $1)"],
])('%s.%s', (table, column, row) => {
  test.each(['1900-01-01', '2024-02-29', '2999-12-31'])('may be %s', async (day) => {
    const rows = await asAlice(`insert into ${table} ${row} returning ${column}::text as day`, [day]);
    expect(rows).toEqual([{ day }]);
  });

  test.each(['infinity', '-infinity', '1899-12-31', '3000-01-01', '0044-03-15 BC'])('may not be %s', async (day) => {
    await expect(asAlice(`insert into ${table} ${row}`, [day])).rejects.toMatchObject({
      code: '23514',
      constraint: `${table}_${column}_check`,
    });
  });
});

describe('a trip', () => {
  const insert =
    "insert into trips (user_id, name, start_date, end_date) values (auth.uid(), 'Big Lap', $1, $2) returning id";

  test.each([
    ['no dates', null, null],
    ['a start alone', '2026-12-01', null],
    ['one day', '2026-12-01', '2026-12-01'],
    ['a month', '2026-12-01', '2026-12-31'],
  ])('may have %s', async (_, start, end) => {
    expect(await asAlice(insert, [start, end])).toHaveLength(1);
  });

  test.each([
    ['ends before it starts', '2026-12-01', '2026-11-30', 'trips_dates_check'],
    ['ends without a start', null, '2026-12-01', 'trips_dates_check'],
    ['never ends', '2026-12-01', 'infinity', 'trips_end_date_check'],
    ['ended before all time', '2026-12-01', '-infinity', 'trips_dates_check'],
    ['ends after the calendar', '2026-12-01', '3000-01-01', 'trips_end_date_check'],
  ])('that %s is refused', async (_, start, end, constraint) => {
    await expect(asAlice(insert, [start, end])).rejects.toMatchObject({ code: '23514', constraint });
  });

  test.each(["start_date = '2027-01-01'", "end_date = '2026-11-30'", 'start_date = null'])(
    'cannot be changed so that it ends before it starts: set %s',
    async (change) => {
      const rows = await asAlice(insert, ['2026-12-01', '2026-12-31']);
      await expect(asAlice(`update trips set ${change} where id = $1`, [rows[0].id])).rejects.toMatchObject({
        code: '23514',
        constraint: 'trips_dates_check',
      });
    },
  );
});

describe('today is the traveller’s day', () => {
  // 25 hours apart: at no moment do both have the same date.
  test.each(['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Pacific/Auckland', 'America/Los_Angeles'])(
    'in %s',
    async (timezone) => {
      const traveller = await database.signUp();
      const rows = await database.as('authenticated', traveller, async (client) => {
        await client.query('update profiles set timezone = $1 where id = auth.uid()', [timezone]);
        const today = '(now() at time zone (select timezone from profiles))::date';
        const days = [];
        for (const [table, row, column] of [
          ['expenses', "(user_id, amount, category) values (auth.uid(), 1, 'fuel')", 'date'],
          ['expenses', "(user_id, amount, category, date) values (auth.uid(), 1, 'fuel', null)", 'date'],
          ['income_entries', "(user_id, amount, source) values (auth.uid(), 1, 'work')", 'date'],
          ['budgets', "(user_id, amount, period) values (auth.uid(), 1, 'weekly')", 'starts_on'],
        ]) {
          days.push(await client.query(`insert into ${table} ${row} returning ${column} = ${today} as is_today`));
        }
        days.push(await client.query(`select summary_date = ${today} as is_today from user_financial_summary`));
        return days.flatMap((result) => result.rows);
      });
      expect(rows).toEqual(Array(5).fill({ is_today: true }));
    },
  );

  test('whatever the zone of the session is', async () => {
    const days = await Promise.all(
      ['Pacific/Kiritimati', 'Pacific/Pago_Pago'].map(async (zone) => {
        const { rows } = await database.as('authenticated', alice, async (client) => {
          await client.query("select set_config('timezone', $1, true)", [zone]);
          return await client.query(
            "insert into expenses (user_id, amount, category) values (auth.uid(), 1, 'fuel') returning date = (now() at time zone 'UTC')::date as is_today",
          );
        });
        return rows[0];
      }),
    );
    expect(days).toEqual([{ is_today: true }, { is_today: true }]);
  });
});

describe('a time zone', () => {
  const update = 'update profiles set timezone = $1 where id = auth.uid() returning timezone';

  test.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'America/Port-au-Prince', 'Etc/GMT+5'])(
    'may be %s',
    async (timezone) => {
      expect(await asAlice(update, [timezone])).toEqual([{ timezone }]);
    },
  );

  // Postgres takes any word followed by an offset for a zone; a calendar library in the browser does not.
  test.each([
    'FOO+5',
    'EST',
    'EST5EDT',
    '+05:00',
    'Mars/Olympus',
    'Mars/Olympus+5',
    'Europe/Berlin+2',
    'Foo/Bar5',
    'Etc/GMT+13',
    'america/new_york',
    'posix/America/New_York',
    '',
    ' UTC',
  ])('may not be "%s"', async (timezone) => {
    await expect(asAlice(update, [timezone])).rejects.toMatchObject({
      code: '23514',
      constraint: 'profiles_timezone_check',
    });
  });
});
