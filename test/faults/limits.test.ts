import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { ConnectionError, type DatabaseOptions, TimeoutError } from '../../src/index.ts';
import { isActive, testFaults } from './faults.ts';
import { errorOf } from './outcome.ts';

const faults = testFaults();

const sleep = (seconds: number) => sql`select pg_sleep(${seconds}::float8)`;

beforeAll(async () => {
  await faults.admin.query(`
    create table slow_to_commit (note text);
    grant all on slow_to_commit to authenticated;
    create function sleep_at_commit() returns trigger language plpgsql as $$ begin perform pg_sleep(30); return null; end $$;
    create constraint trigger sleep_at_commit after insert on slow_to_commit deferrable initially deferred
      for each row execute function sleep_at_commit();
  `);
});

async function personOf(options: DatabaseOptions) {
  return await faults.person(faults.open({ max: 1, ...options }));
}

/** After a limit of the server the connection is as good as before. */
async function worksOnTheSameConnection({ trips }: Awaited<ReturnType<typeof personOf>>): Promise<void> {
  await trips.create({ name: 'Another lap' });
  expect((await trips.list()).items.map(({ name }) => name)).toEqual(['Another lap']);
  expect(faults.proxy).toMatchObject({ logins: 1, cancels: 0 });
}

describe('statementTimeoutMillis', () => {
  const limit = { statementTimeoutMillis: 400 };

  test('ends a statement, which leaves nothing', async () => {
    const alice = await personOf(limit);
    const slow = sql`
      with added as (insert into trips (user_id, name) values (${alice.id}, 'Half a lap') returning 1)
      select pg_sleep(30) from added
    `;
    const error = await errorOf(slow.execute(alice.kysely));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: '57014' });
    await worksOnTheSameConnection(alice);
  });

  test('ends a statement of a transaction, which leaves nothing and does not run again', async () => {
    const alice = await personOf(limit);
    const fn = vi.fn();
    const transaction = alice.transaction(async (tx) => {
      fn();
      await tx.trips.create({ name: 'Big Lap' });
      await sleep(30).execute(tx.kysely);
    });
    expect(await errorOf(transaction)).toBeInstanceOf(TimeoutError);
    expect(fn).toHaveBeenCalledOnce();
    await worksOnTheSameConnection(alice);
  });

  test('lets a nested transaction be undone alone', async () => {
    const alice = await personOf(limit);
    await alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      const nested = tx.transaction(async (part) => {
        await part.trips.create({ name: 'Detour' });
        await sleep(30).execute(part.kysely);
      });
      expect(await errorOf(nested)).toBeInstanceOf(TimeoutError);
    });
    expect(await faults.tripsOf(alice)).toEqual(['Big Lap']);
  });

  test('does not end a commit, which Postgres does not count: query_timeout does', async () => {
    const alice = await personOf({ ...limit, query_timeout: 500 });
    const transaction = alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      await sql`insert into slow_to_commit values ('x')`.execute(tx.kysely);
    });
    expect(await errorOf(transaction)).toBeInstanceOf(ConnectionError);
    await faults.until(isActive, 0);
    expect((await alice.trips.list()).items).toEqual([]);
  });

  test('ends a batch of a stream, and counts anew for each', async () => {
    // Three batches take longer than one may, each of them far less.
    const alice = await personOf({ statementTimeoutMillis: 2000 });
    const rows = (slow: number, last: number) =>
      sql<{ row: number }>`
        (select row, pg_sleep(case row when ${last}::int then 30 else ${slow}::float8 end) from generate_series(1, 100) as row)
      `.as<'rows'>(sql.raw('rows'));
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { row } of alice.kysely.selectFrom(rows(0.15, 20)).select('rows.row').stream(5)) seen.push(row);
    })();
    expect(await errorOf(reading)).toBeInstanceOf(TimeoutError);
    expect(seen).toHaveLength(15);
    await worksOnTheSameConnection(alice);
  });
});

describe('lockTimeoutMillis', () => {
  test('ends a wait for a lock, alone and in a transaction', async () => {
    const alice = await personOf({ lockTimeoutMillis: 200 });
    const holder = await faults.admin.connect();
    try {
      await holder.query('begin; lock table trips in share mode');
      const create = () => alice.trips.create({ name: 'Big Lap' });
      const transaction = () => alice.transaction(async (tx) => void (await tx.trips.create({ name: 'Big Lap' })));
      for (const call of [create, transaction]) {
        const error = await errorOf(call());
        expect(error).toBeInstanceOf(TimeoutError);
        expect(error).toMatchObject({ code: '55P03' });
      }
      await faults.until(isActive, 0);
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    await worksOnTheSameConnection(alice);
  });
});

describe('idleInTransactionTimeoutMillis', () => {
  const limit = { idleInTransactionTimeoutMillis: 200 };

  test('ends a transaction that stands still, which keeps nothing, and the next has another connection', async () => {
    const alice = await personOf(limit);
    const atStatement = alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      await delay(600);
      await tx.trips.create({ name: 'Detour' });
    });
    expect(await errorOf(atStatement)).toMatchObject({ name: 'TimeoutError', code: '25P03' });
    const atCommit = alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      await delay(600);
    });
    expect(await errorOf(atCommit)).toMatchObject({ name: 'TimeoutError', code: '25P03' });
    expect((await alice.trips.list()).items).toEqual([]);
    expect(faults.proxy.logins).toBe(3);
    await expect.poll(() => faults.proxy.open).toBe(1);
  });

  test('frees the locks of a transaction whose function hangs', async () => {
    const alice = await personOf({ ...limit, max: 2 });
    const trip = await alice.trips.create({ name: 'Big Lap' });
    const goOn = Promise.withResolvers<void>();
    const hanging = errorOf(
      alice.transaction(async (tx) => {
        await tx.trips.update(trip.id, { name: 'Detour' });
        await goOn.promise;
      }),
      20_000,
    );
    await faults.until(({ state }) => state === 'idle in transaction');
    expect((await alice.trips.update(trip.id, { name: 'Big Lap again' })).name).toBe('Big Lap again');
    goOn.resolve();
    expect(await hanging).toBeInstanceOf(TimeoutError);
  });

  test('ends a stream whose reader stands still', async () => {
    const alice = await personOf(limit);
    const rows = sql<{ row: number }>`generate_series(1, 100)`.as<'row'>(sql.raw('row'));
    const reading = (async () => {
      for await (const { row } of alice.kysely.selectFrom(rows).select(sql<number>`row`.as('row')).stream(10)) {
        if (row === 15) await delay(600);
      }
    })();
    expect(await errorOf(reading)).toMatchObject({ name: 'TimeoutError', code: '25P03' });
    await alice.trips.list();
    expect(faults.proxy.logins).toBe(2);
    await expect.poll(() => faults.proxy.open).toBe(1);
  });
});
