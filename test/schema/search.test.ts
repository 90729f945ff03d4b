import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
let alice: string;
let bob: string;

const by = async (person: string, text: string, values?: unknown[]) =>
  (await database.as('authenticated', person, (client) => client.query(text, values))).rows;

beforeAll(async () => {
  [alice, bob] = [await database.signUp(), await database.signUp()];
  await by(
    alice,
    `insert into trips (user_id, name, description, status) values
      (auth.uid(), 'The Kimberley', 'Driving the Gibb River Road, O''Brien''s way.', 'planning'),
      (auth.uid(), 'Big Lap', 'Around the country; the Kimberley too.', 'active'),
      (auth.uid(), 'Café d''Été', null, 'completed'),
      (auth.uid(), 'To be or not to be', null, 'planning'),
      (auth.uid(), 'Nullarbor 2026', 'A well-known desert: C:\\\\plain', 'cancelled')`,
  );
  await by(bob, "insert into trips (user_id, name) values (auth.uid(), 'Kimberley of Bob')");
  await by(
    alice,
    `insert into posts (user_id, title, content, visibility) values
      (auth.uid(), 'Kimberley sunrise', 'We camped at the gorge.', 'public'),
      (auth.uid(), 'Camping', 'A sunrise over the Kimberley.', 'public'),
      (auth.uid(), 'Kimberley diary', 'Mine.', 'private')`,
  );
});

const names = async (...arguments_: unknown[]) =>
  (
    await by(
      alice,
      `select trip_name from search_trips(${arguments_.map((_, place) => `$${place + 1}`).join(', ')})`,
      arguments_,
    )
  ).map((row) => row.trip_name);

const nasty = [
  "'",
  "''",
  '"',
  '\\',
  '\\\\',
  "\\'",
  "' & ",
  '&',
  '|',
  '!',
  ':*',
  '*',
  '( ',
  ' )',
  '<->',
  "a' | 'b",
  '!kimberley',
  'a & ',
  ':*:A',
  '%',
  '_',
  '$1',
  '\t\r\n',
  '   ',
  '',
  '\u200b',
  '😀',
  '日本',
  "https://example.com/a'b?c=\\d",
  "/usr/lo'cal\\x",
  '<b a="\'">',
  '-1e9',
  'x'.repeat(100_000),
  "'\\ ".repeat(1000),
];

