import { type Kysely, sql } from 'kysely';

/**
 * What trips and budgets are listed by: trips by their status, newest first, and by their dates, where one without an end
 * goes on for good; budgets newest first, and those of a trip.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create index idx_trips_status on public.trips (user_id, status, created_at desc, id desc);
    drop index public.idx_trips_dates;
    create index idx_trips_dates on public.trips (user_id, start_date desc, id desc, (case when end_date is null then 'infinity'::date else end_date end));

    create index idx_budgets_user_id on public.budgets (user_id, created_at desc, id desc);
    drop index public.idx_budgets_trip_id;
    create index idx_budgets_trip_id on public.budgets (user_id, trip_id, created_at desc, id desc) where trip_id is not null;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop index public.idx_budgets_trip_id;
    create index idx_budgets_trip_id on public.budgets (user_id, trip_id) where trip_id is not null;
    drop index public.idx_budgets_user_id;

    drop index public.idx_trips_dates;
    create index idx_trips_dates on public.trips (user_id, start_date, end_date);
    drop index public.idx_trips_status;
  `.execute(db);
}
