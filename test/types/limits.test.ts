import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  createDatabase,
  type Database,
  type Session,
  type UserRepositories,
  ValidationError,
} from '../../src/index.ts';
import {
  budgetInputSchema,
  budgetPatchSchema,
  commentSchema,
  conversationInputSchema,
  expenseInputSchema,
  expensePatchSchema,
  feedbackInputSchema,
  incomeInputSchema,
  incomePatchSchema,
  messageInputSchema,
  placeInputSchema,
  placePatchSchema,
  postInputSchema,
  postPatchSchema,
  profilePatchSchema,
  tripInputSchema,
  tripPatchSchema,
  userMessageInputSchema,
} from '../../src/schemas.ts';
import { timezoneSchema } from '../../src/types/calendar.ts';
import { currencies, currencySchema } from '../../src/types/currency.ts';
import { placeKinds } from '../../src/types/enums.ts';
import { testDatabase } from '../support/database.ts';

// The schemas of the repositories and the constraints of the tables draw the same lines: what one lets through the other
// keeps, and what one refuses for its size or range the other refuses from whoever writes without repositories.

const file = testDatabase();
let database: Database;
let alice: Session<UserRepositories>;
let aliceId: string;
let post: string;
let conversation: string;
let message: string;

beforeAll(async () => {
  database = createDatabase({ connectionString: file.connectionString, max: 2 });
  aliceId = await file.signUp();
  alice = database.asUser({ sub: aliceId });
  post = (await alice.posts.create({ title: 'Red dust', content: 'We saw it.' })).id;
  conversation = (await alice.pam.startConversation({ session_id: 'phone' })).id;
  message = (await alice.pam.appendMessage(conversation, { role: 'user', content: 'a' })).id;
});

afterAll(async () => {
  await database.destroy();
});

type Row = Record<string, unknown>;

/** A row that is right but for the field in question, and the repository’s way to write it. */
type Writer = { base: () => Row; write: (row: never) => Promise<unknown> };

const writers = {
  trips: { base: () => ({ name: 'x', start_date: '1900-01-01' }), write: (row) => alice.trips.create(row) },
  expenses: { base: () => ({ amount: 1, category: 'x' }), write: (row) => alice.expenses.create(row) },
  income_entries: {
    base: () => ({ amount: 1, source: 'x', date: '1900-01-01', type: 'recurring', frequency: 'yearly' }),
    write: (row) => alice.income.create(row),
  },
  budgets: { base: () => ({ amount: 1, period: 'weekly' }), write: (row) => alice.budgets.create(row) },
  places: { base: () => ({ name: 'x', kind: 'water', location: point }), write: (row) => alice.places.create(row) },
  posts: { base: () => ({ title: 'x', content: 'x' }), write: (row) => alice.posts.create(row) },
  profiles: { base: () => ({}), write: (row) => alice.profiles.update(row) },
  pam_conversations: {
    base: () => ({ session_id: randomUUID() }),
    write: (row) => alice.pam.startConversation(row),
  },
  pam_messages: {
    base: () => ({ role: 'user', content: 'x' }),
    write: (row) => alice.pam.appendMessage(conversation, row),
  },
  pam_feedback: {
    base: () => ({
      message_id: message,
      thumbs_up: null,
      feedback_text: 'x',
      feedback_type: `t${Math.random()}`.replace('.', ''),
    }),
    write: (row) => alice.pam.giveFeedback(row),
  },
  post_comments: {
    base: () => ({ content: 'x' }),
    write: ({ content }: { content: string }) => alice.posts.comment(post, content),
  },
} satisfies Record<string, Writer>;

type Table = keyof typeof writers;

