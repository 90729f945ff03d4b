import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  CursorError,
  ForeignKeyError,
  NotFoundError,
  PermissionError,
  UniqueError,
  ValidationError,
} from '../../src/index.ts';
import type { Page, Post, PostComment } from '../../src/types.ts';
import { testOwnRows } from './own_rows.ts';
import { type Person, testSessions } from './sessions.ts';

const sessions = testSessions();

testOwnRows(sessions, {
  table: 'posts',
  sortedBy: 'created_at',
  repository: ({ posts }) => posts,
  onBehalf: ({ posts }) => posts,
  // A public post may be read by everybody.
  input: (id) => ({ id, title: 'Red dust', content: 'We saw it.', visibility: 'private' as const }),
  patch: {
    trip_id: null,
    title: 'Blue sea',
    content: 'We swam in it.',
    images: ['https://example.com/a.png', 'https://example.com/b.png'],
    location: { lat: -36.85, lng: 174.76, name: 'Auckland' },
    tags: ['sea'],
    visibility: 'friends' as const,
    metadata: { camera: 'phone' },
  },
});

const post = { title: 'Red dust', content: 'We saw it.' };

async function befriend(alice: Person, bob: Person): Promise<void> {
  await alice.friends.request(bob.id);
  await bob.friends.accept(alice.id);
}

describe('a post', () => {
  test('is public, without pictures, likes or comments', async () => {
    const { posts, id: user_id } = await sessions.signUp();
    const made = await posts.create(post);
    expect(made).toEqual({
      id: made.id,
      user_id,
      trip_id: null,
      ...post,
      images: [],
      location: null,
      tags: [],
      likes_count: 0,
      comments_count: 0,
      visibility: 'public',
      metadata: {},
      version: 1,
      created_at: expect.any(Date),
      updated_at: expect.any(Date),
    });
  });

  test('shows about where it was, unless it says exactly', async () => {
    const { posts } = await sessions.signUp();
    const camp = { lat: 38.57331, lng: -109.54984 };
    const { id, location } = await posts.create({ ...post, location: camp });
    expect(location).toEqual({ lat: 38.57, lng: -109.55 });
    expect(await posts.update(id, { location: { ...camp, exact: true } })).toMatchObject({
      location: { ...camp, exact: true },
    });
    expect(await posts.update(id, { location: null })).toMatchObject({ location: null });
  });

  test('on a trip of somebody else’s is a ForeignKeyError', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const trip = await alice.trips.create({ name: 'Big Lap' });
    for (const { posts } of [bob, sessions.database.asService().onBehalfOf(bob.id)]) {
      await expect(posts.create({ ...post, trip_id: trip.id })).rejects.toThrow(ForeignKeyError);
    }
    expect(await alice.posts.create({ ...post, trip_id: trip.id })).toMatchObject({ trip_id: trip.id });
  });

  test('that others see is not theirs to change or delete', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const made = await alice.posts.create(post);
    for (const { posts } of [bob, sessions.database.asService().onBehalfOf(bob.id)]) {
      await expect(posts.update(made.id, { title: 'Mine' })).rejects.toThrow(NotFoundError);
      await expect(posts.update(made.id, { title: 'Mine' }, { if_version: 1 })).rejects.toThrow(NotFoundError);
      await expect(posts.create({ ...post, id: made.id })).rejects.toThrow(UniqueError);
      expect(await posts.delete(made.id)).toBe(false);
      expect((await posts.list()).items).toEqual([]);
    }
    expect(await bob.posts.get(made.id)).toEqual(made);
  });

  test('is gone with its likes and comments', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const { id } = await alice.posts.create(post);
    await bob.posts.like(id);
    await bob.posts.comment(id, 'Nice.');
    expect(await alice.posts.delete(id)).toBe(true);
    expect((await bob.posts.comments(id)).items).toEqual([]);
    await expect(bob.posts.like(id)).rejects.toThrow(NotFoundError);
  });
});

