import { expect, test } from 'vitest';
import type { PostVisibility } from '../../src/types.ts';
import type { Person } from '../repositories/sessions.ts';
import { brief, type Follower, testFollowers } from './follower.ts';

const sessions = testFollowers();
const { follow, seenBy, signUp } = sessions;

const publish = async ({ posts }: Person, visibility: PostVisibility) =>
  (await posts.create({ title: 'Camp', content: 'By the river.', visibility })).id;

async function befriend(one: Person, other: Person): Promise<void> {
  await one.friends.request(other.id);
  await other.friends.accept(one.id);
}

/** The newest change, which `until` has not taken. */
const newest = ({ changes }: Follower) => changes.at(-1);

test('a person sees what becomes of their rows in every published table, and nobody else does', async () => {
  const [alice, mallory] = [await signUp(), await signUp()];
  const service = sessions.database.asService();
  const [hers, strangers, visitors] = await Promise.all([
    follow(alice),
    follow(mallory),
    follow(sessions.database.asAnon()),
  ]);
  const trip = await alice.trips.create({ name: 'Big Lap' });
  const expense = await alice.expenses.create({ amount: '42.50', category: 'fuel' });
  const income = await alice.income.create({ amount: '100.00', source: 'fruit picking' });
  const post = await publish(alice, 'private');
  const conversation = await alice.pam.startConversation({ session_id: 'phone' });
  const [inserted, ...others] = await seenBy(hers, strangers, visitors);
  expect(inserted).toEqual([
    `insert trips ${trip.id}`,
    `insert expenses ${expense.id}`,
    `insert income_entries ${income.id}`,
    `insert posts ${post}`,
    `insert pam_conversations ${conversation.id}`,
  ]);
  const message = await service.onBehalfOf(alice.id).pam.appendMessage(conversation.id, {
    role: 'assistant',
    content: 'Hello.',
  });
  await alice.trips.update(trip.id, { name: 'Detour' });
  await alice.expenses.delete(expense.id);
  expect(await seenBy(hers, strangers, visitors)).toEqual([
    [`insert pam_messages ${message.id}`, `update trips ${trip.id}`, `delete expenses ${expense.id}`],
    [],
    [],
  ]);
  expect(others).toEqual([[], []]);
});

test('a row is handed over as it is read, with the types of the repositories', async () => {
  const alice = await signUp();
  const follower = await follow(alice);
  const trip = await alice.trips.create({ name: 'Big Lap', budget_total: '9000.00', start_date: '2026-05-01' });
  const { budget_total, start_date, created_at } = trip;
  await expect.poll(() => newest(follower)?.row).toMatchObject({ budget_total, start_date, created_at });
  const expense = await alice.expenses.create({
    trip_id: trip.id,
    amount: '42.50',
    category: 'fuel',
    tags: ['diesel', 'a "b", c'],
    metadata: { pump: [1, null] },
  });
  await follower.until(expense.id);
  await expect.poll(() => newest(follower)?.table).toBe('trips');
  const kept = await alice.trips.get(trip.id);
  const { row } = newest(follower) ?? {};
  expect(row).toMatchObject({ budget_spent: '42.50', version: kept.version });
  expect(kept).toMatchObject(row ?? {});
  expect(row).not.toHaveProperty('route');
  await alice.expenses.update(expense.id, { amount: '43.00' });
  const change = (await follower.until(expense.id)).at(-1);
  expect(change).toMatchObject({ operation: 'update', row: await alice.expenses.get(expense.id), old: null });
  expect(change?.lsn).toMatch(/^[0-9A-F]{8}\/[0-9A-F]{8}$/);
  expect(Math.abs(Date.now() - Number(change?.commit_time))).toBeLessThan(60_000);
});

test("a friend's and a public post reach who may see them", async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()];
  await befriend(alice, bob);
  const followers = await Promise.all([alice, carol, sessions.database.asAnon()].map((session) => follow(session)));
  const [open, shared] = [await publish(bob, 'public'), await publish(bob, 'friends')];
  await publish(bob, 'private');
  expect(await seenBy(...followers)).toEqual([
    [`insert posts ${open}`, `insert posts ${shared}`],
    [`insert posts ${open}`],
    [`insert posts ${open}`],
  ]);
});

