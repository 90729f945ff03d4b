import { setTimeout as sleep } from 'node:timers/promises';
import { cancelled } from './connection_pool.ts';

/** How often what has met a rival is run again, unless a transaction says otherwise. */
export const defaultRetries = 3;

/**
 * Waits before the `attempt`th repetition, counted from 0: 10, 20, 40 … 1000 ms, by half more or less at random, so that
 * rivals do not meet again.
 *
 * @throws {CancelledError} as soon as the signal is aborted.
 */
export async function pauseBeforeRetry(attempt: number, signal: AbortSignal | undefined): Promise<void> {
  const millis = Math.min(10 * 2 ** attempt, 1000) * (0.5 + Math.random());
  await sleep(millis, undefined, { signal }).catch(() => {
    throw cancelled();
  });
}
