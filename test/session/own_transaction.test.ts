import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigurationError, createDatabase, type Database } from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';

const file = testDatabase();
const message = 'This session is in a transaction: use what the function of the transaction is given.';

describe.each([1, 4])('in a transaction on %i connections', (max) => {
  let database: Database;

  beforeAll(() => {
    database = createDatabase({ connectionString: file.connectionString, max });
  });

  afterAll(async () => {
    await database.destroy();
  });

  async function signUp() {
    const id = await file.signUp();
    return { ...database.asUser({ sub: id }), id };
  }

  /** It must not wait for a connection, for which the pool gives 10 s. */
  async function refusedAtOnce(call: () => Promise<unknown>, expected: string | RegExp = message): Promise<void> {
    const began = performance.now();
    const error = await call().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toHaveProperty('message', expect.stringMatching(expected));
    expect(performance.now() - began).toBeLessThan(1000);
  }

  test('the session itself is refused at once, however it is used', async () => {
    const alice = await signUp();
    await alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      await refusedAtOnce(() => alice.trips.list());
      await refusedAtOnce(() => alice.trips.createMany([{ name: 'a' }]));
      await refusedAtOnce(() => alice.kysely.selectFrom('trips').selectAll().execute());
      await refusedAtOnce(() => alice.transaction(async () => {}));
      await refusedAtOnce(() => database.asUser({ sub: alice.id, email: 'alice@example.com' }).trips.list());
      await tx.transaction((part) => refusedAtOnce(() => alice.trips.list()).then(() => part.trips.list()));
      await Promise.all([1, 2].map(() => refusedAtOnce(() => alice.trips.list())));
      expect((await tx.trips.list()).items).toHaveLength(1);
    });
    expect((await alice.trips.list()).items).toHaveLength(1);
  });

  test('the same goes for the service and for visitors', async () => {
    const service = database.asService();
    await service.transaction(() => refusedAtOnce(() => service.transaction(async () => {})));
    await database.asAnon().transaction(() => refusedAtOnce(() => database.asAnon().posts.feed()));
  });

  test('somebody else is served if a connection is left, and refused at once if not', async () => {
    const [alice, bob] = [await signUp(), await signUp()];
    await alice.transaction(async (tx) => {
      await tx.trips.list();
      if (max === 1) await refusedAtOnce(() => bob.trips.list(), /hold all connections/);
      else expect((await bob.trips.list()).items).toEqual([]);
    });
  });

  test('it is free again afterwards, also for what began inside and goes on', async () => {
    const alice = await signUp();
    const hooks: number[] = [];
    const later = await alice.transaction(async (tx) => {
      tx.afterCommit(async () => hooks.push((await alice.trips.list()).items.length));
      await tx.trips.create({ name: 'Big Lap' });
      return { promise: sleep(200).then(async () => (await alice.trips.list()).items.length) };
    });
    expect(hooks).toEqual([1]);
    expect(await later.promise).toBe(1);
    await expect(alice.transaction(() => Promise.reject(new Error('undo')))).rejects.toThrow('undo');
    expect((await alice.trips.list()).items).toHaveLength(1);
  });

  test('it is free for others all the while', async () => {
    const alice = await signUp();
    let isOpen = false;
    let mayEnd = false;
    const transaction = alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      isOpen = true;
      while (!mayEnd) await sleep(5);
    });
    while (!isOpen) await sleep(5);
    const outside = alice.trips.list();
    if (max > 1) expect((await outside).items).toEqual([]);
    mayEnd = true;
    await transaction;
    expect((await outside).items.length).toBe(max > 1 ? 0 : 1);
  });
});

test('what a transaction gave takes nothing when it is over', async () => {
  const database = createDatabase({ connectionString: file.connectionString, max: 1 });
  try {
    const alice = database.asUser({ sub: await file.signUp() });
    const leaked = await alice.transaction(async (tx) => ({ tx }));
    await expect(leaked.tx.trips.list()).rejects.toThrow();
    await expect(leaked.tx.transaction(async () => {})).rejects.toThrow(ConfigurationError);
    expect(() => leaked.tx.afterCommit(() => {})).toThrow(ConfigurationError);
    expect((await alice.trips.list()).items).toEqual([]);
  } finally {
    await database.destroy();
  }
});
