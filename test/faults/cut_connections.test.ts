import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, test, vi } from 'vitest';
import { ConnectionError } from '../../src/index.ts';
import { isActive, isSleeping, testFaults } from './faults.ts';
import { errorOf } from './outcome.ts';

const faults = testFaults();

const one = sql<{ one: number }>`select 1 as one`;
const sleep = (seconds: number) => sql`select pg_sleep(${seconds}::float8)`;

async function person() {
  return await faults.person(faults.open({ max: 1 }));
}

/** What the person has, once the server has done what it was told before the connection broke. */
async function keptBy(alice: { id: string }): Promise<string[]> {
  await faults.until(isActive, 0);
  return await faults.tripsOf(alice);
}

/** That its idle connections are gone. */
async function untilTheClientKnows(): Promise<void> {
  await delay(100);
}

describe.each(['cut', 'reset'] as const)('a connection that breaks (%s)', (breakAll) => {
  test('while idle is replaced, and nobody notices', async () => {
    const { kysely } = faults.open({ max: 3 }).asAnon();
    await Promise.all([1, 2, 3].map(() => sleep(0.1).execute(kysely)));
    faults.proxy[breakAll]();
    await untilTheClientKnows();
    await Promise.all([1, 2, 3, 4].map(() => one.execute(kysely)));
  });

  test('under a statement fails it, and the next one works at once', async () => {
    const alice = await person();
    const error = errorOf(sleep(30).execute(alice.kysely));
    await faults.until(isSleeping);
    faults.proxy[breakAll]();
    expect(await error).toBeInstanceOf(ConnectionError);
    expect(await error).toHaveProperty('message', 'The connection was lost.');
    expect((await one.execute(alice.kysely)).rows).toEqual([{ one: 1 }]);
    await expect.poll(() => faults.proxy.open).toBe(1);
  });

  test('between two statements of a transaction fails it, and keeps nothing', async () => {
    const alice = await person();
    const fn = vi.fn();
    const transaction = alice.transaction(async (tx) => {
      fn();
      await tx.trips.create({ name: 'Big Lap' });
      faults.proxy[breakAll]();
      await tx.trips.create({ name: 'Detour' });
    });
    expect(await errorOf(transaction)).toBeInstanceOf(ConnectionError);
    expect(fn).toHaveBeenCalledOnce();
    expect((await alice.trips.list()).items).toEqual([]);
  });

  test('in a stream ends it with an error after the rows that came', async () => {
    const { kysely } = await person();
    const rows = sql<{ row: number }>`generate_series(1, 100)`.as<'row'>(sql.raw('row'));
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { row } of kysely.selectFrom(rows).select(sql<number>`row`.as('row')).stream(10)) {
        seen.push(row);
        if (row === 15) faults.proxy[breakAll]();
      }
    })();
    expect(await errorOf(reading)).toBeInstanceOf(ConnectionError);
    expect(seen).toHaveLength(20);
    expect((await one.execute(kysely)).rows).toEqual([{ one: 1 }]);
  });
});

describe('a request that is lost', () => {
  test('with its connection has not been done', async () => {
    const alice = await person();
    await alice.trips.list();
    faults.proxy.loseNext('request');
    expect(await errorOf(alice.trips.create({ name: 'Big Lap' }))).toBeInstanceOf(ConnectionError);
    expect(await keptBy(alice)).toEqual([]);
    await alice.trips.create({ name: 'Detour' });
    expect(await keptBy(alice)).toEqual(['Detour']);
  });

  test('to commit keeps nothing', async () => {
    const alice = await person();
    const afterCommit = vi.fn();
    const transaction = alice.transaction(async (tx) => {
      tx.afterCommit(afterCommit);
      await tx.trips.create({ name: 'Big Lap' });
      faults.proxy.loseNext('request');
    });
    expect(await errorOf(transaction)).toBeInstanceOf(ConnectionError);
    expect(afterCommit).not.toHaveBeenCalled();
    expect(await keptBy(alice)).toEqual([]);
  });
});

describe('an answer that is lost', () => {
  test.each([0, 1, 5, 40, 150, 300])('after %i bytes has its request done, once', async (answerAfterBytes) => {
    const alice = await person();
    await alice.trips.list();
    const id = randomUUID();
    faults.proxy.loseNext({ answerAfterBytes });
    expect(await errorOf(alice.trips.create({ id, name: 'Big Lap' }))).toBeInstanceOf(ConnectionError);
    expect(await keptBy(alice)).toEqual(['Big Lap']);
    expect(await alice.trips.create({ id, name: 'Big Lap' })).toMatchObject({ id });
    expect(await keptBy(alice)).toEqual(['Big Lap']);
  });

  test('to a commit leaves it to the caller to look', async () => {
    const alice = await person();
    const [fn, afterCommit] = [vi.fn(), vi.fn()];
    const transaction = alice.transaction(async (tx) => {
      fn();
      tx.afterCommit(afterCommit);
      await tx.trips.create({ name: 'Big Lap' });
      faults.proxy.loseNext({ answerAfterBytes: 3 });
    });
    expect(await errorOf(transaction)).toBeInstanceOf(ConnectionError);
    expect(fn).toHaveBeenCalledOnce();
    expect(afterCommit).not.toHaveBeenCalled();
    expect(await keptBy(alice)).toEqual(['Big Lap']);
  });

  test('while the connection is being made costs that caller only', async () => {
    const database = faults.open();
    faults.proxy.answerDelay = 20;
    const error = errorOf(one.execute(database.asAnon().kysely));
    await expect.poll(() => faults.proxy.logins).toBe(1);
    faults.proxy.cut();
    expect(await error).toBeInstanceOf(ConnectionError);
    expect((await one.execute(database.asAnon().kysely)).rows).toEqual([{ one: 1 }]);
  });
});

test('a server that refuses connections is named, and used again when it does not', async () => {
  const alice = await person();
  await alice.trips.list();
  faults.proxy.cut();
  faults.proxy.refuse();
  await untilTheClientKnows();
  for (let i = 0; i < 5; i++) {
    expect(await errorOf(alice.trips.list())).toMatchObject({
      name: 'ConnectionError',
      code: 'ECONNREFUSED',
      message: expect.stringContaining('The server cannot be reached'),
    });
  }
  await faults.proxy.accept();
  expect((await alice.trips.list()).items).toEqual([]);
});