/** Writes the row as the user, without a repository. */
async function writeDirectly(table: Table, row: Row): Promise<void> {
  const given = `jsonb_populate_record(null::${table}, $1) as given`;
  const inserted = { ...row, user_id: aliceId, ...(table === 'pam_messages' && { conversation_id: conversation }) };
  const names = Object.keys(inserted);
  const insert = `insert into ${table} (${names}) select ${names} from ${given} on conflict do nothing`;
  const set = Object.keys(row).map((name) => `${name} = given.${name}`);
  const statements: Partial<Record<Table, string>> = {
    profiles: `update profiles set ${set} from ${given} where profiles.id = auth.uid()`,
    post_comments: `select comment_on_post('${post}', given.content) from ${given}`,
  };
  await file.as('authenticated', aliceId, (client) =>
    client.query(statements[table] ?? insert, [JSON.stringify(inserted)]),
  );
}

const refusals = /^(23514|22\w{3})$/;

/** 'kept', or who refused it: nothing but a check or a type of the table, nothing but a schema of the repository. */
async function outcomes(table: Table, column: string, value: unknown) {
  const row: Row = { ...writers[table].base(), [column]: value };
  const outcome = async (work: () => Promise<unknown>, isRefusal: (error: unknown) => boolean) => {
    try {
      await work();
      return 'kept';
    } catch (error) {
      return isRefusal(error) ? 'refused' : error;
    }
  };
  return {
    repository: await outcome(
      () => writers[table].write(row as never),
      (error) => error instanceof ValidationError && error.code === 'VALIDATION',
    ),
    table: await outcome(
      () => writeDirectly(table, row),
      (error) => error instanceof Error && 'code' in error && refusals.test(String(error.code)),
    ),
  };
}

const many = <T>(count: number, item: (i: number) => T) => Array.from({ length: count }, (_, i) => item(i));

// A character may be two code units, or white space that is not ASCII.
const text = (longest: number): Limits => ({
  kept: ['x', ' x\n', '\u00a0x', 'x'.repeat(longest), '😀'.repeat(longest)],
  refused: ['', ' ', '\t\r\n', '\u2003\u3000', 'x'.repeat(longest + 1), '😀'.repeat(longest + 1), 'a\0b', 'a\ud800b'],
});
const nullable = ({ kept, refused }: Limits): Limits => ({ kept: [...kept, null], refused });

type Limits = { kept: readonly unknown[]; refused: readonly unknown[] };