describe('who sees which posts', () => {
  let alice: Person;
  let ids: Record<'public' | 'friends' | 'private', string>;
  const people = { author: '', friend: '', stranger: '', blocked: '', blocker: '' };

  beforeAll(async () => {
    alice = await sessions.signUp();
    ids = { public: '', friends: '', private: '' };
    for (const visibility of ['public', 'friends', 'private'] as const) {
      const wombat = { content: 'wombat', tags: ['wombat'], location: { lat: -30, lng: 140 } };
      ids[visibility] = (await alice.posts.create({ ...post, ...wombat, visibility })).id;
    }
    people.author = alice.id;
    for (const who of ['friend', 'stranger', 'blocked', 'blocker'] as const) {
      const person = await sessions.signUp();
      people[who] = person.id;
      if (who !== 'stranger') await befriend(alice, person);
      if (who === 'blocked') await alice.friends.block(person.id);
      if (who === 'blocker') await person.friends.block(alice.id);
    }
  });

  const reader = (who: keyof typeof people | 'visitor') =>
    who === 'visitor' ? sessions.database.asAnon().posts : sessions.database.asUser({ sub: people[who] }).posts;

  test.each<[keyof typeof people | 'visitor', (keyof typeof ids)[]]>([
    ['author', ['public', 'friends', 'private']],
    ['friend', ['public', 'friends']],
    ['stranger', ['public']],
    ['visitor', ['public']],
    ['blocked', []],
    ['blocker', []],
  ])('the %s sees %j, by id, in the feed, by place and tag, and in a search', async (who, seen) => {
    const posts = reader(who);
    const expected = seen.map((visibility) => ids[visibility]).sort();
    const found = await Promise.all(Object.values(ids).map((id) => posts.find(id)));
    expect(found.flatMap((row) => row?.id ?? []).sort()).toEqual(expected);
    const mine = (rows: { user_id: string }[]) => rows.filter(({ user_id }) => user_id === people.author);
    const feed: Page<Post> = await posts.feed({ limit: 100 });
    expect((mine(feed.items) as Post[]).map(({ id }) => id).sort()).toEqual(expected);
    expect((await posts.search('wombats')).map(({ post_id }) => post_id).sort()).toEqual(expected);
    const tagged: Page<Post> = await posts.byTag('Wombat');
    expect(tagged.items.map(({ id }) => id).sort()).toEqual(expected);
    const near: Page<Post> = await posts.near({ lat: -30, lng: 140, radius_km: 1 });
    expect(near.items.map(({ id }) => id).sort()).toEqual(expected);
    const shown: Page<Post> = await posts.byAuthor(people.author);
    expect(shown.items.map(({ id }) => id).sort()).toEqual(expected.filter((id) => id !== ids.private));
    for (const [visibility, id] of Object.entries(ids)) {
      if (!seen.includes(visibility as keyof typeof ids)) await expect(posts.get(id)).rejects.toThrow(NotFoundError);
    }
  });

  test.each(['author', 'friend', 'stranger', 'blocked', 'blocker'] as const)(
    'the %s likes and comments on what they see, and on nothing else',
    async (who) => {
      const { posts } = sessions.database.asUser({ sub: people[who] });
      for (const id of Object.values(ids)) {
        if (await posts.find(id)) {
          expect(await posts.like(id)).toBeGreaterThan(0);
          expect(await posts.comment(id, 'Nice.')).toMatchObject({ post_id: id, user_id: people[who] });
        } else {
          await expect(posts.like(id)).rejects.toThrow(NotFoundError);
          await expect(posts.comment(id, 'Nice.')).rejects.toThrow(NotFoundError);
          expect((await posts.comments(id)).items).toEqual([]);
          expect(await posts.unlike(id)).toBe(false);
        }
      }
    },
  );
});

describe('the feed', () => {
  test('comes newest first, each post once, while others come and go', async () => {
    const alice = await sessions.signUp();
    await alice.posts.createMany(Array.from({ length: 20 }, () => post));
    await sessions.admin.query(
      `update posts p set created_at = '2027-01-01'::timestamptz + interval '1 microsecond' * (place / 2)
        from (select id, row_number() over ()::int as place from posts where user_id = $1) as placed where p.id = placed.id`,
      [alice.id],
    );
    const order = "select id from posts where visibility = 'public' order by created_at desc, id desc limit 20";
    const expected = (await sessions.admin.query<{ id: string }>(order)).rows.map(({ id }) => id);
    for (const { posts } of [alice, sessions.database.asAnon()]) {
      const seen: string[] = [];
      let cursor: string | null = null;
      while (seen.length < 20) {
        const page: Page<Post> = await posts.feed({ limit: 5, cursor });
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.next_cursor;
        const { id } = await alice.posts.create(post);
        await sessions.admin.query("update posts set created_at = '2028-01-01' where id = $1", [id]);
        if (posts !== alice.posts) await alice.posts.delete(seen.at(-1) ?? '');
      }
      expect(seen).toEqual(expected);
      await sessions.admin.query("delete from posts where created_at = '2028-01-01'");
    }
  });

  test('refuses the cursor of one’s own posts, and the other way round', async () => {
    const { posts } = await sessions.signUp();
    await posts.createMany([post, post]);
    const [feed, own] = [await posts.feed({ limit: 1 }), await posts.list({ limit: 1 })];
    await expect(posts.feed({ cursor: own.next_cursor })).rejects.toThrow(CursorError);
    await expect(posts.list({ cursor: feed.next_cursor })).rejects.toThrow(CursorError);
    await expect(sessions.database.asAnon().posts.feed({ cursor: 'x' })).rejects.toThrow(CursorError);
    await expect(posts.feed({ limit: 101 })).rejects.toThrow(ValidationError);
  });
});

