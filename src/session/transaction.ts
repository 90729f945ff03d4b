import { setTimeout as sleep } from 'node:timers/promises';
import { AbortedTransactionError, type AccessMode, type IsolationLevel, type Kysely, type Transaction } from 'kysely';
import { DatabaseError, SerializationError } from '../types/errors.ts';

export type TransactionOptions = {
  /** As Postgres has it; 'read committed' unless the server says otherwise. */
  isolationLevel?: IsolationLevel;
  accessMode?: AccessMode;
  /** How often the whole function is run again after a serialization failure or a deadlock. Default 3. */
  retries?: number;
};

/**
 * Runs `fn` in a transaction: all of it takes effect or, if `fn` throws, nothing. After a `SerializationError` (40001, 40P01)
 * everything is undone and `fn` runs again, so it must do nothing outside the database that may not happen twice.
 *
 * @throws whatever `fn` throws; `SerializationError` when the retries are used up; `DatabaseError` with code `25P02` if `fn`
 * caught the error of a statement and went on, because Postgres then saves nothing.
 * @example
 * await runTransaction(alice.kysely, async (trx) => {
 *   await trx.updateTable('expenses').set({ trip_id: to }).where('trip_id', '=', from).execute();
 * });
 */
export async function runTransaction<DB, T>(
  kysely: Kysely<DB>,
  fn: (transaction: Transaction<DB>) => Promise<T>,
  { isolationLevel, accessMode, retries = 3 }: TransactionOptions = {},
): Promise<T> {
  let builder = kysely.transaction();
  if (isolationLevel) builder = builder.setIsolationLevel(isolationLevel);
  if (accessMode) builder = builder.setAccessMode(accessMode);
  for (let attempt = 0; ; attempt++) {
    try {
      return await builder.execute(fn);
    } catch (error) {
      if (error instanceof AbortedTransactionError) throw swallowed();
      if (!(error instanceof SerializationError) || attempt >= retries) throw error;
      await sleep(pause(attempt));
    }
  }
}

/** Milliseconds: 10, 20, 40 … by half more or less at random, so that rivals do not meet again. */
function pause(attempt: number): number {
  return 10 * 2 ** attempt * (0.5 + Math.random());
}

function swallowed(): DatabaseError {
  return new DatabaseError(
    'Nothing was saved: a statement of the transaction failed and its error was caught inside. Let it leave the function.',
    { code: '25P02' },
  );
}
