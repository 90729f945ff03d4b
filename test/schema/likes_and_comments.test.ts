import { beforeEach, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { wrongPosts } from './recount.ts';

const database = testDatabase();
let alice: string;
let bob: string;
let post: string;

beforeEach(async () => {
  [alice, bob] = [await database.signUp(), await database.signUp()];
  post = await newPost('Red dust');
});

const by = async (person: string, text: string, values?: unknown[]) =>
  (await database.as('authenticated', person, (client) => client.query(text, values))).rows;

async function newPost(title: string, visibility = 'public'): Promise<string> {
  const insert = 'insert into posts (user_id, title, content, visibility) values (auth.uid(), $1, $1, $2) returning id';
  return (await by(alice, insert, [title, visibility]))[0].id;
}

/** What a post says of its likes and comments, once it has proved true. */
async function counts(id = post) {
  expect((await database.admin.query(wrongPosts)).rows).toEqual([]);
  return (await by(alice, 'select likes_count as likes, comments_count as comments from posts where id = $1', [id]))[0];
}

const published = async () =>
  (await by(alice, 'select public_posts_count, published from public_profiles where id = $1', [alice]))[0];

describe('a post', () => {
  test('counts its likes and comments', async () => {
    expect(await by(bob, 'select like_post($1) as likes', [post])).toEqual([{ likes: 1 }]);
    expect(await by(alice, 'select like_post($1) as likes', [post])).toEqual([{ likes: 2 }]);
    await by(bob, "select comment_on_post($1, 'Lovely.')", [post]);
    expect(await counts()).toEqual({ likes: 2, comments: 1 });
  });

  test('counts a person’s like once, however often it is sent', async () => {
    await by(bob, 'select like_post($1)', [post]);
    expect(await by(bob, 'select like_post($1) as likes', [post])).toEqual([{ likes: 1 }]);
    expect(await counts()).toEqual({ likes: 1, comments: 0 });
  });

  test('forgets a like that is taken back', async () => {
    await by(bob, 'select like_post($1)', [post]);
    expect(await by(bob, 'select unlike_post($1) as removed', [post])).toEqual([{ removed: true }]);
    expect(await by(bob, 'select unlike_post($1) as removed', [post])).toEqual([{ removed: false }]);
    expect(await counts()).toEqual({ likes: 0, comments: 0 });
  });

  test('counts a comment that is sent twice once, and gives the stored one back', async () => {
    const { rows } = await database.admin.query('select gen_random_uuid() as id');
    const comment = 'select id, content, user_id from comment_on_post($1, $2, $3)';
    const stored = [{ id: rows[0].id, content: 'Lovely.', user_id: bob }];
    expect(await by(bob, comment, [post, 'Lovely.', rows[0].id])).toEqual(stored);
    expect(await by(bob, comment, [post, 'Lovely.', rows[0].id])).toEqual(stored);
    expect(await counts()).toEqual({ likes: 0, comments: 1 });
    await expect(by(alice, comment, [post, 'Mine.', rows[0].id])).rejects.toMatchObject({ code: '23505' });
  });

  test('forgets deleted comments', async () => {
    for (const text of ['one', 'two', 'three']) await by(bob, 'select comment_on_post($1, $2)', [post, text]);
    await by(bob, "delete from post_comments where content <> 'two'");
    expect(await counts()).toEqual({ likes: 0, comments: 1 });
  });

  test('forgets the likes and comments of a person who left', async () => {
    const other = await newPost('Blue sea');
    for (const id of [post, other]) {
      await by(bob, 'select like_post($1)', [id]);
      await by(bob, "select comment_on_post($1, 'Bye.')", [id]);
      await by(alice, 'select like_post($1)', [id]);
    }
    await by(bob, 'delete from profiles where id = auth.uid()');
    expect([await counts(), await counts(other)]).toEqual(Array(2).fill({ likes: 1, comments: 0 }));
  });

  test('keeps its counts, its version and its updated_at when it changes its visibility or is liked', async () => {
    await by(bob, 'select like_post($1)', [post]);
    const before = await by(alice, 'select version, updated_at from posts where id = $1', [post]);
    await by(bob, "select comment_on_post($1, 'Lovely.')", [post]);
    expect(await by(alice, 'select version, updated_at from posts where id = $1', [post])).toEqual(before);
    await by(alice, "update posts set visibility = 'private' where id = $1", [post]);
    expect(await counts()).toEqual({ likes: 1, comments: 1 });
    const { rows } = await database.admin.query(
      'select post_visibility from post_likes where post_id = $1 union select post_visibility from post_comments where post_id = $1',
      [post],
    );
    expect(rows).toEqual([{ post_visibility: 'private' }]);
  });

  test('starts with none, whatever is sent', async () => {
    const { rows } = await database.admin.query(
      `insert into posts (user_id, title, content, likes_count, comments_count) values ($1, 'Forged', 'x', 99, 99)
       returning likes_count, comments_count`,
      [alice],
    );
    expect(rows).toEqual([{ likes_count: 0, comments_count: 0 }]);
  });

  test('takes its likes, comments and exact location with it', async () => {
    await by(bob, 'select like_post($1)', [post]);
    await by(bob, "select comment_on_post($1, 'Lovely.')", [post]);
    await by(
      alice,
      `insert into post_locations (post_id, user_id, location) values ($1, auth.uid(), '{"lat": 1, "lng": 1}')`,
      [post],
    );
    await by(alice, 'delete from posts where id = $1', [post]);
    for (const table of ['post_likes', 'post_comments', 'post_locations']) {
      const { rows } = await database.admin.query(`select from ${table} where post_id = $1`, [post]);
      expect(rows, table).toEqual([]);
    }
  });

  test('stays without its trip', async () => {
    const [trip] = await by(alice, "insert into trips (user_id, name) values (auth.uid(), 'Big Lap') returning id");
    await by(alice, 'update posts set trip_id = $1 where id = $2', [trip.id, post]);
    await by(alice, 'delete from trips where id = $1', [trip.id]);
    expect(await by(alice, 'select trip_id, user_id from posts where id = $1', [post])).toEqual([
      { trip_id: null, user_id: alice },
    ]);
  });

  test.each(['posts', 'post_likes', 'post_comments'])('cannot lose what it counts by TRUNCATE: %s', async (table) => {
    await by(bob, 'select like_post($1)', [post]);
    await expect(database.admin.query(`truncate ${table} cascade`)).rejects.toMatchObject({ code: '0A000' });
    expect(await counts()).toEqual({ likes: 1, comments: 0 });
  });
});

describe('an author', () => {
  test('is published while they have a public post', async () => {
    expect(await published()).toEqual({ public_posts_count: 1, published: true });
    const friends = await newPost('For friends', 'friends');
    expect(await published()).toEqual({ public_posts_count: 1, published: true });
    await by(alice, "update posts set visibility = 'public' where id = $1", [friends]);
    expect(await published()).toEqual({ public_posts_count: 2, published: true });
    await by(alice, "update posts set visibility = 'private'");
    expect(await published()).toEqual({ public_posts_count: 0, published: false });
    await by(alice, "update posts set visibility = 'public'");
    await by(alice, 'delete from posts');
    expect(await published()).toEqual({ public_posts_count: 0, published: false });
    expect(await counts()).toBeUndefined();
  });

  test('is shown with the name and picture they have now', async () => {
    await by(
      alice,
      "update profiles set full_name = 'Alice', avatar_url = 'https://example.com/a.png' where id = auth.uid()",
    );
    const rows = await by(bob, 'select full_name, avatar_url, published from public_profiles where id = $1', [alice]);
    expect(rows).toEqual([{ full_name: 'Alice', avatar_url: 'https://example.com/a.png', published: true }]);
  });

  test('is not published by a number that was sent', async () => {
    const carol = await database.signUp();
    await database.admin.query('delete from public_profiles where id = $1', [carol]);
    const { rows } = await database.admin.query(
      'insert into public_profiles (id, public_posts_count) values ($1, 7) returning public_posts_count, published',
      [carol],
    );
    expect(rows).toEqual([{ public_posts_count: 0, published: false }]);
  });
});