describe('a search for trips', () => {
  test('gives the specification’s columns first, in its order', async () => {
    const rows = await by(alice, "select * from search_trips('lap')");
    expect(rows).toEqual([
      {
        trip_id: expect.any(String),
        trip_name: 'Big Lap',
        description: 'Around the country; the Kimberley too.',
        user_email: `${alice}@example.com`,
        status: 'active',
        created_at: expect.any(Date),
        rank: expect.any(Number),
        user_id: alice,
      },
    ]);
    expect(Object.keys(rows[0])).toEqual([
      'trip_id',
      'trip_name',
      'description',
      'user_email',
      'status',
      'created_at',
      'rank',
      'user_id',
    ]);
    expect(rows[0].rank).toBeGreaterThan(0);
  });

  test.each([
    ['a word', 'Kimberley', ['The Kimberley', 'Big Lap']],
    ['any capitals', 'kIMBERLEY', ['The Kimberley', 'Big Lap']],
    ['the start of a word', 'kimb', ['The Kimberley', 'Big Lap']],
    ['one letter', 'n', ['Nullarbor 2026', 'To be or not to be']],
    ['a stop word', 'the', ['The Kimberley', 'Big Lap']],
    ['stop words alone', 'to be or not to be', ['To be or not to be']],
    ['another form of the word', 'drives', ['The Kimberley']],
    ['the stem', 'drive', ['The Kimberley']],
    ['all words, in any order', 'road gibb', ['The Kimberley']],
    ['words of which one is missing', 'road sydney', []],
    ['words in name and description', 'kimberley lap', ['Big Lap']],
    ['a number', '2026', ['Nullarbor 2026']],
    ['accents', 'café', ["Café d'Été"]],
    ['an apostrophe', "o'brien", ['The Kimberley']],
    ['a hyphen', 'well-known', ['Nullarbor 2026']],
    ['a part of a hyphenated word', 'known', ['Nullarbor 2026']],
    ['a backslash', 'C:\\plain', ['Nullarbor 2026']],
    ['a quotation', '"big lap"', ['Big Lap']],
    ['an operator in words', 'big & lap', ['Big Lap']],
    ['something else', 'zanzibar', []],
    ['nothing', '', []],
    ['blanks', '  \t', []],
    ['NULL', null, []],
  ])('finds %s', async (_, term, expected) => {
    const found = await names(term);
    expect(new Set(found)).toEqual(new Set(expected));
    expect(found).toHaveLength(expected.length);
  });

  test('ranks a word in the name before one in the description', async () => {
    expect(await names('kimberley')).toEqual(['The Kimberley', 'Big Lap']);
    const ranks = (await by(alice, "select rank from search_trips('kimberley')")).map((row) => row.rank);
    expect(ranks[0]).toBeGreaterThan(ranks[1]);
  });

  test.each(nasty.map((term) => [term]))('does not fail on %j', async (term) => {
    expect(Array.isArray(await names(term))).toBe(true);
    expect(Array.isArray(await by(alice, 'select * from search_posts($1)', [term]))).toBe(true);
  });

  test('finds each of two words that a slash joins', async () => {
    await by(alice, "insert into trips (user_id, name) values (auth.uid(), 'Perth/Broome')");
    expect([await names('broome'), await names('perth/broome')]).toEqual([['Perth/Broome'], ['Perth/Broome']]);
  });

  test('does not fail on random characters, and finds what it was given', async () => {
    const characters = [...`'\\ &|!:*<>()-/.@%$#"abcXY01\n\t,;?=_~\`[]{}+é日`];
    for (let round = 0; round < 200; round++) {
      const length = 1 + Math.floor(Math.random() * 30);
      const term = Array.from({ length }, () => characters[Math.floor(Math.random() * characters.length)]).join('');
      const { rows } = await database.admin.query(
        `select private.search_query($1) is null or numnode(private.search_query($1)) = 0
           or to_tsvector('simple', translate($1, '/', ' ')) @@ private.search_query($1) as found`,
        [term],
      );
      expect(rows, JSON.stringify(term)).toEqual([{ found: true }]);
    }
  });

  test('keeps to a status, if one is given', async () => {
    expect(await names('kimberley', null, 'active')).toEqual(['Big Lap']);
    expect(await names('kimberley', null, 'planning')).toEqual(['The Kimberley']);
    expect(await names('kimberley', null, 'nonsense')).toEqual([]);
    expect(await names('kimberley', null, null)).toHaveLength(2);
  });

  test('keeps to a person, who under row level security can only be oneself', async () => {
    expect(await names('kimberley', alice)).toHaveLength(2);
    expect(await names('kimberley', bob)).toEqual([]);
    const service = (text: string, values: unknown[], sub?: string) =>
      database
        .as('service_role', sub, (client) => client.query(text, values))
        .then(({ rows }) => rows.map((row) => row.trip_name));
    const everybody = await service("select trip_name from search_trips('kimberley')", []);
    expect(new Set(everybody)).toEqual(new Set(['The Kimberley', 'Big Lap', 'Kimberley of Bob']));
    expect(await service("select trip_name from search_trips('kimberley', $1)", [bob])).toEqual(['Kimberley of Bob']);
    expect(await service("select trip_name from search_trips('kimberley')", [], bob)).toEqual(['Kimberley of Bob']);
  });

  test.each([
    [null, 20],
    [-1, 1],
    [0, 1],
    [5, 5],
    [1000, 100],
  ])('with the limit %s gives %i', async (limit, count) => {
    const person = await database.signUp();
    await by(
      person,
      "insert into trips (user_id, name) select auth.uid(), 'Lap ' || n from generate_series(1, 120) as n",
    );
    const rows = await by(person, 'select * from search_trips($1, null, null, $2)', ['lap', limit]);
    expect(rows).toHaveLength(count);
    const posts = `insert into posts (user_id, title, content) select auth.uid(), $1 || n, 'x' from generate_series(1, 120) as n`;
    await by(person, posts, [`lap${person.slice(0, 8)} `]);
    expect(await by(person, 'select * from search_posts($1, $2)', [`lap${person.slice(0, 8)}`, limit])).toHaveLength(
      count,
    );
  });

  test('gives twenty unless told', async () => {
    const person = await database.signUp();
    await by(
      person,
      "insert into trips (user_id, name) select auth.uid(), 'Lap ' || n from generate_series(1, 30) as n",
    );
    expect(await by(person, "select * from search_trips('lap')")).toHaveLength(20);
    expect(await by(person, "select * from search_trips(search_term => 'lap', limit_results => 25)")).toHaveLength(25);
  });

  test('finds the trip of whoever has no email', async () => {
    const { rows } = await database.admin.query("insert into auth.users (phone) values ('+61400000000') returning id");
    await by(rows[0].id, "insert into trips (user_id, name) values (auth.uid(), 'Phone home')");
    expect(await by(rows[0].id, "select trip_name, user_email from search_trips('phone')")).toEqual([
      { trip_name: 'Phone home', user_email: null },
    ]);
  });

  test('finds what a trip is called now', async () => {
    await by(bob, "insert into trips (user_id, name) values (auth.uid(), 'Before')");
    await by(bob, "update trips set name = 'Afterwards' where name = 'Before'");
    expect(await by(bob, "select trip_name from search_trips('before')")).toEqual([]);
    expect(await by(bob, "select trip_name from search_trips('afterwards')")).toEqual([{ trip_name: 'Afterwards' }]);
  });
});

describe('a search for posts', () => {
  test('ranks titles before contents, and finds one’s private posts oneself only', async () => {
    const titles = async (person: string) =>
      (await by(person, "select title from search_posts('kimberley')")).map((row) => row.title);
    expect(new Set(await titles(alice))).toEqual(new Set(['Kimberley sunrise', 'Kimberley diary', 'Camping']));
    expect((await titles(alice)).at(-1)).toBe('Camping');
    expect(await titles(bob)).toEqual(['Kimberley sunrise', 'Camping']);
  });

  test.each(['camp', 'camps', 'the gorge', 'sunr'])('finds "%s"', async (term) => {
    const rows = await by(bob, 'select * from search_posts($1)', [term]);
    expect(rows[0]).toMatchObject({ user_id: alice, visibility: 'public' });
    expect(Object.keys(rows[0])).toEqual([
      'post_id',
      'user_id',
      'title',
      'content',
      'visibility',
      'created_at',
      'rank',
    ]);
  });

  test('finds nothing for nothing', async () => {
    for (const term of ['', '  ', null]) expect(await by(bob, 'select * from search_posts($1)', [term])).toEqual([]);
  });
});
