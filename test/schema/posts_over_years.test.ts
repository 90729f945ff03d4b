import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type Database } from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';
import { idsOf, readPages } from '../support/read_pages.ts';

const file = testDatabase();
let database: Database;

const person = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
/** Friends with the next 150 people, and blocks one who writes. */
const alice = person(1);
const blocked = person(299);

/**
 * 24,000 public posts of people who are no friends of Alice's, over twelve years, the last fifty of this minute, and before
 * those friends' posts, for friends and public, some at the same time. Of the words one is common, one thins out, one is found
 * in the older half alone, a thousand times and more.
 */
beforeAll(async () => {
  database = createDatabase({ connectionString: file.connectionString, max: 1 });
  const client = await file.admin.connect();
  try {
    await client.query(`
      set session_replication_role = replica;
      create temporary table people as
        select n, ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid as id from generate_series(1, 300) as n;
      insert into auth.users (id) select id from people;
      insert into profiles (id, user_id) select id, id from people;
      insert into public_profiles (id, full_name) select id, 'Person ' || n from people;
      insert into friendships (user_id, friend_id, status)
        select '${alice}', id, case when n < 152 then 'accepted' else 'received' end from people where n between 2 and 160;
      insert into private.blocks (user_id, blocked_id) values ('${alice}', '${blocked}');
      insert into posts (user_id, title, content, tags, created_at)
        select ('00000000-0000-4000-8000-' || lpad((161 + n % 140)::text, 12, '0'))::uuid,
          case when n % 400 = 0 then 'Lizard' else 'Day' end,
          'everyday' || case when n % 23 = 0 then ' lizard' else '' end || case when n % 199 = 1 then ' seldom' else '' end
            || case when n > 13000 and n % 9 = 0 then ' formerly' else '' end || case when n = 23900 then ' once' else '' end,
          case when n % 2 = 0 then '{half}'::text[] else '{}' end || case when n % 90 = 0 then '{ninetieth}'::text[] else '{}' end
            || case when n > 13000 and n % 9 = 0 then '{formerly}'::text[] else '{}' end
            || case when n % 1100 = 5 then '{sparse}'::text[] else '{}' end,
          case when n > 50 then now() - n * interval '265 minutes' else now() end
        from generate_series(1, 24000) as n;
      insert into posts (user_id, title, content, visibility, created_at)
        select p.id, 'From friends', 'lizard', (array['friends', 'public', 'private'])[1 + (p.n + lap) % 3],
          now() - lap * interval '1 day' - p.n / 3 * interval '1 minute'
        from people p, generate_series(1, 4) as lap where p.n between 1 and 160;
      set session_replication_role = origin;
    `);
    await client.query('vacuum analyze');
  } finally {
    client.release();
  }
}, 120_000);

afterAll(() => database.destroy());

const friends = `select friend_id from friendships where user_id = '${alice}' and status = 'accepted'`;
const seen = {
  visitor: "visibility = 'public'",
  alice: `(user_id = '${alice}' or user_id <> '${blocked}' and (visibility = 'public' or visibility = 'friends' and user_id in (${friends})))`,
} as const;
const postsOf = { visitor: () => database.asAnon().posts, alice: () => database.asUser({ sub: alice }).posts } as const;

async function ids(statement: string, values: unknown[] = []): Promise<string[]> {
  const { rows } = await file.admin.query(statement, values);
  return idsOf(rows);
}

/** From before the first week of an index to after its last. */
async function addOutliers(): Promise<void> {
  await file.admin.query(`
    insert into posts (user_id, title, content, tags, created_at)
    select '${person(170)}', 'Outlier', 'lizard once', '{once}', moment::timestamptz
    from unnest(array['-infinity', '4712-01-01 BC', '1999-12-25', '2999-12-25', '9999-12-31', 'infinity']) as moment`);
}

describe.each([
  ['visitor', 'in twelve years'],
  ['alice', 'in twelve years'],
  ['visitor', 'and in all time'],
  ['alice', 'and in all time'],
] as const)('%s finds, %s,', (who, when) => {
  beforeAll(async () => {
    if (when === 'and in all time') await addOutliers();
  });
  afterAll(() => file.admin.query("delete from posts where title = 'Outlier'"));

  test.each([
    ['everyday', 23_000],
    ['lizard', 1_000],
    ['seldom', 100],
    ['formerly', 1_200],
    ['once', 1],
    ['never', 0],
  ])('the best of the newest thousand with "%s"', async (word, least) => {
    const matching = `from posts where search @@ private.search_query($1) and ${seen[who]}`;
    expect((await ids(`select id ${matching}`, [word])).length).toBeGreaterThanOrEqual(least);
    const newest = (condition: string) =>
      `(select id, search, created_at ${matching} and visibility ${condition} 'public' order by created_at desc, id desc limit 1000)`;
    const best = await ids(
      `select id from (${newest('=')} union all ${newest('<>')}) as found
       order by ts_rank(search, private.search_query($1)) desc, created_at desc, id desc limit 100`,
      [word],
    );
    expect((await postsOf[who]().search(word, { limit: 100 })).map(({ post_id }) => post_id)).toEqual(best);
  });

  test.each([
    ['half', 100],
    ['ninetieth', 7],
    ['sparse', 21],
    ['sparse', 20],
    ['sparse', 19],
    ['formerly', 100],
    ['once', 100],
    ['never', 20],
  ])('all posts with the tag "%s", page by page', async (tag, limit) => {
    const all = await ids(`select id from posts where tags @> $1 and ${seen[who]} order by created_at desc, id desc`, [
      [tag],
    ]);
    expect(idsOf(await readPages((cursor) => postsOf[who]().byTag(tag, { limit, cursor })))).toEqual(all);
  });
});

describe('with more friends than a page has posts', () => {
  const all = `select id from posts where user_id in (${friends}) and visibility <> 'private' order by created_at desc, id desc`;

  test.each([1, 7, 50, 100])('their feed has all posts, in pages of %i', async (limit) => {
    const expected = await ids(all);
    expect(expected).toHaveLength(400);
    expect(idsOf(await readPages((cursor) => postsOf.alice().feed({ scope: 'friends', limit, cursor })))).toEqual(
      expected,
    );
  });

  test('what they write now, among others, is at the top', async () => {
    const { rows } = await file.admin.query(
      `insert into posts (user_id, title, content, visibility)
       select user_id, 'Now', 'x', (array['friends', 'public', 'private'])[1 + place % 3]
       from unnest($1::uuid[]) with ordinality as author (user_id, place) returning id`,
      [Array.from({ length: 90 }, (_, n) => (n % 2 ? person(200 + n) : person(2 + n)))],
    );
    const expected = (await ids(all)).slice(0, 20);
    expect(idsOf(rows)).toEqual(expect.arrayContaining(expected));
    const { items } = await postsOf.alice().feed({ scope: 'friends' });
    expect(idsOf(items)).toEqual(expected);
    await file.admin.query("delete from posts where title = 'Now'");
  });
});
