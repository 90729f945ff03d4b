import type { PostgresPool } from 'kysely';
import { ConfigurationError } from '../types/errors.ts';
import type { SessionContext } from './claims.ts';
import type { ConnectionPool } from './connection_pool.ts';
import { controlClient } from './control_client.ts';
import { type Route, routeTo } from './lease.ts';
import { ObservedClient, type Observer } from './observed_client.ts';
import { refuseInOwnTransaction } from './own_transaction.ts';
import { ScopedClient } from './scoped_client.ts';
import { answerMillisOf, type Limits, settingsOf } from './settings.ts';
import { translateError } from './translate_error.ts';

export type ScopeOptions = Limits & {
  /**
   * Whether statements are prepared once a connection, under names. Default true. Turn it off behind a pooler in
   * transaction mode that does not keep them: Supavisor, PgBouncer before 1.21.
   */
  preparedStatements?: boolean;
  /**
   * How many milliseconds to wait for the server's answer before the connection is given up for lost. Default 5 s more than
   * a statement may run, and none if that is unlimited; 0 is none. It counts the time in a pooler's queue.
   */
  query_timeout?: number;
};

/** What ends a session's statements before their time. */
export type SessionOptions = {
  /**
   * Once it is aborted, what the session has not sent is not sent, what runs is cancelled on the server, and an open
   * transaction is rolled back: the callers get a `CancelledError`. A statement that the server had completed by then gives
   * its result.
   */
  signal?: AbortSignal | undefined;
  /**
   * Postgres refuses every write with a `ReadOnlyError`. With `replicas` such a session reads from one of them, if it has
   * replayed what the same person has written through this `Database`; else from the primary. Default false.
   */
  readOnly?: boolean | undefined;
  /** Of a read-only session: what it must show too, as `database.position()` of another process has said. */
  after?: string | undefined;
};

/** @throws {ConfigurationError} for what is no signal: nothing would ever abort it. */
export function checkSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new ConfigurationError('signal must be an AbortSignal, such as controller.signal.');
}

/**
 * A pool for Kysely's `PostgresDialect` that runs every statement as `context.role` with `context.claims`, in one network
 * round trip: the settings are local to the transaction that they share with the statement, so a connection goes back to
 * `pool` without a trace of the session. `end` leaves `pool` open.
 *
 * A transaction opens with its first statement: n statements and the commit are n + 1 round trips.
 *
 * `connect` throws a `ConfigurationError` inside of the function of a transaction of the same person.
 *
 * `connect` and `query` throw a `DatabaseError`, never an error of the driver; a `ConfigurationError` if the connection may
 * not act as the role, in which case the statement has not run.
 *
 * `observers` are told of every statement. `route` finds its connection, unless that is always one of `pool`.
 *
 * @example
 * const dialect = new PostgresDialect({ pool: scopedPool(pool, userContext({ sub })), cursor: Cursor });
 * const alice = new Kysely<DB>({ dialect });
 */
export function scopedPool(
  pool: ConnectionPool,
  context: SessionContext,
  { preparedStatements = true, query_timeout, signal, readOnly, ...limits }: ScopeOptions & SessionOptions = {},
  observers: readonly Observer[] = [],
  route: Route = routeTo(pool),
): PostgresPool {
  const settings = settingsOf(context, limits, readOnly);
  const answerMillis = query_timeout ?? answerMillisOf(limits);
  const inUse = new Map<number, ScopedClient>();
  const scope = { pool, context, settings, preparedStatements, signal, answerMillis, inUse };
  return {
    async connect() {
      refuseInOwnTransaction(pool, context);
      const startTime = performance.now();
      try {
        const lease = await route(signal);
        if (observers.length === 0) return new ScopedClient(lease, scope);
        return new ObservedClient(lease, scope, observers, startTime);
      } catch (error) {
        const translated = translateError(error);
        for (const observer of observers) observer.unconnected(translated, startTime);
        throw translated;
      }
    },
    async end() {},
    options: {},
    Client: controlClient((processId) => inUse.get(processId)?.cancel()),
  };
}
