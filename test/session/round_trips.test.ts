import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as api from '../../src/index.ts';
import {
  methodsOfRepositories,
  oneStatement,
  oneTransaction,
  streams,
  type World,
} from '../repositories/every_method.ts';
import { testDatabase } from '../support/database.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp_proxy.ts';

const file = testDatabase();
let proxy: TcpProxy;
let database: api.Database;

beforeAll(async () => {
  proxy = await startTcpProxy(file.connectionString);
  database = api.createDatabase({ connectionString: proxy.connectionString, max: 1 });
});

afterAll(async () => {
  await database.destroy();
  await proxy.close();
});

async function signUp() {
  const id = await file.signUp();
  return { ...database.asUser({ sub: id }), id };
}

async function world(): Promise<World> {
  const [alice, bob] = [await signUp(), await signUp()];
  return { alice, bob, visitor: database.asAnon(), service: database.asService() };
}

async function roundTrips(work: () => Promise<unknown>): Promise<number> {
  const before = proxy.exchanges;
  await work();
  return proxy.exchanges - before;
}

test('every method of every repository is counted here', () => {
  const counted = [oneStatement, oneTransaction, streams].flatMap((rows) => Object.keys(rows));
  expect(counted.sort()).toEqual(methodsOfRepositories().sort());
});

describe.each([
  [1, oneStatement],
  [2, oneTransaction],
])('%i on the wire', (expected, rows) => {
  test.each(Object.entries(rows))('%s', async (_, prepare) => {
    expect(await roundTrips(await prepare(await world()))).toBe(expected);
  });
});

test('rows with ids of their own, which may be there already, cost one more: all or none of them', async () => {
  const { alice } = await world();
  expect(await roundTrips(() => alice.trips.createMany([{ id: randomUUID(), name: 'a' }]))).toBe(2);
});

test('an export costs one for each table, and one to end', async () => {
  const exported = streams['ProfileRepository.exportData'];
  expect(await roundTrips((await exported?.(await world())) ?? (async () => {}))).toBe(16 + 1);
});

describe('a transaction', () => {
  test.each([1, 2, 5])('of %i statements costs one round trip more', async (n) => {
    const alice = await signUp();
    const work = () =>
      alice.transaction(
        async (tx) => {
          for (let i = 0; i < n; i++) await tx.trips.list();
        },
        { isolationLevel: 'serializable' },
      );
    expect(await roundTrips(work)).toBe(n + 1);
  });

  test('that does nothing costs nothing', async () => {
    const alice = await signUp();
    expect(await roundTrips(() => alice.transaction(async () => {}))).toBe(0);
  });

  test('that fails costs as much', async () => {
    const alice = await signUp();
    const failing = () => alice.transaction((tx) => tx.trips.get(randomUUID())).catch(() => {});
    expect(await roundTrips(failing)).toBe(2);
  });
});

test('a statement of a service’s own costs one, also if it fails', async () => {
  const { kysely } = await signUp();
  expect(await roundTrips(() => sql`select 1`.execute(kysely))).toBe(1);
  expect(await roundTrips(() => sql`select 1 / 0`.execute(kysely).catch(() => {}))).toBe(1);
});

test('a statement is parsed once a connection, and the settings too', async () => {
  const [alice, bob] = [await signUp(), await signUp()];
  await alice.trips.list();
  const before = proxy.parses;
  await Promise.all([alice.trips.list(), bob.trips.list(), bob.trips.list({ limit: 3 })]);
  expect(proxy.parses).toBe(before);
});

describe('without prepared statements', () => {
  let unprepared: api.Database;

  beforeAll(() => {
    const { connectionString } = proxy;
    unprepared = api.createDatabase({ connectionString, max: 1, preparedStatements: false });
  });

  afterEach(async () => {
    await unprepared.destroy();
  });

  test('the counts are the same', async () => {
    const alice = unprepared.asUser({ sub: await file.signUp() });
    expect(await roundTrips(() => alice.trips.list())).toBe(1);
    expect(await roundTrips(() => alice.trips.createMany([{ name: 'a' }]))).toBe(1);
    expect(await roundTrips(() => alice.transaction((tx) => tx.trips.list()))).toBe(2);
  });
});