const amount: Limits = {
  kept: ['0.01', '1', '42.5', '42.50', 42.5, 0.01, '99999999.99', 99999999.99, '007'],
  refused: [
    '0',
    0,
    '0.00',
    '0.001',
    '0.009',
    '-1',
    -0.01,
    '1.999',
    '100000000',
    1e8,
    1e21,
    '99999999.999',
    'NaN',
    'Infinity',
    '',
  ],
};
const budget: Limits = {
  kept: [...amount.kept, '0', 0, '0.00'],
  refused: amount.refused.filter((value) => Number(value) !== 0 || value === ''),
};
const date: Limits = {
  kept: ['1900-01-01', '2024-02-29', '2999-12-31'],
  refused: [
    '1899-12-31',
    '3000-01-01',
    '2023-02-29',
    '2026-13-01',
    '2026-00-01',
    '2026-01-32',
    '0000-01-01',
    '10000-01-01',
    'infinity',
    '',
  ],
};
const currency: Limits = {
  kept: ['USD', 'JPY', 'XCG', 'ZWG'],
  refused: ['usd', 'XXX', 'DEM', 'BTC', 'EURO', ' USD', '', '€'],
};
const tags: Limits = {
  kept: [
    [],
    ['x'.repeat(50)],
    ['😀'.repeat(50)],
    [` ${'x'.repeat(50)}\t`],
    many(20, (i) => `t${i}`),
    many(40, (i) => `T${i % 20}`),
  ],
  refused: [[''], [' '], ['x'.repeat(51)], many(21, (i) => `t${i}`), ['a', null], [['a']], ['a\0b']],
};
const url = (length: number) => `https://example.com/${'x'.repeat(length - 20)}`;
const httpsUrl: Limits = {
  kept: ['https://example.com', 'https://example.com/é?b=c#d', url(2048), `https://example.com/${'😀'.repeat(2028)}`],
  refused: [
    'http://example.com',
    'https://',
    'example.com',
    'https://example.com/a b',
    url(2049),
    '',
    'https://example.com/\0',
    'https://example.com/\ud800',
  ],
};
const images: Limits = {
  kept: [[], [url(2048)], many(20, (i) => `https://example.com/${i}.png`)],
  refused: [many(21, (i) => `https://example.com/${i}.png`), ['http://example.com'], [''], [null], [url(2049)]],
};
// The table allows twice as much, because jsonb is written with spaces: `[1, 1]`.
const json: Limits = {
  kept: [
    {},
    { a: { b: [1, null, true, 'x'] } },
    { a: 'x'.repeat(16_376) },
    { a: many(8000, () => 1) },
    { é: 'é'.repeat(8000) },
  ],
  refused: [[], 'x', 7, true, { a: 'x'.repeat(33_000) }, { a: 'é'.repeat(16_384) }, { a: 'x\0' }, { 'x\0': 1 }],
};
const stop = (more: object) => [{ name: 'x', ...more }];
const itinerary: Limits = {
  kept: [
    [],
    many(200, () => ({ name: 'x' })),
    stop({ name: '😀'.repeat(200), notes: '😀'.repeat(2000) }),
    stop({ lat: 90, lng: 180 }),
    stop({ lat: -90, lng: -180 }),
    stop({ arrive_on: '1900-01-01', leave_on: '2999-12-31' }),
    stop({ arrive_on: '2026-12-01', leave_on: '2026-12-01' }),
  ],
  refused: [
    many(201, () => ({ name: 'x' })),
    stop({ name: 'x'.repeat(201) }),
    stop({ name: ' ' }),
    stop({ notes: 'x'.repeat(2001) }),
    stop({ notes: '' }),
    stop({ lat: 90.000001, lng: 0 }),
    stop({ lat: 0, lng: -180.000001 }),
    stop({ lat: 1 }),
    stop({ lng: 1 }),
    stop({ arrive_on: '1899-12-31' }),
    stop({ leave_on: '3000-01-01' }),
    stop({ arrive_on: '2026-02-30' }),
    stop({ arrive_on: '2026-12-02', leave_on: '2026-12-01' }),
    stop({ colour: 'red' }),
    [{}],
    {},
  ],
};
const metres = { distance: 1, duration: 1 };
const route: Limits = {
  kept: [
    { distance: 0, duration: 0 },
    { distance: 1e9, duration: 1e9 },
    { ...metres, geometry: 'x'.repeat(1_048_000) },
    { ...metres, geometry: { type: 'LineString', coordinates: many(95_000, () => [1.5, 2.5]) } },
    { ...metres, legs: [], weight_name: 'auto' },
  ],
  refused: [
    { distance: -1, duration: 1 },
    { distance: 1, duration: -0.001 },
    { distance: 1e9 + 1, duration: 1 },
    { distance: 1, duration: 1e9 + 1 },
    { ...metres, geometry: 'x'.repeat(2_097_152) },
    { ...metres, geometry: 7 },
    { ...metres, legs: {} },
    { distance: 1 },
    [],
  ],
};
const point = { lat: 1, lng: 1 };
const location: Limits = {
  kept: [
    { lat: 90, lng: 180 },
    { lat: -90, lng: -180, exact: true },
    { ...point, name: '😀'.repeat(200), exact: false },
  ],
  refused: [
    { lat: 90.01, lng: 0 },
    { lat: 0, lng: 180.01 },
    { lat: -90.000001, lng: 0, exact: true },
    { lat: 1 },
    { ...point, name: 'x'.repeat(201) },
    { ...point, name: ' ' },
    { ...point, exact: 'yes' },
    { ...point, colour: 'red' },
    [],
  ],
};

