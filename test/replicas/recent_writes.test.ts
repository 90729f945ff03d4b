import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { anonContext, onBehalfContext, serviceContext, userContext } from '../../src/session/claims.ts';
import { RecentWrites } from '../../src/session/replicas/recent_writes.ts';

const alice = '3f0c8f0e-0000-4000-8000-00000000000a';
const bob = '3f0c8f0e-0000-4000-8000-00000000000b';
const contexts = {
  alice: userContext({ sub: alice }),
  bob: userContext({ sub: bob }),
  'the service for alice': onBehalfContext(alice),
  'the service': serviceContext(),
  anon: anonContext(),
};
type Who = keyof typeof contexts;

/** Whose writes somebody must see. */
const sees: Record<Who, Who[]> = {
  alice: ['alice', 'the service for alice', 'the service', 'anon'],
  bob: ['bob', 'the service', 'anon'],
  'the service for alice': ['alice', 'the service for alice', 'the service', 'anon'],
  'the service': ['the service for alice', 'the service', 'anon'],
  anon: ['the service', 'anon'],
};

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const someone = (n: number) => userContext({ sub: `3f0c8f0e-0000-4000-8000-${String(n).padStart(12, '0')}` });
const at = (lsn: number) => ({ timeline: 1, lsn: BigInt(lsn) });

const who = fc.constantFrom(...(Object.keys(contexts) as Who[]));
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('write' as const), who }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), who }) },
    // Asks the primary now and hears of it so many steps later.
    { weight: 3, arbitrary: fc.record({ do: fc.constant('ask' as const), steps: fc.nat(4) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), millis: fc.nat(7_000) }) },
  ),
  { maxLength: 60 },
);

describe('whatever happens', () => {
  test('a replica that has what is needed has all that must be seen', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const writes = new RecentWrites();
        const lastWrite: Partial<Record<Who, number>> = {};
        const started = { lsn: 1 };
        let lsn = 1;
        const pending: { due: number; learn: () => void }[] = [];
        for (const [index, step] of all.entries()) {
          for (const { due, learn } of pending) if (due === index) learn();
          if (step.do === 'write') {
            lsn += 1;
            lastWrite[step.who] = lsn;
            writes.note(contexts[step.who]);
          } else if (step.do === 'ask') {
            const learned = { ...writes.ask(), position: at(lsn) };
            pending.push({ due: index + 1 + step.steps, learn: () => writes.learn(learned) });
          } else if (step.do === 'wait') vi.advanceTimersByTime(step.millis);
          else {
            const needed = writes.neededBy(contexts[step.who]);
            if (!needed) continue;
            const seen = Math.max(started.lsn, ...sees[step.who].map((writer) => lastWrite[writer] ?? 0));
            expect(needed.lsn >= BigInt(seen)).toBe(true);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

test('what is learned from one read holds for all who had written by then, and stays', () => {
  const writes = new RecentWrites();
  expect(writes.neededBy(contexts.alice)).toBeUndefined();
  writes.learn({ ...writes.ask(), position: at(10) });
  writes.note(contexts.alice);
  writes.note(contexts.bob);
  expect(writes.neededBy(contexts.alice)).toBeUndefined();
  writes.learn({ ...writes.ask(), position: at(20) });
  expect(writes.neededBy(contexts.alice)).toEqual(at(20));
  writes.learn({ ...writes.ask(), position: at(30) });
  expect(writes.neededBy(contexts.alice)).toEqual(at(20));
  expect(writes.neededBy(contexts.bob)).toEqual(at(30));
  expect(writes.neededBy(contexts.anon)).toEqual(at(10));
});

test('a position that was asked for before a write does not stand for it', () => {
  const writes = new RecentWrites();
  writes.learn({ ...writes.ask(), position: at(10) });
  const asked = writes.ask();
  writes.note(contexts.alice);
  writes.learn({ ...asked, position: at(11) });
  expect(writes.neededBy(contexts.alice)).toBeUndefined();
});

test('everybody must see what was committed ten to fifteen seconds ago, and a replica may lag five', () => {
  const writes = new RecentWrites();
  const needed: bigint[] = [];
  for (let second = 0; second < 30; second++) {
    if (writes.isDue) writes.learn({ ...writes.ask(), position: at(second) });
    needed.push(writes.neededBy(contexts.anon)?.lsn ?? 0n);
    expect(writes.isStale).toBe(false);
    vi.advanceTimersByTime(1_000);
  }
  const lags = needed.map((lsn, second) => second - Number(lsn)).slice(10);
  expect(Math.min(...lags)).toBe(5);
  expect(Math.max(...lags)).toBe(9);
  vi.advanceTimersByTime(10_000);
  expect(writes.isStale).toBe(true);
  writes.learn({ ...writes.ask(), position: at(99) });
  expect(writes.neededBy(contexts.anon)).toEqual(at(99));
});

test('what was asked for before it began anew does not stand for whom it has forgotten', () => {
  const writes = new RecentWrites();
  writes.learn({ ...writes.ask(), position: at(1) });
  const asked = writes.ask();
  writes.note(contexts.alice);
  for (let n = 0; n < 100_000; n++) writes.note(someone(n));
  writes.learn({ ...asked, position: at(2) });
  expect(writes.neededBy(contexts.alice)).toBeUndefined();
  writes.learn({ ...writes.ask(), position: at(3) });
  expect(writes.neededBy(contexts.alice)).toEqual(at(3));
});

test('it forgets whom the position that everybody needs stands for, and begins anew when there are too many', () => {
  const writes = new RecentWrites();
  writes.learn({ ...writes.ask(), position: at(1) });
  for (let n = 0; n < 100_000; n++) writes.note(someone(n));
  expect(writes.neededBy(contexts.anon)).toEqual(at(1));
  writes.note(someone(100_000));
  expect(writes.neededBy(contexts.anon)).toBeUndefined();
});
