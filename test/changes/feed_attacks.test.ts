import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { ConnectionError } from '../../src/index.ts';
import { type ClonedDatabase, cloneDatabase } from '../../src/testing/template_database.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp_proxy.ts';
import { next, testFeeds } from './feeds.ts';

// What somebody tried against the feed of a service, each of which lost changes or left something behind.

let clone: ClonedDatabase;
beforeAll(async () => {
  clone = await cloneDatabase({ connectionString: inject('connectionString') }, inject('template'));
});
afterAll(async () => {
  await clone.drop();
});

const feeds = testFeeds({
  get connectionString() {
    return clone.connectionString;
  },
});
const slot = `attacked_${randomUUID().slice(0, 8)}`;

async function signUp(): Promise<string> {
  const { rows } = await feeds.admin.query<{ id: string }>(
    "insert into auth.users (id, email) values (gen_random_uuid(), gen_random_uuid() || '@example.com') returning id",
  );
  return rows[0]?.id ?? '';
}

const travel = (user: string, name: string) =>
  feeds.write(`insert into trips (user_id, name) values ('${user}', '${name}')`);

const slots = async () =>
  (await feeds.admin.query('select slot_name from pg_replication_slots where database = current_database()')).rows;

describe('no change is lost', () => {
  test('when a migration rewrites a table while the snapshot is handed over', async () => {
    const user = await signUp();
    await travel(user, 'Big Lap');
    await feeds.write(`insert into income_entries (user_id, amount, source) values ('${user}', 1, 'fruit picking')`);
    const loop = feeds
      .open()
      .changes({ slot, create: 'snapshot', tables: ['trips', 'income_entries'] })
      [Symbol.asyncIterator]();
    await next(loop, 1);
    await feeds.admin.query('alter table income_entries add column note text default gen_random_uuid()::text');
    await expect(next(loop, 2)).rejects.toMatchObject({
      code: 'CHANGES_LOST',
      message: 'income_entries was rewritten while the snapshot was handed over: empty what you keep, and begin again.',
    });
    expect(await feeds.slot(slot)).toBeUndefined();
    await feeds.admin.query('alter table income_entries drop column note');
  });

  test('to an error that is thrown into the loop', async () => {
    const user = await signUp();
    const database = feeds.open();
    const changes = database.changes({ slot, create: 'now', tables: ['trips'] });
    await changes.ready();
    const loop = changes[Symbol.asyncIterator]();
    for (const name of ['one', 'two']) await travel(user, name);
    await next(loop, 1);
    await expect(loop.throw(new ConnectionError('Another database is gone.'))).rejects.toThrow(
      'Another database is gone.',
    );
    const again = database.changes({ slot, tables: ['trips'] })[Symbol.asyncIterator]();
    expect((await next(again, 2)).map(({ row }) => row)).toMatchObject([{ name: 'one' }, { name: 'two' }]);
    await again.return();
  });

  describe('to a slot that was dropped and made anew while the connection was lost', () => {
    let proxy: TcpProxy;
    let lost: Promise<unknown>;
    let user: string;

    beforeEach(async () => {
      user = await signUp();
      proxy = await startTcpProxy(clone.connectionString);
      const loop = feeds
        .open({ connectionString: proxy.connectionString })
        .changes({ slot, create: 'now', tables: ['trips'] })
        [Symbol.asyncIterator]();
      const first = next(loop, 1);
      await feeds.followed(slot);
      await travel(user, 'one');
      await first;
      lost = next(loop, 1);
      lost.catch(() => {});
      proxy.refuse();
      proxy.cut();
      await feeds.followed(slot, false);
      await feeds.admin.query('select pg_drop_replication_slot($1)', [slot]);
    });

    afterEach(() => proxy.close());

    const make = () => feeds.admin.query("select pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);

    test('before it is back', async () => {
      await travel(user, 'two');
      await make();
      await proxy.accept();
      await expect(lost).rejects.toMatchObject({ code: 'CHANGES_LOST' });
    });

    test('while it waits for the slot', async () => {
      const writer = await feeds.admin.connect();
      // Who makes a slot waits for whoever writes, and has the slot meanwhile, which has no place yet.
      await writer.query('begin; select pg_current_xact_id()');
      const made = make();
      await feeds.followed(slot);
      const { logins } = proxy;
      await proxy.accept();
      await expect.poll(() => proxy.logins).toBeGreaterThan(logins);
      await sleep(300);
      await travel(user, 'two');
      await writer.query('rollback');
      writer.release();
      await made;
      await expect(lost).rejects.toMatchObject({ code: 'CHANGES_LOST' });
    });
  });

  test.each([
    ["set (publish = 'insert')", "set (publish = 'insert, update, delete, truncate')"],
    ["set table trips where (name <> '')", 'set table trips'],
  ])('without a word to a publication that somebody has told to %s', async (change, undo) => {
    const { rows } = await feeds.admin.query(
      "select string_agg(format('%I (%s)', tablename, array_to_string(attnames, ', ')), ', ') as tables from pg_publication_tables where pubname = 'supabase_realtime'",
    );
    await feeds.admin.query(`alter publication supabase_realtime ${change}`);
    try {
      await expect(
        feeds
          .open()
          .changes({ tables: ['trips'] })
          .ready(),
      ).rejects.toMatchObject({
        code: 'CONFIGURATION',
        message: 'The publication supabase_realtime lacks trips, or some of its changes: run the migrations.',
      });
    } finally {
      await feeds.admin.query(`alter publication supabase_realtime ${undo}`);
      await feeds.admin.query(`alter publication supabase_realtime set table ${rows[0].tables}`);
    }
  });
});

describe('nothing is left behind', () => {
  test('by somebody who gives up while the slot waits for a transaction', async () => {
    const writer = await feeds.admin.connect();
    await writer.query('begin; select pg_current_xact_id()');
    const database = feeds.open();
    for (let time = 0; time < 3; time++) {
      const ready = database.changes({ signal: AbortSignal.timeout(150) }).ready();
      await expect(ready).rejects.toMatchObject({ code: 'CANCELLED' });
    }
    await expect.poll(slots).toEqual([]);
    await writer.query('rollback');
    writer.release();
  });

  test('by a signal at any moment of the start', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const database = feeds.open();
    const before = timers();
    for (let millis = 0; millis < 40; millis++) {
      const changes = database.changes({ signal: AbortSignal.timeout(millis) });
      await changes.ready().catch(() => {});
      for await (const _ of changes) expect.unreachable();
    }
    await expect.poll(slots).toEqual([]);
    await expect.poll(timers).toBeLessThanOrEqual(before + 2);
  });

  test('by a loop that is left while it waits', async () => {
    const changes = feeds.open().changes({ slot, create: 'now' });
    const loop = changes[Symbol.asyncIterator]();
    const waiting = loop.next();
    await feeds.followed(slot);
    expect(await loop.return()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    await feeds.followed(slot, false);
  });

  test('by a snapshot of which only ready() was asked', async () => {
    await travel(await signUp(), 'Big Lap');
    const leaving = new AbortController();
    const changes = feeds.open().changes({ slot, create: 'snapshot', signal: leaving.signal });
    await changes.ready();
    leaving.abort();
    await expect.poll(slots).toEqual([]);
    await sleep(50);
    for await (const _ of changes) expect.unreachable();
  });
});
