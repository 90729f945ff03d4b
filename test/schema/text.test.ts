import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
let alice: string;

beforeAll(async () => {
  alice = await database.signUp();
  await asAlice("insert into posts (user_id, title, content) values (auth.uid(), 'Red dust', 'We saw it.')");
  await asAlice("insert into pam_conversations (user_id, session_id) values (auth.uid(), 'first')");
});

const asAlice = async (text: string, values?: unknown[]) =>
  (await database.as('authenticated', alice, (client) => client.query(text, values))).rows;

describe.each([
  ['expenses', '(user_id, amount, category) values (auth.uid(), 1, $1)'],
  ['budgets', "(user_id, amount, period, category) values (auth.uid(), 1, 'weekly', $1)"],
])('a category of %s', (table, row) => {
  test.each(['fuel', 'Fuel', ' fuel ', 'FUEL\n', '\tFuel', '\r\n fuel'])('%j is "fuel"', async (category) => {
    const rows = await asAlice(`insert into ${table} ${row} returning id, category`, [category]);
    expect(rows[0].category).toBe('fuel');
  });

  test('is the same after an update', async () => {
    const rows = await asAlice(`insert into ${table} ${row} returning id`, ['food']);
    const update = `update ${table} set category = $1 where id = $2 returning category`;
    expect(await asAlice(update, ['  Fuel', rows[0].id])).toEqual([{ category: 'fuel' }]);
  });

  test('keeps the words inside it and letters of every language', async () => {
    const rows = await asAlice(`insert into ${table} ${row} returning category`, [' Câmping-Gás  & Öl ']);
    expect(rows).toEqual([{ category: 'câmping-gás  & öl' }]);
  });
});

describe.each([
  ['expenses', "(user_id, amount, category, tags) values (auth.uid(), 1, 'fuel', $1)"],
  ['posts', "(user_id, title, content, tags) values (auth.uid(), 'Red dust', 'We saw it.', $1)"],
  ['places', `(user_id, name, kind, location, tags) values (auth.uid(), 'Tap', 'water', '{"lat": 1, "lng": 2}', $1)`],
])('tags of %s', (table, row) => {
  const insert = `insert into ${table} ${row} returning id, tags`;

  test.each([
    ['are trimmed and in lower case', '{" Diesel ",OUTBACK}', ['diesel', 'outback']],
    ['lose tabs and line ends around them', '{"\tdiesel\n"}', ['diesel']],
    ['are said once, in the order given', '{b,a,B," a ",c}', ['b', 'a', 'c']],
    ['may be none', '{}', []],
    [
      'may be twenty',
      `{${Array.from({ length: 20 }, (_, i) => `t${i}`)}}`,
      Array.from({ length: 20 }, (_, i) => `t${i}`),
    ],
    [
      'may be twenty after repetitions',
      `{${Array.from({ length: 40 }, (_, i) => `t${i % 20}`)}}`,
      Array.from({ length: 20 }, (_, i) => `t${i}`),
    ],
    ['count from one', '[5:6]={a,b}', ['a', 'b']],
  ])('%s', async (_, given, kept) => {
    expect((await asAlice(insert, [given]))[0].tags).toEqual(kept);
  });

  test.each([
    ['a missing tag', '{diesel,NULL}'],
    ['an empty tag', '{diesel,""}'],
    ['a blank tag', '{diesel,"  "}'],
    ['a blank tag of tabs', '{diesel,"\t\n"}'],
    ['a table of tags', '{{a,b},{c,d}}'],
    ['one row of a table', '{{a,b}}'],
    ['more than twenty', `{${Array.from({ length: 21 }, (_, i) => `t${i}`)}}`],
    ['more than 50 characters', `{${'x'.repeat(51)}}`],
  ])('may not hold %s', async (_, given) => {
    const refused = { code: '23514', constraint: `${table}_tags_check` };
    await expect(asAlice(insert, [given])).rejects.toMatchObject(refused);
    const rows = await asAlice(insert, ['{}']);
    await expect(asAlice(`update ${table} set tags = $1 where id = $2`, [given, rows[0].id])).rejects.toMatchObject(
      refused,
    );
  });

  test('are a list, not nothing', async () => {
    await expect(asAlice(insert, [null])).rejects.toMatchObject({ code: '23502', column: 'tags' });
  });
});

