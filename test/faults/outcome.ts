import { setTimeout as sleep } from 'node:timers/promises';

/** What became of a promise: it went well, or the error. Still pending after `millis` is the error of the test. */
export type Outcome<T> = { value: T; error?: undefined } | { error: unknown };

/**
 * Waits for a promise to be settled at all, which is what a fault may prevent; `millis` is generous, and no measure.
 *
 * @throws {Error} if it is still pending then.
 */
export async function outcomeOf<T>(promise: Promise<T>, millis = 5000): Promise<Outcome<T>> {
  const settled = promise.then(
    (value): Outcome<T> => ({ value }),
    (error: unknown): Outcome<T> => ({ error }),
  );
  const timer = new AbortController();
  const outcome = await Promise.race([settled, sleep(millis, undefined, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
  if (!outcome) throw new Error(`Nothing has become of it in ${millis} ms.`);
  return outcome;
}

/** The error that a promise is rejected with. @throws {Error} if it went well, or is still pending after `millis`. */
export async function errorOf(promise: Promise<unknown>, millis?: number): Promise<unknown> {
  const outcome = await outcomeOf(promise, millis);
  if ('value' in outcome) throw new Error('It went well.');
  return outcome.error;
}

/** Whether a promise is still pending after `millis`. */
export async function isPending(promise: Promise<unknown>, millis: number): Promise<boolean> {
  const settled = promise.then(
    () => false,
    () => false,
  );
  return await Promise.race([settled, sleep(millis, true)]);
}
