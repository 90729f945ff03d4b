import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { ConnectionError, type DatabaseOptions } from '../../src/index.ts';
import { isSleeping, testFaults } from './faults.ts';
import { errorOf, isPending, outcomeOf } from './outcome.ts';

const faults = testFaults();

const one = sql<{ one: number }>`select 1 as one`;
const sleep = (seconds: number) => sql`select pg_sleep(${seconds}::float8)`;
const silent = expect.objectContaining({ message: expect.stringContaining('The server did not answer in time') });

async function personOf(options: DatabaseOptions) {
  return await faults.person(faults.open({ query_timeout: 500, ...options }));
}

describe('on a connection that has fallen silent', () => {
  test('a statement fails within query_timeout, and the next one has another connection', async () => {
    const database = faults.open({ max: 1, query_timeout: 500 });
    const { kysely } = database.asAnon();
    await one.execute(kysely);
    faults.proxy.freeze();
    const error = await errorOf(one.execute(kysely));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toEqual(silent);
    expect(database.connections).toEqual({ max: 1, open: 0, idle: 0, waiting: 0 });
    expect((await one.execute(kysely)).rows).toEqual([{ one: 1 }]);
    expect(faults.proxy.logins).toBe(2);
    await expect.poll(() => faults.proxy.open).toBe(1);
  });

  test('a statement that the server works on is stopped there too', async () => {
    const { kysely } = await personOf({ max: 1 });
    await one.execute(kysely);
    const error = errorOf(sleep(30).execute(kysely));
    await faults.until(isSleeping);
    faults.proxy.freeze();
    expect(await error).toEqual(silent);
    await faults.until(isSleeping, 0);
  });

  test('the connections beside it are not tried one after the other', async () => {
    const { kysely } = await personOf({ max: 4 });
    await Promise.all([1, 2, 3, 4].map(() => sleep(0.1).execute(kysely)));
    expect(faults.proxy.logins).toBe(4);
    await expect.poll(() => faults.proxy.open).toBe(4);
    faults.proxy.freeze();
    expect(await errorOf(one.execute(kysely))).toBeInstanceOf(ConnectionError);
    for (let i = 0; i < 6; i++) expect((await one.execute(kysely)).rows).toEqual([{ one: 1 }]);
    await Promise.all([1, 2, 3, 4, 5, 6].map(() => one.execute(kysely)));
    await expect.poll(() => faults.proxy.open).toBeLessThanOrEqual(4);
  });

  test('all that run fail, and whoever waits for a connection is served', async () => {
    const { kysely } = await personOf({ max: 3 });
    await Promise.all([1, 2, 3].map(() => sleep(0.1).execute(kysely)));
    faults.proxy.freeze();
    const running = [1, 2, 3].map(() => errorOf(one.execute(kysely)));
    const waiting = Promise.all([1, 2, 3, 4, 5].map(() => one.execute(kysely)));
    for (const error of await Promise.all(running)) expect(error).toBeInstanceOf(ConnectionError);
    expect(await waiting).toHaveLength(5);
  });

  test('a transaction fails with its statement, keeps nothing and does not run again', async () => {
    const alice = await personOf({ max: 1 });
    let runs = 0;
    const transaction = alice.transaction(async (tx) => {
      runs += 1;
      await tx.trips.create({ name: 'Big Lap' });
      faults.proxy.freeze();
      await tx.trips.create({ name: 'Detour' });
    });
    expect(await errorOf(transaction)).toEqual(silent);
    expect(runs).toBe(1);
    expect(await faults.tripsOf(alice)).toEqual([]);
    expect((await alice.trips.create({ name: 'Another lap' })).name).toBe('Another lap');
  });

  test('the error of a statement that is caught in a transaction does not keep the rest of it waiting', async () => {
    const alice = await personOf({ max: 1 });
    const transaction = alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      faults.proxy.freeze();
      expect(await errorOf(tx.trips.create({ name: 'Detour' }))).toBeInstanceOf(ConnectionError);
      await tx.trips.create({ name: 'Second detour' });
    });
    expect(await errorOf(transaction)).toBeInstanceOf(ConnectionError);
    expect(await faults.tripsOf(alice)).toEqual([]);
  });

  test('a commit fails, and whatever became of it, it is all or nothing', async () => {
    const alice = await personOf({ max: 1 });
    for (const half of ['request', 'answer'] as const) {
      const names = [`${half}: there`, `${half}: and back`];
      const transaction = alice.transaction(async (tx) => {
        for (const name of names) await tx.trips.create({ name });
        if (half === 'request') faults.proxy.freeze();
        else faults.proxy.answerDelay = 60_000;
      });
      expect(await errorOf(transaction)).toBeInstanceOf(ConnectionError);
      faults.proxy.answerDelay = 0;
      const kept = half === 'answer' ? names.toSorted() : [];
      await expect.poll(() => faults.tripsOf(alice)).toEqual(kept);
      expect((await alice.trips.list()).items).toHaveLength(kept.length);
    }
  });

  test('a stream fails with its next batch, after the rows that came', async () => {
    const { kysely } = await personOf({ max: 1 });
    const rows = kysely.selectFrom(sql<{ row: number }>`generate_series(1, 100)`.as<'row'>(sql.raw('row')));
    const seen: number[] = [];
    const error = errorOf(
      (async () => {
        for await (const { row } of rows.select(sql<number>`row`.as('row')).stream(10)) {
          seen.push(row);
          if (row === 15) faults.proxy.freeze();
        }
      })(),
    );
    expect(await error).toEqual(silent);
    expect(seen).toHaveLength(20);
    expect((await one.execute(kysely)).rows).toEqual([{ one: 1 }]);
  });

  test('what comes late changes nothing', async () => {
    const alice = await personOf({ max: 1 });
    await alice.trips.list();
    faults.proxy.freeze();
    expect(await errorOf(alice.trips.create({ name: 'Big Lap' }))).toBeInstanceOf(ConnectionError);
    const created = await alice.trips.create({ name: 'Detour' });
    faults.proxy.thaw();
    expect(await alice.trips.get(created.id)).toEqual(created);
    expect((await one.execute(alice.kysely)).rows).toEqual([{ one: 1 }]);
    await expect.poll(() => faults.proxy.open).toBe(1);
  });
});

