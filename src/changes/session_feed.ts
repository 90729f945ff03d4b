import { setTimeout as sleep } from 'node:timers/promises';
import { outsideOfTransactions } from '../session/own_transaction.ts';
import { ChangesLostError } from '../types/errors.ts';
import type { Change, RowKey, SeenChange } from './change.ts';
import { opened } from './change_feed.ts';
import type { PublishedTable } from './published.ts';
import { readableOf, readSeenRows, type SeenRows, type Viewer } from './seen_rows.ts';
import type { Listener, SharedFeed } from './shared_feed.ts';

/** How many rows are read at once, for a loop that takes them at once. */
const maxBatch = 100;
/** How many changed rows may wait for a session whose loop is busy elsewhere, and for one that is reading. */
const maxWaiting = 10_000;
const maxUnread = 5_000;
/** Of how many rows a session remembers that it was shown them. */
const maxShown = 10_000;
/** When to look again for a commit that the server does not show yet: sooner at first, as most are shown in a moment. */
const unendedMillis = { first: 5, last: 500 };

/** A change of which only the place is known: what the row holds is read when its turn comes. */
type Waiting = Pick<SeenChange, 'table' | 'operation' | 'lsn' | 'commit_time'> & {
  readonly key: RowKey | null;
  readonly transaction: number;
};

