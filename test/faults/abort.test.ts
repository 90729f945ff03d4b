import { getEventListeners, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CancelledError, ConnectionError, type DatabaseOptions } from '../../src/index.ts';
import type { DB } from '../../src/types.ts';
import { isActive, isIdle, isOpen, isSleeping, isWaitingForLock, testFaults } from './faults.ts';
import { errorOf, isPending, outcomeOf } from './outcome.ts';

const faults = testFaults();

const one = sql<{ one: number }>`select 1 as one`;
const sleep = (seconds: number) => sql`select pg_sleep(${seconds}::float8)`;
const cancelled = expect.objectContaining({ name: 'CancelledError', code: 'CANCELLED' });

async function pidOf(kysely: Kysely<DB>): Promise<number> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(kysely);
  return rows[0]?.pid ?? expect.unreachable();
}

/** A person whose session has a signal, and the same person without. */
async function personOf(options?: DatabaseOptions) {
  const database = faults.open(options);
  const controller = new AbortController();
  const { signal } = controller;
  const alice = await faults.person(database, { signal });
  return { database, controller, signal, alice, calm: database.asUser({ sub: alice.id }) };
}

describe('a signal that is aborted', () => {
  test('before the start keeps everything from being sent', async () => {
    const { database, controller, alice, signal } = await personOf();
    controller.abort();
    const service = database.asService({ signal });
    const fn = vi.fn();
    const calls = [
      () => alice.trips.create({ name: 'Big Lap' }),
      () => alice.transaction(fn),
      () => one.execute(alice.kysely),
      () => alice.kysely.selectFrom('trips').selectAll().stream()[Symbol.asyncIterator]().next(),
      () => database.asAnon({ signal }).posts.feed(),
      () => one.execute(service.kysely),
      () => service.onBehalfOf(alice.id).trips.list(),
      () => database.asService().onBehalfOf(alice.id, { signal }).trips.list(),
    ];
    for (const call of calls) {
      const error = await errorOf(call());
      expect(error).toBeInstanceOf(CancelledError);
      expect(error).toEqual(cancelled);
    }
    expect(fn).not.toHaveBeenCalled();
    expect(faults.proxy).toMatchObject({ logins: 0, exchanges: 0, cancels: 0 });
  });

  test('while a statement runs stops it on the server', async () => {
    const { controller, alice, calm } = await personOf({ max: 1 });
    const pid = await pidOf(calm.kysely);
    const error = errorOf(sleep(30).execute(alice.kysely));
    await faults.until(isSleeping);
    controller.abort();
    expect(await error).toEqual(cancelled);
    await faults.until(isActive, 0);
    expect(await pidOf(calm.kysely)).not.toBe(pid);
    await faults.until(isOpen, 1);
  });

  test('whatever its reason, gives the error of a cancelled statement, without the reason', async () => {
    const { controller, alice } = await personOf();
    const error = errorOf(sleep(30).execute(alice.kysely));
    await faults.until(isSleeping);
    controller.abort(new Error('s3cret'));
    expect(await error).toEqual(cancelled);
    expect(String(await error)).not.toContain('s3cret');
  });

  test('by its own timer does the same', async () => {
    const database = faults.open();
    const alice = await faults.person(database, { signal: AbortSignal.timeout(200) });
    expect(await errorOf(sleep(30).execute(alice.kysely))).toEqual(cancelled);
    await faults.until(isActive, 0);
  });

  test('while a statement waits for a lock takes it out of the queue', async () => {
    const { controller, alice, calm } = await personOf();
    const trip = await alice.trips.create({ name: 'Big Lap' });
    const holder = await faults.admin.connect();
    try {
      await holder.query('begin');
      await holder.query('select from trips where id = $1 for update', [trip.id]);
      const error = errorOf(alice.trips.update(trip.id, { name: 'Detour' }));
      await faults.until(isWaitingForLock);
      controller.abort();
      expect(await error).toEqual(cancelled);
      await faults.until(isActive, 0);
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    expect(await calm.trips.get(trip.id)).toEqual(trip);
  });

  test('after a statement is over changes nothing', async () => {
    const { controller, alice, calm } = await personOf({ max: 1 });
    const pid = await pidOf(alice.kysely);
    await alice.transaction(async (tx) => void (await tx.trips.create({ name: 'Big Lap' })));
    controller.abort();
    expect(await pidOf(calm.kysely)).toBe(pid);
    expect(await faults.tripsOf(alice)).toEqual(['Big Lap']);
    expect(faults.proxy).toMatchObject({ logins: 1, cancels: 0 });
  });

  test('after the server is done leaves the result to the caller', async () => {
    const { controller, alice } = await personOf({ max: 1 });
    await alice.trips.list();
    faults.proxy.answerDelay = 500;
    const creating = outcomeOf(alice.trips.create({ name: 'Big Lap' }));
    await expect.poll(() => faults.tripsOf(alice)).toEqual(['Big Lap']);
    controller.abort();
    expect(await creating).toMatchObject({ value: { name: 'Big Lap' } });
  });

  test('leaves everybody else alone', async () => {
    const { database, controller, alice } = await personOf({ max: 3 });
    const bob = await faults.person(database);
    const running = [outcomeOf(sleep(1).execute(bob.kysely)), outcomeOf(sleep(1).execute(database.asAnon().kysely))];
    const error = errorOf(sleep(30).execute(alice.kysely));
    await faults.until(isSleeping, 3);
    controller.abort();
    expect(await error).toEqual(cancelled);
    for (const outcome of running) expect((await outcome).error).toBeUndefined();
  });

  test('is no longer listened to when all is done, and not by every statement while it runs', async () => {
    const { controller, signal, alice } = await personOf();
    const listeners = () => getEventListeners(signal, 'abort').length;
    await Promise.all(Array.from({ length: 40 }, () => sleep(0.01).execute(alice.kysely)));
    await alice.transaction(async (tx) => {
      for (let i = 0; i < 20; i++) await one.execute(tx.kysely);
      expect(listeners()).toBeLessThanOrEqual(1);
    });
    for await (const _ of alice.kysely.selectFrom('trips').selectAll().stream()) expect.unreachable();
    await errorOf(sql`select 1 / 0`.execute(alice.kysely));
    expect(listeners()).toBe(0);
    const cancelling = Array.from({ length: 40 }, () => errorOf(sleep(30).execute(alice.kysely)));
    await faults.until(isSleeping, 3);
    controller.abort();
    for (const error of await Promise.all(cancelling)) expect(error).toEqual(cancelled);
    await vi.waitFor(() => expect(listeners()).toBe(0));
  });
});

describe('a transaction whose signal is aborted', () => {
  test('while a statement runs is rolled back and does not run again', async () => {
    const { controller, alice, calm } = await personOf({ max: 1 });
    const [fn, afterCommit] = [vi.fn(), vi.fn()];
    const error = errorOf(
      alice.transaction(async (tx) => {
        fn();
        tx.afterCommit(afterCommit);
        await tx.trips.create({ name: 'Big Lap' });
        await sleep(30).execute(tx.kysely);
      }),
    );
    await faults.until(isSleeping);
    controller.abort();
    expect(await error).toEqual(cancelled);
    expect(fn).toHaveBeenCalledOnce();
    expect(afterCommit).not.toHaveBeenCalled();
    expect((await calm.trips.list()).items).toEqual([]);
    await faults.until(isOpen, 1);
  });

  test('between two statements refuses the second', async () => {
    const { controller, alice, calm } = await personOf({ max: 1 });
    const transaction = alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      controller.abort();
      expect(await errorOf(tx.trips.create({ name: 'Detour' }))).toEqual(cancelled);
      throw new Error('the reason of the function');
    });
    expect(await errorOf(transaction)).toHaveProperty('message', 'the reason of the function');
    expect((await calm.trips.list()).items).toEqual([]);
    expect(faults.proxy.cancels).toBe(0);
  });

  test('after its last statement is not committed', async () => {
    const { controller, alice, calm } = await personOf({ max: 1 });
    const afterCommit = vi.fn();
    const transaction = alice.transaction(async (tx) => {
      tx.afterCommit(afterCommit);
      await tx.trips.create({ name: 'Big Lap' });
      controller.abort();
    });
    expect(await errorOf(transaction)).toEqual(cancelled);
    expect(afterCommit).not.toHaveBeenCalled();
    expect((await calm.trips.list()).items).toEqual([]);
  });

  test('is rolled back, even if the function catches the error', async () => {
    const { controller, alice, calm } = await personOf({ max: 1 });
    const error = errorOf(
      alice.transaction(async (tx) => {
        await tx.trips.create({ name: 'Big Lap' });
        await sleep(30)
          .execute(tx.kysely)
          .catch(() => {});
        await tx.trips.create({ name: 'Detour' }).catch(() => {});
      }),
    );
    await faults.until(isSleeping);
    controller.abort();
    await error;
    expect((await calm.trips.list()).items).toEqual([]);
  });

  test('in a nested one is rolled back as a whole', async () => {
    const { controller, alice, calm } = await personOf({ max: 1 });
    const error = errorOf(
      alice.transaction(async (tx) => {
        await tx.trips.create({ name: 'Big Lap' });
        await tx.transaction((part) => sleep(30).execute(part.kysely)).catch(() => {});
        await tx.trips.create({ name: 'Detour' });
      }),
    );
    await faults.until(isSleeping);
    controller.abort();
    expect(await error).toEqual(cancelled);
    expect((await calm.trips.list()).items).toEqual([]);
  });

  test('while it pauses before it runs again does not', async () => {
    const { controller, alice } = await personOf({ max: 1 });
    let attempts = 0;
    const transaction = alice.transaction(
      async (tx) => {
        attempts += 1;
        // The pause after the eighth attempt is half a second at least.
        if (attempts === 8) setTimeout(() => controller.abort(), 100);
        await sql`do $$ begin raise serialization_failure; end $$`.execute(tx.kysely);
      },
      { retries: 9 },
    );
    const aborted = once(controller.signal, 'abort').then(() => performance.now());
    expect(await errorOf(transaction)).toEqual(cancelled);
    expect(performance.now() - (await aborted)).toBeLessThan(200);
    expect(attempts).toBe(8);
  });

  test('while it waits for its connection never starts', async () => {
    const { database, controller, alice } = await personOf({ max: 1 });
    const busy = outcomeOf(sleep(0.5).execute(database.asAnon().kysely));
    await faults.until(isSleeping);
    const fn = vi.fn();
    const transaction = errorOf(alice.transaction(fn));
    await expect.poll(() => database.connections.waiting).toBe(1);
    controller.abort();
    expect(await transaction).toEqual(cancelled);
    await busy;
    expect(fn).not.toHaveBeenCalled();
  });

  test('in its commit is kept as a whole or not at all, and says which', async () => {
    await faults.admin.query(`
      create table slow_to_commit (note text);
      grant all on slow_to_commit to authenticated;
      create function sleep_at_commit() returns trigger language plpgsql as $$ begin perform pg_sleep(30); return null; end $$;
      create constraint trigger sleep_at_commit after insert on slow_to_commit deferrable initially deferred
        for each row execute function sleep_at_commit();
    `);
    const { controller, alice, calm } = await personOf({ max: 1 });
    const error = errorOf(
      alice.transaction(async (tx) => {
        await tx.trips.create({ name: 'Big Lap' });
        await sql`insert into slow_to_commit values ('x')`.execute(tx.kysely);
      }),
    );
    await faults.until(isSleeping);
    controller.abort();
    expect(await error).toEqual(cancelled);
    expect((await calm.trips.list()).items).toEqual([]);
  });
});