describe('a server that accepts connections and says nothing', () => {
  test('fails whoever wants one within connectionTimeoutMillis', async () => {
    const { kysely, transaction } = await personOf({ connectionTimeoutMillis: 300 });
    faults.proxy.silence();
    const errors = await Promise.all([
      errorOf(one.execute(kysely)),
      errorOf(transaction(async (tx) => void (await one.execute(tx.kysely)))),
    ]);
    for (const error of errors) {
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error).toEqual(silent);
    }
    await expect.poll(() => faults.proxy.open).toBe(0);
  });

  test('is used again as soon as it speaks', async () => {
    const { kysely } = await personOf({ max: 2, connectionTimeoutMillis: 1000 });
    await Promise.all([1, 2].map(() => sleep(0.1).execute(kysely)));
    faults.proxy.silence();
    for (let i = 0; i < 2; i++) expect(await errorOf(one.execute(kysely))).toBeInstanceOf(ConnectionError);
    faults.proxy.thaw();
    await Promise.all([1, 2, 3, 4].map(() => one.execute(kysely)));
  });
});

describe('an answer that takes its time', () => {
  test('within query_timeout is waited for, however long the transaction or the stream is', async () => {
    const { kysely, transaction } = await personOf({ max: 1, query_timeout: 1000 });
    await transaction(async (tx) => {
      for (let i = 0; i < 3; i++) await sleep(0.5).execute(tx.kysely);
    });
    const slow = sql<{ row: number }>`(select row, pg_sleep(0.1) from generate_series(1, 15) as row)`;
    const seen: unknown[] = [];
    for await (const row of kysely.selectFrom(slow.as('slow')).selectAll().stream(5)) seen.push(row);
    expect(seen).toHaveLength(15);
    expect(faults.proxy).toMatchObject({ logins: 1, cancels: 0 });
  });

  test('over a slow network is waited for', async () => {
    faults.proxy.delay = 50;
    faults.proxy.answerDelay = 50;
    const alice = await personOf({ max: 1, query_timeout: 2000 });
    const trip = await alice.trips.create({ name: 'Big Lap' });
    expect(await alice.trips.get(trip.id)).toEqual(trip);
    expect(faults.proxy.logins).toBe(1);
  });

  test('is waited for 5 s longer than a statement may run, or without end, unless chosen otherwise', async () => {
    const limits = [
      { statementTimeoutMillis: 500 },
      { statementTimeoutMillis: 0 },
      { statementTimeoutMillis: 500, query_timeout: 0 },
    ];
    const people = await Promise.all(limits.map((limit) => personOf({ max: 1, query_timeout: undefined, ...limit })));
    for (const { kysely } of people) await one.execute(kysely);
    faults.proxy.freeze();
    const [bounded, ...unbounded] = people.map(({ kysely }) => outcomeOf(one.execute(kysely), 20_000));
    expect(await isPending(Promise.race(unbounded.concat(bounded ?? [])), 4000)).toBe(true);
    expect((await bounded)?.error).toEqual(silent);
    expect(await isPending(Promise.race(unbounded), 1500)).toBe(true);
    faults.proxy.thaw();
    for (const outcome of unbounded) expect(await outcome).toMatchObject({ value: { rows: [{ one: 1 }] } });
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 31])('cannot be waited for %d ms', (query_timeout) => {
    expect(() => faults.open({ query_timeout })).toThrow('query_timeout must be a whole number of milliseconds');
  });
});
