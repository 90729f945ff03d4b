import { beforeEach, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { wrongTrips } from './recount.ts';

const database = testDatabase();
let alice: string;
let lap: string;
let detour: string;

beforeEach(async () => {
  alice = await database.signUp();
  [lap, detour] = [await newTrip('Big Lap'), await newTrip('Detour')];
});

const asAlice = async (text: string, values?: unknown[]) =>
  (await database.as('authenticated', alice, (client) => client.query(text, values))).rows;

async function newTrip(name: string): Promise<string> {
  const rows = await asAlice('insert into trips (user_id, name) values (auth.uid(), $1) returning id', [name]);
  return rows[0].id;
}

/** What a trip says of its expenses, once it has proved true. */
async function totals(trip: string) {
  expect((await database.admin.query(wrongTrips)).rows).toEqual([]);
  const rows = await asAlice('select budget_spent, spent_by_currency, expense_count from trips where id = $1', [trip]);
  return rows[0];
}

const nothing = { budget_spent: '0.00', spent_by_currency: {}, expense_count: 0 };
const dollars = (amount: string, count: number) => ({
  budget_spent: amount,
  spent_by_currency: { USD: amount },
  expense_count: count,
});

async function spend(trip: string | null, ...amounts: string[]): Promise<string[]> {
  const rows = await asAlice(
    "insert into expenses (user_id, trip_id, amount, category) select auth.uid(), $1, unnest($2::numeric[]), 'fuel' returning id",
    [trip, amounts],
  );
  return rows.map((row) => row.id);
}

describe('a trip’s totals', () => {
  test('are nothing at first', async () => {
    expect(await totals(lap)).toEqual(nothing);
  });

  test('count an expense', async () => {
    await spend(lap, '42.5');
    expect(await totals(lap)).toEqual(dollars('42.50', 1));
  });

  test('count all expenses of one statement', async () => {
    await spend(lap, '1.10', '2.20', '3.30');
    await asAlice(
      "insert into expenses (user_id, trip_id, amount, category) values (auth.uid(), $1, 5, 'x'), (auth.uid(), $2, 7, 'x'), (auth.uid(), null, 9, 'x')",
      [lap, detour],
    );
    expect(await totals(lap)).toEqual(dollars('11.60', 4));
    expect(await totals(detour)).toEqual(dollars('7.00', 1));
  });

  test('follow a changed amount', async () => {
    const [id] = await spend(lap, '10', '5');
    await asAlice('update expenses set amount = 20 where id = $1', [id]);
    expect(await totals(lap)).toEqual(dollars('25.00', 2));
  });

  test('follow many changed amounts at once', async () => {
    await spend(lap, '10', '5');
    await spend(detour, '1');
    await asAlice('update expenses set amount = amount * 2');
    expect([await totals(lap), await totals(detour)]).toEqual([dollars('30.00', 2), dollars('2.00', 1)]);
  });

  test('follow an expense to another trip', async () => {
    const [id] = await spend(lap, '10', '5');
    await asAlice('update expenses set trip_id = $1 where id = $2', [detour, id]);
    expect([await totals(lap), await totals(detour)]).toEqual([dollars('5.00', 1), dollars('10.00', 1)]);
  });

  test('follow an expense to another trip with another amount and currency', async () => {
    const [id] = await spend(lap, '10', '5');
    await asAlice("update expenses set trip_id = $1, amount = 3, currency = 'EUR' where id = $2", [detour, id]);
    expect(await totals(lap)).toEqual(dollars('5.00', 1));
    expect(await totals(detour)).toEqual({ ...nothing, spent_by_currency: { EUR: '3.00' }, expense_count: 1 });
  });

  test('follow two expenses that change places', async () => {
    await spend(lap, '10');
    await spend(detour, '1');
    await asAlice('update expenses set trip_id = case trip_id when $1 then $2 else $1 end::uuid', [lap, detour]);
    expect([await totals(lap), await totals(detour)]).toEqual([dollars('1.00', 1), dollars('10.00', 1)]);
  });

  test('leave out an expense that belongs to no trip any more, and take it back', async () => {
    const [id] = await spend(lap, '10', '5');
    await asAlice('update expenses set trip_id = null where id = $1', [id]);
    expect(await totals(lap)).toEqual(dollars('5.00', 1));
    await asAlice('update expenses set trip_id = $1 where id = $2', [lap, id]);
    expect(await totals(lap)).toEqual(dollars('15.00', 2));
  });

  test('forget a deleted expense, and are nothing after the last', async () => {
    const [id] = await spend(lap, '10', '5');
    await asAlice('delete from expenses where id = $1', [id]);
    expect(await totals(lap)).toEqual(dollars('5.00', 1));
    await asAlice('delete from expenses');
    expect(await totals(lap)).toEqual(nothing);
  });

  test('of other trips stay when a trip is deleted, and its expenses stay without it', async () => {
    const [id] = await spend(lap, '10');
    await spend(detour, '1');
    await asAlice('delete from trips where id = $1', [lap]);
    expect(await totals(detour)).toEqual(dollars('1.00', 1));
    expect(await asAlice('select trip_id, amount from expenses where id = $1', [id])).toEqual([
      { trip_id: null, amount: '10.00' },
    ]);
  });

  test('count the trip’s currency apart from others, and never add two', async () => {
    await spend(lap, '100');
    const insert =
      "insert into expenses (user_id, trip_id, amount, currency, category) values (auth.uid(), $1, $2, $3, 'x')";
    await asAlice(insert, [lap, '10000', 'JPY']);
    await asAlice(insert, [lap, '20', 'EUR']);
    expect(await totals(lap)).toEqual({
      budget_spent: '100.00',
      spent_by_currency: { USD: '100.00', JPY: '10000.00', EUR: '20.00' },
      expense_count: 3,
    });
  });

  test('follow an expense to another currency, and back', async () => {
    const [id] = await spend(lap, '10', '5');
    const change = 'update expenses set currency = $1 where id = $2';
    await asAlice(change, ['EUR', id]);
    expect(await totals(lap)).toEqual({
      budget_spent: '5.00',
      spent_by_currency: { USD: '5.00', EUR: '10.00' },
      expense_count: 2,
    });
    await asAlice(change, ['USD', id]);
    expect(await totals(lap)).toEqual(dollars('15.00', 2));
  });

  test('are counted again in the currency to which the trip changes', async () => {
    await spend(lap, '10');
    await asAlice("update expenses set currency = 'EUR', amount = 7 where trip_id = $1", [lap]);
    await spend(lap, '5');
    const change = async (currency: string) => {
      await asAlice('update trips set currency = $1 where id = $2', [currency, lap]);
      return (await totals(lap)).budget_spent;
    };
    expect([await change('EUR'), await change('JPY'), await change('USD')]).toEqual(['7.00', '0.00', '5.00']);
  });

  test('follow an upsert that inserts one expense and changes another', async () => {
    const [id] = await spend(lap, '10');
    await asAlice(
      `insert into expenses (id, user_id, trip_id, amount, category)
       values ($1, auth.uid(), $2, 4, 'x'), (gen_random_uuid(), auth.uid(), $2, 3, 'x')
       on conflict (id) do update set amount = excluded.amount`,
      [id, lap],
    );
    expect(await totals(lap)).toEqual(dollars('7.00', 2));
  });

  test('count an expense that is sent twice once', async () => {
    const [id] = await spend(lap, '10');
    await asAlice(
      "insert into expenses (id, user_id, trip_id, amount, category) values ($1, auth.uid(), $2, 10, 'x') on conflict do nothing",
      [id, lap],
    );
    expect(await totals(lap)).toEqual(dollars('10.00', 1));
  });

  test('follow a MERGE that inserts, changes and deletes', async () => {
    await spend(lap, '10', '5');
    await asAlice(
      `merge into expenses e using (values (10, 11), (5, null), (null, 1)) as wanted (old, new) on e.amount = wanted.old
       when matched and wanted.new is null then delete
       when matched then update set amount = wanted.new
       when not matched then insert (user_id, trip_id, amount, category) values (auth.uid(), $1, wanted.new, 'x')`,
      [lap],
    );
    expect(await totals(lap)).toEqual(dollars('12.00', 2));
  });

  test('follow several changes in one statement', async () => {
    await spend(lap, '10', '5');
    await asAlice(
      `with gone as (delete from expenses where amount = 10 returning amount),
         more as (insert into expenses (user_id, trip_id, amount, category) select auth.uid(), $1, amount, 'x' from gone),
         trip as (insert into trips (user_id, name) values (auth.uid(), 'New') returning id)
       insert into expenses (user_id, trip_id, amount, category)
       select auth.uid(), unnest(array[id, $2]), 2, 'x' from trip`,
      [detour, lap],
    );
    expect([await totals(lap), await totals(detour)]).toEqual([dollars('7.00', 2), dollars('10.00', 1)]);
    const rows = await asAlice("select budget_spent from trips where name = 'New'");
    expect(rows).toEqual([{ budget_spent: '2.00' }]);
  });

  test('forget what is rolled back', async () => {
    await spend(lap, '10');
    await database.as('authenticated', alice, async (client) => {
      await client.query('savepoint before; update expenses set amount = 99; rollback to before');
      await client.query("insert into expenses (user_id, trip_id, amount, category) values (auth.uid(), $1, 1, 'x')", [
        lap,
      ]);
    });
    expect(await totals(lap)).toEqual(dollars('11.00', 2));
  });

  test('count one’s own expenses: nobody hangs theirs on another’s trip', async () => {
    const bob = await database.signUp();
    const insert = "insert into expenses (user_id, trip_id, amount, category) values (auth.uid(), $1, 1, 'x')";
    await expect(database.as('authenticated', bob, (client) => client.query(insert, [lap]))).rejects.toMatchObject({
      code: '23503',
      constraint: 'expenses_trip_id_fkey',
    });
    const [id] = await spend(null, '3');
    const others = (
      await database.as('authenticated', bob, (client) =>
        client.query("insert into trips (user_id, name) values (auth.uid(), 'x') returning id"),
      )
    ).rows[0].id;
    await expect(asAlice('update expenses set trip_id = $1 where id = $2', [others, id])).rejects.toMatchObject({
      code: '23503',
    });
    expect([await totals(lap), await totals(detour)]).toEqual([nothing, nothing]);
  });

  test('start at nothing whatever is sent', async () => {
    const { rows } = await database.admin.query(
      `insert into trips (user_id, name, budget_spent, spent_by_currency, expense_count)
       values ($1, 'Forged', 999, '{"USD": "999.00"}', 7) returning budget_spent, spent_by_currency, expense_count`,
      [alice],
    );
    expect(rows).toEqual([nothing]);
  });

  test('reject TRUNCATE of what they are counted from', async () => {
    await spend(lap, '10');
    for (const statement of ['truncate expenses', 'truncate trips cascade', 'truncate profiles cascade']) {
      await expect(database.admin.query(statement)).rejects.toMatchObject({ code: '0A000' });
    }
    expect(await totals(lap)).toEqual(dollars('10.00', 1));
  });
});

describe('a trip that is only counted', () => {
  const state = 'select version, updated_at, xmin from trips where id = $1';

  test('keeps its version and its updated_at', async () => {
    const before = await asAlice('select version, updated_at from trips where id = $1', [lap]);
    const [id] = await spend(lap, '10');
    await asAlice('update expenses set amount = 11 where id = $1', [id]);
    await asAlice('delete from expenses where id = $1', [id]);
    expect(await asAlice('select version, updated_at from trips where id = $1', [lap])).toEqual(before);
  });

  test.each([
    "category = 'food'",
    "description = 'Diesel'",
    "date = '2026-01-01'",
    "location = 'Perth'",
    "receipt_url = 'https://example.com/r'",
    "tags = '{diesel}'",
    `metadata = '{"a": 1}'`,
    'amount = amount, trip_id = trip_id, currency = currency',
  ])('is not written at all when an edit changes no total: %s', async (change) => {
    await spend(lap, '10', '5');
    const before = await asAlice(state, [lap]);
    await asAlice(`update expenses set ${change}`);
    expect(await asAlice(state, [lap])).toEqual(before);
  });

  test('is not written when amounts only change places', async () => {
    await spend(lap, '10', '5');
    const before = await asAlice(state, [lap]);
    await asAlice('update expenses set amount = 15 - amount');
    expect(await asAlice(state, [lap])).toEqual(before);
  });
});
