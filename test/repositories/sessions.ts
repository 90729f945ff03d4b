import type pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import { createDatabase, type Database, type Session, type UserRepositories } from '../../src/index.ts';
import type { SignUp } from '../../src/testing/index.ts';
import { fileDatabase } from '../support/database.ts';

/** A signed-in user's session, and who they are. */
export type Person = Session<UserRepositories> & { readonly id: string };

/** What `testSessions` gives to a test file. */
export type FileSessions = {
  readonly database: Database;
  /** As the superuser, whom no policy restrains. */
  readonly admin: pg.Pool;
  readonly connectionString: string;
  signUp(person?: SignUp): Promise<Person>;
  /** The same user's session in another process, as it were: inside a transaction their own is refused. */
  elsewhere(person: { id: string }): Session<UserRepositories>;
  suspend(person: { id: string }): Promise<void>;
  /** Runs `call` sixteen times at once: each has a connection of its own and waits for `table` until all have come so far. */
  sixteenTimes<T>(table: string, call: () => Promise<T>): Promise<T[]>;
};

/** A `Database` of at most 16 connections on a database of the file's own, closed after its tests. */
export function testSessions(): FileSessions {
  const file = fileDatabase({ max: 16 });
  let other: Database | undefined;

  beforeAll(() => {
    other = createDatabase({ connectionString: file().connectionString, max: 2 });
  });

  afterAll(async () => {
    await other?.destroy();
  });

  return {
    get database() {
      return file().database;
    },
    get admin() {
      return file().admin;
    },
    get connectionString() {
      return file().connectionString;
    },
    signUp: (person) => file().signUp(person),
    elsewhere: ({ id }) => {
      if (!other) throw new Error('The sessions exist in hooks and tests only, not while a file is loaded.');
      return other.asUser({ sub: id });
    },
    async suspend({ id }) {
      await file().admin.query("update profiles set status = 'suspended' where id = $1", [id]);
    },
    async sixteenTimes(table, call) {
      const holder = await file().admin.connect();
      try {
        await holder.query(`begin; lock table ${table} in exclusive mode`);
        const calls = Promise.all(Array.from({ length: 16 }, call));
        const waiting = `select count(*)::int as count from pg_stat_activity
          where wait_event_type = 'Lock' and datname = current_database()`;
        await expect
          .poll(async () => (await file().admin.query(waiting)).rows, { timeout: 10_000 })
          .toEqual([{ count: 16 }]);
        await holder.query('commit');
        return await calls;
      } finally {
        await holder.query('rollback');
        holder.release();
      }
    },
  };
}
