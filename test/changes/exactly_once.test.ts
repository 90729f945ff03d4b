import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import { Pool } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Change, createDatabase, type Database } from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';

// The consumer of docs/changes.md.

type Warehouse = {
  feed_position: { slot: string; lsn: string; ordinal: number };
  applied: { id: string; operation: string };
};

const file = testDatabase();
const slot = `once_${Date.now()}`;
let database: Database;
let warehouse: Kysely<Warehouse>;

beforeAll(async () => {
  database = createDatabase({ connectionString: file.connectionString, max: 2 });
  const pool = new Pool({ connectionString: file.connectionString, max: 1 });
  warehouse = new Kysely<Warehouse>({ dialect: new PostgresDialect({ pool }) }).withSchema('warehouse');
  await file.admin.query(`
    create schema warehouse;
    create table warehouse.feed_position (slot text primary key, lsn pg_lsn not null, ordinal integer not null);
    create table warehouse.applied (id uuid, operation text);
  `);
});

afterAll(async () => {
  await warehouse.destroy();
  await database.destroy();
  await file.admin.query('select pg_drop_replication_slot($1)', [slot]);
});

async function consume(tx: Transaction<Warehouse>, { lsn, ordinal, operation, row }: Change<'expenses'>) {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('feed_position')
    .values({ slot, lsn, ordinal })
    .onConflict((conflict) =>
      conflict
        .column('slot')
        .doUpdateSet(({ ref }) => ({ lsn: ref('excluded.lsn'), ordinal: ref('excluded.ordinal') }))
        .where(sql<boolean>`(feed_position.lsn, feed_position.ordinal) < (excluded.lsn, excluded.ordinal)`),
    )
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 1n && row)
    await tx.insertInto('applied').values({ id: row.id, operation }).execute();
}

test('a consumer that stores the place with the effect applies each change once, whatever comes again', async () => {
  const alice = database.asUser({ sub: await file.signUp() });
  const before = await alice.expenses.create({ amount: '1.00', category: 'fuel' });
  const made: string[] = [];
  let received = 0;
  // Each goes without a word once it has dealt with the third change, which it leaves unconfirmed.
  for (let consumer = 0; consumer < 4; consumer++) {
    let taken = 0;
    for await (const change of database.changes({ slot, create: 'snapshot', tables: ['expenses'] })) {
      await warehouse.transaction().execute((tx) => consume(tx, change));
      while (made.length < 8) made.push((await alice.expenses.create({ amount: '2.00', category: 'food' })).id);
      taken += 1;
      if (taken === 3) break;
    }
    received += taken;
  }
  const applied = await warehouse.selectFrom('applied').selectAll().execute();
  expect(applied).toEqual([
    { id: before.id, operation: 'snapshot' },
    ...made.map((id) => ({ id, operation: 'insert' })),
  ]);
  expect(received).toBe(12);
});
