import { type Kysely, sql } from 'kysely';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { DB } from '../../src/types.ts';
import { testFaults } from './faults.ts';
import { abortStorm } from './storm.ts';

const faults = testFaults();

const one = sql<{ one: number }>`select 1 as one`;
const sleepUpTo = (seconds: number) => sql`select pg_sleep(${Math.random() * seconds}::float8)`;

async function allConnectionsFit(kysely: Kysely<DB>): Promise<void> {
  await Promise.all([1, 2, 3].map(() => sql`select pg_sleep(0.1)`.execute(kysely)));
  for (let i = 0; i < 20; i++) expect((await one.execute(kysely)).rows).toEqual([{ one: 1 }]);
  await vi.waitFor(async () =>
    expect((await faults.backends()).map(({ state }) => state)).toEqual(['idle', 'idle', 'idle']),
  );
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('two hundred aborts at random moments on three connections', () => {
  test('hit nobody else’s statement, and leave all connections fit', async () => {
    const database = faults.open({ max: 3 });
    const [sub, { kysely }] = [await faults.signUp(), database.asAnon()];
    await abortStorm(
      (signal) => sleepUpTo(0.02).execute(database.asUser({ sub }, { signal }).kysely),
      () => sleepUpTo(0.01).execute(kysely),
    );
    expect(faults.proxy.cancels).toBeGreaterThan(0);
    await allConnectionsFit(kysely);
  });

  test('over a slow network do no more harm', async () => {
    const database = faults.open({ max: 3 });
    const [sub, { kysely }] = [await faults.signUp(), database.asAnon()];
    await Promise.all([1, 2, 3].map(() => sql`select pg_sleep(0.1)`.execute(kysely)));
    faults.proxy.delay = 8;
    faults.proxy.answerDelay = 2;
    await abortStorm(
      (signal) => sleepUpTo(0.02).execute(database.asUser({ sub }, { signal }).kysely),
      () => sleepUpTo(0.01).execute(kysely),
    );
    expect(faults.proxy.cancels).toBeGreaterThan(0);
    await allConnectionsFit(kysely);
  });

  test('undo transactions or keep them whole', async () => {
    const database = faults.open({ max: 3 });
    const alice = await faults.person(database);
    const survivors = await abortStorm(
      (signal) =>
        database.asUser({ sub: alice.id }, { signal }).transaction(async (tx) => {
          await tx.trips.create({ name: 'There' });
          await sleepUpTo(0.01).execute(tx.kysely);
          await tx.trips.create({ name: 'And back' });
        }),
      () => sleepUpTo(0.01).execute(database.asAnon().kysely),
    );
    expect((await faults.tripsOf(alice)).filter((name) => name === 'There')).toHaveLength(survivors);
    expect(await faults.tripsOf(alice)).toHaveLength(2 * survivors);
    await allConnectionsFit(alice.kysely);
  });

  test('by Kysely’s own signals are the same', async () => {
    // Kysely prints what becomes of a statement that it no longer waits for.
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const { kysely } = faults.open({ max: 3 }).asAnon();
    await abortStorm(
      (signal) => sleepUpTo(0.02).execute(kysely, { signal, inflightQueryAbortStrategy: 'cancel query' }),
      () => sleepUpTo(0.01).execute(kysely),
    );
    expect(faults.proxy.cancels).toBeGreaterThan(0);
    await allConnectionsFit(kysely);
  });
});
