import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ConnectionError } from '../../src/index.ts';
import { isActive, testFaults } from './faults.ts';
import { outcomeOf } from './outcome.ts';

const faults = testFaults();

const random = (below: number) => Math.floor(Math.random() * below);

/** A lost request, and then one fault after the other at random, until `work` is over. */
async function amidFaults<T>(work: Promise<T>): Promise<T> {
  const { proxy } = faults;
  const all = [
    () => proxy.cut(),
    () => proxy.reset(),
    ...[1, 2, 3].map(() => () => proxy.loseNext('request')),
    ...[1, 2, 3].map(() => () => proxy.loseNext({ answerAfterBytes: random(300) })),
    async () => {
      proxy.freeze();
      await delay(random(400));
      proxy.thaw();
    },
    async () => {
      proxy.refuse();
      await delay(random(40));
      await proxy.accept();
    },
    async () => {
      const backends = await faults.backends();
      await faults.terminate(...backends.slice(0, 1));
    },
  ];
  let isOver = false;
  const storm = (async () => {
    proxy.loseNext('request');
    await delay(20);
    while (!isOver) {
      await all[random(all.length)]?.();
      // Long enough for something to go well on a busy machine too.
      await delay(60 + random(140));
    }
  })();
  try {
    return await work;
  } finally {
    isOver = true;
    await storm;
    proxy.loseNext(undefined);
  }
}

/** A person with a trip, whose counters show every expense that was counted twice or not. */
async function traveller() {
  const database = faults.open({ max: 6, query_timeout: 500, connectionTimeoutMillis: 2000 });
  const alice = await faults.person(database);
  const trip = await alice.trips.create({ name: 'Big Lap', currency: 'USD' });
  const expense = (id: string) => ({ id, trip_id: trip.id, amount: '1', currency: 'USD', category: 'fuel' });

  return {
    ...alice,
    expense,
    async stored(): Promise<Set<string>> {
      // The server may still be at what it was told before the connection broke.
      await faults.until(isActive, 0);
      const { rows } = await faults.admin.query('select id from expenses where user_id = $1', [alice.id]);
      const ids = new Set<string>(rows.map(({ id }) => id));
      const counted = await faults.admin.query('select expense_count, budget_spent from trips where id = $1', [
        trip.id,
      ]);
      expect(counted.rows).toEqual([{ expense_count: ids.size, budget_spent: `${ids.size}.00` }]);
      return ids;
    },
  };
}

/** Runs `write` for each of the items, eight at a time. */
async function forEach<T>(items: readonly T[], write: (item: T) => Promise<void>): Promise<void> {
  const next = items.values();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const item of next) await write(item);
    }),
  );
}

const ids = (count: number) => Array.from({ length: count }, () => randomUUID());

function without<T>(all: Set<T>, others: Set<T>): T[] {
  return [...all].filter((each) => !others.has(each));
}

async function isAcknowledged(work: Promise<unknown>): Promise<boolean> {
  const { error } = await outcomeOf(work);
  if (error !== undefined) expect(error).toBeInstanceOf(ConnectionError);
  return error === undefined;
}

describe('under a storm of faults', () => {
  test('what was acknowledged is there, and what was not is there once at most', async () => {
    const alice = await traveller();
    const sent = ids(300);
    const acknowledged = new Set<string>();
    await amidFaults(
      forEach(sent, async (id) => {
        if (await isAcknowledged(alice.expenses.create(alice.expense(id)))) acknowledged.add(id);
      }),
    );
    const stored = await alice.stored();
    expect(without(stored, new Set(sent))).toEqual([]);
    expect(without(acknowledged, stored)).toEqual([]);
    expect(acknowledged.size).toBeLessThan(sent.length);
    expect(acknowledged.size).toBeGreaterThan(0);
  });

  test('a transaction is there as a whole or not at all, and what comes after its commit only if it is', async () => {
    const alice = await traveller();
    const sent = Array.from({ length: 80 }, () => ids(3));
    const [acknowledged, followed] = [new Set<string[]>(), new Set<string[]>()];
    await amidFaults(
      forEach(sent, async (group) => {
        const [first = '', ...rest] = group;
        const transaction = alice.transaction(async (tx) => {
          await tx.expenses.create(alice.expense(first));
          await tx.expenses.createMany(rest.map(alice.expense));
          tx.afterCommit(() => followed.add(group));
        });
        if (await isAcknowledged(transaction)) acknowledged.add(group);
      }),
    );
    const stored = await alice.stored();
    for (const group of sent) {
      const kept = group.filter((id) => stored.has(id)).length;
      expect([0, 3]).toContain(kept);
      if (acknowledged.has(group)) expect(kept).toBe(3);
    }
    expect(followed).toEqual(acknowledged);
    expect(acknowledged.size).toBeLessThan(sent.length);
    expect(acknowledged.size).toBeGreaterThan(0);
  });

  test('what is sent again until it is acknowledged is there once', async () => {
    const alice = await traveller();
    const sent = Array.from({ length: 60 }, () => ids(2));
    let repeats = 0;
    await amidFaults(
      forEach(sent, async (pair) => {
        const [first = ''] = pair;
        const calls = [
          () => alice.expenses.create(alice.expense(first)),
          () => alice.expenses.createMany(pair.map(alice.expense)),
        ];
        for (const call of calls) {
          while (!(await isAcknowledged(call()))) {
            repeats += 1;
            await delay(random(10));
          }
        }
      }),
    );
    expect([...(await alice.stored())].toSorted()).toEqual(sent.flat().toSorted());
    expect(repeats).toBeGreaterThan(0);
  });
});
