import type { PostgresPool } from 'kysely';
import { Client, type Pool, type PoolClient } from 'pg';
import type { SessionContext } from './claims.ts';
import { ObservedClient, type Observer } from './observed_client.ts';
import { refuseInOwnTransaction } from './own_transaction.ts';
import { ScopedClient } from './scoped_client.ts';
import { type Limits, settingsOf } from './settings.ts';
import { StatementCache } from './statement_cache.ts';
import { translateError } from './translate_error.ts';

export type ScopeOptions = Limits & {
  /**
   * Whether statements are prepared once a connection, under names. Default true. Turn it off behind a pooler in
   * transaction mode that does not keep them: Supavisor, PgBouncer before 1.21.
   */
  preparedStatements?: boolean;
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
  pool: Pool,
  context: SessionContext,
  { preparedStatements = true, ...limits }: ScopeOptions = {},
  observers: readonly Observer[] = [],
): PostgresPool {
  const settings = settingsOf(context, limits);
  return {
    async connect() {
      refuseInOwnTransaction(pool, context);
      const startTime = performance.now();
      try {
        const client = await connectIdle(pool);
        const statements = preparedStatements ? statementsOf(client) : undefined;
        const scope = { context, settings, statements };
        if (observers.length === 0) return new ScopedClient(client, scope);
        return new ObservedClient(client, scope, observers, startTime);
      } catch (error) {
        for (const observer of observers) observer.unconnected(translateError(error), startTime);
        throw error;
      }
    },
    async end() {},
    options: {},
    // Kysely cancels a running statement over a connection of its own.
    Client: class extends Client {
      constructor() {
        super(pool.options);
        this.on('error', () => {});
      }
    },
  };
}

/** A connection that another user of the pool left inside a transaction is not fit: our commit would commit theirs. */
async function connectIdle(pool: Pool): Promise<PoolClient> {
  try {
    const client = await pool.connect();
    if (client.getTransactionStatus() === 'I') return client;
    client.release(true);
  } catch (error) {
    throw translateError(error);
  }
  return connectIdle(pool);
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
