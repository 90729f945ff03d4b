import { AsyncLocalStorage } from 'node:async_hooks';
import type { Pool } from 'pg';
import { ConfigurationError } from '../types/errors.ts';
import type { SessionContext } from './claims.ts';

type Running = {
  readonly pool: Pool;
  readonly context: SessionContext;
  readonly around: Running | undefined;
  openStreams: number;
  isOver: boolean;
};

const running = new AsyncLocalStorage<Running>();

/** Runs a function that is no part of the transactions around the call. */
export const outsideOfTransactions = AsyncLocalStorage.snapshot();

/** Runs the function of a transaction, so that `refuseInOwnTransaction` knows what is called from it. */
export async function runInTransaction<T>(pool: Pool, context: SessionContext, fn: () => Promise<T>): Promise<T> {
  const transaction: Running = { pool, context, around: running.getStore(), openStreams: 0, isOver: false };
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

/** Notes that a stream has taken the connection of the transaction around the call, if it is the context's. */
export function noteStream(pool: Pool, context: SessionContext): () => void {
  const transaction = runningUnder(pool, context);
  if (!transaction) return () => {};
  transaction.openStreams += 1;
  return () => {
    transaction.openStreams -= 1;
  };
}

/**
 * Kysely would keep a statement of the transaction waiting until the stream is over, whose loop may be waiting for it.
 *
 * @throws {ConfigurationError} while a stream of the transaction around the call is open.
 */
export function refuseBesideStream(pool: Pool, context: SessionContext): void {
  if (!runningUnder(pool, context)?.openStreams) return;
  throw new ConfigurationError(
    'A stream of this transaction is open: leave it, or collect its rows, before the next statement.',
  );
}

function runningUnder(pool: Pool, context: SessionContext): Running | undefined {
  let transaction = running.getStore();
  while (transaction && (transaction.pool !== pool || transaction.context !== context))
    transaction = transaction.around;
  return transaction;
}