describe('a stream whose signal is aborted', () => {
  const rows = (slowFrom: number) =>
    sql<{ row: number }>`
      (select row, case when row >= ${slowFrom}::int then pg_sleep(30) end from generate_series(1, 100) as row)
    `.as<'rows'>(sql.raw('rows'));

  test('between two batches ends with the next', async () => {
    const { controller, alice, calm } = await personOf({ max: 1 });
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { row } of alice.kysely.selectFrom(rows(1000)).select('rows.row').stream(10)) {
        seen.push(row);
        if (row === 15) controller.abort();
      }
    })();
    expect(await errorOf(reading)).toEqual(cancelled);
    expect(seen).toHaveLength(20);
    expect((await one.execute(calm.kysely)).rows).toEqual([{ one: 1 }]);
    await faults.until(isOpen, 1);
    await faults.until(isIdle, 1);
  });

  test('under a batch stops it on the server', async () => {
    const { controller, alice, calm } = await personOf({ max: 1 });
    const reading = errorOf(
      (async () => {
        for await (const _ of alice.kysely.selectFrom(rows(15)).select('rows.row').stream(10));
      })(),
    );
    await faults.until(isSleeping);
    controller.abort();
    expect(await reading).toEqual(cancelled);
    expect((await one.execute(calm.kysely)).rows).toEqual([{ one: 1 }]);
    await faults.until(isOpen, 1);
    await faults.until(isIdle, 1);
  });
});

