import { randomUUID } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { failure, outcome, type Request, refused, requests } from './requests.ts';

const database = testDatabase();
const { anon, user, service } = requests(database);
let aliceId: string;
let bobId: string;
let carolId: string;
let alice: Request;
let bob: Request;
let carol: Request;

const status = async (person: Request) =>
  (await person('select status from friendships')).rows.map((row) => row.status);

/** What bob and alice see of each other, on their own posts and on a third person's. */
const views = {
  posts: 'select 1 from posts where user_id = $1',
  'posts by search': "select 1 from search_posts('campfire') where user_id = $1",
  'posts by activity': "select jsonb_array_elements(get_user_activity($1) -> 'posts')",
  likes: 'select 1 from post_likes where user_id = $1',
  comments: 'select 1 from post_comments where user_id = $1',
  'likes of their posts': 'select 1 from post_likes where post_user_id = $1 and user_id = $2',
  'comments on their posts': 'select 1 from post_comments where post_user_id = $1 and user_id = $2',
  name: 'select 1 from public_profiles where id = $1',
};
beforeEach(async () => {
  aliceId = await database.signUp();
  bobId = await database.signUp();
  carolId = await database.signUp();
  [alice, bob, carol] = [user(aliceId), user(bobId), user(carolId)];
  await alice('select request_friend($1)', [bobId]);
  await bob('select accept_friend($1)', [aliceId]);
  const post = "insert into posts (user_id, title, content) values ($1, 'Campfire', 'Stories.')";
  for (const id of [aliceId, bobId, carolId]) await user(id)(post, [id]);
  for (const [person, owner] of [
    [alice, carolId],
    [bob, carolId],
    [carol, aliceId],
    [carol, bobId],
  ] as const) {
    await person('select like_post(id) from posts where user_id = $1', [owner]);
    await person("select comment_on_post(id, 'Warm.') from posts where user_id = $1", [owner]);
  }
});

const seen = async (person: Request, id: string) => {
  const counts: Record<string, number | string> = {};
  for (const [name, text] of Object.entries(views)) {
    counts[name] = await outcome(person(text, text.includes('$2') ? [id, carolId] : [id]));
  }
  return counts;
};
const all = (count: number) => Object.fromEntries(Object.keys(views).map((name) => [name, count]));

test('a block hides both people from each other, and from nobody else, until it is lifted', async () => {
  expect(await seen(alice, bobId)).toEqual(all(1));
  expect(await seen(bob, aliceId)).toEqual(all(1));
  await alice('select block_user($1)', [bobId]);
  expect(await seen(alice, bobId)).toEqual(all(0));
  expect(await seen(bob, aliceId)).toEqual(all(0));
  expect(await seen(carol, bobId)).toEqual(all(1));
  expect(await outcome(anon('select 1 from posts where user_id = $1', [bobId]))).toBe(1);
  expect(await seen(alice, aliceId)).toMatchObject({ posts: 1, likes: 1, comments: 1, name: 1 });
  await alice('select unblock_user($1)', [bobId]);
  expect(await seen(alice, bobId)).toEqual(all(1));
  expect(await seen(bob, aliceId)).toEqual(all(1));
});

test('a block ends the friendship for good', async () => {
  await alice('select block_user($1)', [bobId]);
  expect([await status(alice), await status(bob)]).toEqual([[], []]);
  await alice('select unblock_user($1)', [bobId]);
  expect([await status(alice), await status(bob)]).toEqual([[], []]);
});

test.each(['request_friend', 'accept_friend', 'remove_friend', 'decline_friend_request', 'cancel_friend_request'])(
  'a block is not told to the blocked person: %s fails as for nobody',
  async (name) => {
    await alice('select block_user($1)', [bobId]);
    const madeUp = await failure(bob(`select ${name}($1)`, [randomUUID()]));
    expect(await failure(bob(`select ${name}($1)`, [aliceId]))).toEqual(madeUp);
    await alice('delete from profiles');
    expect(await failure(bob(`select ${name}($1)`, [aliceId]))).toEqual(madeUp);
  },
);

test.each(['like_post($1)', "comment_on_post($1, 'Still warm?')"])(
  'a block keeps both from %s on a post of the other, as if there were none',
  async (call) => {
    await alice('select block_user($1)', [bobId]);
    for (const [person, owner] of [
      [bob, aliceId],
      [alice, bobId],
    ] as const) {
      const { rows } = await database.admin.query('select id from posts where user_id = $1', [owner]);
      const madeUp = await failure(person(`select ${call}`, [randomUUID()]));
      expect(await failure(person(`select ${call}`, [rows[0].id]))).toEqual(madeUp);
    }
  },
);

