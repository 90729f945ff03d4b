import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { describe, expect, test, vi } from 'vitest';
import { CancelledError, ConnectionError, type Database } from '../../src/index.ts';
import { isOpen, testFaults } from './faults.ts';
import { errorOf, isPending, outcomeOf } from './outcome.ts';

const faults = testFaults();

const one = sql<{ one: number }>`select 1 as one`;
const aborted = { code: 'CANCELLED' };

/** A transaction that holds its connection until it is freed. */
async function hold(database: Database): Promise<{ free(): Promise<void> }> {
  const { id: sub } = { id: randomUUID() };
  const freed = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const over = database.asUser({ sub }).transaction(async (tx) => {
    await one.execute(tx.kysely);
    held.resolve();
    await freed.promise;
  });
  await Promise.race([held.promise, over]);
  return {
    async free() {
      freed.resolve();
      await over;
    },
  };
}

/** Until so many calls have come so far that they wait for a connection. */
async function waitIn(database: Database, count: number): Promise<void> {
  await vi.waitFor(() => expect(database.connections.waiting).toBe(count), { interval: 1 });
}

describe('when transactions hold all connections', () => {
  test('a statement waits for one to end', async () => {
    const database = faults.open({ max: 2 });
    const [first, second] = [await hold(database), await hold(database)];
    const waiting = one.execute(database.asAnon().kysely);
    expect(await isPending(waiting, 200)).toBe(true);
    expect(database.connections).toEqual({ max: 2, open: 2, idle: 0, waiting: 1 });
    await first.free();
    expect((await outcomeOf(waiting)).error).toBeUndefined();
    await second.free();
    expect(database.connections).toEqual({ max: 2, open: 2, idle: 2, waiting: 0 });
    await faults.until(isOpen, 2);
  });

  test('it waits no longer than connectionTimeoutMillis, and is told what to do', async () => {
    const database = faults.open({ max: 2, connectionTimeoutMillis: 300 });
    const held = [await hold(database), await hold(database)];
    const { kysely, transaction, trips } = await faults.person(database);
    const errors = await Promise.all([
      errorOf(one.execute(kysely)),
      errorOf(trips.list()),
      errorOf(transaction(async () => expect.unreachable())),
    ]);
    for (const error of errors) {
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error).toHaveProperty(
        'message',
        'No connection became free in time: look for transactions that stay open, or raise max.',
      );
    }
    expect(database.connections).toEqual({ max: 2, open: 2, idle: 0, waiting: 0 });
    for (const { free } of held) await free();
    await Promise.all([1, 2, 3, 4].map(() => one.execute(kysely)));
    await faults.until(isOpen, 2);
  });

  test('whoever waits is served in the order of arrival', async () => {
    const database = faults.open({ max: 1 });
    const held = await hold(database);
    const { kysely, transaction } = await faults.person(database);
    const served: number[] = [];
    const waiting = Array.from({ length: 20 }, async (_, i) => {
      if (i % 3 === 0) await transaction(async (tx) => void (await one.execute(tx.kysely)));
      else await one.execute(kysely);
      served.push(i);
    });
    await waitIn(database, 20);
    await held.free();
    await Promise.all(waiting);
    expect(served).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test('whoever gives up leaves at once, and the others move up', async () => {
    const database = faults.open({ max: 1 });
    const held = await hold(database);
    const controllers = Array.from({ length: 6 }, () => new AbortController());
    const waiting = controllers.map(({ signal }) => outcomeOf(one.execute(database.asAnon({ signal }).kysely)));
    await waitIn(database, 6);
    for (const [i, controller] of controllers.entries()) if (i % 2 === 0) controller.abort();
    for (const [i, outcome] of waiting.entries()) {
      if (i % 2 === 0) expect((await outcome).error).toBeInstanceOf(CancelledError);
    }
    expect(database.connections).toEqual({ max: 1, open: 1, idle: 0, waiting: 3 });
    await held.free();
    for (const [i, outcome] of waiting.entries()) {
      if (i % 2 === 1) expect(await outcome).toMatchObject({ value: { rows: [{ one: 1 }] } });
    }
    await faults.until(isOpen, 1);
    expect(faults.proxy).toMatchObject({ logins: 1, cancels: 0 });
  });

  test('giving up in the moment of being served loses no connection', async () => {
    const database = faults.open({ max: 2, connectionTimeoutMillis: 5000 });
    for (let i = 0; i < 50; i++) {
      const held = [await hold(database), await hold(database)];
      const controller = new AbortController();
      const waiting = outcomeOf(one.execute(database.asAnon({ signal: controller.signal }).kysely));
      await waitIn(database, 1);
      const freed = held.map(({ free }) => free());
      if (i % 3 === 1) await freed[0];
      if (i % 3 === 2) await new Promise(setImmediate);
      controller.abort();
      const { error } = await waiting;
      if (error !== undefined) expect(error).toMatchObject(aborted);
      await Promise.all(freed);
    }
    const both = [await hold(database), await hold(database)];
    for (const { free } of both) await free();
    expect(database.connections).toEqual({ max: 2, open: 2, idle: 2, waiting: 0 });
    await faults.until(isOpen, 2);
  });

  test('giving up while the connection is being made loses none either', async () => {
    const database = faults.open({ max: 1, connectionTimeoutMillis: 5000 });
    faults.proxy.answerDelay = 50;
    const controller = new AbortController();
    const waiting = errorOf(one.execute(database.asAnon({ signal: controller.signal }).kysely));
    setTimeout(() => controller.abort(), 60);
    expect(await waiting).toBeInstanceOf(CancelledError);
    expect((await one.execute(database.asAnon().kysely)).rows).toEqual([{ one: 1 }]);
    expect(faults.proxy.logins).toBe(1);
    await expect.poll(() => faults.proxy.open).toBe(1);
  });
});

test('a server that has no connection left is named, and used again when it has', async () => {
  const login = `login_${randomUUID().replaceAll('-', '')}`;
  await faults.admin.query(`create role ${login} login password 'x' connection limit 2`);
  await faults.admin.query(`grant anon, authenticated, service_role to ${login}`);
  const connectionString = Object.assign(new URL(faults.proxy.connectionString), {
    username: login,
    password: 'x',
  }).href;
  const greedy = faults.open({ connectionString, max: 2 });
  const modest = faults.open({ connectionString, max: 2 });
  try {
    const held = [await hold(greedy), await hold(greedy)];
    const { kysely } = modest.asAnon();
    const errors = await Promise.all([1, 2, 3, 4].map(() => errorOf(one.execute(kysely))));
    for (const error of errors) {
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error).toMatchObject({
        code: '53300',
        message: 'The server has no connection left: lower max, or use a pooler.',
      });
    }
    for (const { free } of held) await free();
    await greedy.destroy();
    await faults.until(isOpen, 0);
    expect((await one.execute(kysely)).rows).toEqual([{ one: 1 }]);
  } finally {
    await Promise.all([greedy.destroy(), modest.destroy()]);
    await faults.until(isOpen, 0);
    await faults.admin.query(`drop role ${login}`);
  }
});
