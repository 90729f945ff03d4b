import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createDatabase, type Database } from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';
import { findPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { errorOf } from './outcome.ts';
import { abortStorm } from './storm.ts';
import { watchProcess } from './watch_process.ts';

const installed = findPgBouncer();
if (!installed) console.warn('Skipped: no pgbouncer on this machine (Debian: apt-get install pgbouncer).');

const sleep = (seconds: number) => sql`select pg_sleep(${seconds}::float8)`;
const cancelled = { name: 'CancelledError', code: 'CANCELLED' };

describe.skipIf(!installed)('an abort behind PgBouncer in transaction mode', () => {
  const file = testDatabase();
  let bouncer: PgBouncer;
  let database: Database;
  watchProcess();

  beforeAll(async () => {
    bouncer = await startPgBouncer(installed?.path ?? '', file.connectionString, 3);
    const { connectionString } = bouncer;
    database = createDatabase({ connectionString, max: 8, preparedStatements: false });
  });

  afterAll(async () => {
    await database?.destroy();
    await bouncer?.stop();
  });

  async function sleepers(): Promise<number> {
    const { rows } = await file.admin.query(
      `select count(*)::int as count from pg_stat_activity
       where datname = current_database() and wait_event = 'PgSleep'`,
    );
    return rows[0].count;
  }

  async function untilSleep(count: number, timeout = 5000): Promise<void> {
    await vi.waitFor(async () => expect(await sleepers()).toBe(count), { timeout });
  }

  test.each([1, 2, 3])('stops the statement on the server, and no other (%i)', async () => {
    const [aborted, other] = [new AbortController(), database.asAnon()];
    const innocent = sleep(0.6).execute(other.kysely);
    const error = errorOf(sleep(30).execute(database.asAnon({ signal: aborted.signal }).kysely));
    await untilSleep(2);
    aborted.abort();
    expect(await error).toMatchObject(cancelled);
    expect(await sleepers()).toBeLessThanOrEqual(1);
    await innocent;
  });

  test('stops a transaction, which keeps nothing', async () => {
    const sub = await file.signUp();
    const controller = new AbortController();
    const error = errorOf(
      database.asUser({ sub }, { signal: controller.signal }).transaction(async (tx) => {
        await tx.trips.create({ name: 'Big Lap' });
        await sleep(30).execute(tx.kysely);
      }),
    );
    await untilSleep(1);
    controller.abort();
    expect(await error).toMatchObject(cancelled);
    expect((await database.asUser({ sub }).trips.list()).items).toEqual([]);
  });

  /** Each on another connection, whose process id the pooler makes up: it may be negative. */
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('by Kysely’s own signal stops it too (%i)', async () => {
    // Kysely prints what becomes of a statement that it no longer waits for.
    const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
    const controller = new AbortController();
    const options = { signal: controller.signal, inflightQueryAbortStrategy: 'cancel query' } as const;
    const error = errorOf(sleep(3).execute(database.asAnon().kysely, options));
    await untilSleep(1);
    controller.abort(new Error('gave up'));
    expect(await error).toHaveProperty('message', 'gave up');
    await untilSleep(0, 1500);
    printed.mockRestore();
  });

  test('of a statement that waits in the pooler’s queue keeps nobody waiting for it', async () => {
    const controller = new AbortController();
    const busy = [1, 2, 3].map(() => sleep(1).execute(database.asAnon().kysely));
    await untilSleep(3);
    const waiting = errorOf(sleep(30).execute(database.asAnon({ signal: controller.signal }).kysely));
    setTimeout(() => controller.abort(), 200);
    expect(await waiting).toMatchObject(cancelled);
    await Promise.all(busy);
    await untilSleep(0);
  });

  test('two hundred times at random moments hits nobody else’s statement', async () => {
    const { kysely } = database.asAnon();
    await abortStorm(
      (signal) => sleep(Math.random() * 0.02).execute(database.asAnon({ signal }).kysely),
      () => sleep(Math.random() * 0.01).execute(kysely),
    );
    await untilSleep(0);
    await Promise.all(Array.from({ length: 12 }, () => sleep(0.01).execute(kysely)));
  });
});
