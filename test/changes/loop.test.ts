import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import {
  CancelledError,
  type Change,
  type ChangesOptions,
  ConfigurationError,
  type PublishedTable,
  ValidationError,
} from '../../src/index.ts';
import { watchProcess } from '../faults/watch_process.ts';
import { testDatabase } from '../support/database.ts';
import { first, next, testFeeds } from './feeds.ts';

const file = testDatabase();
const feeds = testFeeds(file);
watchProcess();
let user_id: string;

beforeAll(async () => {
  user_id = await file.signUp();
});

const income = (description: string) =>
  `insert into income_entries (user_id, amount, source, description) values ('${user_id}', 1, 'work', '${description}')`;

function descriptions(changes: Change[]): unknown[] {
  return changes.map(({ row }) => row && 'description' in row && row.description);
}

async function walsenders(): Promise<number> {
  const { rows } = await feeds.admin.query(
    "select count(*)::int as count from pg_stat_activity where datname = current_database() and backend_type = 'walsender'",
  );
  return rows[0].count;
}

describe('what the loop has taken', () => {
  test.each([
    { taken: 1, again: ['a 1', 'a 2', 'b'], what: 'in part comes again as a whole' },
    { taken: 2, again: ['a 1', 'a 2', 'b'], what: 'comes again if nothing was asked for after it' },
    { taken: 3, again: ['b'], what: 'is confirmed once something was' },
  ])('of a transaction $what', async ({ taken, again }) => {
    const slot = 'loop';
    const begun = feeds.open().changes({ slot, create: 'now' });
    await begun.ready();
    await feeds.write(income('a 1'), income('a 2'));
    await feeds.write(income('b'));
    await first(begun, taken);
    const rest = await first(feeds.open().changes({ slot }), again.length);
    expect(descriptions(rest)).toEqual(again);
  });

  test('is not confirmed while the loop is busy with it, however long', async () => {
    const slot = 'busy';
    const feed = feeds.open().changes({ slot, create: 'now' });
    await feed.ready();
    await feeds.write(income('held'));
    const loop = feed[Symbol.asyncIterator]();
    const [held] = await next(loop, 1);
    await feeds.write(income('later'));
    await sleep(1_500);
    const { rows } = await feeds.admin.query(
      'select confirmed_flush_lsn <= $2::pg_lsn as is_before from pg_replication_slots where slot_name = $1',
      [slot, held?.lsn],
    );
    expect(rows).toEqual([{ is_before: true }]);
    void loop.next().then(() => loop.next());
    await feeds.confirmed(slot);
  });

  test('and threw at comes again', async () => {
    const slot = 'thrown';
    const begun = feeds.open().changes({ slot, create: 'now' });
    await begun.ready();
    await feeds.write(income('poison'));
    const failing = async () => {
      for await (const _ of begun) throw new Error('The index is down.');
    };
    await expect(failing()).rejects.toThrow('The index is down.');
    expect(descriptions(await first(feeds.open().changes({ slot }), 1))).toEqual(['poison']);
  });
});

test('a transaction whose connection is lost half-way goes on where it was', async () => {
  const slot = 'halves';
  const feed = feeds.open().changes({ slot, create: 'now', tables: ['income_entries'] });
  await feed.ready();
  const rows = 12_000;
  await feeds.write(
    `insert into income_entries (user_id, amount, source, description)
     select '${user_id}', 1, repeat('x', 200), n::text from generate_series(0, ${rows - 1}) as n`,
  );
  const loop = feed[Symbol.asyncIterator]();
  const taken = await next(loop, 100);
  await feeds.admin.query(
    'select pg_terminate_backend(active_pid, 5000) from pg_replication_slots where slot_name = $1',
    [slot],
  );
  taken.push(...(await next(loop, rows - 100)));
  expect(taken.map(({ ordinal }) => ordinal)).toEqual(Array.from({ length: rows }, (_, n) => n));
  expect(descriptions(taken)).toEqual(taken.map(({ ordinal }) => String(ordinal)));
});