const texts = [
  ['trips', 'name', 200, '(user_id, name) values (auth.uid(), $1)'],
  ['expenses', 'category', 100, '(user_id, amount, category) values (auth.uid(), 1, $1)'],
  ['income_entries', 'source', 200, '(user_id, amount, source) values (auth.uid(), 1, $1)'],
  ['budgets', 'category', 100, "(user_id, amount, period, category) values (auth.uid(), 1, 'weekly', $1)"],
  ['places', 'name', 200, `(user_id, name, kind, location) values (auth.uid(), $1, 'water', '{"lat": 1, "lng": 2}')`],
  [
    'places',
    'notes',
    2000,
    `(user_id, name, kind, location, notes) values (auth.uid(), 'Tap', 'water', '{"lat": 1, "lng": 2}', $1)`,
  ],
  ['posts', 'title', 200, "(user_id, title, content) values (auth.uid(), $1, 'We saw it.')"],
  ['posts', 'content', 20_000, "(user_id, title, content) values (auth.uid(), 'Red dust', $1)"],
  ['pam_conversations', 'session_id', 200, '(user_id, session_id) values (auth.uid(), $1)'],
  [
    'pam_messages',
    'content',
    100_000,
    "(user_id, conversation_id, role, content) select auth.uid(), id, 'user', $1 from pam_conversations where session_id = 'first'",
  ],
  ['trips', 'description', 10_000, "(user_id, name, description) values (auth.uid(), 'Big Lap', $1)"],
  ['expenses', 'description', 2000, "(user_id, amount, category, description) values (auth.uid(), 1, 'fuel', $1)"],
  ['expenses', 'location', 500, "(user_id, amount, category, location) values (auth.uid(), 1, 'fuel', $1)"],
  ['income_entries', 'description', 2000, "(user_id, amount, source, description) values (auth.uid(), 1, 'work', $1)"],
] as const;

describe('text', () => {
  test.each(texts)('%s.%s says something', async (table, column, _, row) => {
    for (const blank of ['', '   ', '\n\t ']) {
      await expect(asAlice(`insert into ${table} ${row}`, [blank])).rejects.toMatchObject({
        code: '23514',
        constraint: `${table}_${column}_check`,
      });
    }
  });

  // The last is more than a text index holds: the check must name it before the index fails.
  test.each(texts)('%s.%s holds at most %i characters', async (table, column, longest, row) => {
    const fits = 'é'.repeat(longest);
    const rows = await asAlice(`insert into ${table} ${row} returning ${column}`, [fits]);
    expect(rows[0][column]).toBe(fits);
    const tooLong = ['é'.repeat(longest + 1), Array.from({ length: 300_000 }, (_, i) => `w${i}`).join(' ')];
    for (const text of tooLong) {
      await expect(asAlice(`insert into ${table} ${row}`, [text])).rejects.toMatchObject({
        code: '23514',
        constraint: `${table}_${column}_check`,
      });
    }
  });

  test.each([
    ['full_name', 200],
    ['region', 100],
  ])('profiles.%s says something in at most %i characters', async (column, longest) => {
    const update = `update profiles set ${column} = $1 where id = auth.uid() returning ${column}`;
    const fits = 'x'.repeat(longest);
    expect(await asAlice(update, [fits])).toEqual([{ [column]: fits }]);
    for (const text of ['', ' \t', 'x'.repeat(longest + 1)]) {
      await expect(asAlice(update, [text])).rejects.toMatchObject({ constraint: `profiles_${column}_check` });
    }
  });

  test('a comment says something in at most 2000 characters', async () => {
    const comment = 'select content from comment_on_post((select id from posts limit 1), $1)';
    expect(await asAlice(comment, ['é'.repeat(2000)])).toHaveLength(1);
    for (const text of ['', ' \n', 'x'.repeat(2001)]) {
      await expect(asAlice(comment, [text])).rejects.toMatchObject({ constraint: 'post_comments_content_check' });
    }
  });
});

describe.each([
  [
    'expenses',
    'receipt_url',
    "insert into expenses (user_id, amount, category, receipt_url) values (auth.uid(), 1, 'fuel', $1)",
  ],
  ['profiles', 'avatar_url', 'update profiles set avatar_url = $1 where id = auth.uid()'],
  [
    'posts',
    'images',
    "insert into posts (user_id, title, content, images) values (auth.uid(), 'Red dust', 'x', array[$1])",
  ],
])('%s.%s', (table, column, statement) => {
  test('is an https address', async () => {
    expect(await asAlice(`${statement} returning user_id`, ['https://example.com/a%20b.png?c=d#e'])).toHaveLength(1);
  });

  test.each([
    'http://example.com/a.png',
    'javascript:alert(1)',
    'https://',
    'https://example.com/a b.png',
    'https://example.com/a\nb',
    ' https://example.com',
    `https://example.com/${'x'.repeat(2048)}`,
    '',
  ])('is not %j', async (url) => {
    await expect(asAlice(statement, [url])).rejects.toMatchObject({
      code: '23514',
      constraint: `${table}_${column}_check`,
    });
  });
});

test.each([
  ['more than twenty', `{${Array(21).fill('https://example.com/a.png')}}`],
  ['a missing one', '{https://example.com/a.png,NULL}'],
  ['a table of them', '{{https://example.com/a.png}}'],
])('a post’s images may not be %s', async (_, images) => {
  await expect(
    asAlice("insert into posts (user_id, title, content, images) values (auth.uid(), 'Red dust', 'x', $1)", [images]),
  ).rejects.toMatchObject({ code: '23514', constraint: 'posts_images_check' });
});
