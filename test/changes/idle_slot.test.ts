import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { testFeeds } from './feeds.ts';

const file = testDatabase();
const feeds = testFeeds(file);
const slot = 'wheels_idle_test';
let user_id: string;

beforeAll(async () => {
  user_id = await file.signUp();
});

describe('a feed of a quiet table confirms, and so retains no WAL of,', () => {
  test.each([
    [
      'another published table',
      (n: number) => `insert into income_entries (user_id, amount, source) values ('${user_id}', ${n + 1}, 'work')`,
    ],
    [
      'a table that is not published',
      (n: number) =>
        `insert into budgets (user_id, amount, period, category) values ('${user_id}', 1, 'monthly', 'c${n}')`,
    ],
    ['no table at all', () => "select pg_logical_emit_message(false, 'test', repeat('x', 10000))"],
  ])('%s', async (_, textOf) => {
    const feed = feeds.open().changes({ slot, create: 'now', tables: ['posts'] });
    await feed.ready();
    void feed[Symbol.asyncIterator]().next();
    const { rows } = await feeds.admin.query('select pg_current_wal_insert_lsn() as lsn');
    for (let n = 0; n < 50; n++) await feeds.write(textOf(n));
    await feeds.confirmed(slot);
    // Where the slot's WAL begins moves when the server has written what transactions run, as a checkpoint does.
    await expect
      .poll(
        async () => {
          await feeds.admin.query('checkpoint');
          const moved = 'select restart_lsn > $2::pg_lsn as has_moved from pg_replication_slots where slot_name = $1';
          return (await feeds.admin.query(moved, [slot, rows[0].lsn])).rows;
        },
        { timeout: 20_000, interval: 100 },
      )
      .toEqual([{ has_moved: true }]);
  });
});
