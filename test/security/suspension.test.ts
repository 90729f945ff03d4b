import { beforeEach, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { type Belongings, belongingsOf, makeBelongings, ownTables } from './belongings.ts';
import { outcome, type Request, refused, requests } from './requests.ts';

const database = testDatabase();
const { user, service } = requests(database);
const setStatus = (id: string, status: string) =>
  service()('update profiles set status = $2 where id = $1', [id, status]);

let aliceId: string;
let bobId: string;
let alice: Request;
let bob: Request;
let hers: Belongings;
let his: Belongings;

beforeEach(async () => {
  aliceId = await database.signUp();
  bobId = await database.signUp();
  alice = user(aliceId);
  bob = user(bobId);
  hers = await makeBelongings(alice, aliceId);
  his = await makeBelongings(bob, bobId);
  for (const person of [alice, bob]) await person("update posts set visibility = 'public'");
});

describe('a suspended user', () => {
  const functions = {
    request_friend: () => [bobId],
    accept_friend: () => [bobId],
    remove_friend: () => [bobId],
    block_user: () => [bobId],
    unblock_user: () => [bobId],
    cancel_friend_request: () => [bobId],
    decline_friend_request: () => [bobId],
    delete_comment: () => [his.post_id],
    like_post: () => [his.post_id],
    comment_on_post: () => [his.post_id, 'Still here.'],
  };
  const call = (name: string, values: unknown[]) =>
    `select ${name}(${values.map((_, index) => `$${index + 1}`).join(', ')})`;

  test('reads on', async () => {
    await setStatus(aliceId, 'suspended');
    for (const { table } of ownTables) {
      expect(await outcome(alice(`select 1 from ${table} where user_id = $1`, [aliceId]))).toBe(1);
    }
    expect(await outcome(alice('select 1 from posts where id = $1', [his.post_id]))).toBe(1);
    expect(await outcome(alice('select 1 from profiles'))).toBe(1);
  });

  test.each(ownTables)('writes nothing to $table', async ({ table, create, change }) => {
    await setStatus(aliceId, 'suspended');
    expect(await outcome(alice(create(belongingsOf(aliceId))))).toBe(refused);
    expect(await outcome(alice(`update ${table} set ${change ?? "content = 'x'"}`))).toBe(refused);
    expect(await outcome(alice(`delete from ${table}`))).toBe(change ? 0 : refused);
    expect(await outcome(alice(`select 1 from ${table} where user_id = $1`, [aliceId]))).toBe(1);
    if (table !== 'post_locations' && change) {
      expect(await outcome(alice(`${create(hers)} on conflict (id) do update set ${change}`))).toBe(refused);
    }
  });

  test('does not change or delete the profile, nor lift the suspension', async () => {
    await setStatus(aliceId, 'suspended');
    expect(await outcome(alice("update profiles set full_name = 'x'"))).toBe(refused);
    expect(await outcome(alice('delete from profiles'))).toBe(0);
    expect(await outcome(alice("update profiles set status = 'active'"))).toBe(refused);
  });

  test('takes back no like and no comment, and edits none', async () => {
    await alice('select like_post($1)', [his.post_id]);
    await alice("select comment_on_post($1, 'Nice.')", [his.post_id]);
    await bob("select comment_on_post($1, 'Thanks.')", [hers.post_id]);
    await setStatus(aliceId, 'suspended');
    expect(await outcome(alice('select unlike_post($1)', [his.post_id]))).toBe(refused);
    expect(await outcome(alice('delete from post_likes'))).toBe(0);
    expect(await outcome(alice("update post_comments set content = 'x'"))).toBe(refused);
    expect(await outcome(alice('delete from post_comments'))).toBe(0);
    expect((await bob('select likes_count, comments_count from posts where user_id = $1', [bobId])).rows).toEqual([
      { likes_count: 1, comments_count: 1 },
    ]);
  });

  test.each(Object.entries(functions))('may not call %s, nor may the service for them', async (name, values) => {
    await bob('select request_friend($1)', [aliceId]);
    const before = await outcome(alice(call(name, values()), values()));
    expect(before).toBe(1);
    await setStatus(aliceId, 'suspended');
    expect(await outcome(alice(call(name, values()), values()))).toBe(refused);
    expect(await outcome(service(aliceId)(call(name, values()), values()))).toBe(refused);
  });

  test('has every function that writes in this test', async () => {
    const { rows } = await database.admin.query<{ proname: string }>(
      "select proname from pg_proc where pronamespace = 'public'::regnamespace and provolatile = 'v' order by 1",
    );
    expect(rows.map(({ proname }) => proname)).toEqual([...Object.keys(functions), 'unlike_post'].sort());
  });

  test('writes again once the suspension ends; inactive is no suspension', async () => {
    for (const status of ['suspended', 'inactive', 'suspended', 'active']) {
      await setStatus(aliceId, status);
      const fresh = belongingsOf(aliceId);
      const expected = status === 'suspended' ? refused : 1;
      for (const { create } of ownTables) expect(await outcome(alice(create(fresh)))).toBe(expected);
    }
    expect(await outcome(alice('delete from profiles'))).toBe(1);
  });
});
