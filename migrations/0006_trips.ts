import { type Kysely, sql } from 'kysely';

const writable = sql.raw(
  'name, description, start_date, end_date, status, budget_total, currency, route_data, destinations, metadata',
);

/**
 * Trips. `currency` is the budget's; `spent_by_currency`, `budget_spent` and `expense_count` are counted from the
 * expenses (0007) and start at nothing whatever is sent, so that a restore that replays the expenses ends right.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .withSchema('public')
    .createTable('trips')
    .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('user_id', 'uuid', (column) => column.notNull().references('profiles.id').onDelete('cascade'))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('description', 'text')
    .addColumn('start_date', 'date')
    .addColumn('end_date', 'date')
    .addColumn('status', 'text', (column) => column.notNull().defaultTo('planning'))
    .addColumn('budget_total', 'numeric')
    .addColumn('budget_spent', 'numeric', (column) => column.notNull().defaultTo(sql`0.00`))
    .addColumn('spent_by_currency', 'jsonb', (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('expense_count', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('currency', sql`public.currency_code`, (column) => column.notNull())
    .addColumn('route_data', 'jsonb')
    .addColumn('destinations', 'jsonb', (column) => column.notNull().defaultTo(sql`'[]'`))
    .addColumn('metadata', 'jsonb', (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    // Postgres would take "Perth/Broome" for the name of a file. 'simple' finds prefixes and words like "the"; 'english' finds "drive" in "driving". `left` keeps an oversized text
    // from failing here, so that the check below names it.
    .addColumn('search', sql`tsvector`, (column) =>
      column
        .notNull()
        .generatedAlwaysAs(sql`
          setweight(to_tsvector('pg_catalog.simple', translate(left(name, 200), '/', ' ')) || to_tsvector('pg_catalog.english', translate(left(name, 200), '/', ' ')), 'A')
          || setweight(to_tsvector('pg_catalog.simple', translate(left(coalesce(description, ''), 10000), '/', ' '))
            || to_tsvector('pg_catalog.english', translate(left(coalesce(description, ''), 10000), '/', ' ')), 'B')`)
        .stored(),
    )
    .addUniqueConstraint('trips_user_id_id_key', ['user_id', 'id'])
    .addCheckConstraint('trips_name_check', sql`name ~ '[^[:space:]]' and char_length(name) <= 200`)
    .addCheckConstraint(
      'trips_description_check',
      sql`description ~ '[^[:space:]]' and char_length(description) <= 10000`,
    )
    .addCheckConstraint('trips_start_date_check', sql`start_date between '1900-01-01' and '2999-12-31'`)
    .addCheckConstraint('trips_end_date_check', sql`end_date <= '2999-12-31'`)
    .addCheckConstraint(
      'trips_dates_check',
      sql`end_date is null or (start_date is not null and start_date <= end_date)`,
    )
    .addCheckConstraint('trips_status_check', sql`status in ('planning', 'active', 'completed', 'cancelled')`)
    .addCheckConstraint(
      'trips_budget_total_check',
      sql`budget_total = 0.00 and scale(budget_total) = 2 or private.is_amount(budget_total)`,
    )
    .addCheckConstraint('trips_metadata_check', sql`private.is_json_object(metadata)`)
    .execute();

  await sql`
    -- Room on each page for the next version of a row: a counter's update then writes no index.
    alter table public.trips set (fillfactor = 85);
    create index idx_trips_user_id on public.trips (user_id, created_at desc, id desc);
    create index idx_trips_dates on public.trips (user_id, start_date, end_date);
    create index idx_trips_search on public.trips using gin (search);

    create function private.complete_trip() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      new.budget_total := private.two_decimals(new.budget_total);
      if tg_op = 'INSERT' then
        new.spent_by_currency := '{}';
        new.expense_count := 0;
        if new.currency is null then
          select p.currency into new.currency from public.profiles p where p.id = new.user_id;
        end if;
      end if;
      new.budget_spent := coalesce((new.spent_by_currency ->> new.currency::text)::numeric, 0.00);
      return new;
    end
    $$;

    -- Stops in the order of travel: { "name", "lat", "lng", "arrive_on", "leave_on", "notes" }, the name alone required.
    create function private.is_itinerary(destinations jsonb) returns boolean
      language sql immutable strict set search_path = pg_catalog, pg_temp
      return case
        when jsonb_typeof(destinations) <> 'array' or jsonb_array_length(destinations) > 200 then false
        else (
          select coalesce(bool_and(coalesce(
            case
              when jsonb_typeof(stop) <> 'object' then false
              else stop - '{name,lat,lng,arrive_on,leave_on,notes}'::text[] = '{}'
                and private.is_short_text(stop -> 'name', 200)
                and (stop ? 'lat') = (stop ? 'lng')
                and (not stop ? 'lat' or private.is_between(stop -> 'lat', -90, 90) and private.is_between(stop -> 'lng', -180, 180))
                and (not stop ? 'arrive_on' or private.is_calendar_date(stop ->> 'arrive_on'))
                and (not stop ? 'leave_on' or private.is_calendar_date(stop ->> 'leave_on'))
                and (not stop ?& '{arrive_on,leave_on}' or stop ->> 'arrive_on' <= stop ->> 'leave_on')
                and (not stop ? 'notes' or private.is_short_text(stop -> 'notes', 2000))
            end, false)), true)
          from jsonb_array_elements(destinations) as stop
        )
      end;

    -- A route of Mapbox Directions: metres, seconds, and whatever else the API sends.
    create function private.is_route(route jsonb) returns boolean
      language sql immutable strict set search_path = pg_catalog, pg_temp
      return case
        when jsonb_typeof(route) <> 'object' then false
        else private.is_between(route -> 'distance', 0, 1e9) and private.is_between(route -> 'duration', 0, 1e9)
          and (not route ? 'geometry' or jsonb_typeof(route -> 'geometry') in ('string', 'object'))
          and (not route ? 'legs' or jsonb_typeof(route -> 'legs') = 'array')
          and octet_length(route::text) <= 2097152
      end;

    -- A trigger and no check constraint: Postgres evaluates every check at every update, so that each expense, which
    -- updates the trip's totals, would read the whole route again.
    create function private.check_itinerary() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      if not private.is_itinerary(new.destinations) then
        raise check_violation using message = 'The destinations are not an itinerary.',
          schema = 'public', table = 'trips', constraint = 'trips_destinations_check';
      end if;
      if not private.is_route(new.route_data) then
        raise check_violation using message = 'The route is not a Mapbox Directions route.',
          schema = 'public', table = 'trips', constraint = 'trips_route_data_check';
      end if;
      return new;
    end
    $$;

    revoke execute on function
      private.complete_trip(), private.is_itinerary(jsonb), private.is_route(jsonb), private.check_itinerary()
      from public, anon, authenticated, service_role;
    grant execute on function private.is_itinerary(jsonb), private.is_route(jsonb) to authenticated, service_role;

    create trigger check_itinerary before insert or update of destinations, route_data on public.trips
      for each row execute function private.check_itinerary();
    create trigger complete_trip before insert or update of budget_total, currency, spent_by_currency on public.trips
      for each row execute function private.complete_trip();
    create trigger set_updated_at before update of ${writable} on public.trips
      for each row execute function private.set_updated_at_and_version();

    alter table public.trips enable row level security;
    revoke all on public.trips from public, anon, authenticated, service_role;
    grant select, delete, insert (id, user_id, ${writable}), update (${writable}) on public.trips to authenticated;
    grant select, delete, insert (id, user_id, ${writable}, created_at), update (${writable}) on public.trips to service_role;

    create policy "Users can view own trips" on public.trips
      for select to authenticated using (user_id = (select auth.uid()));
    create policy "Users can create own trips" on public.trips
      for insert to authenticated with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can update own trips" on public.trips
      for update to authenticated
      using (user_id = (select auth.uid()))
      with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can delete own trips" on public.trips
      for delete to authenticated using (user_id = (select auth.uid()) and (select private.can_write()));
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop table public.trips;
    drop function private.check_itinerary(), private.is_route(jsonb), private.is_itinerary(jsonb), private.complete_trip();
  `.execute(db);
}