const limits: [Table, string, Limits][] = [
  ['trips', 'name', text(200)],
  ['trips', 'description', nullable(text(10_000))],
  ['trips', 'start_date', nullable(date)],
  ['trips', 'end_date', nullable(date)],
  ['trips', 'status', { kept: ['planning', 'cancelled'], refused: ['lost', '', 'Planning'] }],
  ['trips', 'budget_total', nullable(budget)],
  ['trips', 'currency', currency],
  ['trips', 'route_data', nullable(route)],
  ['trips', 'destinations', itinerary],
  ['trips', 'metadata', json],
  ['expenses', 'amount', amount],
  ['expenses', 'currency', currency],
  ['expenses', 'category', text(100)],
  ['expenses', 'description', nullable(text(2000))],
  ['expenses', 'date', date],
  ['expenses', 'location', nullable(text(500))],
  ['expenses', 'receipt_url', nullable(httpsUrl)],
  ['expenses', 'tags', tags],
  ['expenses', 'metadata', json],
  ['income_entries', 'amount', amount],
  ['income_entries', 'currency', currency],
  ['income_entries', 'source', text(200)],
  ['income_entries', 'description', nullable(text(2000))],
  ['income_entries', 'date', date],
  ['income_entries', 'frequency', { kept: ['daily', 'yearly'], refused: ['hourly', ''] }],
  ['income_entries', 'type', { kept: ['recurring'], refused: ['stolen', ''] }],
  ['income_entries', 'ends_on', nullable(date)],
  ['income_entries', 'metadata', json],
  ['budgets', 'amount', amount],
  ['budgets', 'currency', currency],
  ['budgets', 'category', nullable(text(100))],
  ['budgets', 'period', { kept: ['weekly', 'monthly', 'yearly'], refused: ['daily', '', 'Weekly'] }],
  ['budgets', 'starts_on', date],
  ['places', 'name', text(200)],
  ['places', 'kind', { kept: placeKinds, refused: ['hotel', '', 'Water'] }],
  ['places', 'location', location],
  ['places', 'rating', { kept: [1, 5, null], refused: [0, 6, -1, 3.5, 1e10] }],
  ['places', 'notes', nullable(text(2000))],
  ['places', 'tags', tags],
  ['posts', 'title', text(200)],
  ['posts', 'content', text(20_000)],
  ['posts', 'images', images],
  ['posts', 'location', nullable(location)],
  ['posts', 'tags', tags],
  ['posts', 'visibility', { kept: ['public', 'friends', 'private'], refused: ['secret', ''] }],
  ['posts', 'metadata', json],
  ['profiles', 'full_name', nullable(text(200))],
  ['profiles', 'avatar_url', nullable(httpsUrl)],
  ['profiles', 'region', text(100)],
  ['profiles', 'currency', currency],
  ['profiles', 'preferences', json],
  ['pam_conversations', 'session_id', text(200)],
  ['pam_messages', 'content', text(100_000)],
  ['pam_messages', 'metadata', json],
  ['pam_feedback', 'rating', { kept: [1, 5, null], refused: [0, 6, -1, 1e10] }],
  ['pam_feedback', 'feedback_text', text(5000)],
  [
    'pam_feedback',
    'feedback_type',
    { kept: ['a', `a${'_'.repeat(49)}`, 'a1_b2'], refused: ['', 'A', '1a', 'a b', `a${'_'.repeat(50)}`, 'a\n'] },
  ],
  ['pam_feedback', 'metadata', json],
  ['post_comments', 'content', text(2000)],
];

/** What a service may validate with. */
const schemas = {
  trips: [tripInputSchema, tripPatchSchema],
  expenses: [expenseInputSchema, expensePatchSchema],
  income_entries: [incomeInputSchema, incomePatchSchema],
  budgets: [budgetInputSchema, budgetPatchSchema],
  places: [placeInputSchema, placePatchSchema],
  posts: [postInputSchema, postPatchSchema],
  profiles: [profilePatchSchema],
  pam_conversations: [conversationInputSchema],
  pam_messages: [messageInputSchema, userMessageInputSchema],
  pam_feedback: [feedbackInputSchema],
  post_comments: [z.strictObject({ content: commentSchema })],
} satisfies Record<Table, [z.ZodObject, ...z.ZodObject[]]>;

