import { type Compilable, type Kysely, type SqlBool, sql } from 'kysely';
import type { z } from 'zod';
import type { DB } from '../types/database.ts';
import type { Money } from '../types/money.ts';
import { validate } from '../types/validate.ts';
import { compiledOnce } from './compiled_once.ts';
import { matching, type totalsFilterSchema, totalsNarrowingSchema } from './expense_filter.ts';

/** What was spent in one currency: `total` is exact, `average` is rounded to cents. */
export type ExpenseTotal = { currency: string; total: Money; count: number; average: Money };

/** What was spent on a category, in one currency. */
export type CategoryExpenses = ExpenseTotal & { category: string };
/** `month` is "2026-10". */
export type MonthExpenses = ExpenseTotal & { month: string };
/** Both are null for what belongs to no trip. */
export type TripExpenses = ExpenseTotal & { trip_id: string | null; trip_name: string | null };
/** `tag` is null for what has none. */
export type TagExpenses = ExpenseTotal & { tag: string | null };

/** As the filter of a list, without `text`. */
export type TotalsFilter = z.input<typeof totalsFilterSchema>;

/** Which days count, up to today where the user is, if neither a date nor a trip is given. */
type Default = { thirty_days?: true | undefined; twelve_months?: true | undefined };
type Filter = z.output<typeof totalsNarrowingSchema> & { user_id: string } & Default;

const sums = [
  'currency' as const,
  sql<Money>`sum(amount)`.as('total'),
  sql<number>`count(*)::integer`.as('count'),
  sql<Money>`round(avg(amount), 2)`.as('average'),
];

export const totalsByCategory = totals({ thirty_days: true }, (db, filter) =>
  counted(db, filter)
    .select('category')
    .select(sums)
    .groupBy(['currency', 'category'])
    .orderBy('currency')
    .orderBy('total', 'desc')
    .orderBy('category'),
);

export const totalsByMonth = totals({ twelve_months: true }, (db, filter) =>
  counted(db, filter)
    .select(sql<string>`to_char(date::timestamp, 'YYYY-MM')`.as('month'))
    .select(sums)
    .groupBy(['month', 'currency'])
    .orderBy('month')
    .orderBy('currency'),
);

export const totalsByTrip = totals({ thirty_days: true }, (db, filter) =>
  db
    .selectFrom(counted(db, filter).select('trip_id').select(sums).groupBy(['currency', 'trip_id']).as('totals'))
    .leftJoin('trips', (join) => join.on('trips.user_id', '=', filter.user_id).onRef('trips.id', '=', 'totals.trip_id'))
    .select(['totals.trip_id', 'trips.name as trip_name', 'totals.currency', 'total', 'count', 'average'])
    .orderBy('totals.currency')
    .orderBy('totals.total', 'desc')
    .orderBy('totals.trip_id'),
);

export const totalsByTag = totals({ thirty_days: true }, (db, filter) =>
  counted(db, filter)
    .leftJoinLateral(sql<{ tag: string | null }>`unnest(expenses.tags)`.as<'each'>(sql`each (tag)`), (join) =>
      join.onTrue(),
    )
    .select('each.tag')
    .select(sums)
    .groupBy(['currency', 'each.tag'])
    .orderBy('currency')
    .orderBy('total', 'desc')
    .orderBy('each.tag'),
);

export const totalsByCurrency = totals({ thirty_days: true }, (db, filter) =>
  counted(db, filter).select(sums).groupBy('currency').orderBy('currency'),
);

function totals<Row extends ExpenseTotal>(
  unsaid: Default,
  build: (db: Kysely<DB>, filter: Filter) => Compilable<Row>,
): (db: Kysely<DB>, userId: string, filter: TotalsFilter) => Promise<Row[]> {
  const select = compiledOnce(build);
  return async (db, userId, filter) => {
    const { since, until, trip_id, ...rest } = validate(totalsNarrowingSchema, filter);
    const isSaid = since !== undefined || until !== undefined || trip_id !== undefined;
    return await select(db, { user_id: userId, since, until, trip_id, ...rest, ...(isSaid ? {} : unsaid) });
  };
}

function counted(db: Kysely<DB>, { thirty_days, twelve_months, ...filter }: Filter) {
  const today = sql`(select (now() at time zone timezone)::date from profiles where id = ${filter.user_id})`;
  const query = db.selectFrom('expenses').where(matching(filter));
  if (thirty_days !== undefined) return query.where(sql<SqlBool>`date > ${today} - 30 and date <= ${today}`);
  if (twelve_months === undefined) return query;
  const first = sql`(date_trunc('month', ${today}::timestamp) - interval '11 months')::date`;
  return query.where(sql<SqlBool>`date >= ${first} and date <= ${today}`);
}