describe('a loop ends', () => {
  test.each([{ slot: 'ending', create: 'now' as const }, {}])(
    'without an error when its signal is aborted: %o',
    async (options) => {
      const controller = new AbortController();
      const feed = feeds.open().changes({ ...options, signal: controller.signal });
      await feed.ready();
      const rest = first(feed, Number.POSITIVE_INFINITY);
      controller.abort();
      expect(await rest).toEqual([]);
      await vi.waitFor(async () => expect(await walsenders()).toBe(0));
    },
  );

  test('without an error when its signal is aborted while it is busy', async () => {
    const controller = new AbortController();
    const feed = feeds.open().changes({ signal: controller.signal });
    await feed.ready();
    await feeds.write(income('taken'), income('dropped'));
    const taken: Change[] = [];
    for await (const change of feed) {
      taken.push(change);
      controller.abort();
    }
    expect(taken.length).toBeLessThanOrEqual(2);
  });

  test('before it begins if its signal is aborted', async () => {
    const feed = feeds.open().changes({ signal: AbortSignal.abort() });
    await expect(feed.ready()).rejects.toThrow(CancelledError);
    expect(await first(feed, Number.POSITIVE_INFINITY)).toEqual([]);
    expect(await walsenders()).toBe(0);
  });

  test.each([{ slot: 'ending', create: 'now' as const }, {}])(
    'with the database, and no connection stays: %o',
    async (options) => {
      const database = feeds.open();
      const feed = database.changes(options);
      await feed.ready();
      const rest = first(feed, Number.POSITIVE_INFINITY);
      const began = performance.now();
      await database.destroy();
      expect(await rest).toEqual([]);
      expect(performance.now() - began).toBeLessThan(1_500);
      await vi.waitFor(async () => expect(await walsenders()).toBe(0));
    },
  );

  test('with break, and no connection stays', async () => {
    const feed = feeds.open().changes();
    await feed.ready();
    await feeds.write(income('one'), income('two'));
    await first(feed, 1);
    await vi.waitFor(async () => expect(await walsenders()).toBe(0));
  });
});

test('a feed is for one loop', async () => {
  const feed = feeds.open().changes();
  await feed.ready();
  await feeds.write(income('one'));
  await first(feed, 1);
  expect(() => feed[Symbol.asyncIterator]()).toThrow(ConfigurationError);
});

test('without a slot it brings what is committed after ready()', async () => {
  await feeds.write(income('before'));
  const feed = feeds.open().changes();
  await feed.ready();
  await feeds.write(income('after'));
  expect(descriptions(await first(feed, 1))).toEqual(['after']);
});

test('without a slot a lost connection is an error that says what to do', async () => {
  const feed = feeds.open().changes();
  await feed.ready();
  const rest = first(feed, Number.POSITIVE_INFINITY);
  rest.catch(() => {});
  await feeds.admin.query(
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and backend_type = 'walsender'",
  );
  await expect(rest).rejects.toMatchObject({ code: 'CHANGES_LOST', message: expect.stringContaining('read anew') });
});

describe('refused at once is', () => {
  const slot = 'fine';
  test.each<[string, unknown, string]>([
    ['a slot with capitals', { slot: 'Search' }, 'slot'],
    ['a slot that would be SQL', { slot: 'a"; select 1' }, 'slot'],
    ['an empty slot', { slot: '' }, 'slot'],
    ['a slot too long', { slot: 'a'.repeat(64) }, 'slot'],
    ['no text for a slot', { slot: 7 }, 'slot'],
    ['another word for create', { slot, create: 'later' }, 'create'],
    ['create without a slot', { create: 'now' }, 'create'],
    ['no table', { tables: [] }, 'tables'],
    ['no array', { tables: 'trips' }, 'tables'],
    ['a table that is not published', { tables: ['trips', 'profiles'] }, 'tables.1'],
    ['a word of every object', { tables: ['constructor'] }, 'tables.0'],
  ])('%s', (_, options, path) => {
    const database = feeds.open();
    const refused = () => database.changes(options as ChangesOptions<PublishedTable>);
    expect(refused).toThrow(ValidationError);
    expect(refused).toThrow(expect.objectContaining({ issues: [expect.objectContaining({ path })] }));
  });

  test('no signal', () => {
    const signal = new AbortController() as unknown as AbortSignal;
    expect(() => feeds.open().changes({ signal })).toThrow(ConfigurationError);
  });
});
