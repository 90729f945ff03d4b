import { sql } from 'kysely';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { ConnectionError } from '../../src/index.ts';
import { isOpen, isSleeping, testFaults } from './faults.ts';
import { errorOf, outcomeOf } from './outcome.ts';

const faults = testFaults();

const one = sql<{ one: number }>`select 1 as one`;
const pause = sql`select pg_sleep(0.1)`;
const longSleep = sql`select pg_sleep(30)`;

beforeAll(async () => {
  await faults.admin.query(`
    create table slow_to_commit (note text);
    grant all on slow_to_commit to authenticated;
    create function sleep_at_commit() returns trigger language plpgsql as $$ begin perform pg_sleep(30); return null; end $$;
    create constraint trigger sleep_at_commit after insert on slow_to_commit deferrable initially deferred
      for each row execute function sleep_at_commit();
  `);
});

describe('a backend that is killed', () => {
  test('while idle in the pool is replaced, and nobody notices', async () => {
    const database = faults.open();
    const { kysely } = database.asAnon();
    await Promise.all([1, 2, 3].map(() => pause.execute(kysely)));
    const killed = await faults.backends();
    expect(killed).toHaveLength(3);
    await faults.terminate(...killed);
    await expect.poll(() => database.connections.open).toBe(0);
    await Promise.all([1, 2, 3].map(() => pause.execute(kysely)));
    expect(database.connections).toEqual({ max: 3, open: 3, idle: 3, waiting: 0 });
    const pids = (await faults.backends()).map(({ pid }) => pid);
    expect(pids).toHaveLength(3);
    for (const { pid } of killed) expect(pids).not.toContain(pid);
  });

  test('a moment before a statement costs that statement at most', async () => {
    const { kysely } = faults.open({ max: 1 }).asAnon();
    for (let i = 0; i < 8; i++) {
      await one.execute(kysely);
      const killing = faults.terminate(...(await faults.backends()));
      const { error } = await outcomeOf(one.execute(kysely));
      if (error !== undefined) expect(error).toBeInstanceOf(ConnectionError);
      await killing;
      const { error: next } = await outcomeOf(one.execute(kysely));
      if (next !== undefined) expect(next).toBeInstanceOf(ConnectionError);
      expect((await one.execute(kysely)).rows).toEqual([{ one: 1 }]);
    }
    await faults.until(isOpen, 1);
  });

  test('under a statement fails it, undoes it, and the next one works at once', async () => {
    const alice = await faults.person(faults.open());
    const error = errorOf(
      sql`
        with added as (insert into trips (user_id, name) values (${alice.id}, 'Half a lap') returning 1)
        select pg_sleep(30) from added
      `.execute(alice.kysely),
    );
    await faults.terminate(...(await faults.until(isSleeping)));
    expect(await error).toBeInstanceOf(ConnectionError);
    expect((await alice.trips.list()).items).toEqual([]);
    await faults.until(isOpen, 1);
  });

  test('under every running statement leaves those that wait for a connection alone', async () => {
    const database = faults.open();
    const { kysely } = database.asAnon();
    const running = [1, 2, 3].map(() => errorOf(longSleep.execute(kysely)));
    await faults.until(isSleeping, 3);
    const waiting = Promise.all([1, 2, 3, 4, 5].map(() => one.execute(kysely)));
    await faults.terminate(...(await faults.backends()));
    for (const error of await Promise.all(running)) expect(error).toBeInstanceOf(ConnectionError);
    expect(await waiting).toHaveLength(5);
    const { open, idle } = database.connections;
    expect(open).toBeLessThanOrEqual(3);
    expect(idle).toBe(open);
    await faults.until(isOpen, open);
  });
});

