import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, inject } from 'vitest';
import { cloneDatabase, type TestDatabase } from '../../src/testing/index.ts';

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
  signUp(person?: { id?: string; email?: string; phone?: string; metadata?: Record<string, unknown> }): Promise<string>;
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
  let open: { clone: TestDatabase; admin: pg.Pool } | undefined;
  const opened = () => {
    if (!open) throw new Error('The test database exists in hooks and tests only, not while a file is loaded.');
    return open;
  };

  beforeAll(async () => {
    const clone = await cloneDatabase({ connectionString: inject('connectionString') }, inject('template'));
    const admin = new pg.Pool({ connectionString: clone.connectionString, max: 4 });
    // A test may end connections on purpose.
    admin.on('error', () => {});
    admin.on('connect', (client) => client.on('error', () => {}));
    open = { clone, admin };
  });

  afterAll(async () => {
    await open?.admin.end();
    await open?.clone.drop();
  });

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
      return opened().clone.connectionString;
    },
    get admin() {
      return opened().admin;
    },
    as,
    async signUp({ id = randomUUID(), email = `${id}@example.com`, phone, metadata = {} } = {}) {
      await opened().admin.query(
        'insert into auth.users (id, email, phone, raw_user_meta_data) values ($1, $2, $3, $4)',
        [id, email, phone, JSON.stringify(metadata)],
      );
      return id;
    },
  };
}
