import { type Kysely, sql } from 'kysely';
import type { DB } from '../types/database.ts';
import type { NewExpense } from './expense_fields.ts';

/** What one statement takes: well within its time limit, and far below the 256 MB that jsonb can hold. */
const mostRows = 10_000;
const mostCharacters = 16_000_000;

export type Batch = { readonly json: string; readonly size: number };

/**
 * Expenses as the JSON texts of one insert each, in the order of ids, so that two inserts that share ids wait for each
 * other and not in a circle.
 */
export function toBatches(expenses: readonly NewExpense[]): Batch[] {
  const batches: string[][] = [];
  let size = 0;
  for (const expense of expenses.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const json = JSON.stringify(expense);
    size += json.length;
    let batch = batches.at(-1);
    if (!batch || batch.length === mostRows || size > mostCharacters) {
      batch = [];
      batches.push(batch);
      size = json.length;
    }
    batch.push(json);
  }
  return batches.map((batch) => ({ json: `[${batch.join(',')}]`, size: batch.length }));
}

/**
 * Every statement counts its expenses in their trips. Several of them take all the trips beforehand, in one order, so that
 * two who write to the same trips wait for each other and not in a circle.
 */
export async function lockTrips(db: Kysely<DB>, userId: string, expenses: readonly NewExpense[]): Promise<void> {
  const ids = new Set(expenses.flatMap(({ trip_id }) => trip_id ?? []));
  if (ids.size === 0) return;
  await db
    .selectFrom('trips')
    .select('id')
    .where('user_id', '=', userId)
    .where('id', '=', sql<string>`any(${[...ids]}::uuid[])`)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
}

/** Inserts a batch; what has an id that is in use is left out. */
export function insertBatch(db: Kysely<DB>, userId: string, { json }: Pick<Batch, 'json'>) {
  return db
    .insertInto('expenses')
    .columns([
      'user_id',
      'id',
      'trip_id',
      'amount',
      'currency',
      'category',
      'description',
      'date',
      'location',
      'receipt_url',
      'tags',
      'metadata',
    ])
    .expression(
      sql`select ${userId}::uuid, input.* from jsonb_to_recordset(${json}::jsonb) as input (
          id uuid, trip_id uuid, amount numeric, currency text, category text, description text, date date, location text,
          receipt_url text, tags text[], metadata jsonb
        )
        order by id`,
    )
    .onConflict((conflict) => conflict.doNothing());
}