describe('the exact point of a post', () => {
  const camp = { lat: 38.573312, lng: -109.549841, name: 'Behind the dunes' };

  test('is kept for its author alone, beside what others see', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const made = await alice.posts.create({ ...post, location: camp });
    expect(await alice.posts.exactLocation(made.id)).toBeUndefined();
    await alice.posts.setExactLocation(made.id, camp);
    expect(await alice.posts.exactLocation(made.id)).toEqual(camp);
    expect(await bob.posts.exactLocation(made.id)).toBeUndefined();
    expect(await bob.posts.get(made.id)).toEqual(made);
    expect(JSON.stringify(await bob.posts.near({ lat: 38.57, lng: -109.55, radius_km: 5 }))).not.toContain('573');
    const moved = { lat: 1, lng: 2 };
    await alice.posts.setExactLocation(made.id, moved);
    expect(await alice.posts.exactLocation(made.id)).toEqual(moved);
    await alice.posts.setExactLocation(made.id, null);
    await alice.posts.setExactLocation(made.id, null);
    expect(await alice.posts.exactLocation(made.id)).toBeUndefined();
  });

  test('is of the user’s own posts only', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const { id } = await alice.posts.create(post);
    await alice.posts.setExactLocation(id, camp);
    for (const { posts } of [bob, sessions.database.asService().onBehalfOf(bob.id)]) {
      for (const other of [id, randomUUID()]) {
        await expect(posts.setExactLocation(other, camp)).rejects.toThrow(ForeignKeyError);
        await posts.setExactLocation(other, null);
        expect(await posts.exactLocation(other)).toBeUndefined();
      }
    }
    expect(await sessions.database.asService().onBehalfOf(alice.id).posts.exactLocation(id)).toEqual(camp);
  });

  test.each([undefined, {}, { lat: 91, lng: 0 }, { lat: 1 }, { lat: 1, lng: 2, exact: true }, 'here'])(
    'is no %j',
    async (wrong) => {
      const { posts } = await sessions.signUp();
      const { id } = await posts.create(post);
      await expect(posts.setExactLocation(id, wrong as unknown as null)).rejects.toThrow(ValidationError);
      await expect(posts.setExactLocation('42', camp)).rejects.toThrow(ValidationError);
    },
  );
});

describe('a like', () => {
  test('counts once however often it is given, and may be taken back', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const { id } = await alice.posts.create(post);
    expect(await bob.posts.like(id)).toBe(1);
    expect(await bob.posts.like(id)).toBe(1);
    expect(await alice.posts.like(id)).toBe(2);
    expect(await bob.posts.unlike(id)).toBe(true);
    expect(await bob.posts.unlike(id)).toBe(false);
    expect(await bob.posts.get(id)).toMatchObject({ likes_count: 1, version: 1 });
  });

  test('that sixteen connections give at once counts once', async () => {
    const { posts } = await sessions.signUp();
    const { id } = await posts.create(post);
    await sessions.sixteenTimes('posts', () => posts.like(id));
    expect(await posts.get(id)).toMatchObject({ likes_count: 1 });
  });

  test('from sixteen people at once counts sixteen', async () => {
    const { posts } = await sessions.signUp();
    const { id } = await posts.create(post);
    const people = await Promise.all(Array.from({ length: 16 }, () => sessions.signUp()));
    const likes = await sessions.sixteenTimes('posts', async () => await people.pop()?.posts.like(id));
    expect(likes.sort((a = 0, b = 0) => a - b)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
  });
});

