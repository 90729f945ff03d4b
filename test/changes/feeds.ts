import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import { createDatabase, type Database, type DatabaseOptions } from '../../src/index.ts';

/** What the server knows of a slot. */
export type Slot = { active_pid: number | null; confirmed_flush_lsn: string; wal_status: string; temporary: boolean };

/** What `testFeeds` gives to a test file. */
export type FileFeeds = {
  /** As the superuser. */
  readonly admin: pg.Pool;
  /** A `Database`, closed after the test. */
  open(options?: DatabaseOptions): Database;
  slot(name: string): Promise<Slot | undefined>;
  /** Waits until the slot's consumer has confirmed a place, which is now unless it is named. */
  confirmed(name: string, lsn?: string): Promise<void>;
  /** Waits until somebody follows the slot, or, with false, nobody does. */
  followed(name: string, isIt?: boolean): Promise<void>;
  /** The same transaction for all rows. */
  write(...texts: string[]): Promise<void>;
};

/** Feeds on a database of the file's own, where no slot outlives its test. */
export function testFeeds(server: { readonly connectionString: string }): FileFeeds {
  let pool: pg.Pool | undefined;
  let databases: Database[] = [];
  const admin = () => pool ?? expect.unreachable('The pool exists in hooks and tests only.');

  beforeAll(() => {
    pool = new pg.Pool({ connectionString: server.connectionString, max: 10 });
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
  });

  afterEach(async () => {
    await Promise.all(databases.map((database) => database.destroy({ timeoutMillis: 1000 })));
    databases = [];
    await admin().query(
      'select pg_terminate_backend(active_pid, 5000) from pg_replication_slots where database = current_database() and active_pid is not null',
    );
    await admin().query(
      'select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database() and not temporary',
    );
  });

  afterAll(async () => {
    await pool?.end();
  });

  async function slot(name: string): Promise<Slot | undefined> {
    const { rows } = await admin().query<Slot>(
      'select active_pid, confirmed_flush_lsn, wal_status, temporary from pg_replication_slots where slot_name = $1',
      [name],
    );
    return rows[0];
  }

  return {
    get admin() {
      return admin();
    },
    open(options) {
      const database = createDatabase({ connectionString: server.connectionString, max: 3, ...options });
      databases.push(database);
      return database;
    },
    slot,
    async confirmed(name, lsn) {
      const { rows } = await admin().query('select coalesce($1::pg_lsn, pg_current_wal_lsn()) as lsn', [lsn]);
      const reached =
        'select confirmed_flush_lsn >= $2::pg_lsn as is_there from pg_replication_slots where slot_name = $1';
      await vi.waitFor(
        async () => expect((await admin().query(reached, [name, rows[0].lsn])).rows).toEqual([{ is_there: true }]),
        { timeout: 20_000, interval: 20 },
      );
    },
    async followed(name, isIt = true) {
      await vi.waitFor(async () => expect(typeof (await slot(name))?.active_pid === 'number').toBe(isIt), {
        timeout: 20_000,
        interval: 20,
      });
    },
    async write(...texts) {
      const client = await admin().connect();
      try {
        await client.query(['begin', ...texts, 'commit'].join(';\n'));
      } finally {
        client.release(true);
      }
    },
  };
}

/** The next of a loop, which goes on. */
export async function next<T>(loop: AsyncIterator<T, void>, count: number): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) {
    const { value, done } = await loop.next();
    if (done) break;
    taken.push(value as T);
  }
  return taken;
}

/** The first of a feed, whose loop then breaks. */
export async function first<T>(feed: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const change of feed) {
    taken.push(change);
    if (taken.length === count) break;
  }
  return taken;
}
