import { isDeepStrictEqual } from 'node:util';
import type { Traveller } from './fixture.ts';

/** What is measured. A contender does it or leaves it out. */
export type WorkName = 'list' | 'create' | 'transaction';

/** One piece of work, which may be done any number of times. */
export type Work = () => Promise<unknown>;

/** The works that a contender has, and what each gives: the same rows from everybody. */
export type Works = {
  /** The page of the traveller's 20 newest expenses, all columns; one row more is read, which tells whether others follow. */
  list?(): Promise<readonly WithId[]>;
  /** `newExpense()` recorded, and the stored row back. */
  create?(): Promise<WithId>;
  /** Three reads in a transaction: the trip `traveller.trip`, the list above, and its first expense. */
  transaction?(): Promise<readonly [trip: WithId, list: readonly WithId[], expense: WithId]>;
};

type WithId = { readonly id: string };

export const titles: Readonly<Record<WorkName, string>> = {
  list: 'The newest 20 expenses',
  create: 'Recording an expense',
  transaction: 'A transaction of three reads: a trip, the newest 20 expenses, one expense',
};

/** An expense as a traveller enters it at the pump; the rest is left to the database. */
export function newExpense() {
  return {
    amount: '42.50',
    currency: 'USD',
    category: 'fuel',
    description: 'Diesel at the corner',
    date: '2026-10-01',
  };
}

/** Does the work once, so that nobody is fast by doing less. Returns whether it gives the traveller's rows. */
export async function isDone(name: WorkName, works: Works, { trip, newest }: Traveller): Promise<boolean> {
  if (name === 'list') return isDeepStrictEqual(idsOf(await works.list?.()), newest);
  if (name === 'create') return /^[0-9a-f-]{36}$/.test((await works.create?.())?.id ?? '');
  const [found, list, expense] = (await works.transaction?.()) ?? [];
  return isDeepStrictEqual([found?.id, idsOf(list), expense?.id], [trip, newest, newest[0]]);
}

function idsOf(rows: readonly WithId[] = []): string[] {
  return rows.map(({ id }) => id);
}