describe.each(Object.entries(schemas))('the schemas of %s', (name, ofTable) => {
  const table = name as Table;
  const [first] = ofTable;

  test('have no field whose limits are not here', () => {
    const known = limits.flatMap(([of, column]) => (of === table ? [column] : []));
    // Keys, what is one of a few words or any text, and what is tried with all the names that Postgres knows.
    const others = ['id', 'trip_id', 'message_id', 'role', 'thumbs_up', 'timezone'];
    const fields = ofTable.flatMap((schema) => Object.keys(schema.shape));
    expect(fields.filter((field) => !known.includes(field) && !others.includes(field))).toEqual([]);
  });

  test('tell what is kept, and refused, as the table does', () => {
    for (const [of, column, { kept, refused }] of limits.filter(([of]) => of === table)) {
      const { ...base }: Row = writers[of].base();
      if (of === 'profiles') base.region = 'x';
      for (const schema of ofTable) {
        for (const value of kept) expect(schema.safeParse({ ...base, [column]: value }).error, column).toBeUndefined();
        for (const value of refused) expect(schema.safeParse({ ...base, [column]: value }).success, column).toBe(false);
      }
    }
  });

  test('give what they take again, and the repository takes', async () => {
    for (const [of, column, { kept }] of limits.filter(([of]) => of === table)) {
      for (const value of kept) {
        const given = first.parse({ ...writers[of].base(), [column]: value });
        expect(first.parse(given), column).toEqual(given);
        await writers[of].write(given as never);
      }
    }
  });
});

describe.each(limits)('%s.%s', (table, column, { kept, refused }) => {
  test.each(kept.map((value) => [shown(value), value]))('keeps %s', async (_, value) => {
    expect(await outcomes(table, column, value)).toEqual({ repository: 'kept', table: 'kept' });
  });

  test.each(refused.map((value) => [shown(value), value]))('refuses %s', async (_, value) => {
    expect(await outcomes(table, column, value)).toEqual({ repository: 'refused', table: 'refused' });
  });
});

test('a currency is one that the domain lists, and the other way round', async () => {
  const { rows } = await file.admin.query<{ definition: string }>(
    "select pg_get_constraintdef(oid) as definition from pg_constraint where conname = 'currency_code_check'",
  );
  const listed = [...(rows[0]?.definition ?? '').matchAll(/'(\w+)'::text/g)].map(([, code]) => code);
  expect([...currencies]).toEqual(listed);
  // All that JavaScript knows, those of the past included.
  const known = [...new Set([...Intl.supportedValuesOf('currency'), ...currencies])];
  expect(known.filter((code) => currencySchema.safeParse(code).success)).toEqual(
    known.filter((code) => listed.includes(code)),
  );
});

test('a time zone is one to both, whoever knows its name', async () => {
  const odd = [
    'utc',
    'UTC0',
    'GMT',
    'EST',
    'EST5EDT',
    'FOO+5',
    'Foo/Bar+5',
    'Nowhere/Land',
    'Etc/GMT+13',
    'Etc/GMT-14',
    '+05:00',
  ];
  odd.push(
    '',
    'pacific/auckland',
    'Pacific/Auckland ',
    'Pacific/Auckland\n',
    'posix/Europe/Paris',
    "Pacific'; drop",
    'a/b',
  );
  const { rows } = await file.admin.query<{ name: string; kept: boolean }>(
    `select name, private.is_timezone(name) as kept
      from (select name from pg_timezone_names union select unnest($1::text[])) as names`,
    [[...Intl.supportedValuesOf('timeZone'), ...odd]],
  );
  const differ = rows.filter(({ name, kept }) => timezoneSchema.safeParse(name).success !== kept);
  expect(differ).toEqual([]);
  const kept = rows.filter((row) => row.kept).map(({ name }) => name);
  expect(kept).toEqual(expect.arrayContaining(Intl.supportedValuesOf('timeZone')));
  expect(odd.filter((name) => kept.includes(name))).toEqual(['Etc/GMT-14']);
});

function shown(value: unknown): string {
  const json = JSON.stringify(value).replaceAll('%', '%%');
  return json.length > 60 ? `${json.slice(0, 40)}… (${json.length} characters)` : json;
}
