import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { type Belongings, belongingsOf, makeBelongings, ownTables } from './belongings.ts';
import { failure, outcome, type Request, refused, requests } from './requests.ts';

const database = testDatabase();
const { anon, user, service } = requests(database);
let alice: Request;
let bob: Request;
let aliceId: string;
let bobId: string;
let hers: Belongings;

beforeAll(async () => {
  aliceId = await database.signUp();
  bobId = await database.signUp();
  alice = user(aliceId);
  bob = user(bobId);
  hers = await makeBelongings(alice, aliceId);
  await makeBelongings(bob, bobId);
});

describe.each(ownTables)('$table', ({ table, create, change }) => {
  test('shows people their own rows only', async () => {
    expect((await alice(`select distinct user_id from ${table}`)).rows).toEqual([{ user_id: aliceId }]);
    expect(await outcome(bob(`select 1 from ${table} where user_id = $1`, [aliceId]))).toBe(0);
    expect(await outcome(bob(`copy ${table} to stdout`))).toBe(1);
  });

  test('shows visitors nothing private', async () => {
    expect(await outcome(anon(`select 1 from ${table}`))).toBe(table === 'posts' ? 0 : refused);
  });

  test('refuses a row in the name of another', async () => {
    expect(await outcome(bob(create(belongingsOf(aliceId))))).toBe(refused);
    expect(await outcome(anon(create(belongingsOf(aliceId))))).toBe(refused);
    expect(await outcome(database.as('authenticated', (client) => client.query(create(hers))))).toBe(refused);
  });

  test('lets nobody change or delete the rows of another', async () => {
    const set = change ?? "content = 'x'";
    const nothing = change ? 0 : refused;
    expect(await outcome(bob(`update ${table} set ${set} where user_id = $1`, [aliceId]))).toBe(nothing);
    expect(await outcome(bob(`delete from ${table} where user_id = $1`, [aliceId]))).toBe(nothing);
    expect(await outcome(bob(`select 1 from ${table} where user_id = $1 for update`, [aliceId]))).toBe(nothing);
    expect(await outcome(anon(`delete from ${table}`))).toBe(refused);
  });

  if (table !== 'post_locations') {
    test('lets no upsert take over the row of another', async () => {
      const taken = create({ ...hers, user_id: bobId });
      const set = change ?? "content = 'x'";
      expect(await outcome(bob(`${taken} on conflict (id) do update set ${set}`))).toBe(refused);
    });
  }

  if (change) {
    test('lets people change and delete their own rows', async () => {
      const own = await database.signUp();
      await makeBelongings(user(own), own);
      expect(await outcome(user(own)(`update ${table} set ${change} returning *`))).toBe(1);
      expect(await outcome(user(own)(`delete from ${table} returning *`))).toBe(1);
    });
  }

  test('takes no new id, and no timestamp, version or count, whoever sends it', async () => {
    const { rows } = await database.admin.query<{ column: string }>(
      `select attname::text as column from pg_attribute where attrelid = $1::regclass
       and attname ~ '^(id|post_id|created_at|updated_at|version|budget_spent|spent_by_currency|.*_count)$'`,
      [table],
    );
    expect(rows.length).toBeGreaterThan(2);
    for (const { column } of rows) {
      for (const request of [bob, service(), service(bobId)]) {
        expect(await outcome(request(`update ${table} set ${column} = ${column}`)), column).toBe(refused);
      }
      if (column.endsWith('id')) continue;
      expect(await outcome(bob(`insert into ${table} (${column}) values (null)`)), column).toBe(refused);
    }
  });

  test('keeps its rows with their owner, whoever asks', async () => {
    expect(await outcome(bob(`update ${table} set user_id = $1`, [aliceId]))).toBe(refused);
    expect(await outcome(service()(`update ${table} set user_id = $1`, [aliceId]))).toBe(refused);
  });

  test('takes no rows by COPY from users', async () => {
    const featureNotSupported = '0A000';
    expect(await outcome(bob(`copy ${table} (user_id) from stdin`))).toBe(featureNotSupported);
  });
});

describe('a row that belongs to another row', () => {
  const references = [
    { child: 'expenses', column: 'trip_id', parent: 'trip_id' },
    { child: 'posts', column: 'trip_id', parent: 'trip_id' },
    { child: 'budgets', column: 'trip_id', parent: 'trip_id' },
    { child: 'places', column: 'trip_id', parent: 'trip_id' },
    { child: 'post_locations', column: 'post_id', parent: 'post_id' },
    { child: 'pam_messages', column: 'conversation_id', parent: 'conversation_id' },
    { child: 'pam_feedback', column: 'message_id', parent: 'message_id' },
  ] as const;

  test.each(references)('hangs on nothing of another: $child by $column', async ({ child, column, parent }) => {
    const create = ownTables.find(({ table }) => table === child)?.create ?? (() => '');
    const hang = (id: string) => failure(bob(create({ ...belongingsOf(bobId), [parent]: id })));
    const onHers = await hang(hers[parent]);
    expect(onHers).toMatchObject({ code: '23503', table: child });

    const onNothing = await hang(belongingsOf(bobId)[parent]);
    expect(onNothing).toEqual(onHers);
    expect(await outcome(service(bobId)(create({ ...belongingsOf(bobId), [parent]: hers[parent] })))).toBe('23503');
    const { rows } = await database.admin.query(`select user_id from ${child} where ${column} = $1`, [hers[parent]]);
    expect(rows).toEqual([{ user_id: aliceId }]);
  });

  test.each(['expenses', 'posts', 'budgets', 'places'])('moves to nothing of another: %s', async (table) => {
    const { trip_id } = belongingsOf(bobId);
    for (const trip of [hers.trip_id, trip_id]) {
      expect(await outcome(bob(`update ${table} set trip_id = $1`, [trip]))).toBe('23503');
    }
  });

  test('leaves the totals of another alone', async () => {
    const { rows } = await alice('select budget_spent, expense_count from trips');
    expect(rows).toEqual([{ budget_spent: '42.50', expense_count: 1 }]);
    await bob('delete from trips');
    expect(await outcome(alice('select 1 from expenses where trip_id is not null'))).toBe(1);
  });
});
