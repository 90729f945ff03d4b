import { CancelledError, ConfigurationError } from '../types/errors.ts';

/** What a feed yields first: every commit from then on comes after it. */
export const opened: unique symbol = Symbol('opened');

/** Changes as they are committed, for one `for await` loop. */
export class ChangeFeed<Change> implements AsyncIterable<Change> {
  readonly #changes: AsyncGenerator<Change | typeof opened, void>;
  readonly #leaving = new AbortController();
  #opening: Promise<boolean> | undefined;
  #isTaken = false;

  /** `follow` ends when its signal is aborted. */
  constructor(follow: (signal: AbortSignal) => AsyncGenerator<Change | typeof opened, void>) {
    this.#changes = follow(this.#leaving.signal);
  }

  /**
   * Connects, if the loop has not: from then on every commit is in the feed. Read what is there after it, and the loop
   * brings what came since; a change may be in both.
   *
   * @throws what the loop would throw, if the feed cannot be opened; `CancelledError` if its signal is aborted.
   * @example
   * const changes = alice.changes({ tables: ['expenses'] });
   * await changes.ready();
   * const page = await alice.expenses.list();
   * for await (const change of changes) apply(change);
   */
  async ready(): Promise<void> {
    if (!(await this.#open())) throw new CancelledError('The feed was not opened: its signal is aborted.');
  }

  /** @throws {ConfigurationError} the second time. */
  [Symbol.asyncIterator](): AsyncGenerator<Change, void> {
    if (this.#isTaken) throw new ConfigurationError('A feed of changes is for one loop: call changes() for another.');
    this.#isTaken = true;
    return {
      next: async () => ((await this.#open()) ? await this.#next() : { done: true, value: undefined }),
      return: async () => {
        await this.#leave();
        return { done: true, value: undefined };
      },
      throw: async (error) => {
        await this.#leave();
        throw error;
      },
      [Symbol.asyncIterator]() {
        return this;
      },
      [Symbol.asyncDispose]: () => this.#leave(),
    };
  }

  /** Whether it is open; if not, it has ended. */
  #open(): Promise<boolean> {
    this.#opening ??= this.#changes.next().then(({ done }) => !done);
    return this.#opening;
  }

  async #next(): Promise<IteratorResult<Change, void>> {
    const { done, value } = await this.#changes.next();
    if (done) return { done, value: undefined };
    return value === opened ? await this.#next() : { done: false, value };
  }

  /** Also while the next change is waited for. */
  async #leave(): Promise<void> {
    this.#leaving.abort();
    await this.#changes.return();
  }
}
