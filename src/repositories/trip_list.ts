import { type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { dateSchema, isDate } from '../types/calendar.ts';
import type { DB } from '../types/database.ts';
import { tripStatuses } from '../types/enums.ts';
import {
  clampLimit,
  decodeCursor,
  encodeCursor,
  isTimestamptz,
  type Page,
  type PageRequest,
  toPage,
} from '../types/page.ts';
import { isUuid } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';

export const tripFilterSchema = z
  .strictObject({
    status: z.enum(tripStatuses),
    when: z.enum(['upcoming', 'current', 'past']),
    from: dateSchema,
    to: dateSchema,
  })
  .partial()
  .refine(({ from, to }) => from === undefined || to === undefined || from <= to, {
    path: ['to'],
    error: 'must not be before from',
  });

/**
 * Which trips: `when` is seen from today in the profile's time zone, `from` and `to` are dates, both included, that the trip
 * overlaps. Dates alone decide, whatever the status: a trip without an end goes on for good, one without a start is in none
 * of these.
 */
export type TripFilter = z.input<typeof tripFilterSchema>;
/** Which trips, how many, and after which. */
export type TripListRequest = PageRequest & TripFilter;

const newest = { by: 'created_at', direction: 'desc', type: sql.raw('timestamptz'), isKey: isTimestamptz } as const;
const latest = { by: 'start_date', direction: 'desc', type: sql.raw('date'), isKey: isDate } as const;
const next = { by: 'start_date', direction: 'asc', type: sql.raw('date'), isKey: isDate } as const;

function orderOf({ when, from, to }: TripFilter) {
  if (when === 'upcoming') return next;
  return (when ?? from ?? to) ? latest : newest;
}

/** A page of what `query` selects of a user's trips. `kind` names the list, for its cursors. */
export async function pageOfTrips<Row extends { id: string }>(
  query: SelectQueryBuilder<DB, 'trips', Row>,
  userId: string,
  kind: string,
  request: TripListRequest,
): Promise<Page<Omit<Row & { sort_key: string }, 'sort_key'>>> {
  const { limit, cursor, ...given } = requireObject(request);
  const filter = validate(tripFilterSchema, given);
  const most = clampLimit(limit);
  const { by, direction, type, isKey } = orderOf(filter);
  const list = `${kind} by ${by} ${direction}`;
  let page = narrowed(query.where('user_id', '=', userId), userId, filter)
    .select(sql<string>`${sql.ref(by)}::text`.as('sort_key'))
    .orderBy(by, direction)
    .orderBy('id', direction)
    .limit(most + 1);
  if (cursor) {
    const [key, id] = decodeCursor(list, cursor, [isKey, isUuid]);
    const follows = sql.raw(direction === 'asc' ? '>' : '<');
    page = page.where(sql<SqlBool>`(${sql.ref(by)}, id) ${follows} (${key}::${type}, ${id}::uuid)`);
  }
  return toPage(
    await page.execute(),
    most,
    ({ sort_key, id }) => encodeCursor(list, [sort_key, id]),
    ({ sort_key, ...trip }) => trip,
  );
}

/** As the index has it; `coalesce` is not leakproof for Postgres, so that no index is used for it beneath a policy. */
const ends = sql`case when end_date is null then 'infinity'::date else end_date end`;

function narrowed<Row>(
  query: SelectQueryBuilder<DB, 'trips', Row>,
  userId: string,
  { status, when, from, to }: TripFilter,
): SelectQueryBuilder<DB, 'trips', Row> {
  const today = sql`(select (now() at time zone timezone)::date from profiles where id = ${userId})`;
  if (status !== undefined) query = query.where('status', '=', status);
  if (when === 'upcoming') query = query.where(sql<SqlBool>`start_date > ${today}`);
  if (when === 'current') query = query.where(sql<SqlBool>`start_date <= ${today} and ${ends} >= ${today}`);
  if (when === 'past') query = query.where(sql<SqlBool>`start_date < ${today} and ${ends} < ${today}`);
  if (from !== undefined) query = query.where(sql<SqlBool>`start_date is not null and ${ends} >= ${from}::date`);
  if (to !== undefined) query = query.where('start_date', '<=', to);
  return query;
}
