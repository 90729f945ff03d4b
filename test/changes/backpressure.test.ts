import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { testFeeds } from './feeds.ts';

/** Of one transaction: FEED_ROWS=300000 for many. */
const rows = Number(process.env.FEED_ROWS || 40_000);
const file = testDatabase();
const feeds = testFeeds(file);
const slot = 'wheels_backpressure_test';
setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

beforeAll(async () => {
  await feeds.admin.query(`
    do $$ begin execute format('alter database %I set wal_sender_timeout = ''2s''', current_database()); end $$
  `);
});

/** In bytes: what is reachable, of objects and of buffers. */
function memory(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('a transaction of any size comes as slowly as it is taken, over one connection and in bounded memory', {
  timeout: 60_000 + rows,
}, async () => {
  const user_id = await file.signUp();
  const feed = feeds.open().changes({ slot, create: 'now', tables: ['income_entries'] });
  await feed.ready();
  const before = memory();
  const written = feeds.write(
    `insert into income_entries (user_id, amount, source, description, metadata)
       select '${user_id}', n, 'work', n::text, jsonb_build_object('text', repeat(md5(n::text), 10)) from generate_series(1, ${rows}) as n`,
  );
  const pid = (await feeds.slot(slot))?.active_pid;
  const pauses = [1, Math.floor(rows / 2)];
  let most = 0;
  let taken = 0;
  for await (const { row, ordinal } of feed) {
    expect(ordinal).toBe(taken);
    taken += 1;
    expect(row).toHaveProperty('description', String(taken));
    if (pauses.includes(taken)) {
      // Longer than the server waits for a word from us.
      await sleep(3_500);
      const waits = 'select wait_event from pg_stat_activity where pid = $1';
      expect((await feeds.admin.query(waits, [pid])).rows).toEqual([{ wait_event: 'WalSenderWriteData' }]);
      most = Math.max(most, memory() - before);
    }
    if (taken % 10_000 === 1) most = Math.max(most, memory() - before);
    if (taken === rows) break;
  }
  await written;
  console.info(`${rows} rows in one transaction: ${(most / 2 ** 20).toFixed(1)} MB at most`);
  expect(most).toBeLessThan(30 * 2 ** 20);
});