describe('on a bad network an abort', () => {
  test('that cannot reach the server does not keep the caller waiting', async () => {
    const { controller, alice } = await personOf({ max: 1 });
    const error = errorOf(sleep(30).execute(alice.kysely), 10_000);
    await faults.until(isSleeping);
    faults.proxy.refuse();
    controller.abort();
    expect([CancelledError, ConnectionError]).toContain((await error)?.constructor);
    await faults.proxy.accept();
    expect((await one.execute(faults.open().asAnon().kysely)).rows).toEqual([{ one: 1 }]);
  });

  test('on a silent connection does not keep the caller waiting', async () => {
    const { controller, alice, calm } = await personOf({ max: 1 });
    const error = errorOf(sleep(30).execute(alice.kysely), 10_000);
    await faults.until(isSleeping);
    faults.proxy.silence();
    controller.abort();
    expect([CancelledError, ConnectionError]).toContain((await error)?.constructor);
    faults.proxy.thaw();
    expect((await one.execute(calm.kysely)).rows).toEqual([{ one: 1 }]);
  });

  test('that comes before its statement still stops it', async () => {
    const { controller, alice } = await personOf({ max: 1 });
    await one.execute(alice.kysely);
    faults.proxy.delay = 100;
    const error = errorOf(sleep(30).execute(alice.kysely));
    await delay(20);
    faults.proxy.delay = 0;
    controller.abort();
    expect(await error).toEqual(cancelled);
    await faults.until(isActive, 0);
  });
});

