import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { restartableServer } from '../support/restartable_server.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp_proxy.ts';
import { testFeeds } from './feeds.ts';

/** How many rows are written at least: FEED_ROWS=300000 for many. */
const rows = Number(process.env.FEED_ROWS || 12_000);
const server = restartableServer();
const feeds = testFeeds(server);
const slot = 'mirror';
const program = fileURLToPath(new URL('consumer.ts', import.meta.url));
let folder: string;
let proxy: TcpProxy;
let user_id: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wheels-mirror-'));
  proxy = await startTcpProxy(server.connectionString);
  user_id = randomUUID();
  await feeds.admin.query(
    "insert into auth.users (id, email, raw_user_meta_data) values ($1::uuid, $1::text || '@example.com', '{}')",
    [user_id],
  );
  await feeds.admin.query("alter system set wal_sender_timeout = '3s'");
  await feeds.admin.query('select pg_reload_conf()');
});

afterAll(async () => {
  await proxy?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Starts the consumer again whenever it ends for want of a connection or by our hand. */
class Supervised {
  readonly failures: string[] = [];
  #process: ChildProcess | undefined;
  #isOver = false;
  readonly #over: Promise<void>;

  constructor(file: string) {
    this.#over = this.#run(file);
  }

  async #run(file: string): Promise<void> {
    while (!this.#isOver) {
      const child = spawn(process.execPath, ['--no-warnings', program, proxy.connectionString, slot, file], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      this.#process = child;
      let log = '';
      child.stderr.on('data', (chunk) => {
        log += chunk;
      });
      const [code, signal] = await once(child, 'close');
      if (code !== 75 && signal !== 'SIGKILL') this.failures.push(`${code}: ${log}`);
      await sleep(100);
    }
  }

  kill(): void {
    this.#process?.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.kill();
    await this.#over;
  }
}

/** Inserts and updates rows of its own, in transactions of up to 40, until there are enough. */
async function write(writer: number, enough: number): Promise<void> {
  for (let done = 0, n = 0; done < enough; n++) {
    const count = randomInt(1, 40);
    const isUndone = n % 9 === 8;
    try {
      await feeds.write(
        `insert into income_entries (user_id, amount, source, description)
         select '${user_id}', 1, 'writer ${writer}', 'new' from generate_series(1, ${count})`,
        `update income_entries set description = 'changed in ${n}' where id in (
           select id from income_entries where source = 'writer ${writer}' order by id limit ${randomInt(3)} offset ${randomInt(20)})`,
        ...(isUndone ? ['rollback'] : []),
      );
      if (!isUndone) done += count;
    } catch {
      // The server is away, or was.
      await sleep(50);
    }
  }
}

test('kills of the consumer, its connection and the server cost no change and apply none twice', {
  timeout: 120_000 + rows * 5,
}, async () => {
  const database = feeds.open();
  await database.changes({ slot, create: 'now' }).ready();
  await database.destroy();
  await feeds.followed(slot, false);

  const file = join(folder, 'mirror.sqlite');
  const consumer = new Supervised(file);
  const kills: Record<string, number> = {};
  const faults: [name: string, cause: () => unknown][] = [
    [
      'walsender terminated',
      () =>
        feeds.admin.query(
          'select pg_terminate_backend(active_pid) from pg_replication_slots where active_pid is not null',
        ),
    ],
    ['consumer killed', () => consumer.kill()],
    ['connection cut', () => proxy.cut()],
    ['connection reset', () => proxy.reset()],
    [
      'connection silent',
      async () => {
        proxy.freeze();
        await sleep(randomInt(4_000));
        proxy.thaw();
      },
    ],
    [
      'server crashed',
      async () => {
        await server.stop('immediate');
        await server.start();
      },
    ],
    [
      'server restarted',
      async () => {
        await server.stop('fast');
        await server.start();
      },
    ],
  ];
  const began = performance.now();
  let isWritten = false;
  const writing = Promise.all([0, 1, 2, 3].map((writer) => write(writer, rows / 4))).then(() => {
    isWritten = true;
  });
  try {
    for (let round = 0; round === 0 || !isWritten; round++) {
      for (const [name, cause] of faults.toSorted(() => Math.random() - 0.5)) {
        await sleep(randomInt(100, 900));
        await cause();
        kills[name] = (kills[name] ?? 0) + 1;
      }
    }
    await writing;
    await feeds.confirmed(slot);
  } finally {
    await consumer.stop();
  }
  expect(consumer.failures).toEqual([]);

  const store = new DatabaseSync(file);
  const mirror = store.prepare('select id, description, changes from mirror order by id').all();
  const [progress] = store.prepare('select applied, again from progress').all();
  store.close();
  // The trigger counts a row's updates in its version.
  const { rows: written } = await feeds.admin.query(
    'select id, description, version as changes from income_entries order by id',
  );
  const changes = written.reduce((sum, row) => sum + row.changes, 0);
  console.info({
    seconds: Math.round((performance.now() - began) / 1000),
    rows: written.length,
    changes,
    ...progress,
    ...kills,
  });
  expect(written.length).toBeGreaterThanOrEqual(rows);
  expect(mirror.length).toBe(written.length);
  expect(mirror.filter((row, n) => JSON.stringify(row) !== JSON.stringify(written[n]))).toEqual([]);
  expect(progress?.applied).toBe(changes);
});