test('a block is listed to the one who made it, and lifted by nobody else', async () => {
  await alice('select block_user($1)', [bobId]);
  expect((await alice('select blocked_id from list_blocked_users()')).rows).toEqual([{ blocked_id: bobId }]);
  for (const person of [bob, carol, service()]) {
    expect(await outcome(person('select blocked_id from list_blocked_users()'))).toBe(0);
  }
  const lift = async (id: string) => (await bob('select unblock_user($1) as lifted', [id])).rows;
  expect(await lift(aliceId)).toEqual([{ lifted: false }]);
  expect(await lift(bobId)).toEqual([{ lifted: false }]);
  expect(await outcome(bob('select 1 from posts where user_id = $1', [aliceId]))).toBe(0);
  for (const person of [alice, bob, service(aliceId), anon]) {
    expect(await outcome(person('select 1 from private.blocks'))).toBe(refused);
  }
});

test('a block is lifted before a new request', async () => {
  await alice('select block_user($1)', [bobId]);
  expect(await outcome(alice('select request_friend($1)', [bobId]))).toBe('22023');
  await alice('select unblock_user($1)', [bobId]);
  expect(await outcome(alice('select request_friend($1)', [bobId]))).toBe(1);
});

const block = (person: Request, id: string) => person('select block_user($1)', [id]);
const unblock = async (person: Request, id: string) =>
  (await person('select unblock_user($1) as lifted', [id])).rows[0].lifted;
async function blocked(person: Request): Promise<string[]> {
  const ids = async (name: string) =>
    (await person(`select blocked_id from ${name}()`)).rows.map((row) => row.blocked_id);
  expect(await ids('list_blocked_users')).toEqual(await ids('blocked_users'));
  return await ids('blocked_users');
}

test('a block may be mutual: lifting one leaves the other', async () => {
  for (const [first, firstId, second, secondId] of [
    [alice, aliceId, bob, bobId],
    [bob, bobId, alice, aliceId],
  ] as const) {
    await block(first, secondId);
    await block(second, firstId);
    expect(await unblock(first, secondId)).toBe(true);
    expect(await seen(alice, bobId)).toEqual(all(0));
    expect(await seen(bob, aliceId)).toEqual(all(0));
    expect([await blocked(first), await blocked(second)]).toEqual([[], [firstId]]);
    expect(await outcome(first('select request_friend($1)', [secondId]))).toBe('P0002');
    expect(await unblock(second, firstId)).toBe(true);
    expect(await seen(alice, bobId)).toEqual(all(1));
    expect(await seen(bob, aliceId)).toEqual(all(1));
  }
});

test('who is blocked may block as well, and sees no more of it than of blocking nobody', async () => {
  await block(alice, bobId);
  const nobody = randomUUID();
  for (const id of [aliceId, nobody]) {
    expect(await outcome(block(bob, id)), id).toBe(1);
    expect(await blocked(bob)).toEqual([]);
    expect(await outcome(bob('select request_friend($1)', [id]))).toBe('P0002');
    expect(await unblock(bob, id)).toBe(false);
    expect(await unblock(bob, id)).toBe(false);
  }
  await unblock(alice, bobId);
  expect(await seen(alice, bobId)).toEqual(all(1));
});

test('a block stays on its maker’s list, whatever the other does', async () => {
  await block(alice, bobId);
  await block(bob, aliceId);
  await block(alice, bobId);
  expect(await blocked(alice)).toEqual([bobId]);
  await unblock(bob, aliceId);
  await block(bob, aliceId);
  expect([await blocked(alice), await blocked(bob)]).toEqual([[bobId], []]);
});

test('a block of oneself is refused, of nobody is none', async () => {
  expect(await outcome(block(alice, aliceId))).toBe('22023');
  expect(await outcome(alice('select block_user(null)'))).toBe(1);
  expect(await blocked(alice)).toEqual([]);
});

test('a list of blocks gives names, to who made them', async () => {
  await bob("update profiles set full_name = 'Bob', avatar_url = 'https://example.com/bob.png'");
  await block(alice, bobId);
  const { rows } = await alice('select blocked_id, full_name, avatar_url from blocked_users()');
  expect(rows).toEqual([{ blocked_id: bobId, full_name: 'Bob', avatar_url: 'https://example.com/bob.png' }]);
});

test('a comment on one’s post, and one’s own, can be removed across a block', async () => {
  const on = async (person: Request, owner: string, content: string) =>
    (
      await person('select c.id from posts, comment_on_post(posts.id, $2) as c where posts.user_id = $1', [
        owner,
        content,
      ])
    ).rows[0].id;
  const his = await on(bob, aliceId, 'Rude.');
  const hers = await on(alice, bobId, 'Kind.');
  const onHers = await on(carol, aliceId, 'Mine.');
  await block(alice, bobId);
  const remove = async (person: Request, id: string) =>
    (await person('select delete_comment($1) as removed', [id])).rows[0].removed;
  for (const id of [onHers, randomUUID()]) expect(await remove(bob, id)).toBe(false);
  expect(await remove(alice, his)).toBe(true);
  expect(await remove(alice, his)).toBe(false);
  expect(await remove(alice, hers)).toBe(true);
  const { rows } = await database.admin.query('select comments_count from posts where user_id = any($1)', [
    [aliceId, bobId],
  ]);
  expect(rows.map((row) => row.comments_count).sort()).toEqual([1, 2]);
});
