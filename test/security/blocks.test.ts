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

test.each(['request_friend', 'accept_friend', 'remove_friend', 'block_user'])(
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

test('a block may be mutual: lifting one leaves the other', async () => {
  await bob('select block_user($1)', [aliceId]);
  await alice('select unblock_user($1)', [bobId]);
  expect(await seen(alice, bobId)).toEqual(all(0));
  expect(await seen(bob, aliceId)).toEqual(all(0));
});
