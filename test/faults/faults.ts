import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import {
  createDatabase,
  type Database,
  type DatabaseOptions,
  type Session,
  type UserRepositories,
} from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp_proxy.ts';
import { watchProcess } from './watch_process.ts';

/** What the server knows of a connection. */
export type Backend = { pid: number; state: string; wait_event_type: string | null; wait_event: string | null };

export const isOpen = (_: Backend) => true;
export const isIdle = ({ state }: Backend) => state === 'idle';
export const isActive = ({ state }: Backend) => state === 'active';
export const isSleeping = ({ wait_event }: Backend) => wait_event === 'PgSleep';
export const isWaitingForLock = ({ wait_event_type }: Backend) => wait_event_type === 'Lock';

/** What `testFaults` gives to a test file. */
export type Faults = {
  readonly connectionString: string;
  /** As the superuser, past the proxy. */
  readonly admin: Pool;
  /** Another one for each test. */
  readonly proxy: TcpProxy;
  /** A `Database` through the proxy, of at most 3 connections, closed after the test. */
  open(options?: DatabaseOptions): Database;
  signUp(): Promise<string>;
  /** A new person's session of a database. */
  person(database: Database, options?: { signal?: AbortSignal }): Promise<Session<UserRepositories> & { id: string }>;
  /** The connections of the test's databases, as the server knows them. */
  backends(): Promise<Backend[]>;
  /** Waits until `count` of them, or one, no more and no less, are as `isIt` says, and returns them. */
  until(isIt: (backend: Backend) => boolean, count?: number): Promise<Backend[]>;
  terminate(...backends: { pid: number }[]): Promise<void>;
  /** The names of a person's trips. */
  tripsOf(person: { id: string }): Promise<string[]>;
};

/** A database of the file's own behind a proxy, and a process in which nothing is thrown that nobody catches. */
export function testFaults(): Faults {
  const file = testDatabase();
  let proxy: TcpProxy | undefined;
  let databases: Database[] = [];
  watchProcess();

  beforeEach(async () => {
    proxy = await startTcpProxy(file.connectionString);
  });

  afterEach(async () => {
    const ends = await Promise.allSettled(databases.map((database) => database.destroy({ timeoutMillis: 1000 })));
    databases = [];
    await proxy?.close();
    await terminate(...(await backends()));
    for (const { status } of ends) expect(status).toBe('fulfilled');
  });

  async function backends(): Promise<Backend[]> {
    const { rows } = await file.admin.query<Backend>(
      `select pid, state, wait_event_type, wait_event from pg_stat_activity
       where datname = current_database() and application_name = 'wheels-db' order by backend_start`,
    );
    return rows;
  }

  async function terminate(...killed: { pid: number }[]): Promise<void> {
    const pids = killed.map(({ pid }) => pid);
    await file.admin.query('select pg_terminate_backend(pid, 5000) from unnest($1::int[]) as pid', [pids]);
  }

  return {
    get connectionString() {
      return file.connectionString;
    },
    get admin() {
      return file.admin;
    },
    get proxy() {
      return proxy ?? expect.unreachable('The proxy exists in tests only.');
    },
    open(options) {
      const database = createDatabase({ connectionString: proxy?.connectionString, max: 3, ...options });
      databases.push(database);
      return database;
    },
    signUp: () => file.signUp(),
    async person(database, options) {
      const id = await file.signUp();
      return { ...database.asUser({ sub: id }, options), id };
    },
    backends,
    until(isIt, count = 1) {
      return vi.waitFor(
        async () => {
          const found = (await backends()).filter(isIt);
          expect(found).toHaveLength(count);
          return found;
        },
        { timeout: 15_000, interval: 10 },
      );
    },
    terminate,
    async tripsOf({ id }) {
      const { rows } = await file.admin.query('select name from trips where user_id = $1 order by name', [id]);
      return rows.map(({ name }) => name);
    },
  };
}
