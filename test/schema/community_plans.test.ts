import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createDatabase,
  type Database,
  type ModerationRepository,
  type PostReader,
  type Session,
  type TransactionSession,
} from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';
import { idsOf, readPages } from '../support/read_pages.ts';

const file = testDatabase();
let database: Database;

const person = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
/** 9000 people, of whom 3000 write: the second to the 61st are friends of the first, 1000 more have asked her, and the third has written most. */
const alice = person(1);
const writer = person(3);
/** A public post of the writer's with thousands of likes and comments. */
const famous = '10000000-0000-4000-8000-000000000000';
const friendsOfAlice = 60;
/** A page, the row that tells of another, and what the planner looks up at the ends of an index. */
const page = 21 + 4;

beforeAll(async () => {
  database = createDatabase({ connectionString: file.connectionString, max: 1 });
  const client = await file.admin.connect();
  try {
    await client.query(`
      -- A vacuum takes for visible to all only what is known to be on disk.
      set synchronous_commit = on;
      set session_replication_role = replica;
      create temporary table people as
        select n, ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid as id from generate_series(1, 9000) as n;
      insert into auth.users (id) select id from people;
      insert into profiles (id, user_id) select id, id from people;
      insert into public_profiles (id, full_name, public_posts_count) select id, 'Person ' || n, 9 from people;
      delete from people where n > 3000;
      insert into friendships (user_id, friend_id, status, created_at)
        select a.id, b.id, case when b.n <= ${friendsOfAlice + 1} then 'accepted' else 'received' end, now() - b.n * interval '1 hour'
        from people a, people b where a.n = 1 and b.n between 2 and 1061
        union all
        select b.id, a.id, case when b.n <= ${friendsOfAlice + 1} then 'accepted' else 'requested' end, now()
        from people a, people b where a.n = 1 and b.n between 2 and 1061
        union all
        select a.id, b.id, 'accepted', now() from people a, people b
        where a.n > 1 and b.n > 1 and a.n <> b.n
          and ((a.n - b.n) % 150 = 0 or a.n < 62 and b.n < 62 and (a.n + b.n) % 3 = 0);
      insert into posts (user_id, title, content, visibility, tags, location, created_at)
        select p.id, 'Post ' || g, 'Everywhere is word' || g % 700, (array['public', 'public', 'friends', 'private'])[1 + (g + g / 3000) % 4],
          case when g % 3 = 0 then '{camping}'::text[] else '{}' end || case when g % 500 = 0 then '{rare}'::text[] else '{}' end,
          jsonb_build_object('lat', round((g * 7919 % 18000 - 9000) / 100.0, 2), 'lng', round((g * 104729::bigint % 36000 - 18000) / 100.0, 2)),
          now() - g * interval '1 minute'
        from generate_series(1, 15000) as g join people p on p.n = 1 + g % 3000;
      insert into posts (user_id, title, content, visibility, tags, location, created_at)
        select '${writer}', 'Diary ' || n, case when n % 10 = 0 then 'Everywhere' else 'Everywhere hush' end,
          case when n % 10 = 0 then 'public' else 'private' end, case when n % 10 = 0 then '{camping}' else '{camping,hush}'::text[] end,
          case when n % 10 = 0 then '{"lat": 38.57, "lng": -109.55}' else '{"lat": -66.66, "lng": 77.77}'::jsonb end,
          now() + n * interval '1 second'
        from generate_series(1, 3000) as n;
      insert into posts (id, user_id, title, content) values ('${famous}', '${writer}', 'Famous', 'x');
      insert into post_likes (post_id, user_id, post_user_id, post_visibility, created_at)
        select '${famous}', id, '${writer}', 'public', now() - n * interval '1 minute' from people;
      insert into post_comments (post_id, user_id, post_user_id, post_visibility, content, created_at)
        select '${famous}', id, '${writer}', 'public', 'x', now() - n * interval '1 minute' from people
        union all
        select p.id, p.user_id, p.user_id, p.visibility, 'x', p.created_at from posts p where p.id <> '${famous}';
      set session_replication_role = origin;
    `);
    await client.query('vacuum analyze');
  } finally {
    client.release();
  }
}, 120_000);

