import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { publishedTables } from '../../src/changes/published.ts';
import { type Change, ChangesLostError, ConfigurationError } from '../../src/index.ts';
import { watchProcess } from '../faults/watch_process.ts';
import { testDatabase } from '../support/database.ts';
import { findPgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { first, next, testFeeds } from './feeds.ts';

const file = testDatabase();
const other = testDatabase();
const feeds = testFeeds(file);
const slot = 'wheels_slot_test';
watchProcess();
let user_id: string;

beforeAll(async () => {
  user_id = await file.signUp();
});

beforeEach(async () => {
  await feeds.admin.query('delete from posts; delete from trips; delete from income_entries');
});

const income = (description: string) =>
  `insert into income_entries (user_id, amount, source, description) values ('${user_id}', 1, 'work', '${description}')`;

const manyRows = (count: number) =>
  `insert into income_entries (user_id, amount, source, description)
   select '${user_id}', 1, 'work', 'row ' || n from generate_series(1, ${count}) as n`;

function descriptions(changes: Change[]): unknown[] {
  return changes.map(({ row }) => row && 'description' in row && row.description);
}

describe('a slot', () => {
  test('that is missing is not made unasked', async () => {
    const loop = feeds.open().changes({ slot });
    await expect(first(loop, 1)).rejects.toThrow(ChangesLostError);
    await expect(feeds.open().changes({ slot }).ready()).rejects.toMatchObject({
      code: 'CHANGES_LOST',
      message: expect.stringContaining("create: 'snapshot'"),
    });
    expect(await feeds.slot(slot)).toBeUndefined();
  });

  test("made by 'now' begins there, and keeps what comes while nobody follows", async () => {
    await feeds.write(income('before'));
    const begun = feeds.open().changes({ slot, create: 'now' });
    await begun.ready();
    await feeds.write(income('first'), income('second'));
    expect(descriptions(await first(begun, 1))).toEqual(['first']);
    for (const create of ['now', 'snapshot', undefined] as const) {
      const again = feeds.open().changes(create ? { slot, create } : { slot });
      expect(descriptions(await first(again, 2))).toEqual(['first', 'second']);
    }
  });

  test('of another database is left alone', async () => {
    await other.admin.query("select pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    try {
      for (const create of ['now', 'snapshot', undefined] as const) {
        const feed = feeds.open().changes(create ? { slot, create } : { slot });
        await expect(feed.ready()).rejects.toMatchObject({
          code: 'CONFIGURATION',
          message: expect.stringContaining('another database or plugin'),
        });
      }
    } finally {
      await other.admin.query('select pg_drop_replication_slot($1)', [slot]);
    }
  });

  test('of another kind is left alone', async () => {
    await feeds.admin.query('select pg_create_physical_replication_slot($1)', [slot]);
    try {
      await expect(feeds.open().changes({ slot }).ready()).rejects.toThrow(ConfigurationError);
    } finally {
      await feeds.admin.query('select pg_drop_replication_slot($1)', [slot]);
    }
  });
});

describe('a snapshot', () => {
  test('is every row of every table, then the feed', async () => {
    await feeds.write(
      `insert into trips (user_id, name) values ('${user_id}', 'Big Lap')`,
      `insert into posts (user_id, title, content) values ('${user_id}', 'Sunrise', 'Over the dunes.')`,
      income('there'),
    );
    const database = feeds.open();
    const loop = database.changes({ slot, create: 'snapshot' })[Symbol.asyncIterator]();
    const rows = await next(loop, 3);
    expect(rows.map(({ table }) => table)).toEqual(
      publishedTables.filter((table) => rows.some((row) => row.table === table)),
    );
    for (const [ordinal, row] of rows.entries()) {
      expect(row).toMatchObject({ operation: 'snapshot', old: null, ordinal, commit_time: null, transaction: null });
    }
    const following = next(loop, 1);
    await feeds.followed(slot);
    await feeds.write(income('new'));
    const [change] = await following;
    expect(change).toMatchObject({ operation: 'insert', ordinal: 0 });
    expect((change?.lsn ?? '') > (rows[0]?.lsn ?? '')).toBe(true);
  });

  test('of no rows is just the feed', async () => {
    const feed = feeds.open().changes({ slot, create: 'snapshot', tables: ['income_entries'] });
    await feed.ready();
    await feeds.write(income('new'));
    expect(await first(feed, 1)).toMatchObject([{ operation: 'insert' }]);
  });

  test('and the feed have every row of several writers once', async () => {
    await feeds.write(manyRows(2_500));
    let isOver = false;
    let written = 0;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      const client = await feeds.admin.connect();
      try {
        for (let n = 0; !isOver; n++) {
          await client.query('begin');
          const { rows } = await client.query(`${income(`${writer} ${n}`)} returning id`);
          await client.query(`update income_entries set description = 'changed' where id = '${rows[0].id}'`);
          if (n % 3 === 0) await client.query(`delete from income_entries where id = '${rows[0].id}'`);
          await client.query(n % 7 === 0 ? 'rollback' : 'commit');
          written += 1;
        }
      } finally {
        client.release();
      }
    });
    await sleep(200);
    const mirror = new Map<string, unknown>();
    const born = new Set<string>();
    const counts = { snapshot: 0, insert: 0, update: 0, delete: 0, truncate: 0 };
    for await (const change of feeds.open().changes({ slot, create: 'snapshot', tables: ['income_entries'] })) {
      const { operation, row, old } = change;
      counts[operation] += 1;
      if (operation === 'snapshot' || operation === 'insert') {
        expect(born).not.toContain(row.id);
        born.add(row.id);
      }
      if (operation === 'update') expect(mirror.has(row.id)).toBe(true);
      if (operation === 'delete') expect(mirror.delete(old.id)).toBe(true);
      if (row) mirror.set(row.id, row.description);
      if (row?.description === 'the end') break;
      if (counts.insert === 300 && !isOver) {
        isOver = true;
        await Promise.all(writers);
        await feeds.write(income('the end'));
      }
    }
    const { rows } = await feeds.admin.query('select id, description from income_entries');
    expect(mirror.size).toBe(rows.length);
    expect(mirror).toEqual(new Map(rows.map(({ id, description }) => [id, description])));
    expect(counts.snapshot).toBeGreaterThan(2_500);
    expect(written).toBeGreaterThan(300);
  });

  test.each([1, 1_500, 2_500])(
    'left after %i of 2500 rows begins again, for the slot comes with its end',
    async (taken) => {
      await feeds.write(manyRows(2_500));
      const options = { slot, create: 'snapshot', tables: ['income_entries'] } as const;
      await first(feeds.open().changes(options), taken);
      expect(await feeds.slot(slot)).toBeUndefined();
      await feeds.write(income('since'));
      const loop = feeds.open().changes(options)[Symbol.asyncIterator]();
      const rows = await next(loop, 2_501);
      expect(new Set(rows.map(({ operation }) => operation))).toEqual(new Set(['snapshot']));
      expect(descriptions(rows)).toContain('since');
      void loop.next();
      await feeds.followed(slot);
      expect((await feeds.slot(slot))?.temporary).toBe(false);
    },
  );

  test('whose connection is lost ends, so that nobody takes two for one', async () => {
    await feeds.write(manyRows(2_500));
    const loop = feeds.open().changes({ slot, create: 'snapshot' })[Symbol.asyncIterator]();
    await next(loop, 10);
    await feeds.admin.query(
      'select pg_terminate_backend(active_pid, 5000) from pg_replication_slots where database = current_database()',
    );
    await expect(next(loop, 2_500)).rejects.toMatchObject({
      code: 'CHANGES_LOST',
      message: expect.stringContaining('empty what you keep, and begin again'),
    });
    expect(await feeds.slot(slot)).toBeUndefined();
  });

  test('leaves no temporary slot behind', async () => {
    const loop = feeds.open().changes({ slot, create: 'snapshot' })[Symbol.asyncIterator]();
    const change = loop.next();
    await feeds.followed(slot);
    const slots = 'select slot_name, temporary from pg_replication_slots where database = current_database()';
    // The server holds the slot also while it copies it from the temporary one.
    await expect
      .poll(async () => (await feeds.admin.query(slots)).rows)
      .toEqual([{ slot_name: slot, temporary: false }]);
    await loop.return(undefined);
    await change;
  });
});

