import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { type PublishedTable, publishedColumns, publishedTables } from '../../src/changes/published.ts';
import type { Change, Database } from '../../src/index.ts';
import { belongingsOf } from '../security/belongings.ts';
import { testDatabase } from '../support/database.ts';
import { next, testFeeds } from './feeds.ts';

const file = testDatabase();
const feeds = testFeeds(file);
let user_id: string;

beforeAll(async () => {
  user_id = await file.signUp();
});

/** One statement that fills every column, one that changes it and nothing else. */
const tables: { table: PublishedTable; parents?: PublishedTable[]; insert: string; update: string }[] = [
  {
    table: 'trips',
    insert: `insert into trips (id, user_id, name, description, start_date, end_date, status, budget_total, currency)
      values (':trip_id', ':user_id', 'Big Lap', 'Ümlauts, "quotes" and ☀️', '2026-01-31', '2026-02-28', 'planning', '9000.10', 'AUD')`,
    update: "update trips set budget_total = null, end_date = '2026-03-01' where id = ':trip_id'",
  },
  {
    table: 'expenses',
    parents: ['trips'],
    insert: `insert into expenses (id, user_id, trip_id, amount, currency, category, description, date, location, receipt_url, tags, metadata)
      values (':expense_id', ':user_id', ':trip_id', '12345678.90', 'NZD', 'fuel', E'two\\nlines', '1999-12-31', 'Perth',
        'https://example.com/1', '{"a,b","quote \\"",null_,"null"}', '{"a": [1, 2.50, null, "ü"], "n": 12345678901234567890}')`,
    update: "update expenses set tags = '{}', amount = '0.10', description = null where id = ':expense_id'",
  },
  {
    table: 'income_entries',
    insert: `insert into income_entries (id, user_id, amount, currency, source, description, date, type, frequency, ends_on, metadata)
      values (':income_id', ':user_id', '100.00', 'USD', 'fruit picking', 'apples', '2026-01-01', 'recurring', 'weekly', '2026-12-31', '{"a": {}}')`,
    update: "update income_entries set ends_on = null where id = ':income_id'",
  },
  {
    table: 'posts',
    parents: ['trips'],
    insert: `insert into posts (id, user_id, trip_id, title, content, images, location, tags, visibility, metadata)
      values (':post_id', ':user_id', ':trip_id', 'Sunrise', 'Over the dunes.', '{https://example.com/1.jpg}',
        '{"lat": -36.848461, "lng": 174.763336}', '{dunes,"early bird"}', 'private', '{"mood": "calm"}')`,
    update: "update posts set location = null, title = 'Sunset' where id = ':post_id'",
  },
  {
    table: 'pam_conversations',
    insert: `insert into pam_conversations (id, user_id, session_id, context)
      values (':conversation_id', ':user_id', 'tab :conversation_id', '{"page": "trips"}')`,
    update: "update pam_conversations set status = 'archived' where id = ':conversation_id'",
  },
  {
    table: 'pam_messages',
    parents: ['pam_conversations'],
    insert: `insert into pam_messages (id, user_id, conversation_id, role, content, metadata)
      values (':message_id', ':user_id', ':conversation_id', 'user', 'Where is fuel cheap?', '{"tokens": 5}')`,
    update: `update pam_messages set metadata = '{"tokens": 6}' where id = ':message_id'`,
  },
];

function named(table: PublishedTable) {
  return tables.find((each) => each.table === table) ?? expect.unreachable();
}

const idNames = {
  trips: 'trip_id',
  expenses: 'expense_id',
  income_entries: 'income_id',
  posts: 'post_id',
  pam_conversations: 'conversation_id',
  pam_messages: 'message_id',
} as const;

async function selected(database: Database, table: PublishedTable, id: string) {
  const { rows } = await sql<Record<string, unknown>>`
    select ${sql.join(publishedColumns[table].map((column) => sql.ref(column)))} from ${sql.table(table)} where id = ${id}
  `.execute(database.asService().kysely);
  return rows[0];
}

const income = (description: string) =>
  `insert into income_entries (user_id, amount, source, description) values ('${user_id}', 1, 'work', '${description}')`;

/** A feed that is open, as its loop. */
async function opened(options?: Parameters<Database['changes']>[0]) {
  const feed = feeds.open().changes(options);
  await feed.ready();
  return feed[Symbol.asyncIterator]();
}

function descriptionOf({ row }: Change): unknown {
  return row && 'description' in row ? row.description : undefined;
}