describe('a transaction whose backend is killed', () => {
  async function pidOf({ kysely }: Pick<Awaited<ReturnType<typeof faults.person>>, 'kysely'>) {
    return (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(kysely)).rows[0] ?? expect.unreachable();
  }

  test('between two statements fails with the second, runs once, and keeps nothing', async () => {
    const alice = await faults.person(faults.open({ max: 1 }));
    const afterCommit = vi.fn();
    const fn = vi.fn();
    const transaction = alice.transaction(async (tx) => {
      fn();
      tx.afterCommit(afterCommit);
      await tx.trips.create({ name: 'Big Lap' });
      await faults.terminate(await pidOf(tx));
      await tx.trips.create({ name: 'Detour' });
    });
    expect(await errorOf(transaction)).toBeInstanceOf(ConnectionError);
    expect(fn).toHaveBeenCalledOnce();
    expect(afterCommit).not.toHaveBeenCalled();
    expect((await alice.trips.list()).items).toEqual([]);
    await faults.until(isOpen, 1);
  });

  test('after its last statement fails at its commit', async () => {
    const alice = await faults.person(faults.open({ max: 1 }));
    const transaction = alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      await faults.terminate(await pidOf(tx));
    });
    expect(await errorOf(transaction)).toBeInstanceOf(ConnectionError);
    expect((await alice.trips.list()).items).toEqual([]);
  });

  test('in a nested one fails as a whole, even if the error of the nested one was caught', async () => {
    const alice = await faults.person(faults.open({ max: 1 }));
    const transaction = alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      const nested = tx.transaction(async (part) => {
        await part.trips.create({ name: 'Detour' });
        await faults.terminate(await pidOf(part));
        await part.trips.create({ name: 'Second detour' });
      });
      expect(await errorOf(nested)).toBeInstanceOf(ConnectionError);
    });
    expect(await errorOf(transaction)).toBeInstanceOf(ConnectionError);
    expect((await alice.trips.list()).items).toEqual([]);
  });

  test('in its commit fails, keeps nothing, and does nothing of what comes after', async () => {
    const alice = await faults.person(faults.open({ max: 1 }));
    const afterCommit = vi.fn();
    const transaction = errorOf(
      alice.transaction(async (tx) => {
        tx.afterCommit(afterCommit);
        await tx.trips.create({ name: 'Big Lap' });
        await sql`insert into slow_to_commit values ('x')`.execute(tx.kysely);
      }),
    );
    await faults.terminate(...(await faults.until(isSleeping)));
    expect(await transaction).toBeInstanceOf(ConnectionError);
    expect(afterCommit).not.toHaveBeenCalled();
    expect((await alice.trips.list()).items).toEqual([]);
    await faults.until(isOpen, 1);
  });
});

describe('a stream whose backend is killed', () => {
  const rows = (count: number, slowFrom: number) =>
    sql<{ row: number }>`
      (select row, case when row >= ${slowFrom}::int then pg_sleep(30) end from generate_series(1, ${count}::int) as row)
    `;

  async function read(stream: AsyncIterable<{ row: number }>, onRow: (row: number) => Promise<void> | void) {
    const seen: number[] = [];
    const error = await errorOf(
      (async () => {
        for await (const { row } of stream) {
          seen.push(row);
          await onRow(row);
        }
      })(),
    );
    return { seen, error };
  }

  test('between two batches ends with an error after the rows that came', async () => {
    const { kysely } = faults.open({ max: 1 }).asAnon();
    const stream = kysely.selectFrom(rows(100, 1000).as('rows')).select('row').$castTo<{ row: number }>().stream(10);
    const { seen, error } = await read(stream, async (row) => {
      if (row === 15) await faults.terminate(...(await faults.backends()));
    });
    expect(error).toBeInstanceOf(ConnectionError);
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect((await one.execute(kysely)).rows).toEqual([{ one: 1 }]);
    await faults.until(isOpen, 1);
  });

  test('under a batch ends with an error after the rows that came', async () => {
    const { kysely } = faults.open({ max: 1 }).asAnon();
    const stream = kysely.selectFrom(rows(100, 21).as('rows')).select('row').$castTo<{ row: number }>().stream(10);
    const reading = read(stream, () => {});
    await faults.terminate(...(await faults.until(isSleeping)));
    const { seen, error } = await reading;
    expect(error).toBeInstanceOf(ConnectionError);
    expect(seen).toHaveLength(20);
    expect((await one.execute(kysely)).rows).toEqual([{ one: 1 }]);
  });
});