afterAll(() => database.destroy());

type Work = { table: string; scanned: number; fetched: number };

/**
 * The most that a call reads of a table: the first time, planned for its values, and the eighth, when the server may have
 * come to use one plan for all values.
 */
async function workOf<Repositories>(
  session: Session<Repositories>,
  call: (tx: TransactionSession<Repositories>) => Promise<unknown>,
): Promise<(table: string) => number> {
  const most = new Map<string, number>();
  await session.transaction(async (tx) => {
    const counters = async () => {
      const { rows } = await sql<Work>`
        select relname as table, seq_tup_read::int as scanned, idx_tup_fetch::int as fetched
        from pg_catalog.pg_stat_xact_user_tables where schemaname in ('public', 'private')`.execute(tx.kysely);
      return new Map(rows.map((row) => [row.table, row]));
    };
    for (let time = 0; time < 8; time++) {
      const before = await counters();
      await call(tx);
      for (const [table, { scanned, fetched }] of await counters()) {
        expect(scanned - (before.get(table)?.scanned ?? 0), `${table} is read whole`).toBe(0);
        most.set(table, Math.max(most.get(table) ?? 0, fetched - (before.get(table)?.fetched ?? 0)));
      }
    }
  });
  return (table) => most.get(table) ?? 0;
}

type Reader = Session<{ posts: PostReader }>;
const asAlice = () => database.asUser({ sub: alice });
const asStranger = () => database.asUser({ sub: person(2999) });
const visitor = (): Reader => database.asAnon();
const strangers = (): Reader[] => [asStranger(), visitor()];
const readers = (): Reader[] => [asAlice(), ...strangers()];
const service = (): Session<{ moderation: ModerationRepository }> => database.asService();

