import { z } from 'zod';
import { validate } from '../types/validate.ts';

export type PruneOptions = {
  /** What has not changed since this moment is old. */
  readonly before: Date;
  /** How many rows are looked at in one transaction, 1 to 10,000. Default 1000. */
  readonly batch?: number;
  /** Counts, and changes nothing. */
  readonly dryRun?: boolean;
  /** Ends it between two transactions: what is done stays done, and running it again goes on. */
  readonly signal?: AbortSignal;
  /** Is told how far it is after each transaction. */
  readonly progress?: (sofar: Omit<Pruned, 'complete'>) => void;
};

/** How many rows were looked at, and how many were old and so pruned; `complete` is false if it was stopped before the end. */
export type Pruned = { readonly looked_at: number; readonly pruned: number; readonly complete: boolean };

/** What one transaction did: `last` is the key of the last row that it looked at. */
export type Batch<Key> = { readonly looked_at: number; readonly pruned: number; readonly last: Key | undefined };

const batchSchema = z.int().min(1).max(10_000);

/** Goes through a table by its key, a transaction for each `batch` rows. */
export async function inBatches<Key>(
  first: Key,
  { batch = 1000, signal, progress }: PruneOptions,
  prune: (after: Key, limit: number) => Promise<Batch<Key>>,
): Promise<Pruned> {
  const limit = validate(batchSchema, batch, 'batch');
  let [looked_at, pruned] = [0, 0];
  for (let after = first; !signal?.aborted; ) {
    const done = await prune(after, limit);
    looked_at += done.looked_at;
    pruned += done.pruned;
    progress?.({ looked_at, pruned });
    if (done.looked_at < limit || done.last === undefined) return { looked_at, pruned, complete: true };
    after = done.last;
  }
  return { looked_at, pruned, complete: false };
}
