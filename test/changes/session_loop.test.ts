import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ConfigurationError, createDatabase, PermissionError, ValidationError } from '../../src/index.ts';
import { outcomeOf } from '../faults/outcome.ts';
import { Follower, testFollowers } from './follower.ts';

const sessions = testFollowers();
const { follow, signUp } = sessions;

test('what is committed after ready() comes, and before it is in what is read then: there is no gap', async () => {
  const alice = await signUp();
  const elsewhere = sessions.elsewhere(alice);
  const created: string[] = [];
  let isOver = false;
  const writing = (async () => {
    while (!isOver) created.push((await elsewhere.expenses.create({ amount: '1.00', category: 'fuel' })).id);
  })();
  for (let round = 0; round < 10; round++) {
    await sleep(round);
    const leaving = new AbortController();
    const changes = alice.changes({ tables: ['expenses'], signal: leaving.signal });
    await changes.ready();
    const known = new Set((await alice.kysely.selectFrom('expenses').select('id').execute()).map(({ id }) => id));
    const follower = new Follower(changes);
    // The writer was told of these before the last one began.
    const committed = [...created];
    const { id: last } = await alice.expenses.create({ amount: '2.00', category: 'fuel' });
    for (const { row } of await follower.until(last)) known.add(row?.id ?? '');
    expect(committed.filter((id) => !known.has(id))).toEqual([]);
    leaving.abort();
    expect(await follower.ended).toBeUndefined();
  }
  isOver = true;
  await writing;
});

/** Fifty rows wait while the loop is busy with the first of them; `onChange` is for the others. */
async function followFifty(onChange: () => unknown, signal?: AbortSignal): Promise<Follower> {
  const alice = await signUp();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  let isFirst = true;
  const follower = await follow(alice, signal && { signal }, async () => {
    if (!isFirst) return onChange();
    isFirst = false;
    await released;
  });
  const control = await follow(alice);
  await alice.income.createMany(Array.from({ length: 50 }, () => ({ amount: '1.00', source: 'fruit picking' })));
  await expect.poll(() => control.changes.length).toBe(50);
  release();
  return follower;
}

test('a loop that waits for something else in between misses nothing', async () => {
  const follower = await followFifty(() => sleep(1));
  await expect.poll(() => follower.changes.length, { timeout: 10_000 }).toBe(50);
  expect(new Set(follower.changes.map(({ row }) => row?.id)).size).toBe(50);
});

describe('a loop ends, and throws nothing, with', () => {
  test('the signal of the call, though the other sessions go on', async () => {
    const alice = await signUp();
    const leaving = new AbortController();
    const follower = await follow(alice, { signal: leaving.signal });
    const other = await follow(alice);
    leaving.abort();
    expect(await outcomeOf(follower.ended)).toEqual({ value: undefined });
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    await other.until(id);
    expect(follower.changes).toEqual([]);
  });

  test('the signal of the session', async () => {
    const { id } = await signUp();
    const leaving = new AbortController();
    const follower = await follow(sessions.database.asUser({ sub: id }, { signal: leaving.signal }));
    leaving.abort();
    expect(await outcomeOf(follower.ended)).toEqual({ value: undefined });
  });

  test('a signal that is aborted while it is busy, after which no more is handed over', async () => {
    const leaving = new AbortController();
    const follower = await followFifty(() => leaving.abort(), leaving.signal);
    expect(await outcomeOf(follower.ended)).toEqual({ value: undefined });
    expect(follower.changes).toHaveLength(2);
  });

  test('destroy(), idle or busy with reading', async () => {
    const { id } = await signUp();
    const database = createDatabase({ connectionString: sessions.connectionString, max: 3 });
    const followers = await Promise.all([1, 2, 3, 4].map(() => follow(database.asUser({ sub: id }))));
    await sessions
      .elsewhere({ id })
      .expenses.createMany(Array.from({ length: 1_000 }, () => ({ amount: '1.00', category: 'fuel' })));
    await database.destroy();
    for (const { ended } of followers) expect(await outcomeOf(ended)).toEqual({ value: undefined });
  });

  test('a return, after which nobody listens', async () => {
    const alice = await signUp();
    const feed = alice.changes();
    await feed.ready();
    await alice.trips.create({ name: 'Big Lap' });
    for await (const { table } of feed) {
      expect(table).toBe('trips');
      break;
    }
    const slots = 'select from pg_replication_slots where database = current_database()';
    await expect.poll(async () => (await sessions.admin.query(slots)).rowCount).toBe(0);
  });
});

test('a feed is for one loop', async () => {
  const alice = await signUp();
  const leaving = new AbortController();
  const feed = alice.changes({ signal: leaving.signal });
  const follower = new Follower(feed);
  await feed.ready();
  expect(() => feed[Symbol.asyncIterator]()).toThrow(ConfigurationError);
  leaving.abort();
  expect(await follower.ended).toBeUndefined();
});

test('a feed whose signal was aborted before brings nothing', async () => {
  const alice = await signUp();
  const feed = alice.changes({ signal: AbortSignal.abort() });
  await expect(feed.ready()).rejects.toMatchObject({ name: 'CancelledError' });
  for await (const change of feed) expect(change).toBeUndefined();
});

test.each([
  [{ tables: [] }, 'tables'],
  [{ tables: ['trips', 'profiles'] }, 'tables.1'],
  [{ tables: 'trips' }, 'tables'],
])('the options %j are refused', async (options, path) => {
  const alice = await signUp();
  // @ts-expect-error: what the types refuse.
  const error = await outcomeOf((async () => alice.changes(options))());
  expect(error).toEqual({ error: expect.any(ValidationError) });
  expect(error).toMatchObject({ error: { issues: [{ path }] } });
});

test('a signal that is none is refused', async () => {
  const alice = await signUp();
  // @ts-expect-error: what the types refuse.
  expect(() => alice.changes({ signal: 'now' })).toThrow(ConfigurationError);
});

test('a table that the session may not read is refused before anything is committed', async () => {
  const feed = sessions.database.asAnon().changes({ tables: ['trips', 'expenses'] });
  await expect(feed.ready()).rejects.toThrow(PermissionError);
  const outcome = await outcomeOf(feed[Symbol.asyncIterator]().next());
  expect(outcome).toMatchObject({ error: { message: 'This session has no permission for trips, expenses.' } });
});

test('a loop begun inside of a transaction of the same person is no part of it', async () => {
  const alice = await signUp();
  const [before, own] = await alice.transaction(async (tx) => {
    const follower = await follow(alice);
    const { id: own } = await tx.trips.create({ name: 'Not committed yet' });
    const { id: other } = await sessions.elsewhere(alice).trips.create({ name: 'Committed' });
    const before = await follower.until(other);
    expect(before.map(({ row }) => row?.id)).toEqual([other]);
    return [follower, own] as const;
  });
  await before.until(own);
});
