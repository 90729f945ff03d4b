import type { PoolClient } from 'pg';
import type { DatabaseError } from '../types/errors.ts';
import type { ConnectionPool } from './connection_pool.ts';

/** A connection that a session has been given, and who is to be told of what happens on it. */
export type Lease = {
  readonly pool: ConnectionPool;
  readonly client: PoolClient;
  /** Told when something that was sent may have been committed. */
  readonly wrote?: () => void;
  /**
   * Of a read-only session: asked before each exchange outside of a transaction, for who is to be told where the settings
   * found the server to stand.
   *
   * @throws {DatabaseError} if nothing is to be read there.
   */
  readonly ask?: () => Found;
  readonly replica?: ReplicaLease;
};

/** @throws {DatabaseError} if what was read there is not to be shown. */
export type Found = (standing: string | null) => void;

/** What a session needs to know of a replica besides. */
export type ReplicaLease = {
  /** Told of what went wrong there, `isMidway` if in a transaction that had begun to read. */
  failed(error: DatabaseError, isMidway: boolean): void;
  /** Whether the server answers at all, while one of its statements takes long. */
  answers(): Promise<boolean>;
  /** A connection of the primary instead. */
  instead(signal: AbortSignal | undefined): Promise<Lease>;
};

/** Finds the connection for what a session sends next. */
export type Route = (signal: AbortSignal | undefined) => Promise<Lease>;

/** All goes to one server. */
export function routeTo(pool: ConnectionPool): Route {
  return async (signal) => ({ pool, client: await pool.take(signal) });
}
