import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { outcome, type Request, refused, requests } from './requests.ts';

const database = testDatabase();
const { anon, user } = requests(database);
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

describe('who sees a post, its likes and its comments', () => {
  const seen = { public: [1, 1, 1, 1], friends: [1, 1, 0, 0], private: [1, 0, 0, 0] };

  test.each(Object.entries(seen))('%s: author, friend, stranger, visitor', async (visibility, counts) => {
    const id = await post('public');
    await friend('select like_post($1)', [id]);
    await friend("select comment_on_post($1, 'Lovely.')", [id]);
    await alice('update posts set visibility = $2 where id = $1', [id, visibility]);
    const outcomes = (text: string, people: Request[]) => Promise.all(people.map((one) => outcome(one(text, [id]))));
    const everybody = [alice, friend, stranger, anon];
    expect(await outcomes('select 1 from posts where id = $1', everybody)).toEqual(counts);
    for (const table of ['post_likes', 'post_comments']) {
      expect(await outcomes(`select 1 from ${table} where post_id = $1`, everybody)).toEqual([
        ...counts.slice(0, 3),
        refused,
      ]);
    }
    expect(await outcomes("select 1 from search_posts('waterhole') where post_id = $1", everybody)).toEqual(counts);
  });

  test('a friendship that is only asked for, or is over, opens nothing', async () => {
    const id = await post('friends');
    const personId = await database.signUp();
    const person = user(personId);
    const sees = () => outcome(person('select 1 from posts where id = $1', [id]));
    await person('select request_friend($1)', [aliceId]);
    expect(await sees()).toBe(0);
    await alice('select accept_friend($1)', [personId]);
    expect(await sees()).toBe(1);
    await alice('select remove_friend($1)', [personId]);
    expect(await sees()).toBe(0);
  });
});

describe('search', () => {
  const hostile = [
    "'",
    "' | 'waterhole",
    '\\',
    "\\'",
    ':*',
    "'waterhole':*",
    '!waterhole',
    '& | ! ( )',
    '<->',
    '%',
    '',
    ' ',
    'a:*A',
    "\\\\' | '",
    'c:\\temp\\x',
    "o'brien:*",
    '<b>x</b>',
    'x@y.z',
    'http://a.b/c?d=1',
    '\u0001',
    '🚐',
    "'\\'':*",
  ];

  test.each(hostile)('takes %j as words', async (term) => {
    await post('private');
    for (const request of [anon, stranger]) {
      expect(await outcome(request('select * from search_posts($1) where title = $2', [term, 'Waterhole!']))).toBe(0);
    }
    expect(await outcome(stranger('select * from search_trips($1)', [term]))).toBe(0);
  });

  test('finds nothing for no term', async () => {
    expect(await outcome(anon('select * from search_posts(null)'))).toBe(0);
  });

  test('fills its limit with posts in sight, past better hits out of sight', async () => {
    for (let count = 0; count < 5; count++) {
      await alice(
        "insert into posts (user_id, title, content, visibility) values ($1, 'Quokka', 'Quokka.', 'private')",
        [aliceId],
      );
    }
    await alice("insert into posts (user_id, title, content) values ($1, 'Rottnest', 'A quokka.')", [aliceId]);
    for (const request of [anon, stranger]) {
      expect((await request("select title from search_posts('quokka', 1)")).rows).toEqual([{ title: 'Rottnest' }]);
    }
  });
});
