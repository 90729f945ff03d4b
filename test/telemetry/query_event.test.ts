import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isProxy } from 'node:util/types';
import { type RawBuilder, sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  ConfigurationError,
  createDatabase,
  type Database,
  type DatabaseOptions,
  type QueryEvent,
  TripRepository,
} from '../../src/index.ts';
import { anonContext } from '../../src/session/claims.ts';
import { createPool } from '../../src/session/pool.ts';
import { ScopedClient } from '../../src/session/scoped_client.ts';
import { scopedPool } from '../../src/session/scoped_pool.ts';
import { testDatabase } from '../support/database.ts';
import { startTcpProxy } from '../support/tcp_proxy.ts';

const file = testDatabase();
let database: Database;
let events: QueryEvent[] = [];
let hook: (event: QueryEvent) => unknown;

beforeAll(() => {
  const { connectionString } = file;
  database = createDatabase({ connectionString, max: 2, onQuery: (event) => hook(event) });
});

beforeEach(() => {
  events = [];
  hook = (event) => events.push(event);
});

afterAll(async () => {
  await database.destroy();
});

async function signUp() {
  const id = await file.signUp();
  return { ...database.asUser({ sub: id }), id };
}

/** Another database with its own events, closed when `work` is done. */
async function withDatabase<T>(options: DatabaseOptions, work: (other: Database) => Promise<T>): Promise<T> {
  const other = createDatabase({ connectionString: file.connectionString, onQuery: hook, ...options });
  try {
    return await work(other);
  } finally {
    await other.destroy();
  }
}

