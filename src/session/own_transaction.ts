import { AsyncLocalStorage } from 'node:async_hooks';
import type { Pool } from 'pg';
import { ConfigurationError } from '../types/errors.ts';
import type { SessionContext } from './claims.ts';

type Running = {
  readonly pool: Pool;
  readonly context: SessionContext;
  readonly around: Running | undefined;
  isOver: boolean;
};

const running = new AsyncLocalStorage<Running>();

/** Runs the function of a transaction, so that `refuseInOwnTransaction` knows what is called from it. */
export async function runInTransaction<T>(pool: Pool, context: SessionContext, fn: () => Promise<T>): Promise<T> {
  const transaction: Running = { pool, context, around: running.getStore(), isOver: false };
  try {
    return await running.run(transaction, fn);
  } finally {
    // What the function has started and not awaited may go on after it.
    transaction.isOver = true;
  }
}

/**
 * Call it before a session takes a connection: a statement of the same person beside their transaction would not see what
 * the transaction has done, and might wait for its locks or its connection for ever.
 *
 * @throws {ConfigurationError} inside of a transaction under the same role and user, or if the transactions around the
 *   call hold all connections of the pool.
 */
export function refuseInOwnTransaction(pool: Pool, { role, claims }: SessionContext): void {
  let held = 0;
  for (let transaction = running.getStore(); transaction; transaction = transaction.around) {
    if (transaction.isOver || transaction.pool !== pool) continue;
    held += 1;
    const { context } = transaction;
    if (context.role === role && context.claims.sub === claims.sub) {
      throw new ConfigurationError(
        'This session is in a transaction: use what the function of the transaction is given.',
      );
    }
  }
  if (held > 0 && held >= pool.options.max) {
    throw new ConfigurationError(
      'The transactions around this statement hold all connections: use what their functions are given, or raise max.',
    );
  }
}
