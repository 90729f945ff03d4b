import type { PostgresPool } from 'kysely';
import type { PoolClient } from 'pg';
import type { SessionContext } from './claims.ts';
import type { ConnectionPool } from './connection_pool.ts';
import { controlClient } from './control_client.ts';
import { ObservedClient, type Observer } from './observed_client.ts';
import { refuseInOwnTransaction } from './own_transaction.ts';
import { ScopedClient } from './scoped_client.ts';
import { answerMillisOf, type Limits, settingsOf } from './settings.ts';
import { StatementCache } from './statement_cache.ts';
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

export type SessionOptions = {
  /**
   * Once it is aborted, what the session has not sent is not sent, what runs is cancelled on the server, and an open
   * transaction is rolled back: the callers get a `CancelledError`. A statement that the server had completed by then gives
   * its result.
   */
  signal?: AbortSignal;
};

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
 * `observers` are told of every statement.
 *
 * @example
 * const dialect = new PostgresDialect({ pool: scopedPool(pool, userContext({ sub })), cursor: Cursor });
 * const alice = new Kysely<DB>({ dialect });
 */
export function scopedPool(
  pool: ConnectionPool,
  context: SessionContext,
  { preparedStatements = true, query_timeout, signal, ...limits }: ScopeOptions & SessionOptions = {},
  observers: readonly Observer[] = [],
): PostgresPool {
  const settings = settingsOf(context, limits);
  const answerMillis = query_timeout ?? answerMillisOf(limits);
  const inUse = new Map<number, ScopedClient>();
  return {
    async connect() {
      refuseInOwnTransaction(pool, context);
      const startTime = performance.now();
      try {
        const client = await pool.take(signal);
        const statements = preparedStatements ? statementsOf(client) : undefined;
        const scope = { pool, context, settings, statements, signal, answerMillis, inUse };
        if (observers.length === 0) return new ScopedClient(client, scope);
        return new ObservedClient(client, scope, observers, startTime);
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

const maxPrepared = 200;
const prepared = new WeakMap<PoolClient, StatementCache>();

function statementsOf(client: PoolClient): StatementCache {
  const known = prepared.get(client);
  if (known) return known;
  const statements = new StatementCache(maxPrepared);
  prepared.set(client, statements);
  return statements;
}
