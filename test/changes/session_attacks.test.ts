import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Person } from '../repositories/sessions.ts';
import { testFollowers } from './follower.ts';

// What somebody tried to be shown, or to keep, that is not theirs.

const sessions = testFollowers();
const { follow, signUp } = sessions;

async function befriend(one: Person, other: Person): Promise<void> {
  await one.friends.request(other.id);
  await other.friends.accept(one.id);
}

const share = ({ posts }: Person) => posts.create({ title: 'Camp', content: 'By the river.', visibility: 'friends' });

test('what came between ready() and the loop is read when the loop asks', async () => {
  const [alice, bob] = [await signUp(), await signUp()];
  await befriend(alice, bob);
  const changes = alice.changes({ tables: ['posts'] });
  await changes.ready();
  const witness = await follow(alice, { tables: ['posts'] });
  const { id } = await share(bob);
  await witness.until(id);
  await bob.friends.block(alice.id);
  const { id: own } = await share(alice);
  const loop = changes[Symbol.asyncIterator]();
  expect((await loop.next()).value).toMatchObject({ row: { id: own } });
  await loop.return(undefined);
});

test('the tables of a batch are read when their turn comes', async () => {
  const [alice, bob] = [await signUp(), await signUp()];
  await befriend(alice, bob);
  const changes = alice.changes();
  await changes.ready();
  const witness = await follow(alice);
  await share(bob);
  const trip = await alice.trips.create({ name: 'Big Lap' });
  await witness.until(trip.id);
  const lock = await sessions.admin.connect();
  await lock.query('begin; lock table trips in access exclusive mode');
  const loop = changes[Symbol.asyncIterator]();
  const first = await loop.next();
  expect(first.value).toMatchObject({ table: 'posts' });
  await bob.friends.block(alice.id);
  const second = loop.next();
  await lock.query('rollback');
  lock.release();
  expect((await second).value).toMatchObject({ table: 'trips', row: { id: trip.id } });
  await loop.return(undefined);
});

test('an id that somebody else takes does not name them to whom the row was shown', async () => {
  const [alice, bob, mallory] = [await signUp(), await signUp(), await signUp()];
  const id = randomUUID();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const follower = await follow(alice, { tables: ['posts'] }, () => released);
  const [his, control] = [await follow(bob, { tables: ['posts'] }), await follow(mallory, { tables: ['posts'] })];
  const post = { title: 'Camp', content: 'By the river.' };
  await sessions.elsewhere(bob).posts.create({ id, ...post, visibility: 'public' });
  await follower.until(id);
  await bob.posts.delete(id);
  await mallory.posts.create({ id, ...post, visibility: 'private' });
  await expect
    .poll(() => control.changes.map(({ operation, old }) => [operation, old?.user_id]))
    .toContainEqual(['insert', undefined]);
  await expect.poll(() => his.changes.at(-1)?.old).toEqual({ id, user_id: bob.id });
  release();
  await expect.poll(() => follower.changes.at(-1)?.old).toEqual({ id, user_id: bob.id });
  expect(JSON.stringify(follower.changes)).not.toContain(mallory.id);
});

test('a change says nothing of the transaction that others may have had a part in', async () => {
  const alice = await signUp();
  const follower = await follow(alice);
  const { id } = await alice.trips.create({ name: 'Big Lap' });
  const [change] = await follower.until(id);
  expect(Object.keys(change ?? {}).sort()).toEqual(['commit_time', 'lsn', 'old', 'operation', 'row', 'table']);
});

test('a signal ends the loop also while it waits for what is locked', async () => {
  const alice = await signUp();
  const leaving = new AbortController();
  const changes = alice.changes({ tables: ['trips'], signal: leaving.signal });
  await changes.ready();
  const witness = await follow(alice, { tables: ['trips'] });
  const { id } = await alice.trips.create({ name: 'Big Lap' });
  await witness.until(id);
  const lock = await sessions.admin.connect();
  await lock.query('begin; lock table trips in access exclusive mode');
  const waiting = changes[Symbol.asyncIterator]().next();
  await sleep(50);
  leaving.abort();
  expect(await waiting).toEqual({ done: true, value: undefined });
  await lock.query('rollback');
  lock.release();
});
