import { randomUUID } from 'node:crypto';
import type { ClientBase } from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { makeBelongings } from '../security/belongings.ts';
import { outcome, requests } from '../security/requests.ts';
import { testDatabase } from '../support/database.ts';

/*
 * What the tables themselves refuse, whoever writes: as the superuser, without triggers and defaults, which would fill in
 * or refuse before they do.
 */
const database = testDatabase();
const { user } = requests(database);
const [alice, bob] = [randomUUID(), randomUUID()];

/** Columns that may be null. */
const optional: Record<string, string> = {
  budgets: 'trip_id category',
  expenses: 'trip_id description location receipt_url import_key',
  friendships: '',
  income_entries: 'description frequency ends_on',
  pam_conversations: '',
  pam_feedback: 'rating feedback_text thumbs_up',
  pam_messages: '',
  places: 'trip_id rating notes',
  post_comments: '',
  post_likes: '',
  post_locations: '',
  posts: 'trip_id location',
  'private.blocks': '',
  profiles: 'email full_name avatar_url',
  public_profiles: 'full_name avatar_url',
  trips: 'description start_date end_date budget_total route_data',
};

/** What is different in a row that has the same key and nothing else of what must be unique. */
const changes: Record<string, object> = {
  ...Object.fromEntries(Object.keys(optional).map((table) => [table, { user_id: randomUUID() }])),
  friendships: {},
  post_likes: {},
  post_locations: {},
  'private.blocks': {},
  profiles: { email: null },
  public_profiles: {},
};

beforeAll(async () => {
  for (const id of [alice, bob]) await database.signUp({ id });
  const { post_id } = await makeBelongings(user(alice), alice);
  await user(alice)("select like_post($1), comment_on_post($1, 'Nice.')", [post_id]);
  await user(alice)('select request_friend($1)', [bob]);
  await database.admin.query('insert into private.blocks (user_id, blocked_id) values ($1, $2)', [alice, bob]);
});

/** Runs `fn` in a transaction without triggers that is rolled back. */
async function bare<T>(fn: (client: ClientBase) => Promise<T>): Promise<T> {
  const client = await database.admin.connect();
  try {
    await client.query('begin; set local session_replication_role = replica');
    return await fn(client);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

async function columnsOf(table: string): Promise<string[]> {
  const { rows } = await database.admin.query<{ name: string }>(
    `select quote_ident(attname) as name from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`,
    [table],
  );
  return rows.map(({ name }) => name);
}

test.each(Object.entries(optional))('%s: a value is left out of no other column', async (table, columns) => {
  const accepted: string[] = [];
  for (const column of await columnsOf(table)) {
    const change = `update ${table} set ${column} = null where true`;
    // A generated column may refuse to be made of it, too.
    const failed = await bare((client) =>
      client.query(change).then(
        () => undefined,
        (error) => error,
      ),
    );
    const refused = failed?.code === '23502' && failed.column === column;
    if (!refused && column !== '"position"') accepted.push(column);
  }
  expect(accepted.sort()).toEqual(columns.split(' ').filter(Boolean).sort());
});

test.each(Object.entries(changes))('%s: a key is taken once, whoever has it', async (table, change) => {
  const columns = (await columnsOf(table)).join();
  const copy = `insert into ${table} (${columns}) overriding system value
    select ${columns} from (select (jsonb_populate_record(one, $1)).* from ${table} as one limit 1) as copy`;
  expect(await bare((client) => outcome(client.query(copy, [JSON.stringify(change)])))).toBe('23505');
});
