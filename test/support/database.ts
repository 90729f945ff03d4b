import type pg from 'pg';
import { afterAll, beforeAll, inject } from 'vitest';
import { cloneDatabase } from '../../src/testing/template_database.ts';
import {
  openTestDatabase,
  type SignUp,
  type TestDatabase,
  type TestDatabaseOptions,
} from '../../src/testing/test_database.ts';

/** The roles that Supabase gives to requests. */
export type ApiRole = 'anon' | 'authenticated' | 'service_role';

/** What `testDatabase` gives to a test file. */
export interface FileDatabase {
  /** Leads to the file's own database, as the superuser. */
  readonly connectionString: string;
  /** A pool of at most 4 connections as the superuser, whom no policy restrains. */
  readonly admin: pg.Pool;
  /**
   * Runs `fn` in a transaction as a request would: under the role and with the claims `{ role, sub }`. It commits, or
   * rolls back if `fn` throws.
   *
   * @example
   * const { rows } = await database.as('authenticated', alice, (client) => client.query('select id from trips'));
   */
  as<T>(role: ApiRole, sub: string | undefined, fn: (client: pg.ClientBase) => Promise<T>): Promise<T>;
  as<T>(role: ApiRole, fn: (client: pg.ClientBase) => Promise<T>): Promise<T>;
  /** Inserts a person into `auth.users` as Supabase does on sign-up, and returns their id. */
  signUp(person?: SignUp): Promise<string>;
}

/** A database for the tests of a file or a `describe`, as `./testing` gives it: the result has it in hooks and tests. */
export function fileDatabase(options: TestDatabaseOptions = {}): () => TestDatabase {
  let open: TestDatabase | undefined;
  beforeAll(async () => {
    const clone = await cloneDatabase({ connectionString: inject('connectionString') }, inject('template'));
    open = openTestDatabase(clone, options);
  });
  afterAll(async () => {
    await open?.drop();
  });
  return () => {
    if (!open) throw new Error('The test database exists in hooks and tests only, not while a file is loaded.');
    return open;
  };
}

/**
 * A migrated database for one test file, made before its tests and dropped after them. Call it at the top level of the
 * file or in a `describe`; use it in hooks and tests only.
 *
 * @example
 * const database = testDatabase();
 * test('…', async () => {
 *   const alice = await database.signUp();
 *   await database.as('authenticated', alice, (client) => client.query('insert into trips …'));
 * });
 */
export function testDatabase(): FileDatabase {
  const opened = fileDatabase();

  async function as<T>(
    role: ApiRole,
    ...rest:
      | [fn: (client: pg.ClientBase) => Promise<T>]
      | [sub: string | undefined, fn: (client: pg.ClientBase) => Promise<T>]
  ): Promise<T> {
    const [sub, fn] = rest.length === 1 ? [undefined, rest[0]] : rest;
    const client = await opened().admin.connect();
    try {
      await client.query('begin');
      await client.query("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", [
        role,
        JSON.stringify({ role, sub }),
      ]);
      const result = await fn(client);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  }

  return {
    get connectionString() {
      return opened().connectionString;
    },
    get admin() {
      return opened().admin;
    },
    as,
    async signUp(person) {
      return (await opened().signUp(person)).id;
    },
  };
}