describe('Kysely’s own signal', () => {
  // Kysely prints what becomes of a statement that it no longer waits for.
  beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}));
  afterEach(() => void vi.restoreAllMocks());

  const options = (signal: AbortSignal) => ({ signal, inflightQueryAbortStrategy: 'cancel query' }) as const;

  test('stops the statement on the server and retires the connection', async () => {
    const { database, controller, signal } = await personOf({ max: 1 });
    const { kysely } = database.asAnon();
    const pid = await pidOf(kysely);
    const error = errorOf(sleep(30).execute(kysely, options(signal)));
    await faults.until(isSleeping);
    controller.abort(new Error('gave up'));
    expect(await error).toHaveProperty('message', 'gave up');
    await faults.until(isActive, 0);
    expect(await pidOf(kysely)).not.toBe(pid);
    await faults.until(isOpen, 1);
    expect(faults.proxy.logins).toBe(2);
  });

  test('in a transaction undoes it', async () => {
    const { controller, signal, calm, alice } = await personOf({ max: 1 });
    const error = errorOf(
      calm.transaction(async (tx) => {
        await tx.trips.create({ name: 'Big Lap' });
        await sleep(30).execute(tx.kysely, options(signal));
      }),
    );
    await faults.until(isSleeping);
    controller.abort(new Error('gave up'));
    expect(await error).toHaveProperty('message', 'gave up');
    expect(await faults.tripsOf(alice)).toEqual([]);
    expect((await calm.trips.list()).items).toEqual([]);
  });
});

test('a signal that is never aborted costs a statement nothing on the wire', async () => {
  const { alice } = await personOf({ max: 1 });
  await one.execute(alice.kysely);
  const before = faults.proxy.exchanges;
  for (let i = 0; i < 5; i++) await one.execute(alice.kysely);
  expect(await isPending(alice.trips.list(), 0)).toBe(true);
  await alice.trips.list();
  expect(faults.proxy.exchanges - before).toBe(7);
  expect(faults.proxy).toMatchObject({ logins: 1, cancels: 0 });
});
