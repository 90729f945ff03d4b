import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { CursorError, ValidationError } from '../../src/index.ts';
import type { Page, PageRequest, Post } from '../../src/types.ts';
import { type Person, testSessions } from './sessions.ts';

const sessions = testSessions();

const post = { title: 'Red dust', content: 'We saw it.' };
const visibilities = ['public', 'friends', 'private'] as const;

async function befriend(alice: Person, bob: Person): Promise<void> {
  await alice.friends.request(bob.id);
  await bob.friends.accept(alice.id);
}

/** All pages, one after the other; between two, `disturb` gets the ids so far. */
async function readAll(
  read: (request: PageRequest) => Promise<Page<Post>>,
  limit: number,
  disturb: (seen: string[]) => Promise<unknown> = async () => {},
): Promise<string[]> {
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Post> = await read({ limit, cursor });
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.next_cursor;
    if (cursor) await disturb(seen);
  } while (cursor);
  return seen;
}

/** What a query of the superuser's gives, who is no subject of policies. */
async function ids(where: string, values: unknown[] = []): Promise<string[]> {
  const { rows } = await sessions.admin.query<{ id: string }>(
    `select id from posts where ${where} order by created_at desc, id desc`,
    values,
  );
  return rows.map(({ id }) => id);
}

describe('lists', () => {
  let alice: Person;
  let bob: Person;
  let dora: Person;
  let eve: Person;
  let trip_id: string;
  const tagged = "tags @> '{camping}'";

  /** Friends Bob and Carol, Dora a stranger, and Eve whom Alice blocks, with posts a microsecond apart, some at the same time. */
  beforeAll(async () => {
    alice = await sessions.signUp();
    bob = await sessions.signUp({ metadata: { full_name: 'Bob', avatar_url: 'https://example.com/bob.png' } });
    const carol = await sessions.signUp();
    [dora, eve] = [await sessions.signUp(), await sessions.signUp()];
    await befriend(alice, bob);
    await befriend(alice, carol);
    await befriend(bob, dora);
    trip_id = (await bob.trips.create({ name: 'Big Lap' })).id;
    for (const { posts, id } of [alice, bob, carol, dora, eve]) {
      await posts.createMany(
        Array.from({ length: 24 }, (_, n) => ({
          ...post,
          visibility: visibilities[n % 3],
          tags: n % 2 ? ['camping', `tag ${n}`] : [],
          ...(id === bob.id && n % 4 === 0 && { trip_id }),
        })),
      );
    }
    await sessions.admin.query(`
      update posts p set created_at = '2026-01-01'::timestamptz + interval '1 microsecond' * (place / 2)
      from (select id, row_number() over (order by md5(id::text))::int as place from posts) as placed where p.id = placed.id`);
    await alice.friends.block(eve.id);
  });

  const mine = "user_id = any(array(select friend_id from friendships where user_id = $1 and status = 'accepted'))";
  const shared = "visibility <> 'private'";
  const visible = `(user_id = $1 or visibility = 'public' and user_id <> $2 or ${shared} and ${mine})`;
  const me = () => [alice.id, eve.id];

  const lists: [string, (request: PageRequest) => Promise<Page<Post>>, string, () => unknown[]][] = [
    ['the feed', (request) => alice.posts.feed(request), visible, me],
    ['the feed of all', (request) => alice.posts.feed({ scope: 'visible', ...request }), visible, me],
    [
      'the public feed',
      (request) => alice.posts.feed({ scope: 'public', ...request }),
      `visibility = 'public' and user_id <> $1`,
      () => [eve.id],
    ],
    [
      'the friends’ feed',
      (request) => alice.posts.feed({ scope: 'friends', ...request }),
      `${shared} and ${mine}`,
      () => [alice.id],
    ],
    [
      'the visitors’ feed',
      (request) => sessions.database.asAnon().posts.feed(request),
      "visibility = 'public'",
      () => [],
    ],
    [
      'a friend’s posts',
      (request) => alice.posts.byAuthor(bob.id, request),
      `${shared} and user_id = $1`,
      () => [bob.id],
    ],
    [
      'a stranger’s posts',
      (request) => alice.posts.byAuthor(dora.id, request),
      "visibility = 'public' and user_id = $1",
      () => [dora.id],
    ],
    ['a blocked person’s posts', (request) => alice.posts.byAuthor(eve.id, request), 'false', () => []],
    ['nobody’s posts', (request) => alice.posts.byAuthor(randomUUID(), request), 'false', () => []],
    [
      'what one shows oneself',
      (request) => alice.posts.byAuthor(alice.id, request),
      `${shared} and user_id = $1`,
      () => [alice.id],
    ],
    [
      'a visitor’s view of an author',
      (request) => sessions.database.asAnon().posts.byAuthor(bob.id, request),
      "visibility = 'public' and user_id = $1",
      () => [bob.id],
    ],
    [
      'a friend’s posts of a trip',
      (request) => alice.posts.byAuthor(bob.id, { trip_id, ...request }),
      `${shared} and trip_id = $1`,
      () => [trip_id],
    ],
    [
      'an author’s posts with a tag',
      (request) => alice.posts.byAuthor(bob.id, { tag: ' Camping', ...request }),
      `${shared} and user_id = $1 and ${tagged}`,
      () => [bob.id],
    ],
    ['posts with a tag', (request) => alice.posts.byTag('camping', request), `${visible} and ${tagged}`, me],
    [
      'posts with a tag that few have',
      (request) => alice.posts.byTag('TAG 7 ', request),
      `${visible} and tags @> '{tag 7}'`,
      me,
    ],
    ['posts with a tag that none has', (request) => alice.posts.byTag('desert', request), 'false', () => []],
    [
      'a visitor’s posts with a tag',
      (request) => sessions.database.asAnon().posts.byTag('camping', request),
      `visibility = 'public' and ${tagged}`,
      () => [],
    ],
    ['one’s own', (request) => alice.posts.list(request), 'user_id = $1', () => [alice.id]],
    [
      'one’s own private ones',
      (request) => alice.posts.list({ visibility: 'private', ...request }),
      "user_id = $1 and visibility = 'private'",
      () => [alice.id],
    ],
    ['one’s own of a trip', (request) => bob.posts.list({ trip_id, ...request }), 'trip_id = $1', () => [trip_id]],
    [
      'one’s own with a tag',
      (request) => alice.posts.list({ tag: 'CAMPING', ...request }),
      `user_id = $1 and ${tagged}`,
      () => [alice.id],
    ],
    [
      'one’s own by all filters',
      (request) => bob.posts.list({ tag: 'camping', trip_id, visibility: 'friends', ...request }),
      `trip_id = $1 and visibility = 'friends' and ${tagged}`,
      () => [trip_id],
    ],
  ];

  test.each(lists)('%s: every post once, newest first, whatever the page', async (_, read, where, values) => {
    const expected = await ids(where, values());
    for (const limit of [1, 7, 100]) expect(await readAll(read, limit)).toEqual(expected);
  });

  test('no post is lost or doubled while others come and go', async () => {
    for (const [, read, where, values] of lists) {
      const expected = await ids(where, values());
      if (expected.length < 10) continue;
      const made: Post[] = [];
      const hidden: unknown[] = [];
      const seen = await readAll(read, 3, async (sofar) => {
        // One that is newer than all, and one beside that on which the cursor stands, which is then hidden.
        const fresh = await bob.posts.createMany([1, 2].map(() => ({ ...post, tags: ['camping'], trip_id })));
        made.push(...fresh);
        const last = sofar.at(-1);
        await sessions.admin.query(
          'update posts p set created_at = l.created_at from posts l where l.id = $1 and p.id = $2',
          [last, fresh[1]?.id],
        );
        hidden.push(last);
        await sessions.admin.query(
          "update posts set visibility = 'private', metadata = jsonb_build_object('was', visibility) where id = $1",
          [last],
        );
      });
      expect(seen.filter((id) => expected.includes(id))).toEqual(expected);
      expect(new Set(seen).size).toBe(seen.length);
      await sessions.admin.query('delete from posts where id = any($1)', [made.map(({ id }) => id)]);
      await sessions.admin.query("update posts set visibility = metadata ->> 'was' where id = any($1)", [hidden]);
    }
  });

  test('tell who wrote a post, and whether one likes it', async () => {
    const [newest] = (await alice.posts.byAuthor(bob.id, { limit: 1 })).items;
    const id = newest?.id ?? '';
    expect(newest).toEqual({
      ...(await alice.posts.get(id)),
      full_name: 'Bob',
      avatar_url: 'https://example.com/bob.png',
      liked: false,
    });
    await alice.posts.like(id);
    const likedBy = async ({ posts }: Person) => (await posts.byAuthor(bob.id, { limit: 1 })).items[0]?.liked;
    expect([await likedBy(alice), await likedBy(bob)]).toEqual([true, false]);
    const feed = async (scope: 'visible' | 'friends') =>
      (await alice.posts.feed({ scope, limit: 100 })).items.filter(({ liked }) => liked).map((item) => item.id);
    expect([await feed('visible'), await feed('friends')]).toEqual([[id], [id]]);
    for (const item of (await sessions.database.asAnon().posts.feed({ limit: 100 })).items) {
      expect(item.liked).toBe(false);
      if (item.user_id === bob.id) expect(item.full_name).toBe('Bob');
    }
    await alice.posts.unlike(id);
  });

  test('refuse the cursors of other lists, and what is malformed', async () => {
    const page = { limit: 1 };
    const reads: ((request: PageRequest) => Promise<Page<Post>>)[] = [
      (request) => alice.posts.feed(request),
      (request) => alice.posts.feed({ scope: 'public', ...request }),
      (request) => alice.posts.feed({ scope: 'friends', ...request }),
      (request) => alice.posts.byAuthor(bob.id, request),
      (request) => alice.posts.byTag('camping', request),
      (request) => alice.posts.list(request),
    ];
    const cursors = [];
    for (const read of reads) cursors.push((await read(page)).next_cursor);
    expect(new Set(cursors).size).toBe(reads.length);
    for (const [index, read] of reads.entries()) {
      for (const [other, cursor] of [...cursors, 'x', 'W10', 42 as unknown as string].entries()) {
        if (other !== index) await expect(read({ cursor })).rejects.toThrow(CursorError);
      }
    }
  });

  test.each<[string, () => Promise<unknown>]>([
    ['a scope that is none', () => alice.posts.feed({ scope: 'all' as 'public' })],
    ['a filter that is none', () => alice.posts.feed({ tag: 'camping' } as object)],
    ['a limit of none', () => alice.posts.feed({ limit: 0 })],
    ['too large a limit', () => alice.posts.byTag('camping', { limit: 101 })],
    ['a limit in words', () => alice.posts.byAuthor(bob.id, { limit: '5' as unknown as number })],
    ['an author without id', () => alice.posts.byAuthor('bob')],
    ['a trip without id', () => alice.posts.byAuthor(bob.id, { trip_id: 'lap' })],
    ['an empty tag', () => alice.posts.byTag(' ')],
    ['too long a tag', () => alice.posts.byTag('x'.repeat(51))],
    ['a tag that Postgres cannot store', () => alice.posts.byTag('a\0b')],
    ['a tag that is a list', () => alice.posts.byTag(['camping'] as unknown as string)],
    ['a visibility that is none', () => alice.posts.list({ visibility: 'secret' as 'private' })],
    ['a filter of one’s own that is none', () => alice.posts.list({ user_id: bob.id } as object)],
    [
      'a version that is none',
      () => alice.posts.update(trip_id, { title: 'x' }, { if_version: '1' as unknown as number }),
    ],
  ])('refuse %s', async (_, call) => {
    await expect(call()).rejects.toThrow(ValidationError);
  });
});

test('a feed of nobody’s is empty', async () => {
  const alice = await sessions.signUp();
  expect(await alice.posts.feed({ scope: 'friends' })).toEqual({ items: [], next_cursor: null });
});

test('a feed of many friends, of whom few write much', async () => {
  const alice = await sessions.signUp();
  const friends = [];
  for (let i = 0; i < 30; i++) {
    const friend = await sessions.signUp();
    friends.push(friend.id);
    await befriend(alice, friend);
    await friend.posts.createMany(
      Array.from({ length: i % 10 ? 1 : 20 }, () => ({ ...post, visibility: 'friends' as const })),
    );
  }
  await sessions.admin.query(
    `update posts set created_at = now() - random() * interval '1 hour' where user_id = any($1)`,
    [friends],
  );
  const expected = await ids('user_id = any($1)', [friends]);
  for (const limit of [1, 2, 9, 100]) {
    expect(await readAll((request) => alice.posts.feed({ scope: 'friends', ...request }), limit)).toEqual(expected);
  }
});
