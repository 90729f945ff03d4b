import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { endedBefore } from '../../src/changes/seen_rows.ts';
import { createDatabase, type Database } from '../../src/index.ts';
import { isPending } from '../faults/outcome.ts';
import { restartableServer } from '../support/restartable_server.ts';
import { brief, Follower } from './follower.ts';

describe('a commit that waits for a standby, which the stream brings before anybody can see it', () => {
  const server = restartableServer();
  let admin: pg.Pool;
  let waiting: Database;
  let database: Database;

  beforeAll(() => {
    const { connectionString } = server;
    admin = new pg.Pool({ connectionString, max: 2, options: '-c synchronous_commit=local' });
    database = createDatabase({ connectionString, options: '-c synchronous_commit=local' });
    waiting = createDatabase({ connectionString, options: '-c synchronous_commit=on' });
  });

  afterAll(async () => {
    await Promise.all([admin?.end(), database?.destroy(), waiting?.destroy()]);
  });

  async function setStandby(name: string): Promise<void> {
    await admin.query(`alter system set synchronous_standby_names = '${name}'`);
    await admin.query('select pg_reload_conf()');
    await expect.poll(() => doesCommitWait(), { timeout: 10_000 }).toBe(name !== '');
  }

  async function doesCommitWait(): Promise<boolean> {
    const client = new pg.Client({ connectionString: server.connectionString, options: '-c synchronous_commit=on' });
    await client.connect();
    try {
      const { pid } = (await client.query('select pg_backend_pid() as pid')).rows[0];
      const commit = client.query("select pg_logical_emit_message(true, 'probe', '')");
      const waits = await isPending(commit, 100);
      await admin.query('select pg_cancel_backend($1)', [pid]);
      await commit;
      return waits;
    } finally {
      await client.end();
    }
  }

  async function signUp() {
    const id = crypto.randomUUID();
    await admin.query('insert into auth.users (id) values ($1)', [id]);
    return id;
  }

  test('is handed over when it can be seen, in its place', async () => {
    const sub = await signUp();
    const [alice, elsewhere] = [database.asUser({ sub }), waiting.asUser({ sub })];
    const [changed, deleted] = await alice.trips.createMany([{ name: 'Big Lap' }, { name: 'Detour' }]);
    if (!changed || !deleted) throw new Error('The trips were not made.');
    const over = new AbortController();
    onTestFinished(() => over.abort());
    const feeds = [
      alice.changes({ signal: over.signal, tables: ['trips'] }),
      database.changes({ signal: over.signal, tables: ['trips'] }),
    ] as const;
    const follower = new Follower(feeds[0]);
    await Promise.all(feeds.map((feed) => feed.ready()));
    const streamed: string[] = [];
    const streaming = (async () => {
      for await (const { operation } of feeds[1]) streamed.push(operation);
    })();

    await setStandby('nobody');
    const commits = Promise.all([
      elsewhere.trips.update(changed.id, { name: 'Changed' }),
      elsewhere.trips.delete(deleted.id),
      elsewhere.trips.create({ name: 'New' }),
    ]);
    await expect.poll(() => streamed.toSorted(), { timeout: 10_000 }).toEqual(['delete', 'insert', 'update']);
    const { id: later } = await alice.trips.create({ name: 'Later' });
    await expect.poll(() => streamed.length, { timeout: 10_000 }).toBe(4);
    expect((await alice.trips.list()).items.map(({ name }) => name).toSorted()).toEqual(['Big Lap', 'Detour', 'Later']);
    expect(await isPending(commits, 200)).toBe(true);
    expect(follower.changes).toEqual([]);

    await setStandby('');
    const [, , created] = await commits;
    const changes = await follower.until(later);
    expect(new Set(changes.map(brief))).toEqual(
      new Set([
        `update trips ${changed.id}`,
        `delete trips ${deleted.id}`,
        `insert trips ${created.id}`,
        `insert trips ${later}`,
      ]),
    );
    expect(changes.at(-1)?.row?.id).toBe(later);
    expect(changes.find(({ operation }) => operation === 'update')?.row).toMatchObject({ name: 'Changed' });
    over.abort();
    await streaming;
  });

  test('does not keep the loop from ending', async () => {
    const sub = await signUp();
    const over = new AbortController();
    const feed = database.asUser({ sub }).changes({ signal: over.signal });
    const follower = new Follower(feed);
    await feed.ready();
    await setStandby('nobody');
    const commit = waiting.asUser({ sub }).trips.create({ name: 'New' });
    await sleep(200);
    over.abort();
    expect(await follower.ended).toBeUndefined();
    expect(await isPending(commit, 0)).toBe(true);
    await setStandby('');
    await commit;
    expect(follower.changes).toEqual([]);
  });
});

describe('a snapshot tells which transactions had ended', () => {
  const wrap = 2 ** 32;
  test.each([
    ['all before its oldest', '750:750:', [749, 3], [750, 751]],
    ['those after it that do not run', '750:760:750,755', [749, 751, 759], [750, 755, 760, 761]],
    ['by the lower half of its ids', `${3 * wrap + 750}:${3 * wrap + 752}:${3 * wrap + 750}`, [749, 751], [750, 752]],
    [
      'where ids have gone round in between',
      `${wrap - 6}:${wrap + 5}:${wrap - 6},${wrap - 2},${wrap + 3}`,
      [wrap - 7, wrap - 5, wrap - 1, 4],
      [wrap - 6, wrap - 2, 3, 5, 6],
    ],
    ['where ids have gone round before', `${wrap + 10}:${wrap + 10}:`, [wrap - 1, 9], [10, 11]],
    ['where ids go round next', `${wrap - 1}:${wrap - 1}:`, [wrap - 2, wrap - 1_000_000], [wrap - 1, 3]],
  ])('%s', (_, snapshot, ended, others) => {
    const hasEnded = endedBefore(snapshot);
    expect(ended.map(hasEnded)).toEqual(ended.map(() => true));
    expect(others.map(hasEnded)).toEqual(others.map(() => false));
  });
});
