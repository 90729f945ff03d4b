import { outsideOfTransactions } from '../session/own_transaction.ts';
import { DatabaseError } from '../types/errors.ts';
import type { Change } from './change.ts';
import { opened } from './change_feed.ts';

/** One who is told of every change. */
export type Listener = {
  /** A promise asks the feed to wait: so does the server then, and memory stays bounded. */
  accept(change: Change): Promise<void> | undefined;
  fail(error: Error): void;
};

type Run = { readonly listeners: Set<Listener>; readonly opened: Promise<void>; readonly stop: AbortController };

/** One temporary slot for all sessions of a process, for as long as one of them listens. */
export class SharedFeed {
  readonly #follow: (signal: AbortSignal) => AsyncGenerator<Change | typeof opened, void>;
  #run: Run | undefined;

  constructor(follow: (signal: AbortSignal) => AsyncGenerator<Change | typeof opened, void>) {
    this.#follow = follow;
  }

  join(listener: Listener): { opened: Promise<void>; leave: () => void } {
    // Whoever comes first may be in a transaction, of which the feed is no part.
    this.#run ??= outsideOfTransactions(() => this.#start());
    const run = this.#run;
    run.listeners.add(listener);
    const leave = () => {
      run.listeners.delete(listener);
      if (run.listeners.size === 0) this.#stop(run);
    };
    return { opened: run.opened, leave };
  }

  #start(): Run {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const run: Run = { listeners: new Set(), opened: promise, stop: new AbortController() };
    promise.catch(() => {});
    this.#tell(run, resolve).catch((error) => {
      this.#stop(run);
      reject(error);
      const reason = error instanceof DatabaseError ? error : new DatabaseError('The feed of changes has failed.');
      for (const listener of run.listeners) listener.fail(reason);
    });
    return run;
  }

  #stop(run: Run): void {
    run.stop.abort();
    if (this.#run === run) this.#run = undefined;
  }

  async #tell({ listeners, stop }: Run, isOpen: () => void): Promise<void> {
    for await (const change of this.#follow(stop.signal)) {
      if (change === opened) isOpen();
      else for (const listener of listeners) await listener.accept(change);
    }
  }
}
