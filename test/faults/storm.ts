import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { CancelledError } from '../../src/index.ts';
import { outcomeOf } from './outcome.ts';

/**
 * Runs `work` 200 times, four at a time, and aborts each at a random moment: it must end well or be cancelled. Beside it
 * `innocentWork` goes on without a signal, and must always end well.
 *
 * @returns how often `work` ended well.
 */
export async function abortStorm(
  work: (signal: AbortSignal) => Promise<unknown>,
  innocentWork: () => Promise<unknown>,
): Promise<number> {
  let isOver = false;
  let innocents = 0;
  let survivors = 0;

  async function workAndAbort(): Promise<void> {
    for (let i = 0; i < 50; i++) {
      const controller = new AbortController();
      const outcome = outcomeOf(work(controller.signal));
      await delay(Math.random() * 25);
      // Kysely throws what it is given here as it is, the session an error of its own.
      controller.abort(new CancelledError('gave up'));
      const { error } = await outcome;
      if (error === undefined) survivors += 1;
      else expect(error).toMatchObject({ name: 'CancelledError', code: 'CANCELLED' });
    }
  }

  async function stayInnocent(): Promise<void> {
    while (!isOver) {
      await innocentWork();
      innocents += 1;
    }
  }

  const bystanders = Promise.all([stayInnocent(), stayInnocent()]);
  try {
    await Promise.race([Promise.all([1, 2, 3, 4].map(workAndAbort)), bystanders]);
  } finally {
    isOver = true;
  }
  await bystanders;
  expect(innocents).toBeGreaterThan(10);
  return survivors;
}
