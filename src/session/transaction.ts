import { AbortedTransactionError, type AccessMode, type Kysely, type Transaction } from 'kysely';
import { AfterCommitError, DatabaseError, SerializationError, ValidationError } from '../types/errors.ts';
import { requireObject } from '../types/validate.ts';
import { defaultRetries, pauseBeforeRetry } from './retry.ts';
import { type AfterCommit, TransactionLevel } from './transaction_level.ts';

/** How a transaction runs, and how often again. */
export type TransactionOptions = {
  /** As Postgres has it; 'read committed' unless the server says otherwise. */
  isolationLevel?: (typeof isolationLevels)[number] | undefined;
  accessMode?: AccessMode | undefined;
  /** How often the whole function is run again after a serialization failure or a deadlock. Default 3. */
  retries?: number | undefined;
};

const isolationLevels = ['read uncommitted', 'read committed', 'repeatable read', 'serializable'] as const;

/**
 * Runs `fn` in a transaction: all of it takes effect or, if `fn` throws, nothing. After a `SerializationError` (40001, 40P01)
 * everything is undone and `fn` runs again, so what must not happen twice belongs into `afterCommit`.
 *
 * `onRetry` is told why, before `fn` runs again; `signal` is the session's, and ends the pause before that. `level.nested`
 * runs a part of it that can be undone alone; `level.afterCommit` registers what is to be done once everything is saved.
 *
 * @throws whatever `fn` throws; `SerializationError` when the retries are used up; `CancelledError` if `signal` is aborted
 * between two of them; `DatabaseError` with code `25P02` if `fn` caught the error of a statement and went on, because
 * Postgres then saves nothing; `AfterCommitError` if everything is saved, and a function of `afterCommit` failed;
 * `ValidationError` if `retries` is not a whole number, or for an option that there is not.
 * @example
 * await runTransaction(alice.kysely, async (trx, level) => {
 *   await trx.updateTable('expenses').set({ trip_id: to }).where('trip_id', '=', from).execute();
 *   level.afterCommit(() => notify(alice));
 * });
 */
export async function runTransaction<DB, T>(
  kysely: Kysely<DB>,
  fn: (transaction: Transaction<DB>, level: TransactionLevel) => Promise<T>,
  options: TransactionOptions = {},
  onRetry?: (error: SerializationError) => void,
  signal?: AbortSignal,
): Promise<T> {
  const known = ['isolationLevel', 'accessMode', 'retries'] as const;
  const { isolationLevel, accessMode, retries = defaultRetries } = requireObject(options, known);
  if (!Number.isInteger(retries) || retries < 0) {
    throw new ValidationError([{ path: 'retries', reason: 'must be a whole number from 0' }]);
  }
  if (isolationLevel !== undefined && !isolationLevels.includes(isolationLevel)) {
    throw new ValidationError([{ path: 'isolationLevel', reason: `must be one of ${isolationLevels.join(', ')}` }]);
  }
  let builder = kysely.transaction();
  if (isolationLevel) builder = builder.setIsolationLevel(isolationLevel);
  if (accessMode) builder = builder.setAccessMode(accessMode);
  for (let attempt = 0; ; attempt++) {
    const level = new TransactionLevel();
    let thrown: { error: unknown } | undefined;
    const run = async (transaction: Transaction<DB>) => {
      try {
        return await level.run(transaction, fn);
      } catch (error) {
        thrown = { error };
        throw error;
      }
    };
    try {
      const result = await builder.execute(run);
      await runAfterCommit(level.registered);
      return result;
    } catch (lastError) {
      // On a lost connection the rollback fails too, and hides why there was one.
      const error = thrown ? thrown.error : lastError;
      if (error instanceof AbortedTransactionError) throw swallowed();
      if (!(error instanceof SerializationError) || attempt >= retries) throw error;
      onRetry?.(error);
      await pauseBeforeRetry(attempt, signal);
    }
  }
}

/** In the order of registration, all of them, whatever becomes of each. @throws {AfterCommitError} */
async function runAfterCommit(registered: readonly AfterCommit[]): Promise<void> {
  const errors: unknown[] = [];
  for (const afterCommit of registered) {
    try {
      await afterCommit();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AfterCommitError(errors);
}

function swallowed(): DatabaseError {
  return new DatabaseError(
    'Nothing was saved: a statement of the transaction failed and its error was caught inside. Let it leave the function.',
    { code: '25P02' },
  );
}
