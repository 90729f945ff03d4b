import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { failure, outcome, type Request, refused, requests } from './requests.ts';

const database = testDatabase();
const { anon, user, service } = requests(database);
let aliceId: string;
let friendId: string;
let alice: Request;
let friend: Request;
let stranger: Request;

beforeAll(async () => {
  aliceId = await database.signUp();
  friendId = await database.signUp();
  alice = user(aliceId);
  friend = user(friendId);
  stranger = user(await database.signUp());
  await alice('select request_friend($1)', [friendId]);
  await friend('select accept_friend($1)', [aliceId]);
});

async function post(visibility: string): Promise<string> {
  const text =
    "insert into posts (user_id, title, content, visibility) values ($1, 'Waterhole', 'Clear water.', $2) returning id";
  return (await alice(text, [aliceId, visibility])).rows[0].id;
}

describe('likes and comments', () => {
  test('are made by functions only, by users and by the service', async () => {
    const id = await post('public');
    const like = 'insert into post_likes (post_id, user_id, post_user_id, post_visibility) values ($1, $2, $3, $4)';
    const comment =
      'insert into post_comments (post_id, user_id, post_user_id, post_visibility, content) values ($1, $2, $3, $4, $4)';
    for (const request of [anon, alice, friend, service(), service(aliceId)]) {
      for (const insert of [like, comment]) {
        expect(await outcome(request(insert, [id, friendId, aliceId, 'public']))).toBe(refused);
      }
    }
    expect(await outcome(anon('select like_post($1)', [id]))).toBe(refused);
    expect(await outcome(anon("select comment_on_post($1, 'x')", [id]))).toBe(refused);
  });

  test('count one like a person, in whoever’s name the service calls', async () => {
    const id = await post('public');
    for (const request of [friend, friend, service(friendId)]) {
      expect((await request('select like_post($1) as likes', [id])).rows).toEqual([{ likes: 1 }]);
    }
    expect(await outcome(service()('select like_post($1)', [id]))).toBe(refused);
    expect((await stranger('select unlike_post($1) as removed', [id])).rows).toEqual([{ removed: false }]);
    expect((await friend('select unlike_post($1) as removed', [id])).rows).toEqual([{ removed: true }]);
    expect((await anon('select likes_count from posts where id = $1', [id])).rows).toEqual([{ likes_count: 0 }]);
  });

  const calls = {
    like_post: 'select like_post($1)',
    comment_on_post: "select comment_on_post($1, 'Are you there?')",
  };

  test.each(Object.entries(calls))('%s: a post out of sight fails as one that does not exist', async (_, call) => {
    const madeUp = await failure(stranger(call, [randomUUID()]));
    expect(madeUp.code).toBe('P0002');
    expect(await failure(stranger(call, [await post('private')]))).toEqual(madeUp);
    expect(await failure(stranger(call, [await post('friends')]))).toEqual(madeUp);
    expect(await failure(stranger(call, [null]))).toEqual(madeUp);
    expect(await outcome(friend(call, [await post('friends')]))).toBe(1);
    expect(await failure(friend(call, [await post('private')]))).toEqual(madeUp);
  });

  test('unlike_post tells nothing of a post out of sight', async () => {
    for (const id of [randomUUID(), await post('private')]) {
      expect((await stranger('select unlike_post($1) as removed', [id])).rows).toEqual([{ removed: false }]);
    }
  });

  test('a like is taken back even when its post has gone out of sight', async () => {
    const id = await post('public');
    await stranger('select like_post($1)', [id]);
    await alice("update posts set visibility = 'private' where id = $1", [id]);
    expect((await stranger('select unlike_post($1) as removed', [id])).rows).toEqual([{ removed: true }]);
    expect((await alice('select likes_count from posts where id = $1', [id])).rows).toEqual([{ likes_count: 0 }]);
  });

  test('a comment without an id is given one', async () => {
    const { rows } = await friend("select id from comment_on_post($1, 'Lovely.', null)", [await post('public')]);
    expect(rows).toEqual([{ id: expect.any(String) }]);
  });

  test('cannot be edited or removed by others, except comments by the author of the post', async () => {
    const id = await post('public');
    await friend('select like_post($1)', [id]);
    await friend("select comment_on_post($1, 'Lovely.')", [id]);
    for (const other of [alice, stranger]) {
      expect(await outcome(other("update post_comments set content = 'x' where post_id = $1", [id]))).toBe(0);
      expect(await outcome(other('delete from post_likes where post_id = $1', [id]))).toBe(0);
    }
    expect(await outcome(stranger('delete from post_comments where post_id = $1', [id]))).toBe(0);
    expect(await outcome(friend("update post_comments set content = 'Great.' where post_id = $1", [id]))).toBe(1);
    expect(await outcome(alice('delete from post_comments where post_id = $1', [id]))).toBe(1);
  });

  test('a comment’s id, made by the client, takes over no comment of another', async () => {
    const id = await post('public');
    const commentId = randomUUID();
    await friend("select comment_on_post($1, 'Mine.', $2)", [id, commentId]);
    expect((await friend("select content from comment_on_post($1, 'Again.', $2)", [id, commentId])).rows).toEqual([
      { content: 'Mine.' },
    ]);
    expect(await outcome(stranger("select comment_on_post($1, 'Stolen.', $2)", [id, commentId]))).toBe('23505');
    expect(await outcome(friend("select comment_on_post($1, 'Moved.', $2)", [await post('public'), commentId]))).toBe(
      '23505',
    );
    expect((await alice('select content from post_comments where id = $1', [commentId])).rows).toEqual([
      { content: 'Mine.' },
    ]);
  });
});