test('publishedColumns is what the publication has', async () => {
  const { rows } = await feeds.admin.query(
    `select tablename, attnames::text[] as columns from pg_publication_tables
     where pubname = 'supabase_realtime' and schemaname = 'public'`,
  );
  const sorted = (columns: readonly string[]) => columns.toSorted();
  expect(Object.fromEntries(rows.map(({ tablename, columns }) => [tablename, sorted(columns)]))).toEqual(
    Object.fromEntries(publishedTables.map((table) => [table, sorted(publishedColumns[table])])),
  );
});

describe('a row', () => {
  test.each(tables)('of $table is what a query gives, when it comes, changes and goes', async (each) => {
    const { table, parents = [], insert, update } = each;
    const ids = belongingsOf(user_id);
    const withIds = (text: string) => text.replace(/:(\w+)/g, (whole, name) => ids[name as keyof typeof ids] ?? whole);
    const id = ids[idNames[table]];
    for (const parent of parents) await feeds.write(withIds(named(parent).insert));
    const database = feeds.open();
    const feed = database.changes({ tables: [table] });
    await feed.ready();
    const loop = feed[Symbol.asyncIterator]();

    await feeds.write(withIds(insert));
    const made = await selected(database, table, id);
    expect(Object.values(made ?? {})).not.toContain(null);
    await feeds.write(withIds(update));
    const changed = await selected(database, table, id);
    expect(changed).not.toEqual(made);
    await feeds.write(`delete from ${table} where id = '${id}'`);

    const place = {
      table,
      lsn: expect.stringMatching(/^[0-9A-F]{8}\/[0-9A-F]{8}$/),
      ordinal: 0,
      commit_time: expect.any(Date),
      transaction: expect.any(Number),
    };
    expect(await next(loop, 3)).toStrictEqual([
      { ...place, operation: 'insert', row: made, old: null },
      { ...place, operation: 'update', row: changed, old: null },
      { ...place, operation: 'delete', row: null, old: { id, user_id } },
    ]);
  });

  test('whose key was changed has the old one', async () => {
    const ids = belongingsOf(user_id);
    const loop = await opened({ tables: ['income_entries'] });
    await feeds.write(income('first'), income('second'));
    const [{ row }] = (await next(loop, 2)) as [Change & { row: { id: string } }];
    await feeds.write(`update income_entries set id = '${ids.income_id}' where id = '${row.id}'`);
    expect(await next(loop, 1)).toMatchObject([
      { operation: 'update', row: { id: ids.income_id }, old: { id: row.id, user_id } },
    ]);
  });

  test('whose long text was not touched is without it, and not with NULL in its place', async () => {
    const loop = await opened({ tables: ['posts'] });
    const { post_id } = belongingsOf(user_id);
    // What does not compress is stored out of line.
    const content = randomBytes(4_000).toString('base64');
    await feeds.write(
      `insert into posts (id, user_id, title, content) values ('${post_id}', '${user_id}', 'Sunrise', '${content}')`,
      `update posts set title = 'Sunset' where id = '${post_id}'`,
      `update posts set content = 'short' where id = '${post_id}'`,
      `update posts set title = 'Night' where id = '${post_id}'`,
    );
    const [made, untouched, touched, short] = await next(loop, 4);
    expect(made?.row).toHaveProperty('content', content);
    expect(made?.row).toHaveProperty('trip_id', null);
    expect(untouched?.row).toMatchObject({ title: 'Sunset', trip_id: null, location: null });
    expect(untouched?.row).not.toHaveProperty('content');
    expect(touched?.row).toHaveProperty('content', 'short');
    expect(short?.row).toHaveProperty('content', 'short');
  });
});

