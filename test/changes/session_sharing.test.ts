import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { publishedTables } from '../../src/changes/published.ts';
import { SessionFeed } from '../../src/changes/session_feed.ts';
import { ChangesLostError, createDatabase } from '../../src/index.ts';
import { outcomeOf } from '../faults/outcome.ts';
import type { Person } from '../repositories/sessions.ts';
import { brief, testFollowers } from './follower.ts';

const sessions = testFollowers();
const { follow, seenBy, signUp } = sessions;

type Slot = { temporary: boolean; active_pid: number };

/** Without what nobody refers to. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

const slots = async () =>
  (
    await sessions.admin.query<Slot>(
      'select temporary, active_pid from pg_replication_slots where database = current_database()',
    )
  ).rows;

/** In one transaction, by the superuser. */
const startConversations = (person: { id: string }, count: number) =>
  sessions.admin.query(
    `insert into pam_conversations (user_id, session_id) select $1, 'tab ' || gen_random_uuid() from generate_series(1, $2)`,
    [person.id, count],
  );

const expenseOf = async ({ expenses }: Person) => (await expenses.create({ amount: '1.00', category: 'fuel' })).id;

test('all sessions of a process share one temporary slot, which goes with the last of them', async () => {
  const people = await Promise.all(Array.from({ length: 20 }, () => signUp()));
  const leaving = new AbortController();
  const followers = await Promise.all(people.map((person) => follow(person, { signal: leaving.signal })));
  expect(await slots()).toEqual([{ temporary: true, active_pid: expect.any(Number) }]);
  const [{ active_pid } = { active_pid: 0 }] = await slots();
  const senders = 'select from pg_stat_replication where pid = $1';
  expect((await sessions.admin.query(senders, [active_pid])).rowCount).toBe(1);
  const trips = await Promise.all(people.map(async ({ trips }) => (await trips.create({ name: 'Big Lap' })).id));
  expect(await seenBy(...followers)).toEqual(trips.map((id) => [`insert trips ${id}`]));
  leaving.abort();
  await expect.poll(slots).toEqual([]);

  const [alice] = people;
  if (!alice) throw new Error('Nobody has signed up.');
  const again = await follow(alice);
  const { id } = await alice.trips.create({ name: 'Detour' });
  expect((await again.until(id)).map(brief)).toEqual([`insert trips ${id}`]);
  expect(await slots()).toHaveLength(1);
});

test('one that joins while the last one leaves has a slot', async () => {
  const alice = await signUp();
  for (let round = 0; round < 20; round++) {
    const leaving = new AbortController();
    await follow(alice, { signal: leaving.signal });
    const joining = follow(alice);
    if (round % 2 === 1) await sleep(round);
    leaving.abort();
    const follower = await joining;
    const id = await expenseOf(alice);
    await follower.until(id);
  }
});

test('a lost connection ends every loop with one error, and whoever follows again goes on', async () => {
  const [alice, bob] = [await signUp(), await signUp()];
  const followers = await Promise.all([alice, bob, alice].map((person) => follow(person)));
  await sessions.admin.query('select pg_terminate_backend(active_pid) from pg_replication_slots where database = $1', [
    new URL(sessions.connectionString).pathname.slice(1),
  ]);
  for (const { ended } of followers) expect(await outcomeOf(ended)).toEqual({ value: expect.any(ChangesLostError) });
  const again = await follow(alice);
  const id = await expenseOf(alice);
  expect((await again.until(id)).map(brief)).toEqual([`insert expenses ${id}`]);
  await expect.poll(slots).toHaveLength(1);
});

test('a loop that is busy for too long falls behind, and holds nobody up', async () => {
  const [alice, bob] = [await signUp(), await signUp()];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const slow = await follow(alice, {}, () => released);
  const quick = await follow(bob);
  await expenseOf(alice);
  await expect.poll(() => slow.changes.length).toBe(1);
  await startConversations(alice, 9_000);
  expect(await seenBy(quick)).toEqual([[]]);
  await startConversations(alice, 2_000);
  const id = await expenseOf(bob);
  expect((await quick.until(id)).map(brief)).toEqual([`insert expenses ${id}`]);
  release();
  const ended = await slow.ended;
  expect(ended).toBeInstanceOf(ChangesLostError);
  expect(String(ended)).toContain('More changes wait');
  expect(slow.changes).toHaveLength(1);
});

test('50,000 rows of somebody else break no loop, nor 20,000 of its own', async () => {
  const [alice, bob] = [await signUp(), await signUp()];
  const follower = await follow(alice);
  await startConversations(bob, 50_000);
  const id = await expenseOf(alice);
  expect((await follower.until(id)).map(brief)).toEqual([`insert expenses ${id}`]);
  await startConversations(alice, 20_000);
  const changes = await follower.until(await expenseOf(alice));
  expect(new Set(changes.map(brief)).size).toBe(20_001);
  expect(changes).toHaveLength(20_001);
}, 120_000);

test('a loop of a pool with one connection, which all of them share, goes on', async () => {
  const alice = await signUp();
  const database = createDatabase({ connectionString: sessions.connectionString, max: 1 });
  const followers = await Promise.all([1, 2, 3].map(() => follow(database.asUser({ sub: alice.id }))));
  const id = await expenseOf(alice);
  for (const follower of followers) expect((await follower.until(id)).map(brief)).toEqual([`insert expenses ${id}`]);
  await database.destroy();
});

test('what waits for a loop is bounded, also once it has fallen behind', async () => {
  const alice = await signUp();
  const owns = () => true;
  const feed = new SessionFeed({ kysely: alice.kysely, onlyOf: undefined, owns }, publishedTables);
  const accept = (count: number) => {
    for (let n = 0; n < count; n++) {
      const old = { id: crypto.randomUUID(), user_id: alice.id };
      const place = { lsn: '00000000/00000001', ordinal: n, commit_time: new Date(), transaction: 1 };
      feed.accept({ table: 'trips', operation: 'delete', row: null, old, ...place });
    }
  };
  accept(20_000);
  const before = heapBytes();
  accept(200_000);
  expect(heapBytes() - before).toBeLessThan(10_000_000);
});
