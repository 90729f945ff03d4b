import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
let alice: string;
let trip: string;

beforeAll(async () => {
  alice = await database.signUp();
  trip = await newTrip(alice);
});

const by = async (person: string, text: string, values?: unknown[]) =>
  (await database.as('authenticated', person, (client) => client.query(text, values))).rows;

const newTrip = async (person: string): Promise<string> =>
  (await by(person, "insert into trips (user_id, name) values (auth.uid(), 'Big Lap') returning id"))[0].id;

const insert =
  'insert into budgets (user_id, amount, period, trip_id, category) values (auth.uid(), 500, $1, $2, $3) returning id, amount, period, trip_id, category';

describe('a budget', () => {
  test.each(['weekly', 'monthly', 'yearly'])('may be %s, on one category or on all', async (period) => {
    const all = { id: expect.any(String), amount: '500.00', period, trip_id: null, category: null };
    expect(await by(alice, insert, [period, null, null])).toEqual([all]);
    expect(await by(alice, insert, [period, null, 'food'])).toEqual([{ ...all, category: 'food' }]);
  });

  test('may be for a trip, and goes with it', async () => {
    const other = await newTrip(alice);
    await by(alice, insert, ['trip', other, 'fuel']);
    const [kept] = await by(alice, insert, ['trip', trip, 'fuel']);
    await by(alice, 'delete from trips where id = $1', [other]);
    expect(await by(alice, "select id from budgets where period = 'trip'")).toEqual([{ id: kept.id }]);
  });

  test('for a trip names one of one’s own', async () => {
    await expect(by(alice, insert, ['trip', null, null])).rejects.toMatchObject({
      constraint: 'budgets_trip_id_check',
    });
    const others = await newTrip(await database.signUp());
    await expect(by(alice, insert, ['trip', others, null])).rejects.toMatchObject({
      code: '23503',
      constraint: 'budgets_trip_id_fkey',
    });
  });

  test.each(['daily', 'Weekly', ''])('is not "%s"', async (period) => {
    await expect(by(alice, insert, [period, null, null])).rejects.toMatchObject({ constraint: 'budgets_period_check' });
  });
});
