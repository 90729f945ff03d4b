import { type Kysely, sql } from 'kysely';
import type { DB } from '../types/database.ts';
import type { NewExpense } from './expense_fields.ts';

/** What one statement takes: well within its time limit, and far below the 256 MB that jsonb can hold. */
const mostRows = 10_000;
const mostCharacters = 16_000_000;

/** An expense that a file tells of has a key: if the user has one with that key, it is there already. */
export type KeyedExpense = NewExpense & { readonly import_key?: string };

export type Batch = { readonly json: string; readonly size: number };

/**
 * Expenses as the JSON texts of one insert each, in the order of keys or ids, so that two inserts that share them wait for
 * each other and not in a circle.
 */
export function toBatches(expenses: readonly KeyedExpense[]): Batch[] {
  const batches: string[][] = [];
  let size = 0;
  for (const expense of expenses.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))) {
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

function keyOf({ import_key, id }: KeyedExpense): string {
  return import_key ?? id;
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

const columns = [
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
  'import_key',
] as const;

const rowsOf = (json: string) => sql<KeyedExpense>`(
  select * from jsonb_to_recordset(${json}::jsonb) as input (
    id uuid, trip_id uuid, amount numeric, currency text, category text, description text, date date, location text,
    receipt_url text, tags text[], metadata jsonb, import_key uuid
  )
)`;

export type Insert = { user_id: string; json: string };

/** Inserts a batch with ids that nobody has: it waits for nobody before it counts, in the order of trips. */
export function insertNew(db: Kysely<DB>, { user_id, json }: Insert) {
  return db
    .insertInto('expenses')
    .columns(columns)
    .expression(sql`select ${user_id}::uuid, input.* from ${rowsOf(json)} as input`);
}

/**
 * Inserts a batch; what has an id or a key that is in use is left out. The trips of all others are taken first, in the same
 * order as by `lockTrips`: an insert that takes its first trip only when it counts has ids that another one waits for by then.
 * They are asked for as an array, for which the plan is the trips' key; for "in" it reads all trips of the user.
 */
export function insertBatch(db: Kysely<DB>, { user_id, json }: Insert) {
  // Of rows that are there already nothing is counted, and whoever changes one of them holds it and takes its trip.
  const trips = sql<string>`any(array(
    select trip_id from input
    where (select e.id from expenses e where e.user_id = ${user_id} and e.id = input.id) is null
      and (select e.id from expenses e where e.user_id = ${user_id} and e.import_key = input.import_key) is null
  ))`;
  return db
    .with('input', () => rowsOf(json))
    .with('locked', (cte) =>
      cte
        .selectFrom('trips')
        .select('id')
        .where('user_id', '=', user_id)
        .where('id', '=', trips)
        .orderBy('id')
        .forNoKeyUpdate(),
    )
    .insertInto('expenses')
    .columns(columns)
    .expression(
      sql`select ${user_id}::uuid, input.* from input
        where (select count(*) from locked) >= 0
        order by coalesce(import_key, id)`,
    )
    .onConflict((conflict) => conflict.doNothing());
}