describe('an event', () => {
  test('tells of a statement what it was, for whom, how long it took and what came of it', async () => {
    const alice = await signUp();
    await alice.trips.createMany([{ name: 'a' }, { name: 'b' }]);
    events = [];
    await alice.trips.list({ limit: 1 });
    expect(events).toEqual([
      {
        sql: expect.stringMatching(/^select .* from "trips" where "user_id" = \$1 .* limit \$2$/),
        parameters: ['uuid', 'number'],
        role: 'authenticated',
        durationMillis: expect.any(Number),
        rows: 2,
        server: new URL(file.connectionString).host,
        outcome: 'ok',
      },
    ]);
  });

  test('measures the wait for the server', async () => {
    await sql`select pg_sleep(0.2)`.execute(database.asAnon().kysely);
    expect(events[0]?.durationMillis).toBeGreaterThan(190);
    expect(events[0]?.durationMillis).toBeLessThan(1000);
  });

  test('does not measure the wait for a connection', async () => {
    await withDatabase({ max: 1 }, async (other) => {
      const slow = sql`select pg_sleep(0.3)`.execute(other.asService().kysely);
      await Promise.all([slow, sql`select 1 as quick`.execute(other.asAnon().kysely)]);
    });
    expect(events.find(({ sql }) => sql.includes('quick'))?.durationMillis).toBeLessThan(200);
  });

  test('counts the rows that were returned or affected', async () => {
    const alice = await signUp();
    await alice.trips.createMany([{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
    await alice.kysely.updateTable('trips').set({ description: 'x' }).execute();
    await alice.kysely.selectFrom('trips').select('id').execute();
    await alice.trips.find(randomUUID());
    await sql`show transaction_isolation`.execute(alice.kysely);
    expect(events.map(({ rows }) => rows)).toEqual([3, 3, 3, 0, 1]);
  });

  test('has the role', async () => {
    await sql`select 1`.execute(database.asAnon().kysely);
    await sql`select 1`.execute(database.asService().kysely);
    await database.asService().onBehalfOf(randomUUID()).trips.list();
    expect(events.map(({ role }) => role)).toEqual(['anon', 'service_role', 'service_role']);
  });

  test('has the kind of each parameter', async () => {
    const values = [null, true, 1.5, 2n, randomUUID(), 'twelve chars', new Date(), Buffer.from('abc'), ['a', 'b'], {}];
    await sql`select ${sql.join(values.map((value) => sql`${value}::text`))}`.execute(database.asAnon().kysely);
    expect(events[0]?.parameters).toEqual(
      ['null', 'boolean', 'number', 'bigint', 'uuid', 'string(12)', 'date', 'bytes(3)', 'list(2)', 'object'], //
    );
  });

  test('has no value in it, whatever becomes of the statement', async () => {
    const secret = 'Chimborazo';
    const sub = await file.signUp();
    const alice = database.asUser({ sub, email: `${secret}@example.com`, app_metadata: { secret } });
    const trip = await alice.trips.create({ name: secret, metadata: { secret } });
    await alice.trips.search(secret);
    await alice.trips.update(trip.id, { end_date: '2026-01-01', description: secret }).catch(() => {});
    await alice.kysely
      .insertInto('trips')
      .values({ id: trip.id, user_id: sub, name: secret })
      .execute()
      .catch(() => {});
    await sql.raw(`select '${secret}', ${sub.length} where '${secret}' <> ''`).execute(alice.kysely);
    await sql
      .raw(`select '${secret}'::integer`)
      .execute(alice.kysely)
      .catch(() => {});
    for await (const _ of alice.kysely.selectFrom('trips').selectAll().where('name', '=', secret).stream(1));
    expect(events.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', '23514', '23505', 'ok', '22P02', 'ok']);
    const told = JSON.stringify(events);
    expect(told).not.toContain(secret);
    expect(told).not.toContain(sub);
    expect(told).not.toContain(trip.id);
    expect(events[4]?.sql).toBe('select ?, ? where ? <> ?');
  });
});

describe('the outcome', () => {
  test('is the code of the error', async () => {
    const { kysely } = database.asAnon();
    await sql`select 1 / 0`.execute(kysely).catch(() => {});
    await sql`select * from trips`.execute(kysely).catch(() => {});
    await sql`selec`.execute(kysely).catch(() => {});
    const cycle: { self?: object } = {};
    cycle.self = cycle;
    await sql`select ${cycle}`.execute(kysely).catch(() => {});
    expect(events.map(({ outcome, rows }) => [outcome, rows])).toEqual([
      ['22012', 0],
      ['42501', 0],
      ['42601', 0],
      ['DRIVER', 0],
    ]);
  });

  test('is 57014 when the time is up', async () => {
    await withDatabase({ statementTimeoutMillis: 100 }, async (other) => {
      await expect(sql`select pg_sleep(5)`.execute(other.asAnon().kysely)).rejects.toMatchObject({ code: '57014' });
    });
    expect(events.map(({ outcome }) => outcome)).toEqual(['57014']);
  });

  test('is CANCELLED when a signal is aborted, whoever cancels', async () => {
    const { kysely } = database.asAnon({ signal: AbortSignal.timeout(200) });
    await sql`select pg_sleep(5)`.execute(kysely).catch(() => {});
    await sql`select 'too late'`.execute(kysely).catch(() => {});
    expect(events.map(({ sql, outcome }) => [sql, outcome])).toEqual([['select pg_sleep(?)', 'CANCELLED']]);

    const signal = AbortSignal.timeout(200);
    const options = { signal, inflightQueryAbortStrategy: 'cancel query' } as const;
    const other = database.asAnon().kysely;
    await other.executeQuery(sql`select pg_sleep(6)`.compile(other), options).catch(() => {});
    await expect
      .poll(() => events.map(({ outcome }) => outcome), { timeout: 10_000 })
      .toEqual(['CANCELLED', 'CANCELLED']);
  });

  test('is CONNECTION when the connection is lost', async () => {
    const proxy = await startTcpProxy(file.connectionString);
    await withDatabase({ connectionString: proxy.connectionString }, async (other) => {
      const statement = sql`select pg_sleep(5)`.execute(other.asAnon().kysely);
      const lost = expect(statement).rejects.toMatchObject({ code: 'CONNECTION' });
      await sleep(500);
      proxy.cut();
      await lost;
    });
    await proxy.close();
    expect(events.map(({ outcome }) => outcome)).toEqual(['CONNECTION']);
  });
});

describe('there is one event', () => {
  test('for each statement of a transaction, and none for what opens and ends it', async () => {
    const alice = await signUp();
    await alice.transaction(
      async (tx) => {
        await tx.trips.create({ name: 'a' });
        await tx.transaction((part) => part.trips.list());
        await tx.transaction((part) => part.trips.get(randomUUID())).catch(() => {});
      },
      { isolationLevel: 'serializable' },
    );
    await alice.transaction((tx) => tx.trips.get(randomUUID())).catch(() => {});
    expect(events.map(({ sql }) => sql.split(' ')[0])).toEqual(['insert', 'select', 'select', 'select']);
  });

  test('for each of several statements of a call', async () => {
    const alice = await signUp();
    const id = randomUUID();
    await alice.trips.createMany([{ id, name: 'a' }]);
    await alice.trips.createMany([{ id, name: 'a' }]);
    expect(events.map(({ sql }) => sql.split(' ')[0])).toEqual(['insert', 'insert', 'select']);
  });

  test('for a block of code, which gets a transaction around it', async () => {
    await sql`do $$ begin perform 1; end $$`.execute(database.asAnon().kysely);
    expect(events.map(({ sql, outcome }) => [sql, outcome])).toEqual([['do ?', 'ok']]);
  });

  test('for a statement that was prepared anew, because the table has changed', async () => {
    await file.admin.query('create table notes (note text); grant select on notes to anon');
    const { kysely } = database.asAnon();
    const select = sql`select * from notes where note is distinct from ${'x'}`;
    await select.execute(kysely);
    await file.admin.query('alter table notes add column at date');
    await select.execute(kysely);
    expect(events.map(({ outcome }) => outcome)).toEqual(['ok', 'ok']);
  });

  test('for none where nothing was sent', async () => {
    const alice = await signUp();
    await alice.trips.create({ name: '' }).catch(() => {});
    await alice.transaction(async () => {});
    await withDatabase({ connectionString: 'postgres://localhost:1/none' }, async (other) => {
      await expect(other.asAnon().posts.feed()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    });
    expect(events).toEqual([]);
  });
});

describe('of a stream there is one event when it is closed', () => {
  const thousand = sql<{ n: number }>`select n from generate_series(1, 1000) as n`;

  async function* stream<Row>(query: RawBuilder<Row>): AsyncGenerator<Row> {
    const { kysely } = database.asAnon();
    const batches = kysely.getExecutor().stream<Row>(query.compile(kysely), 100);
    for await (const { rows } of batches) yield* rows;
  }

  test('with all its rows, and without the time between batches', async () => {
    const began = performance.now();
    for await (const { n } of stream(thousand)) if (n === 1) await sleep(1000);
    const elapsed = performance.now() - began;
    expect(events).toMatchObject([{ sql: expect.stringContaining('generate_series'), rows: 1000, outcome: 'ok' }]);
    expect(events[0]?.durationMillis).toBeLessThan(elapsed - 900);
  });

  test('with the time for all batches', async () => {
    const slow = sql`select pg_sleep(0.1) from generate_series(1, 3) as n`;
    for await (const _ of stream(slow));
    expect(events[0]?.durationMillis).toBeGreaterThan(290);
  });

  test('with the rows that were read, if the loop ends before', async () => {
    for await (const { n } of stream(thousand)) {
      expect(events).toEqual([]);
      if (n === 150) break;
    }
    expect(events).toMatchObject([{ rows: 200, outcome: 'ok' }]);
  });

  test('with the code of the error', async () => {
    const read = async () => {
      for await (const _ of stream(sql`select 1 / (150 - n) from generate_series(1, 1000) as n`));
    };
    await expect(read()).rejects.toMatchObject({ code: '22012' });
    expect(events).toMatchObject([{ rows: 100, outcome: '22012' }]);
  });

  test('with the code of its commit’s error: nothing was saved', async () => {
    await file.admin.query(`create table counted (n integer unique deferrable initially deferred);
      grant insert, select on counted to anon`);
    const read = async () => {
      for await (const _ of stream(sql`insert into counted values (1), (1) returning n`));
    };
    await expect(read()).rejects.toMatchObject({ code: '23505' });
    expect(events).toMatchObject([{ rows: 2, outcome: '23505' }]);
  });
});

describe('a hook that fails', () => {
  const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});

  beforeEach(() => {
    emitWarning.mockClear();
  });

  afterAll(() => {
    emitWarning.mockRestore();
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new TypeError('no such logger');
      },
    ],
    ['rejects', () => Promise.reject(new TypeError('no such logger'))],
  ])('and %s is warned of; the statement and the transaction go on', async (_, fails) => {
    hook = fails;
    const alice = await signUp();
    const trip = await alice.transaction((tx) => tx.trips.create({ name: 'a' }));
    await expect(alice.trips.get(trip.id)).resolves.toMatchObject({ name: 'a' });
    await expect.poll(() => emitWarning.mock.calls.length).toBe(2);
    expect(emitWarning).toHaveBeenLastCalledWith('Telemetry of the database has failed; the statement has not.', {
      type: 'TelemetryWarning',
      detail: expect.stringContaining('no such logger'),
    });
  });

  test('and throws what cannot be printed is warned of, too', async () => {
    hook = () => {
      throw Object.create(null);
    };
    await sql`select 1`.execute(database.asAnon().kysely);
    await expect.poll(() => emitWarning.mock.calls.length).toBe(1);
  });

  test('is not waited for', async () => {
    hook = () => sleep(5000, undefined, { ref: false });
    const started = performance.now();
    await sql`select 1`.execute(database.asAnon().kysely);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

test('what is no function is refused', () => {
  const options = { connectionString: file.connectionString, onQuery: 'console.log' };
  // @ts-expect-error a name is no function
  expect(() => createDatabase(options)).toThrow(new ConfigurationError('onQuery must be a function.'));
});

test('without a hook nothing is between Kysely and the session’s connection', async () => {
  const pool = createPool({ connectionString: file.connectionString, max: 1 });
  const client = await scopedPool(pool, anonContext()).connect();
  expect(Object.getPrototypeOf(client)).toBe(ScopedClient.prototype);
  client.release();
  await pool.end();
});

test('the repositories are the same as without a hook', async () => {
  const { trips } = await signUp();
  expect(isProxy(trips)).toBe(false);
  expect(Object.getPrototypeOf(trips)).toBe(TripRepository.prototype);
});