/** The changes of the shared feed that one session may see, as the policies decide when its loop asks for the next. */
export class SessionFeed implements Listener {
  readonly #viewer: Viewer;
  #tables: ReadonlySet<PublishedTable>;
  /** The newest change of each row, in the order of the commits. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #shown = new Set<string>();
  #batchRows = maxBatch;
  #pauseMillis = unendedMillis.first;
  #isReading = false;
  #failure: Error | undefined;
  #wake: () => void = () => {};
  #caughtUp: () => void = () => {};

  constructor(viewer: Viewer, tables: Iterable<PublishedTable>) {
    this.#viewer = viewer;
    this.#tables = new Set(tables);
  }

  accept(change: Change): Promise<void> | undefined {
    if (this.#failure !== undefined) return undefined;
    if (!this.#tables.has(change.table) || change.operation === 'snapshot') return undefined;
    const { table, operation, row, old, lsn, commit_time, transaction } = change;
    const place = { table, lsn, commit_time, transaction };
    // Another's from now on: gone for whoever had it.
    if (row && old && old.user_id !== row.user_id) this.#keep({ ...place, operation: 'delete', key: keyOf(old) });
    this.#keep({ ...place, operation, key: keyOf(row ?? old) });
    this.#wake();
    if (!this.#isReading) {
      if (this.#waiting.size > maxWaiting) this.fail(fellBehind());
      return undefined;
    }
    if (this.#waiting.size < maxUnread) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#caughtUp = resolve;
    return promise;
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#waiting.clear();
    this.#wake();
    this.#caughtUp();
  }

  /** Ends when the signal is aborted. @throws {ChangesLostError} if changes cannot be brought any more. */
  async *follow(feed: SharedFeed, signal: AbortSignal): AsyncGenerator<SeenChange | typeof opened, void> {
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
    let membership: ReturnType<SharedFeed['join']> | undefined;
    // The loop may never ask again.
    const leave = () => {
      abort();
      membership?.leave();
      this.#waiting.clear();
      this.#wake();
      this.#stopReading();
    };
    signal.addEventListener('abort', leave);
    try {
      if (signal.aborted) return;
      // A loop that was begun in a transaction is no part of it.
      const reading = outsideOfTransactions(() => readableOf(this.#viewer, this.#tables));
      await orAborted(reading, aborted);
      if (signal.aborted) return;
      this.#tables = await reading;
      membership = feed.join(this);
      await Promise.race([membership.opened, aborted]);
      if (signal.aborted) return;
      yield opened;
      while (await this.#hasWaiting(signal)) yield* this.#next(signal, aborted);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', leave);
      leave();
    }
  }

  async #hasWaiting(signal: AbortSignal): Promise<boolean> {
    this.#isReading = true;
    while (!signal.aborted && this.#failure === undefined && this.#waiting.size === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    if (signal.aborted) return false;
    if (this.#failure !== undefined) throw this.#failure;
    return true;
  }

  async *#next(signal: AbortSignal, aborted: Promise<void>): AsyncGenerator<SeenChange, void> {
    const batch = this.#batch();
    const [first] = batch;
    if (first === undefined) return;
    const ids = batch.flatMap(({ key }) => key?.id ?? []);
    const reading = outsideOfTransactions(() => readSeenRows(this.#viewer, first.table, ids));
    await orAborted(reading, aborted);
    if (signal.aborted) return;
    const { rows, hasEnded } = await reading;
    // Whatever the loop waits for takes it to another turn of the event loop, and meanwhile the session may lose sight of
    // what was read.
    let isFresh = true;
    setImmediate(() => {
      isFresh = false;
    });
    for (const waiting of batch) {
      if (signal.aborted) return;
      if (!isFresh) {
        this.#batchRows = 1;
        return;
      }
      if (!hasEnded(waiting.transaction)) {
        await sleep(this.#pauseMillis, undefined, { signal });
        this.#pauseMillis = Math.min(2 * this.#pauseMillis, unendedMillis.last);
        return;
      }
      this.#pauseMillis = unendedMillis.first;
      // What has come since stands for the whole row.
      if (!this.#isNewest(waiting)) continue;
      this.#waiting.delete(nameOf(waiting));
      const change = this.#show(waiting, rows);
      if (change === undefined) continue;
      this.#stopReading();
      yield change;
      this.#isReading = true;
    }
    this.#batchRows = Math.min(2 * this.#batchRows, maxBatch);
    if (this.#waiting.size < maxUnread) this.#caughtUp();
  }

  #stopReading(): void {
    this.#isReading = false;
    this.#caughtUp();
  }

  #keep(waiting: Waiting): void {
    const name = nameOf(waiting);
    const before = this.#waiting.get(name);
    const isStillNew = before?.operation === 'insert' && waiting.operation === 'update';
    // At the end, where the newest change belongs.
    this.#waiting.delete(name);
    this.#waiting.set(name, isStillNew ? { ...waiting, operation: 'insert' } : waiting);
  }

  /** Of one table, so that all of it is read at one moment. */
  #batch(): Waiting[] {
    const batch: Waiting[] = [];
    for (const waiting of this.#waiting.values()) {
      if (batch[0] !== undefined && batch[0].table !== waiting.table) break;
      if (batch.push(waiting) === this.#batchRows) break;
    }
    return batch;
  }

  #isNewest(waiting: Waiting): boolean {
    return this.#waiting.get(nameOf(waiting)) === waiting;
  }

  #show(waiting: Waiting, rows: SeenRows['rows']): SeenChange | undefined {
    const { table, operation, key, lsn, commit_time } = waiting;
    if (key === null) return { table, operation: 'truncate', row: null, old: null, lsn, commit_time };
    const name = nameOf(waiting);
    const row = operation === 'delete' ? undefined : rows.get(key.id);
    const wasShown = this.#shown.delete(name);
    // Somebody else may have made a row with an id that is free again.
    if (row?.user_id === key.user_id) {
      this.#remember(name);
      // What was read are the columns that the type names.
      return { table, operation, row, old: null, lsn, commit_time } as SeenChange;
    }
    const isOwn = operation === 'delete' && this.#viewer.owns(key.user_id);
    if (!wasShown && !isOwn) return undefined;
    return { table, operation: 'delete', row: null, old: key, lsn, commit_time };
  }

  #remember(name: string): void {
    this.#shown.add(name);
    if (this.#shown.size <= maxShown) return;
    const [oldest] = this.#shown;
    if (oldest !== undefined) this.#shown.delete(oldest);
  }
}

/** Resolves with the first of them; what is read in vain may fail. */
async function orAborted(reading: Promise<unknown>, aborted: Promise<void>): Promise<void> {
  reading.catch(() => {});
  await Promise.race([reading, aborted]);
}

function keyOf(row: RowKey | null): RowKey | null {
  return row && { id: row.id, user_id: row.user_id };
}

function nameOf({ table, key }: Pick<Waiting, 'table' | 'key'>): string {
  return key === null ? table : `${table} ${key.id} ${key.user_id}`;
}

function fellBehind(): ChangesLostError {
  return new ChangesLostError(
    'More changes wait for this session than are kept: take them faster, or follow fewer tables; then read anew what is shown.',
  );
}