describe('a page of 20 reads about as many', () => {
  test('of the feeds', async () => {
    const cursor = (await asAlice().posts.feed({ scope: 'public', limit: 100 })).next_cursor;
    for (const after of [null, cursor]) {
      const work = await workOf(asAlice(), (tx) => tx.posts.feed({ scope: 'public', cursor: after }));
      expect(work('posts')).toBeLessThanOrEqual(page);
      expect(work('public_profiles')).toBeLessThanOrEqual(page);
      expect(work('post_likes')).toBeLessThanOrEqual(page);
    }
    expect((await workOf(visitor(), (tx) => tx.posts.feed()))('posts')).toBeLessThanOrEqual(page);
  });

  test('of what friends write: the newest post of each, and as many of no more friends than the page has posts', async () => {
    for (const scope of ['friends', 'visible'] as const) {
      const cursor = (await asAlice().posts.feed({ scope, limit: 100 })).next_cursor;
      for (const after of [null, cursor]) {
        const work = await workOf(asAlice(), (tx) => tx.posts.feed({ scope, cursor: after }));
        // Her friends and those who have asked, which the planner may not tell apart; and her friends for each policy once.
        expect(work('friendships')).toBeLessThanOrEqual(friendsOfAlice * 6 + 1000 + page);
        // Of ten posts of a friend eight are shared; the writer has more. Besides, a page of the public and one of her own.
        expect(work('posts')).toBeLessThanOrEqual(friendsOfAlice + 20 * 8 + 4 * page);
      }
    }
    const lonely = await workOf(asStranger(), (tx) => tx.posts.feed());
    expect(lonely('posts')).toBeLessThanOrEqual(20 + 20 * 8 + 2 * page);
  });

  test('of an author who keeps most to themselves', async () => {
    for (const session of readers()) {
      const work = await workOf(session, (tx) => tx.posts.byAuthor(writer));
      expect(work('posts')).toBeLessThanOrEqual(page);
    }
  });

  test('of a tag that is everywhere, past those out of sight', async () => {
    for (const session of readers()) {
      const work = await workOf(session, (tx) => tx.posts.byTag('camping'));
      expect(work('posts')).toBeLessThanOrEqual(250);
    }
  });

  test('of a tag that few have, beside the newest thousand', async () => {
    for (const session of readers()) {
      const work = await workOf(session, (tx) => tx.posts.byTag('rare'));
      expect(work('posts')).toBeLessThanOrEqual(1000 + 4 * page);
      expect((await workOf(session, (tx) => tx.posts.byTag('none')))('posts')).toBeLessThanOrEqual(1000 + 4);
    }
  });

  test('around a place, however wide the circle', async () => {
    for (const radius_km of [50, 500, 20_000]) {
      for (const session of strangers()) {
        const work = await workOf(session, (tx) => tx.posts.near({ lat: -20, lng: 30, radius_km }));
        expect(work('posts')).toBeLessThanOrEqual(3 * page + 20 * 4);
      }
    }
    expect(
      (await workOf(asAlice(), (tx) => tx.posts.near({ lat: -20, lng: 30, radius_km: 500 })))('posts'),
    ).toBeLessThanOrEqual(3 * page + friendsOfAlice * 4);
  });

  test('around a place where thousands are, most of them out of sight', async () => {
    for (const session of strangers()) {
      const work = await workOf(session, (tx) => tx.posts.near({ lat: 38.57, lng: -109.55, radius_km: 50 }));
      expect(work('posts')).toBeLessThanOrEqual(3 * page + 20 * 4);
    }
  });

  test('of who likes a post and who comments, though thousands do', async () => {
    const likes = await workOf(asAlice(), (tx) => tx.posts.likes(famous));
    expect(likes('post_likes')).toBeLessThanOrEqual(page);
    const { next_cursor } = await asAlice().posts.comments(famous, { limit: 100 });
    for (const cursor of [null, next_cursor]) {
      const comments = await workOf(asAlice(), (tx) => tx.posts.comments(famous, { cursor }));
      expect(comments('post_comments')).toBeLessThanOrEqual(page);
      expect(comments('public_profiles')).toBeLessThanOrEqual(page);
    }
  });

  test('of friends and requests', async () => {
    for (const status of [undefined, 'accepted', 'received'] as const) {
      const work = await workOf(asAlice(), (tx) => tx.friends.list({ ...(status && { status }) }));
      expect(work('friendships')).toBeLessThanOrEqual(page);
      expect(work('public_profiles')).toBeLessThanOrEqual(page);
    }
    const mutual = await workOf(asAlice(), (tx) => tx.friends.mutual(person(4)));
    // Hers, and those of the other.
    expect(mutual('friendships')).toBeLessThanOrEqual(friendsOfAlice * 3 + 1000);
  });

  test('of what is moderated', async () => {
    await file.admin.query("update profiles set role = 'moderator' where id = $1", [person(2998)]);
    const moderator = database.asUser({ sub: person(2998) });
    for (const session of [service(), moderator] as ReturnType<typeof service>[]) {
      // A quarter of the posts, and of the comments, is private; of the writer's nine in ten.
      expect((await workOf(session, (tx) => tx.moderation.posts({ user_id: writer })))('posts')).toBeLessThanOrEqual(
        21,
      );
      const cursor = (await service().moderation.posts({ user_id: writer, limit: 100 })).next_cursor;
      expect(
        (await workOf(session, (tx) => tx.moderation.posts({ user_id: writer, cursor })))('posts'),
      ).toBeLessThanOrEqual(page);
      for (const filter of [{}, { user_id: person(5) }, { post_id: famous }]) {
        const work = await workOf(session, (tx) => tx.moderation.comments(filter));
        expect(work('post_comments')).toBeLessThanOrEqual(30);
      }
    }
  });
});