test('a service session sees all, and on behalf of a user what is theirs', async () => {
  const [alice, bob] = [await signUp(), await signUp()];
  const service = sessions.database.asService();
  const all = await follow(service);
  const hers = await follow(service.onBehalfOf(alice.id));
  const post = await publish(bob, 'public');
  const { id: his } = await bob.trips.create({ name: 'His' });
  const { id } = await alice.trips.create({ name: 'Hers' });
  await bob.trips.delete(his);
  await alice.trips.delete(id);
  expect((await all.until(post)).map(brief)).toEqual([`insert posts ${post}`]);
  const { id: last } = await alice.trips.create({ name: 'Last' });
  const [toAll, toHer] = [await all.until(last), await hers.until(last)];
  expect(toAll.map(brief)).toEqual(expect.arrayContaining([`delete trips ${his}`, `delete trips ${id}`]));
  expect(toHer.filter(({ operation }) => operation === 'delete').map(brief)).toEqual([`delete trips ${id}`]);
  expect(toHer.every(({ row, old }) => (row ?? old)?.user_id === alice.id)).toBe(true);
});

test('a deletion reaches the owner and those who were shown the row, and no stranger', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()];
  await befriend(alice, bob);
  const old = await publish(bob, 'friends');
  const [his, hers, strangers] = [await follow(bob), await follow(alice), await follow(carol)];
  const shown = await publish(bob, 'friends');
  await seenBy(his, hers, strangers);
  await bob.posts.delete(shown);
  await bob.posts.delete(old);
  const deleted = { operation: 'delete', table: 'posts', row: null, old: { id: shown, user_id: bob.id } };
  await expect.poll(() => hers.changes).toEqual([expect.objectContaining(deleted)]);
  expect(await seenBy(his, hers, strangers)).toEqual([
    [`delete posts ${shown}`, `delete posts ${old}`],
    [`delete posts ${shown}`],
    [],
  ]);
});

test('a public post made private is gone for who was shown it, and told to nobody else', async () => {
  const [bob, carol, dave] = [await signUp(), await signUp(), await signUp()];
  const early = await follow(carol);
  const post = await publish(bob, 'public');
  await seenBy(early);
  const [his, late] = [await follow(bob), await follow(dave)];
  await bob.posts.update(post, { visibility: 'private' });
  expect(await seenBy(his, early, late)).toEqual([[`update posts ${post}`], [`delete posts ${post}`], []]);
  await bob.posts.update(post, { title: 'Mine' });
  await bob.posts.delete(post);
  expect(await seenBy(early, late)).toEqual([[], []]);
});

const losses: Record<string, (alice: Person, bob: Person) => Promise<unknown>> = {
  unfriended: (alice, bob) => bob.friends.remove(alice.id),
  blocked: (alice, bob) => bob.friends.block(alice.id),
  'having blocked': (alice, bob) => alice.friends.block(bob.id),
};
test.each(Object.entries(losses))('who is %s sees no more of the other', async (_, lose) => {
  const [alice, bob] = [await signUp(), await signUp()];
  await befriend(alice, bob);
  const hers = await follow(alice);
  const shown = await publish(bob, 'friends');
  expect(await seenBy(hers)).toEqual([[`insert posts ${shown}`]]);
  await lose(alice, bob);
  await bob.posts.update(shown, { title: 'Secret' });
  await publish(bob, 'friends');
  expect(await seenBy(hers)).toEqual([[`delete posts ${shown}`]]);
});

test('a suspended moderator sees no more than anybody, and all of it again when active', async () => {
  const [moderator, bob] = [await signUp(), await signUp()];
  const { accounts } = sessions.database.asService();
  await accounts.setRole(moderator.id, 'moderator');
  const follower = await follow(moderator);
  const shown = await publish(bob, 'friends');
  expect(await seenBy(follower)).toEqual([[`insert posts ${shown}`]]);
  await sessions.suspend(moderator);
  await bob.posts.update(shown, { title: 'Between us' });
  await publish(bob, 'friends');
  expect(await seenBy(follower)).toEqual([[`delete posts ${shown}`]]);
  await accounts.setStatus(moderator.id, 'active');
  await bob.posts.update(shown, { title: 'Once more' });
  expect(await seenBy(follower)).toEqual([[`update posts ${shown}`]]);
});

