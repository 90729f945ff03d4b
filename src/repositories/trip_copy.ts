import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import { dateSchema } from '../types/calendar.ts';
import type { DB } from '../types/database.ts';
import { textSchema } from '../types/text.ts';
import { uuidSchema } from '../types/uuid.ts';
import { type Trip, tripColumns } from './trip_row.ts';

export const tripCopySchema = z
  .strictObject({ id: uuidSchema, name: textSchema(200), start_date: dateSchema, budgets: z.boolean() })
  .partial();

export const copySchema = tripCopySchema.transform(({ id = crypto.randomUUID(), ...copy }) => ({
  ...copy,
  id: id.toLowerCase(),
}));

/**
 * What is new about a copy: its `name`, its `start_date`, which moves all other dates along, and its `id`, which may be made
 * by the client, so that a repeated call is harmless. `budgets: true` copies the trip's budgets, too.
 */
export type TripCopy = z.input<typeof tripCopySchema>;

/** Copies a trip, and gives nothing if the user has no such trip, or if there is one with the new id already. */
export async function copyTrip(
  db: Kysely<DB>,
  userId: string,
  id: string,
  { id: newId, name, start_date, budgets }: z.output<typeof copySchema>,
): Promise<Trip | undefined> {
  const copiedBudgets = sql`, copied_budgets as (
    insert into budgets (user_id, trip_id, category, amount, currency, period, starts_on)
    select b.user_id, copy.id, b.category, b.amount, b.currency, b.period, b.starts_on + source.days
    from copy, source, budgets b
    where b.user_id = ${userId} and b.trip_id = source.id
  )`;
  const { rows } = await sql<Trip>`
    with source as (
      select
        id, user_id, name, description, start_date, end_date, budget_total, currency, route_data, destinations, metadata,
        coalesce(${start_date}::date - coalesce(start_date, first_day), 0) as days
      from trips
      cross join lateral (
        select min(least(stop ->> 'arrive_on', stop ->> 'leave_on'))::date as first_day
        from jsonb_array_elements(destinations) as stop
      ) as stops
      where user_id = ${userId} and id = ${id}
    ), copy as (
      insert into trips (
        user_id, id, name, description, start_date, end_date, budget_total, currency, route_data, destinations, metadata
      )
      select
        user_id, ${newId}::uuid, coalesce(${name}, name), description, coalesce(${start_date}, start_date), end_date + days,
        budget_total, currency, route_data, moved.destinations, metadata
      from source
      cross join lateral (
        select coalesce(
          jsonb_agg(
            stop || jsonb_strip_nulls(jsonb_build_object(
              'arrive_on', (stop ->> 'arrive_on')::date + days, 'leave_on', (stop ->> 'leave_on')::date + days
            ))
            order by place
          ),
          '[]'
        ) as destinations
        from jsonb_array_elements(source.destinations) with ordinality as itinerary (stop, place)
      ) as moved
      on conflict do nothing
      returning ${sql.join(tripColumns.map((column) => sql.ref(column)))}
    )${budgets ? copiedBudgets : sql``}
    select * from copy
  `.execute(db);
  return rows[0];
}
