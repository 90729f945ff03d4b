import { CompiledQuery, sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ConfigurationError, createDatabase, type Database, ValidationError } from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';

const file = testDatabase();
let database: Database;
let alice: ReturnType<Database['asUser']>;

beforeAll(async () => {
  database = createDatabase({ connectionString: file.connectionString, max: 1, idleInTransactionTimeoutMillis: 300 });
  alice = database.asUser({ sub: await file.signUp() });
  await alice.expenses.createMany(Array.from({ length: 30 }, () => ({ amount: '1', category: 'fuel' })));
});

afterAll(async () => {
  await database.destroy();
});

beforeEach(async () => {
  for (const { id } of (await alice.trips.list()).items) await alice.trips.delete(id);
});

afterEach(async () => {
  expect(await alice.trips.list()).toBeDefined();
});

async function names(): Promise<string[]> {
  return (await alice.trips.list()).items.map(({ name }) => name);
}

describe('beside an open stream of its transaction', () => {
  test.each<[string, (tx: Parameters<Parameters<typeof alice.transaction>[0]>[0]) => Promise<unknown>]>([
    ['a method', (tx) => tx.trips.list()],
    ['a bulk create', (tx) => tx.trips.createMany([{ name: 'a' }])],
    ['a statement of one’s own', (tx) => sql`select 1`.execute(tx.kysely)],
    ['a nested transaction', (tx) => tx.transaction(async () => {})],
    ['a second stream', (tx) => tx.kysely.selectFrom('trips').selectAll().stream().next()],
  ])('%s is refused', async (_, statement) => {
    await alice.transaction(async (tx) => {
      let rows = 0;
      for await (const __ of tx.kysely.selectFrom('expenses').select('id').stream(10)) {
        rows += 1;
        if (rows === 1) await expect(statement(tx)).rejects.toThrow(/^A stream of this transaction is open/);
        if (rows === 15) break;
      }
      expect(rows).toBe(15);
      await statement(tx);
    });
  });

  test('a statement of somebody else is served', async () => {
    const other = createDatabase({ connectionString: file.connectionString, max: 2 });
    const [bob, carol] = [other.asUser({ sub: await file.signUp() }), other.asUser({ sub: await file.signUp() })];
    await bob.trips.createMany([{ name: 'a' }, { name: 'b' }]);
    await bob.transaction(async (tx) => {
      for await (const __ of tx.kysely.selectFrom('trips').select('id').stream(1)) await carol.trips.list();
    });
    await other.destroy();
  });
});

test.each(['commit', 'rollback', 'COMMIT', ' end', 'abort', 'begin', 'rollback work'])(
  'the function of a transaction does not say %s',
  async (text) => {
    await expect(
      alice.transaction(async (tx) => {
        await tx.trips.create({ name: 'Detour' });
        await sql.raw(text).execute(tx.kysely);
      }),
    ).rejects.toThrow(ConfigurationError);
    expect(await names()).toEqual([]);
  },
);

test('a transaction that was ended by force is not told of as saved', async () => {
  let isTold = false;
  await expect(
    alice.transaction(async (tx) => {
      tx.afterCommit(() => {
        isTold = true;
      });
      await tx.trips.create({ name: 'Detour' });
      await tx.kysely.executeQuery(CompiledQuery.raw('rollback'));
    }),
  ).rejects.toThrow('The transaction was ended inside of its function, by a statement of its own.');
  expect(isTold).toBe(false);
  expect(await names()).toEqual([]);
});

test('what the function throws is told of, also if the connection is lost', async () => {
  const { connections } = database;
  await expect(
    alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Detour' });
      await file.admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'wheels-db'`,
      );
      await expect.poll(() => database.connections.open).toBeLessThan(connections.open);
      throw new Error('out of stock');
    }),
  ).rejects.toThrow('out of stock');
  expect(await names()).toEqual([]);
});

test('a stream that nobody reads any more gives its connection back once the server has ended it', async () => {
  const abandoned = alice.kysely.selectFrom('expenses').select('id').stream(10);
  await abandoned.next();
  expect(await names()).toEqual([]);
});

test('an isolation level that does not exist is refused', async () => {
  const isolationLevel = 'strict' as unknown as 'serializable';
  await expect(alice.transaction(async () => {}, { isolationLevel })).rejects.toThrow(ValidationError);
});
