import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

const events = ['uncaughtException', 'unhandledRejection', 'warning'] as const;

/** Has every test of the file fail during which the process was told of an error that nobody caught, or warned. */
export function watchProcess(): void {
  const heard: unknown[] = [];
  const listener = (what: unknown) => heard.push(what);

  beforeAll(() => {
    for (const event of events) process.on(event, listener);
  });

  afterEach(async () => {
    // Node tells of a rejection after the promises of this turn have been settled.
    await turn();
    expect(heard.splice(0)).toEqual([]);
  });

  afterAll(() => {
    for (const event of events) process.off(event, listener);
  });
}
