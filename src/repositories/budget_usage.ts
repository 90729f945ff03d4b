import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely';
import type { DB } from '../types/database.ts';
import type { Money } from '../types/money.ts';
import type { Trip } from './trip_row.ts';

/** Whether a budget is used up: `near` from a threshold on, `over` above its amount. */
export const budgetStates = ['within', 'near', 'over'] as const;
/** `over` the amount, `near` it from a threshold on, or `within`. */
export type BudgetState = (typeof budgetStates)[number];

/**
 * A period of a budget, its first and its last day included, and what was spent in it. A trip's has the dates of the trip,
 * null where it has none. `remaining` is below zero if more was spent than meant; `percent`, of one decimal, is what was
 * used of the amount.
 */
export type BudgetPeriodUsage = {
  period_start: string | null;
  period_end: string | null;
  used: Money;
  remaining: Money;
  percent: number;
};

/**
 * Keeps a subquery by itself: else Postgres would put its expressions wherever they are used and calculate them each time,
 * and might read all trips of the user to find one.
 */
const once = sql`offset 0`;

/**
 * Periods follow each other without a gap from `starts_on`, the first one as number 0. Each is counted from that day and
 * never from the one before: from the 31st of January, the 28th of February, the 31st of March. The current one is that
 * of the day `asOf`, today in the profile's (`p`) time zone unless given, or the first if that is still to come.
 */
function currentPeriod(asOf: string | undefined): RawBuilder<{ number: number; length: string }> {
  const day = asOf === undefined ? sql`(now() at time zone p.timezone)::date` : sql`${asOf}::date`;
  return sql`(
    select length, greatest(guess - (b.starts_on + guess * length > day)::integer, 0) as number
    from (
      select
        day,
        case b.period when 'weekly' then interval '7 days' when 'monthly' then interval '1 month' else interval '1 year' end as length,
        case b.period
          when 'weekly' then (day - b.starts_on) / 7
          when 'monthly' then
            12 * (extract(year from day) - extract(year from b.starts_on)) + extract(month from day) - extract(month from b.starts_on)
          when 'yearly' then extract(year from day) - extract(year from b.starts_on)
          else 0
        end::integer as guess
      from (select ${day} as day) as asked
    ) as counted
    ${once}
  )`;
}

const span = sql<{ since: string; until: string }>`(
  select
    case b.period when 'trip' then '-infinity' else (b.starts_on + period.number * current.length)::date end as since,
    case b.period when 'trip' then 'infinity' else (b.starts_on + (period.number + 1) * current.length)::date - 1 end as until
  ${once}
)`;

function tripOf(userId: string): RawBuilder<Pick<Trip, 'start_date' | 'end_date' | 'spent_by_currency'>> {
  return sql`(
    select start_date, end_date, spent_by_currency from trips where user_id = ${userId} and id = b.trip_id ${once}
  )`;
}

/** One of the parts has rows, the others are not read. What a whole trip cost is counted with the trip. */
function spent(userId: string): RawBuilder<{ used: Money }> {
  return sql`(
    select coalesce(sum(amount), 0.00) as used
    from (
      select (t.spent_by_currency ->> b.currency::text)::numeric as amount
      where b.period = 'trip' and b.category is null
      union all
      select e.amount from expenses e
      where (b.period <> 'trip' or b.category is not null) and e.user_id = ${userId} and e.trip_id = b.trip_id
        and e.date between span.since and span.until and (b.category is null or e.category = b.category) and e.currency = b.currency
      union all
      select e.amount from expenses e
      where b.trip_id is null and e.user_id = ${userId} and e.category = b.category
        and e.date between span.since and span.until and e.currency = b.currency
      union all
      select e.amount from expenses e
      where b.trip_id is null and b.category is null and e.user_id = ${userId}
        and e.date between span.since and span.until and e.currency = b.currency
    ) as spendings
  )`;
}

/** Adds to budgets, `b`, those of their periods that `numbers` gives, `period`, and what was spent in them. */
export function withUsage<Row>(
  budgets: SelectQueryBuilder<DB & { b: DB['budgets'] }, 'b', Row>,
  userId: string,
  asOf: string | undefined,
  numbers: RawBuilder<{ number: number }>,
) {
  return budgets
    .innerJoin('profiles as p', (join) => join.on('p.id', '=', userId))
    .leftJoinLateral(tripOf(userId).as('t'), (join) => join.onTrue())
    .crossJoinLateral(currentPeriod(asOf).as('current'))
    .crossJoinLateral(numbers.as('period'))
    .crossJoinLateral(span.as('span'))
    .crossJoinLateral(spent(userId).as('spent'))
    .select([
      sql<string | null>`case b.period when 'trip' then t.start_date else span.since end`.as('period_start'),
      sql<string | null>`case b.period when 'trip' then t.end_date else span.until end`.as('period_end'),
      'spent.used',
      sql<Money>`b.amount - spent.used`.as('remaining'),
      sql<number>`round(100 * spent.used / b.amount, 1)::float8`.as('percent'),
    ]);
}

/** `threshold` is in percent of the amount. */
export function stateAt(threshold: number): RawBuilder<BudgetState> {
  return sql`case
    when spent.used > b.amount then 'over'
    when 100 * spent.used >= ${threshold}::numeric * b.amount then 'near'
    else 'within'
  end`;
}