describe('a search', () => {
  test('for a word that is everywhere ranks the newest thousand', async () => {
    for (const session of strangers()) {
      const work = await workOf(session, (tx) => tx.posts.search('everywhere'));
      expect(work('posts')).toBeLessThanOrEqual(200 + 2 * 1000 + 4 * page);
    }
  });

  test('for a rare word reads those that match, beside a sample', async () => {
    for (const session of readers()) {
      const work = await workOf(session, (tx) => tx.posts.search('word77'));
      expect(work('posts')).toBeLessThanOrEqual(200 + 2 * 60);
    }
  });
});

test('thousands of posts out of sight are not even read, by word, tag or place', async () => {
  for (const session of readers()) {
    const word = await workOf(session, (tx) => tx.posts.search('hush'));
    expect(word('posts')).toBeLessThanOrEqual(200 + 4);
    const tag = await workOf(session, (tx) => tx.posts.byTag('hush'));
    expect(tag('posts')).toBeLessThanOrEqual(1000 + 4);
    const place = await workOf(session, (tx) => tx.posts.near({ lat: -66.66, lng: 77.77, radius_km: 1 }));
    expect(place('posts')).toBeLessThanOrEqual(4);
  }
});

describe('what comes through an index is all there is', () => {
  const seen = {
    stranger: `(visibility = 'public' or user_id = '${person(2999)}' or visibility = 'friends' and user_id in (
      select friend_id from friendships where user_id = '${person(2999)}' and status = 'accepted'))`,
    visitor: "visibility = 'public'",
  };
  const who = { stranger: asStranger, visitor };

  async function ids(where: string): Promise<string[]> {
    const { rows } = await file.admin.query(`select id from posts where ${where} order by created_at desc, id desc`);
    return idsOf(rows);
  }

  test.each(['stranger', 'visitor'] as const)(
    '%s: of a rare tag, and of a common one beyond the newest thousand',
    async (name) => {
      const { posts } = who[name]() as Reader;
      for (const [tag, limit] of [
        ['rare', 3],
        ['camping', 100],
      ] as const) {
        const expected = await ids(`tags @> '{${tag}}' and ${seen[name]}`);
        expect(expected.length).toBeGreaterThan(tag === 'rare' ? 5 : 2000);
        expect(idsOf(await readPages((cursor) => posts.byTag(tag, { limit, cursor })))).toEqual(expected);
      }
    },
  );

  test.each(['stranger', 'visitor'] as const)(
    '%s: of a rare word, and the newest thousand of a common one',
    async (name) => {
      const { posts } = who[name]() as Reader;
      for (const word of ['word77', 'word770', 'hush']) {
        const expected = await ids(`content ~ '\\m${word}' and ${seen[name]}`);
        const found = await posts.search(word, { limit: 100 });
        expect(found.map(({ post_id }) => post_id).sort()).toEqual(expected.slice(0, 100).sort());
      }
      const newest = new Set((await ids(seen.visitor)).slice(0, 1000));
      const common = await posts.search('everywhere', { limit: 100 });
      expect(common).toHaveLength(100);
      for (const { post_id, visibility } of common) if (visibility === 'public') expect(newest).toContain(post_id);
    },
  );

  test('a word that was common lately only is found in old posts too', async () => {
    const insert = `insert into posts (user_id, title, content, created_at)
      select '${writer}', 'Zebra', 'x', now() + interval '1 day' * case when n = 1 then -900 else 1 end from generate_series(1, 15) as n`;
    await file.admin.query(insert);
    expect(await visitor().transaction((tx) => tx.posts.search('zebra', { limit: 100 }))).toHaveLength(15);
    await file.admin.query("delete from posts where title = 'Zebra'");
  });
});

test('deleting a comment reads its post and itself', async () => {
  const { rows } = await file.admin.query('select id from post_comments where post_id = $1 limit 1', [famous]);
  const work = await workOf(database.asUser({ sub: writer }), (tx) => tx.posts.deleteComment(rows[0].id));
  expect(work('post_comments')).toBeLessThanOrEqual(2);
  expect(work('posts')).toBeLessThanOrEqual(4);
});
