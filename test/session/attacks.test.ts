import { setTimeout as sleep } from 'node:timers/promises';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { sql } from 'kysely';
import { describe, expect, test, vi } from 'vitest';
import { ConfigurationError, createDatabase, type DatabaseOptions } from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';

const file = testDatabase();

async function onOneConnection<T>(
  work: (people: Record<'alice' | 'bob', ReturnType<ReturnType<typeof createDatabase>['asUser']>>) => Promise<T>,
  options: DatabaseOptions = {},
): Promise<T> {
  const database = createDatabase({ connectionString: file.connectionString, max: 1, ...options });
  try {
    const [alice, bob] = [await file.signUp(), await file.signUp()];
    return await work({ alice: database.asUser({ sub: alice }), bob: database.asUser({ sub: bob }) });
  } finally {
    await database.destroy();
  }
}

const note = sql<{ note: string | null }>`select current_setting('app.note', true) as note`;

describe('nobody finds what somebody else has left on a connection', () => {
  test('by a stream', async () => {
    await onOneConnection(async ({ alice, bob }) => {
      const leaving = sql`select set_config('app.note', 'of Alice', false), pg_advisory_lock(42)`.compile(alice.kysely);
      for await (const _ of alice.kysely.getExecutor().stream(leaving, 1)) break;
      expect((await note.execute(bob.kysely)).rows).toEqual([{ note: null }]);
    });
  });

  test.each([
    "select 'of Alice' as note into pg_temp.mine",
    "select 'of Alice' as note into mine from (values (1)) as one",
    "explain analyze create temp table mine as select 'of Alice' as note",
    "create table pg_temp.mine as select 'of Alice' as note",
  ])('by %s', async (text) => {
    await onOneConnection(async ({ alice, bob }) => {
      await sql
        .raw(text)
        .execute(alice.kysely)
        .catch(() => {});
      await expect(sql`select note from pg_temp.mine`.execute(bob.kysely)).rejects.toThrow();
    });
  });
});

test('rows that are asked for while the transaction ends are not written after it', async () => {
  await onOneConnection(async ({ alice }) => {
    let late: Promise<unknown> = Promise.resolve();
    await alice
      .transaction(async (tx) => {
        const slow = sql`select pg_sleep(0.2)`.execute(tx.kysely).catch(() => {});
        const insert = sql`insert into trips (user_id, name) values (auth.uid(), 'Late') returning id`;
        late = tx.kysely
          .getExecutor()
          .stream(insert.compile(tx.kysely), 1)
          .next()
          .catch(() => {});
        void slow;
        throw new Error('undo');
      })
      .catch(() => {});
    await late;
    expect((await alice.trips.list()).items).toEqual([]);
  });
});

test.each([0, 1, 2, 3])('a call %i turns before destroy settles', async (turns) => {
  const database = createDatabase({ connectionString: file.connectionString, max: 1, connectionTimeoutMillis: 0 });
  const { kysely } = database.asAnon();
  await sql`select 1`.execute(kysely);
  const call = sql`select 1`.execute(kysely).then(
    () => 'served',
    (error) => error.name,
  );
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  await database.destroy({ timeoutMillis: 2000 });
  expect(['served', 'ConnectionError']).toContain(await Promise.race([call, sleep(2000, 'never')]));
});

test('the longest limit that Postgres takes is one', async () => {
  await onOneConnection(
    async ({ alice }) => expect((await sql`select pg_sleep(0.05)`.execute(alice.kysely)).rows).toHaveLength(1),
    { statementTimeoutMillis: 2_147_483_647 },
  );
});

test('a signal that is none is refused', async () => {
  await onOneConnection(async () => {
    const database = createDatabase({ connectionString: file.connectionString });
    const signal = new AbortController() as unknown as AbortSignal;
    expect(() => database.asAnon({ signal })).toThrow(ConfigurationError);
    await database.destroy();
  });
});

test('an abort frees the locks of a transaction that stands still', async () => {
  const database = createDatabase({ connectionString: file.connectionString, max: 2 });
  const sub = await file.signUp();
  const trip = await database.asUser({ sub }).trips.create({ name: 'Big Lap' });
  const controller = new AbortController();
  let free = () => {};
  const held = new Promise<void>((resolve) => {
    free = resolve;
  });
  const standing = database.asUser({ sub }, { signal: controller.signal }).transaction(async (tx) => {
    await tx.trips.update(trip.id, { name: 'Held' });
    controller.abort();
    await held;
  });
  await expect.poll(() => controller.signal.aborted).toBe(true);
  expect(await database.asUser({ sub }).trips.update(trip.id, { name: 'Free' })).toMatchObject({ name: 'Free' });
  free();
  await expect(standing).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(await database.asUser({ sub }).trips.get(trip.id)).toMatchObject({ name: 'Free' });
  await database.destroy();
});

test('a tracer that fails at the end of a span does not make an error of what is saved', async () => {
  const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const onEnd = () => {
    throw new Error('exporter is down');
  };
  const processor = { onStart() {}, onEnd, forceFlush: async () => {}, shutdown: async () => {} };
  const tracer = new BasicTracerProvider({ spanProcessors: [processor] }).getTracer('test');
  await onOneConnection(
    async ({ alice }) => {
      expect(await alice.transaction((tx) => tx.trips.create({ name: 'Big Lap' }))).toMatchObject({ name: 'Big Lap' });
      expect((await sql`select 1 as one`.execute(alice.kysely)).rows).toEqual([{ one: 1 }]);
    },
    { tracer },
  );
  expect(emitWarning).toHaveBeenCalledWith(expect.stringContaining('Telemetry'), expect.anything());
  emitWarning.mockRestore();
});

test('a long text does not make an error of what is saved', async () => {
  await onOneConnection(
    async ({ alice }) => {
      const text = sql.raw(`select length('${'x'.repeat(20_000_000)}') as length`);
      expect((await text.execute(alice.kysely)).rows).toEqual([{ length: 20_000_000 }]);
    },
    { onQuery() {} },
  );
});
