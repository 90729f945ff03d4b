import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { dateSchema } from '../types/calendar.ts';
import { currencySchema } from '../types/currency.ts';
import type { DB } from '../types/database.ts';
import { categorySchema, textSchema } from '../types/text.ts';
import { uuidSchema } from '../types/uuid.ts';
import { compiledOnce } from './compiled_once.ts';
import { type Expense, expenseColumns } from './expense_fields.ts';

const fields = {
  trip_id: uuidSchema.nullable(),
  category: categorySchema,
  currency: currencySchema,
  tag: z.string().trim().toLowerCase().pipe(textSchema(50)),
  text: z.string().trim().pipe(textSchema(200)),
  since: dateSchema,
  until: dateSchema,
};

/** The condition that has no value has a name, so that a query is the same text for all values. */
function withoutNull<Filter extends { trip_id?: string | null | undefined }>({ trip_id, ...filter }: Filter) {
  return { ...filter, trip_id: trip_id ?? undefined, is_off_trip: trip_id === null || undefined };
}

export const expenseFilterSchema = z.strictObject(fields).partial();
export const totalsFilterSchema = expenseFilterSchema.omit({ text: true });
export const narrowingSchema = expenseFilterSchema.transform(withoutNull);
export const totalsNarrowingSchema = totalsFilterSchema.transform(withoutNull);

/**
 * `since` and `until` are dates, both included. A `trip_id` of null asks for expenses without a trip. `text` is looked for
 * in description and location, whatever the case.
 */
export type ExpenseFilter = z.input<typeof expenseFilterSchema>;

type Filter = z.output<typeof narrowingSchema>;

/** The conditions on `expenses`, its user's among them. */
export function matching({ user_id, ...filter }: Filter & { user_id: string }): RawBuilder<SqlBool> {
  const { trip_id, is_off_trip, category, currency, tag, text, since, until } = filter;
  const conditions = [sql`expenses.user_id = ${user_id}`];
  if (trip_id !== undefined) conditions.push(sql`expenses.trip_id = ${trip_id}`);
  if (is_off_trip !== undefined) conditions.push(sql`expenses.trip_id is null`);
  if (category !== undefined) conditions.push(sql`expenses.category = ${category}`);
  if (currency !== undefined) conditions.push(sql`expenses.currency = ${currency}`);
  if (tag !== undefined) conditions.push(sql`${tag} = any(expenses.tags)`);
  if (text !== undefined) {
    conditions.push(
      sql`strpos(lower(concat_ws(chr(31), expenses.description, expenses.location)), lower(${text})) > 0`,
    );
  }
  if (since !== undefined) conditions.push(sql`expenses.date >= ${since}`);
  if (until !== undefined) conditions.push(sql`expenses.date <= ${until}`);
  return sql<SqlBool>`${sql.join(conditions, sql` and `)}`;
}

/** Then the best plan depends on the values: how rare they are. */
function isNarrowed({ user_id, ...filter }: Filter & { user_id: string }): boolean {
  return Object.values(filter).some((value) => value !== undefined);
}

type Bounds = { user_id: string; last_date?: string; last_id?: string; limit: number };

/** Expenses by date, newest first, those after the one of `last_date` and `last_id` if they are given. */
export const selectExpenses: (db: Kysely<DB>, values: Filter & Bounds) => Promise<Expense[]> = compiledOnce(
  (db, { last_date, last_id, limit, ...filter }: Filter & Bounds) => {
    const query = db
      .selectFrom('expenses')
      .select(expenseColumns)
      .where(matching(filter))
      .orderBy('date', 'desc')
      .orderBy('id', 'desc')
      .limit(isNarrowed(filter) ? limit : sql.lit(limit));
    if (last_id === undefined) return query;
    return query.where(sql<SqlBool>`(date, id) < (${last_date}::date, ${last_id}::uuid)`);
  },
);
