import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Page } from '../../src/types.ts';
import { type Person, testSessions } from '../repositories/sessions.ts';

const sessions = testSessions();

type Row = { id: string };
type List = {
  /** Makes a row for each number; equal numbers have equal sort keys where the user may choose them. */
  make(days: number[]): Promise<Row[]>;
  remove?(id: string): Promise<boolean>;
  page(request: { limit: number; cursor?: string | null }): Promise<Page<Row>>;
};

const date = (day: number) => `2099-12-0${day + 1}`;

const lists: Record<string, (alice: Person) => List | Promise<List>> = {
  'expenses.list': ({ expenses }) => ({
    make: (days) =>
      expenses.createMany(days.map((day) => ({ amount: '1.00', category: 'fuel', tags: ['van'], date: date(day) }))),
    remove: (id) => expenses.delete(id),
    page: (request) => expenses.list(request),
  }),
  'expenses.list with a filter': ({ expenses }) => ({
    make: (days) =>
      expenses.createMany(days.map((day) => ({ amount: '1.00', category: 'fuel', tags: ['van'], date: date(day) }))),
    remove: (id) => expenses.delete(id),
    page: (request) => expenses.list({ ...request, category: 'fuel', tag: 'van' }),
  }),
  'income.list': ({ income }) => ({
    make: (days) => income.createMany(days.map((day) => ({ amount: '1.00', source: 'work', date: date(day) }))),
    remove: (id) => income.delete(id),
    page: (request) => income.list(request),
  }),
  'trips.list': ({ trips }) => ({
    make: (days) => trips.createMany(days.map(() => ({ name: 'Big Lap' }))),
    remove: (id) => trips.delete(id),
    page: (request) => trips.list(request),
  }),
  'trips.list by start': ({ trips }) => ({
    make: (days) => trips.createMany(days.map((day) => ({ name: 'Big Lap', start_date: date(day) }))),
    remove: (id) => trips.delete(id),
    page: (request) => trips.list({ ...request, from: '2000-01-01' }),
  }),
  'trips.list of upcoming ones': ({ trips }) => ({
    make: (days) => trips.createMany(days.map((day) => ({ name: 'Big Lap', start_date: date(day) }))),
    remove: (id) => trips.delete(id),
    page: (request) => trips.list({ ...request, when: 'upcoming' }),
  }),
  'posts.feed': ({ posts }) => ({
    // Private, so that a feed has nothing of other runs.
    make: (days) =>
      posts.createMany(days.map(() => ({ title: 'Camp', content: 'By the river', visibility: 'private' as const }))),
    remove: (id) => posts.delete(id),
    page: (request) => posts.feed(request),
  }),
  'pam.history': async ({ pam }) => {
    const { id } = await pam.startConversation({ session_id: 'phone' });
    return {
      make: (days) =>
        pam.appendMessages(
          id,
          days.map(() => ({ role: 'user' as const, content: 'Where to?' })),
        ),
      page: (request) => pam.history(id, request),
    };
  },
  'pam.history from the oldest': async ({ pam }) => {
    const { id } = await pam.startConversation({ session_id: 'phone' });
    return {
      make: (days) =>
        pam.appendMessages(
          id,
          days.map(() => ({ role: 'user' as const, content: 'Where to?' })),
        ),
      page: (request) => pam.history(id, { ...request, order: 'oldest' }),
    };
  },
};

const days = (maxLength: number) => fc.array(fc.nat(2), { maxLength, size: 'max' });
const change = fc.record({ made: days(4), removed: fc.array(fc.nat(), { maxLength: 2 }), at: fc.boolean() });

describe('reading page by page while rows come and go', () => {
  test.for(Object.keys(lists))('%s has every row that stays exactly once, and none twice', async (name) => {
    const property = fc.asyncProperty(
      fc.array(days(8), { minLength: 1, maxLength: 3, size: 'max' }),
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 }),
      fc.array(change, { maxLength: 8, size: 'max' }),
      async (batches, limits, changes) => {
        const list = await lists[name]?.(await sessions.signUp());
        if (!list) throw new Error(`There is no list ${name}.`);
        const rows: Row[] = [];
        for (const batch of batches) rows.push(...(await list.make(batch)));
        const staying = new Set(rows.map(({ id }) => id));

        const apply = async ({ made, removed }: { made: number[]; removed: number[] }) => {
          for (const place of removed) {
            const id = rows[place % rows.length]?.id;
            if (!id || !list.remove) continue;
            staying.delete(id);
            await list.remove(id);
          }
          await list.make(made);
        };
        const seen: string[] = [];
        let cursor: string | null | undefined;
        for (let number = 0; cursor !== null; number++) {
          const limit = limits[number % limits.length] ?? 1;
          const request = { limit, cursor };
          const next = changes[number];
          const page = list.page(request);
          // Beside the page, or after it.
          if (next?.at) await Promise.all([page, apply(next)]);
          const { items, next_cursor } = await page;
          if (next && !next.at) await apply(next);
          expect(items.length).toBeLessThanOrEqual(limit);
          seen.push(...items.map(({ id }) => id));
          cursor = next_cursor;
        }
        expect(seen).toHaveLength(new Set(seen).size);
        expect(seen).toEqual(expect.arrayContaining([...staying]));
      },
    );
    await fc.assert(property, { numRuns: 15, endOnFailure: true });
  });
});
