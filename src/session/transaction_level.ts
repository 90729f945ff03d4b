import { CompiledQuery, type Transaction } from 'kysely';
import { ConfigurationError } from '../types/errors.ts';

/** What is to be done once a transaction is saved. */
export type AfterCommit = () => unknown;

/** A transaction, or one nested in it, while its function runs. */
export class TransactionLevel {
  readonly #depth: number;
  #registered: AfterCommit[] = [];
  #state: 'open' | 'nested' | 'over' = 'open';

  constructor(depth = 0) {
    this.#depth = depth;
  }

  /** What has been registered here, and in nested transactions that were kept. */
  get registered(): readonly AfterCommit[] {
    return this.#registered;
  }

  /** @throws {ConfigurationError} if the transaction is over. */
  afterCommit(fn: AfterCommit): void {
    if (this.#state === 'over')
      throw new ConfigurationError('The transaction is over: nothing comes after its commit.');
    this.#registered.push(fn);
  }

  /**
   * A statement beside a nested transaction would be undone with it; one after a nested transaction would not.
   *
   * @throws {ConfigurationError} unless this is the innermost transaction, and running.
   */
  refuseUnlessOpen(): void {
    if (this.#state === 'over') throw new ConfigurationError('The transaction is over: start another one.');
    if (this.#state === 'nested') {
      throw new ConfigurationError(
        'A nested transaction is running: use what its function is given, or await it first.',
      );
    }
  }

  async run<DB, T>(
    transaction: Transaction<DB>,
    fn: (transaction: Transaction<DB>, level: TransactionLevel) => Promise<T>,
  ): Promise<T> {
    try {
      return await fn(transaction, this);
    } finally {
      this.#state = 'over';
    }
  }

  /**
   * Runs `fn` under a savepoint: if it throws, what it did is undone and what it registered is dropped, and the transaction
   * can go on if the caller catches the error. Two round trips more than its statements.
   *
   * @throws whatever `fn` throws; `DatabaseError` with code `25P02` if `fn` caught the error of a statement and went on;
   *   `ConfigurationError` if another one is running in this transaction already, or the transaction is over.
   */
  async nested<DB, T>(
    transaction: Transaction<DB>,
    fn: (transaction: Transaction<DB>, level: TransactionLevel) => Promise<T>,
  ): Promise<T> {
    if (this.#state === 'over') throw new ConfigurationError('The transaction is over: start another one.');
    if (this.#state === 'nested') {
      throw new ConfigurationError('Nested transactions run one after the other: await the first, or nest in it.');
    }
    this.#state = 'nested';
    const inner = new TransactionLevel(this.#depth + 1);
    const run = (sql: string) => transaction.executeQuery(CompiledQuery.raw(sql));
    try {
      const result = await underSavepoint(`wheels_${inner.#depth}`, run, () => inner.run(transaction, fn));
      this.#registered.push(...inner.#registered);
      return result;
    } finally {
      this.#state = 'open';
    }
  }
}

/**
 * Runs `work` under a savepoint of the transaction that `run` sends statements to: if it throws, what it did is undone, and
 * the transaction can go on.
 *
 * @throws whatever `work` throws.
 */
async function underSavepoint<T>(
  name: string,
  run: (sql: string) => Promise<unknown>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    await run(`savepoint ${name}`);
    const result = await work();
    await run(`release savepoint ${name}`);
    return result;
  } catch (error) {
    // On a lost connection neither is possible, nor needed.
    await run(`rollback to savepoint ${name}`)
      .then(() => run(`release savepoint ${name}`))
      .catch(() => {});
    throw error;
  }
}