describe('a login role', () => {
  const role = 'wheels_follower_test';
  let connectionString: string;

  beforeEach(async () => {
    await feeds.admin.query(`create role ${role} login password 'secret'`);
    const url = new URL(file.connectionString);
    connectionString = Object.assign(url, { username: role, password: 'secret' }).href;
  });

  afterEach(async () => {
    await vi.waitFor(() => feeds.admin.query(`drop role ${role}`));
  });

  test('without REPLICATION is told to get it', async () => {
    await feeds.admin.query(`grant service_role to ${role}`);
    const feed = feeds.open({ connectionString }).changes();
    await expect(feed.ready()).rejects.toMatchObject({
      code: 'CONFIGURATION',
      message: expect.stringContaining('with replication'),
    });
  });

  test('that is no service_role is told to become one, and hands over nothing', async () => {
    await feeds.admin.query(`alter role ${role} replication`);
    await feeds.write(income('secret'));
    const feed = feeds.open({ connectionString }).changes({ slot, create: 'snapshot' });
    await expect(first(feed, 1)).rejects.toMatchObject({
      code: 'CONFIGURATION',
      message: expect.stringContaining('grant it service_role'),
    });
  });

  test('with both follows, whatever limits it has', async () => {
    await feeds.admin.query(`alter role ${role} replication; grant service_role to ${role};
      alter role ${role} set idle_in_transaction_session_timeout = '300ms'; alter role ${role} set datestyle = 'German'`);
    const { rows } = await feeds.admin.query('show server_version_num');
    if (Number(rows[0].server_version_num) >= 170_000) {
      await feeds.admin.query(`alter role ${role} set transaction_timeout = '800ms'`);
    }
    await feeds.write(manyRows(1_500));
    const loop = feeds.open({ connectionString }).changes({ slot, create: 'snapshot' })[Symbol.asyncIterator]();
    const begun = await next(loop, 1);
    await sleep(1_000);
    const rest = await next(loop, 1_499);
    expect([...begun, ...rest][0]?.row).toHaveProperty('date', expect.stringMatching(/^\d{4}-\d\d-\d\d$/));
    const following = next(loop, 1);
    await feeds.followed(slot);
    await feeds.write(income('new'));
    expect((await following)[0]?.row).toHaveProperty('date', expect.stringMatching(/^\d{4}-\d\d-\d\d$/));
    await loop.return?.();
  });
});

const installed = findPgBouncer();

test.skipIf(!installed)('a pooler in between is named', async () => {
  const bouncer = await startPgBouncer(installed?.path ?? '', file.connectionString, 2);
  try {
    for (const options of [{}, { slot, create: 'now' as const }]) {
      const feed = feeds.open({ connectionString: bouncer.connectionString }).changes(options);
      await expect(feed.ready()).rejects.toMatchObject({
        code: 'CONFIGURATION',
        message: expect.stringContaining('leads to a pooler'),
      });
    }
  } finally {
    await bouncer.stop();
  }
});
