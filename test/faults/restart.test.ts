import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConnectionError, createDatabase, type Database } from '../../src/index.ts';
import { restartableServer } from '../support/restartable_server.ts';
import { errorOf, outcomeOf } from './outcome.ts';
import { watchProcess } from './watch_process.ts';

const server = restartableServer();
let database: Database;
watchProcess();

const one = sql<{ one: number }>`select 1 as one`;
const sleep = (seconds: number) => sql`select pg_sleep(${seconds}::float8)`;

beforeEach(() => {
  database = createDatabase({ connectionString: server.connectionString, max: 4 });
});

afterEach(async () => {
  await database.destroy({ timeoutMillis: 1000 });
});

/** Past the pool, as the superuser. */
async function query(text: string, values: unknown[] = []) {
  const client = new pg.Client({ connectionString: server.connectionString });
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

async function signUp() {
  const id = randomUUID();
  await query('insert into auth.users (id, email, raw_user_meta_data) values ($1, $2, $3)', [
    id,
    `${id}@example.com`,
    {},
  ]);
  return { ...database.asUser({ sub: id }), id };
}

describe.each(['fast', 'immediate'] as const)('a server that is stopped (%s) and started again', (mode) => {
  test('fails what runs and what comes meanwhile, cleanly, and serves the first call when it accepts again', async () => {
    const alice = await signUp();
    await Promise.all([1, 2, 3, 4].map(() => sleep(0.1).execute(alice.kysely)));
    const opened = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const running = [
      errorOf(sleep(30).execute(alice.kysely)),
      errorOf(
        alice.transaction(async (tx) => {
          await tx.trips.create({ name: 'Big Lap' });
          opened.resolve();
          await ended.promise;
          await tx.trips.create({ name: 'Detour' });
        }),
        20_000,
      ),
    ];
    await opened.promise;
    await server.stop(mode);
    ended.resolve();
    for (const error of await Promise.all(running)) expect(error).toBeInstanceOf(ConnectionError);

    const calls = [
      () => one.execute(alice.kysely),
      () => alice.trips.create({ name: 'Nowhere' }),
      () => alice.transaction(async () => {}),
    ];
    for (let i = 0; i < 9; i++) {
      const call = calls[i % calls.length] ?? expect.unreachable();
      expect(await errorOf(call())).toBeInstanceOf(ConnectionError);
    }

    await server.start();
    expect((await alice.trips.list()).items).toEqual([]);
    await Promise.all([1, 2, 3, 4, 5, 6].map(() => one.execute(alice.kysely)));
    expect(await alice.trips.create({ name: 'Another lap' })).toMatchObject({ name: 'Another lap' });
  });

  test('is found again by callers who go on trying', async () => {
    const { kysely } = database.asAnon();
    await one.execute(kysely);
    let isBack = false;
    const callers = Array.from({ length: 6 }, async () => {
      let failed = 0;
      while (!isBack) {
        const { error } = await outcomeOf(one.execute(kysely));
        if (error !== undefined) {
          expect(error).toBeInstanceOf(ConnectionError);
          failed += 1;
        }
        await delay(10);
      }
      await one.execute(kysely);
      return failed;
    });
    await server.stop(mode);
    await server.start();
    isBack = true;
    for (const failed of await Promise.all(callers)) expect(failed).toBeGreaterThan(0);
  });

  test('has every write that was acknowledged, and none twice that was sent again', async () => {
    const alice = await signUp();
    const trip = await alice.trips.create({ name: 'Big Lap', currency: 'USD' });
    const acknowledged = new Set<string>();
    let isOver = false;
    let repeats = 0;

    async function write(): Promise<void> {
      while (!isOver) {
        const id = randomUUID();
        while (!acknowledged.has(id)) {
          const create = alice.expenses.create({
            id,
            trip_id: trip.id,
            amount: '1',
            currency: 'USD',
            category: 'fuel',
          });
          const { error } = await outcomeOf(create);
          if (error === undefined) acknowledged.add(id);
          else {
            expect(error).toBeInstanceOf(ConnectionError);
            repeats += 1;
            await delay(10);
          }
        }
      }
    }

    async function stored(): Promise<string[]> {
      const rows = await query('select id from expenses where user_id = $1', [alice.id]);
      return rows.map(({ id }) => id).toSorted();
    }

    const writers = Promise.all(Array.from({ length: 8 }, write));
    await expect.poll(() => acknowledged.size, { interval: 1, timeout: 10_000 }).toBeGreaterThan(60);
    await server.stop(mode);
    const before = [...acknowledged];
    await server.start();
    expect(await stored()).toEqual(expect.arrayContaining(before));
    isOver = true;
    await writers;
    expect(repeats).toBeGreaterThan(0);
    expect(await stored()).toEqual([...acknowledged].toSorted());
    expect(await alice.trips.get(trip.id)).toMatchObject({
      expense_count: acknowledged.size,
      budget_spent: `${acknowledged.size}.00`,
    });
  });
});
