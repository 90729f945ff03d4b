import { stopSignal } from './stop_signal.ts';

/**
 * Does work that ends early, having cleaned up, when somebody stops the process.
 *
 * @throws {Stopped} if somebody did
 */
export async function untilStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  void stopSignal().then((stopped) => stop.abort(stopped));
  return await work(stop.signal);
}