test('a row is whole, though an update that has not touched a long value is streamed without it', async () => {
  const alice = await signUp();
  const follower = await follow(alice, { tables: ['posts'] });
  const content = Array.from({ length: 200 }, () => crypto.randomUUID()).join(' ');
  const { id } = await alice.posts.create({ title: 'Camp', content });
  await follower.until(id);
  await alice.posts.update(id, { title: 'Camp by the river' });
  expect((await follower.until(id)).at(-1)?.row).toMatchObject({ title: 'Camp by the river', content });
});

test('what is lost while the loop is busy with a row that was read beside it is not handed over', async () => {
  const [alice, bob] = [await signUp(), await signUp()];
  await befriend(alice, bob);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const hers = await follow(alice, {}, async ({ table, row }) => {
    if (table === 'trips') await released;
    else if (row?.user_id === bob.id) await bob.friends.remove(alice.id);
  });
  await alice.trips.create({ name: 'Big Lap' });
  await expect.poll(() => hers.changes.length).toBe(1);
  const his = await follow(bob);
  const posts = await bob.posts.createMany(
    Array.from({ length: 50 }, () => ({ title: 'Camp', content: 'By the river.', visibility: 'friends' as const })),
  );
  // The stream has come to all of them.
  await expect.poll(() => his.changes.length).toBe(posts.length);
  release();
  const [seen = []] = await seenBy(hers);
  expect(seen).toHaveLength(2);
  expect(posts.map(({ id }) => `insert posts ${id}`)).toContain(seen[1]);
});

test('several changes of a row, while the loop is busy, are one: the newest', async () => {
  const alice = await signUp();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const follower = await follow(alice, { tables: ['expenses'] }, () => released);
  const create = async () => (await alice.expenses.create({ amount: '1.00', category: 'fuel' })).id;
  const [first, updated, deleted] = [await create(), await create(), await create()];
  for (const amount of ['2.00', '3.00', '4.00']) await alice.expenses.update(updated, { amount });
  await alice.expenses.update(deleted, { amount: '2.00' });
  await alice.expenses.delete(deleted);
  const last = await create();
  await expect.poll(() => follower.changes.length).toBe(1);
  // The stream has come to the last one.
  const control = await follow(alice, { tables: ['expenses'] });
  await control.until(await create());
  release();
  const changes = await follower.until(last);
  expect(changes.map(brief)).toEqual([
    `insert expenses ${first}`,
    `insert expenses ${updated}`,
    `delete expenses ${deleted}`,
    `insert expenses ${last}`,
  ]);
  expect(changes[1]?.row).toMatchObject({ amount: '4.00' });
});

test('only the tables that were chosen are followed', async () => {
  const alice = await signUp();
  const follower = await follow(alice, { tables: ['trips', 'income_entries'] });
  const trip = await alice.trips.create({ name: 'Big Lap' });
  await alice.expenses.create({ amount: '1.00', category: 'fuel' });
  const income = await alice.income.create({ amount: '1.00', source: 'fruit picking' });
  expect((await follower.until(income.id)).map(brief)).toEqual([
    `insert trips ${trip.id}`,
    `insert income_entries ${income.id}`,
  ]);
});

test('a truncated table is told to all', async () => {
  const alice = await signUp();
  const follower = await follow(alice);
  await alice.income.create({ amount: '1.00', source: 'fruit picking' });
  await sessions.admin.query('truncate income_entries');
  const { id } = await alice.income.create({ amount: '2.00', source: 'fruit picking' });
  const changes = await follower.until(id);
  expect(changes.at(-2)).toMatchObject({ operation: 'truncate', table: 'income_entries', row: null, old: null });
});