describe('the order', () => {
  test('is that of the commits, each whole', async () => {
    const loop = await opened({ tables: ['income_entries'] });
    const [slow, quick] = await Promise.all([feeds.admin.connect(), feeds.admin.connect()]);
    try {
      await slow.query(`begin; ${income('slow 1')}`);
      await quick.query(`begin; ${income('quick 1')}; ${income('quick 2')}`);
      await slow.query(income('slow 2'));
      await quick.query(`savepoint lost; ${income('undone')}; rollback to lost; ${income('quick 3')}; commit`);
      await slow.query('commit');
    } finally {
      slow.release();
      quick.release();
    }
    await feeds.write(`${income('undone too')}; rollback; begin; ${income('last')}`);
    const changes = await next(loop, 6);
    expect(changes.map(descriptionOf)).toEqual(['quick 1', 'quick 2', 'quick 3', 'slow 1', 'slow 2', 'last']);
    expect(changes.map(({ ordinal }) => ordinal)).toEqual([0, 1, 2, 0, 1, 0]);
    const places = changes.map(({ lsn, ordinal }) => `${lsn} ${ordinal}`);
    expect(places).toEqual(places.toSorted());
    expect(new Set(changes.map(({ lsn }) => lsn)).size).toBe(3);
    expect(new Set(changes.map(({ transaction }) => transaction)).size).toBe(3);
  });

  test('has the place, the time and the transaction of the commit', async () => {
    const loop = await opened({ tables: ['income_entries'] });
    const client = await feeds.admin.connect();
    try {
      const now = 'select clock_timestamp() as time, pg_current_wal_insert_lsn() as lsn';
      await client.query('begin');
      await client.query(income('timed'));
      const { rows: xids } = await client.query('select pg_current_xact_id()::text as xid');
      const { rows: before } = await client.query(now);
      await client.query('commit');
      const { rows: after } = await client.query(now);
      const [change] = await next(loop, 1);
      expect(String(change?.transaction)).toBe(xids[0].xid);
      // The server counts microseconds, a Date milliseconds.
      expect(change?.commit_time?.getTime()).toBeGreaterThanOrEqual(before[0].time.getTime());
      expect(change?.commit_time?.getTime()).toBeLessThanOrEqual(after[0].time.getTime());
      const { rows } = await client.query('select $1::pg_lsn between $2 and $3 as is_between', [
        change?.lsn,
        before[0].lsn,
        after[0].lsn,
      ]);
      expect(rows).toEqual([{ is_between: true }]);
    } finally {
      client.release();
    }
  });

  test('gives every change of a transaction the same place, whichever tables are asked for', async () => {
    const all = await opened();
    const some = await opened({ tables: ['income_entries', 'pam_conversations'] });
    const { trip_id } = belongingsOf(user_id);
    await feeds.write(
      `insert into trips (id, user_id, name) values ('${trip_id}', '${user_id}', 'Big Lap')`,
      income('between'),
      `insert into expenses (user_id, trip_id, amount, category) values ('${user_id}', '${trip_id}', 5, 'fuel')`,
      `insert into pam_conversations (user_id, session_id) values ('${user_id}', 'tab ${trip_id}')`,
    );
    const changes = await next(all, 5);
    // The trip's totals follow its expenses.
    expect(changes.map(({ table, operation, ordinal }) => `${ordinal} ${operation} ${table}`)).toEqual([
      '0 insert trips',
      '1 insert income_entries',
      '2 insert expenses',
      '3 update trips',
      '4 insert pam_conversations',
    ]);
    expect(await next(some, 2)).toEqual([changes[1], changes[4]]);
  });
});

test('a truncate is one change of each table', async () => {
  const loop = await opened({ tables: ['pam_conversations', 'pam_messages'] });
  await feeds.write('truncate pam_conversations cascade');
  const changes = await next(loop, 2);
  expect(changes.map(({ table }) => table).toSorted()).toEqual(['pam_conversations', 'pam_messages']);
  for (const change of changes) expect(change).toMatchObject({ operation: 'truncate', row: null, old: null });
  expect(new Set(changes.map(({ ordinal }) => ordinal)).size).toBe(2);
});

test('what else the publication has is passed over', async () => {
  await feeds.admin.query(`
    create table public.strangers (id integer primary key);
    create schema elsewhere;
    create table elsewhere.trips (id integer primary key);
    alter publication supabase_realtime add table public.strangers, elsewhere.trips;
  `);
  try {
    const loop = await opened();
    await feeds.write('insert into strangers values (1)', 'insert into elsewhere.trips values (1)');
    await feeds.write('insert into strangers values (2)', income('ours'), 'truncate elsewhere.trips, strangers');
    expect(await next(loop, 1)).toMatchObject([{ table: 'income_entries', ordinal: 0 }]);
  } finally {
    await feeds.admin.query('drop table strangers; drop schema elsewhere cascade');
  }
});

test('a table whose publication lacks a column is an error, not a row without it', async () => {
  const loop = await opened({ tables: ['income_entries'] });
  await feeds.admin.query(`
    alter publication supabase_realtime drop table income_entries;
    alter publication supabase_realtime add table income_entries (id, user_id, amount);
  `);
  try {
    await feeds.write(income('cut'));
    await expect(next(loop, 1)).rejects.toMatchObject({
      code: 'CONFIGURATION',
      message: 'The publication supabase_realtime lacks income_entries.currency: run the migrations.',
    });
  } finally {
    await feeds.admin.query(`
      alter publication supabase_realtime drop table income_entries;
      alter publication supabase_realtime add table income_entries (${publishedColumns.income_entries.join(', ')});
    `);
  }
});
