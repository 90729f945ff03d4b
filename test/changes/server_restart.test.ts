import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { watchProcess } from '../faults/watch_process.ts';
import { restartableServer } from '../support/restartable_server.ts';
import { testFeeds } from './feeds.ts';

const server = restartableServer();
const feeds = testFeeds(server);
const slot = 'slow';
watchProcess();
let user_id: string;

beforeAll(async () => {
  user_id = randomUUID();
  await feeds.admin.query(
    "insert into auth.users (id, email, raw_user_meta_data) values ($1::uuid, $1::text || '@example.com', '{}')",
    [user_id],
  );
});

test('a slow consumer misses nothing of a server that restarts under it, and hears nothing twice', {
  timeout: 120_000,
}, async () => {
  const feed = feeds.open().changes({ slot, create: 'now', tables: ['income_entries'] });
  await feed.ready();
  const groups = 100;
  const rowsOfGroup = 4;
  const taken: unknown[] = [];
  let groupsWritten = 0;

  const writing = (async () => {
    while (groupsWritten < groups) {
      // A group that the server has not acknowledged may be there, then it is refused as a whole.
      const id = `${String(groupsWritten).padStart(8, '0')}-0000-4000-8000-00000000000`;
      await feeds
        .write(
          `insert into income_entries (id, user_id, amount, source, description)
           select ('${id}' || n)::uuid, '${user_id}', 1, 'work', '${groupsWritten}.' || n from generate_series(1, ${rowsOfGroup}) as n`,
        )
        .then(
          () => groupsWritten++,
          async (error) => {
            if (error.code === '23505') groupsWritten++;
            await sleep(20);
          },
        );
    }
  })();
  const restarting = (async () => {
    for (const mode of ['immediate', 'fast', 'immediate', 'fast'] as const) {
      await sleep(500);
      await server.stop(mode);
      await sleep(200);
      await server.start();
    }
  })();

  for await (const { row } of feed) {
    taken.push(row && 'description' in row && row.description);
    await sleep(5);
    // Held over a restart and longer.
    if (taken.length === 2 || taken.length === 150) await sleep(1_500);
    if (taken.length === groups * rowsOfGroup) break;
  }
  await Promise.all([writing, restarting]);
  expect(taken).toEqual(
    Array.from({ length: groups * rowsOfGroup }, (_, n) => `${Math.floor(n / rowsOfGroup)}.${(n % rowsOfGroup) + 1}`),
  );
});