describe('a comment', () => {
  test('is made once per id, and counted', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const { id } = await alice.posts.create(post);
    const comment = await bob.posts.comment(id, 'Nice.', { id: randomUUID() });
    expect(comment).toEqual({
      id: comment.id,
      post_id: id,
      user_id: bob.id,
      post_user_id: alice.id,
      post_visibility: 'public',
      content: 'Nice.',
      created_at: expect.any(Date),
      updated_at: expect.any(Date),
    });
    expect(await bob.posts.comment(id, 'Again.', { id: comment.id })).toEqual(comment);
    const author = { full_name: null, avatar_url: null };
    expect((await alice.posts.comments(id)).items).toEqual([{ ...comment, ...author }]);
    expect(await alice.posts.get(id)).toMatchObject({ comments_count: 1, version: 1 });
    await expect(alice.posts.comment(id, 'Mine.', { id: comment.id })).rejects.toThrow(UniqueError);
  });

  test('that sixteen connections send at once is made once', async () => {
    const { posts } = await sessions.signUp();
    const { id } = await posts.create(post);
    const comment_id = randomUUID();
    const comments = await sessions.sixteenTimes('posts', () => posts.comment(id, 'Nice.', { id: comment_id }));
    expect(new Set(comments.map((comment) => JSON.stringify(comment))).size).toBe(1);
    expect(await posts.get(id)).toMatchObject({ comments_count: 1 });
  });

  test.each(['', ' \n', 'x'.repeat(2001)])('is text of 1 to 2000 characters: not %j', async (content) => {
    const { posts } = await sessions.signUp();
    const { id } = await posts.create(post);
    await expect(posts.comment(id, content)).rejects.toThrow(ValidationError);
    await expect(posts.comment(randomUUID(), 'Nice.')).rejects.toThrow(NotFoundError);
    await expect(posts.comment(id, 'Nice.', { id: '42' })).rejects.toThrow(ValidationError);
  });

  test('is listed with the others, oldest first, page by page', async () => {
    const { posts, trips } = await sessions.signUp();
    const { id } = await posts.create(post);
    for (let i = 0; i < 11; i++) await posts.comment(id, `${i}`);
    await sessions.admin.query(
      `update post_comments set created_at = '2026-01-01'::timestamptz + interval '1 microsecond' * (content::int / 2)
        where post_id = $1`,
      [id],
    );
    const order = 'select id from post_comments where post_id = $1 order by created_at, id';
    const expected = (await sessions.admin.query<{ id: string }>(order, [id])).rows.map((row) => row.id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<PostComment> = await posts.comments(id, { limit: 4, cursor });
      seen.push(...page.items.map((comment) => comment.id));
      cursor = page.next_cursor;
      if (seen.length === 8) await sessions.admin.query('delete from post_comments where id = $1', [seen.at(-1)]);
    } while (cursor);
    expect(seen).toEqual(expected);
    await trips.createMany([{ name: 'a' }, { name: 'b' }]);
    for (const wrong of ['x', (await trips.list({ limit: 1 })).next_cursor]) {
      await expect(posts.comments(id, { cursor: wrong })).rejects.toThrow(CursorError);
    }
  });
});

describe('a search', () => {
  test('gives the best first, titles before contents, as many as asked for', async () => {
    const { posts, id: user_id } = await sessions.signUp();
    await posts.create({ title: 'Numbat', content: 'By the track' });
    await posts.create({ title: 'By the track', content: 'A numbat crossed' });
    const found = await posts.search('numba');
    expect(found.map(({ title }) => title)).toEqual(['Numbat', 'By the track']);
    expect(found[0]).toEqual({
      post_id: expect.any(String),
      user_id,
      title: 'Numbat',
      content: 'By the track',
      visibility: 'public',
      created_at: expect.any(Date),
      rank: expect.any(Number),
    });
    expect(await posts.search('numbat', { limit: 1 })).toHaveLength(1);
    expect(await posts.search('numbat crossed')).toHaveLength(1);
    expect(await posts.search('')).toEqual([]);
    await expect(posts.search('numbat', { limit: 101 })).rejects.toThrow(ValidationError);
  });
});

test('a suspended user reads, and neither likes nor comments', async () => {
  const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
  const { id } = await alice.posts.create(post);
  const own = await bob.posts.create(post);
  await bob.posts.setExactLocation(own.id, { lat: 1, lng: 2 });
  await sessions.suspend(bob);
  expect(await bob.posts.find(id)).toMatchObject({ id });
  await expect(bob.posts.like(id)).rejects.toThrow(PermissionError);
  await expect(bob.posts.comment(id, 'Nice.')).rejects.toThrow(PermissionError);
  await expect(bob.posts.setExactLocation(id, { lat: 1, lng: 2 })).rejects.toThrow(PermissionError);
  await expect(bob.posts.setExactLocation(own.id, null)).rejects.toThrow(PermissionError);
  await bob.posts.setExactLocation(id, null);
  expect(await bob.posts.exactLocation(own.id)).toEqual({ lat: 1, lng: 2 });
});

test('the service likes and comments for the user it acts for', async () => {
  const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
  const { id } = await alice.posts.create(post);
  const hidden = await alice.posts.create({ ...post, visibility: 'private' });
  const { posts } = sessions.database.asService().onBehalfOf(bob.id);
  expect(await posts.like(id)).toBe(1);
  expect(await bob.posts.unlike(id)).toBe(true);
  expect(await posts.comment(id, 'Nice.')).toMatchObject({ user_id: bob.id });
  expect(await posts.unlike(id)).toBe(false);
  await expect(posts.like(hidden.id)).rejects.toThrow(NotFoundError);
  await expect(posts.comment(hidden.id, 'Nice.')).rejects.toThrow(NotFoundError);
});
