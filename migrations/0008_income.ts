import { type Kysely, sql } from 'kysely';

const writable = sql.raw('amount, currency, source, description, date, type, frequency, ends_on, metadata');

const functions = sql.raw(`
  public.income_occurrences(date, date), private.is_window(date, date), private.occurrences(date, text, date, date, date)`);

/** Income: single entries, and recurring ones that stand for all their occurrences from `date` to `ends_on`, both included. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .withSchema('public')
    .createTable('income_entries')
    .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('user_id', 'uuid', (column) => column.notNull().references('profiles.id').onDelete('cascade'))
    .addColumn('amount', 'numeric', (column) => column.notNull())
    .addColumn('currency', sql`public.currency_code`, (column) => column.notNull())
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('description', 'text')
    .addColumn('date', 'date', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull().defaultTo('one_time'))
    .addColumn('frequency', 'text')
    .addColumn('ends_on', 'date')
    .addColumn('metadata', 'jsonb', (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addUniqueConstraint('income_entries_user_id_id_key', ['user_id', 'id'])
    .addCheckConstraint('income_entries_amount_check', sql`private.is_amount(amount)`)
    .addCheckConstraint('income_entries_source_check', sql`source ~ '[^[:space:]]' and char_length(source) <= 200`)
    .addCheckConstraint(
      'income_entries_description_check',
      sql`description ~ '[^[:space:]]' and char_length(description) <= 2000`,
    )
    .addCheckConstraint('income_entries_date_check', sql`date between '1900-01-01' and '2999-12-31'`)
    .addCheckConstraint('income_entries_type_check', sql`type in ('one_time', 'recurring', 'business')`)
    .addCheckConstraint('income_entries_frequency_check', sql`frequency in ('daily', 'weekly', 'monthly', 'yearly')`)
    .addCheckConstraint('income_entries_recurrence_check', sql`(type = 'recurring') = (frequency is not null)`)
    .addCheckConstraint(
      'income_entries_ends_on_check',
      sql`ends_on is null or (frequency is not null and ends_on between date and '2999-12-31')`,
    )
    .addCheckConstraint('income_entries_metadata_check', sql`private.is_json_object(metadata)`)
    .execute();

  await sql`
    create index idx_income_date on public.income_entries (user_id, date desc, id desc);
    create index idx_income_recurring on public.income_entries (user_id, date) where frequency is not null;

    create function private.complete_income() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      new.amount := private.two_decimals(new.amount);
      if tg_op = 'INSERT' and (new.currency is null or new.date is null) then
        select coalesce(new.currency, p.currency), coalesce(new.date, (now() at time zone p.timezone)::date)
        into new.currency, new.date
        from public.profiles p where p.id = new.user_id;
      end if;
      return new;
    end
    $$;
    revoke execute on function private.complete_income() from public, anon, authenticated, service_role;

    create trigger complete_income before insert or update of amount on public.income_entries
      for each row execute function private.complete_income();
    create trigger set_updated_at before update of ${writable} on public.income_entries
      for each row execute function private.set_updated_at_and_version();

    alter table public.income_entries enable row level security;
    revoke all on public.income_entries from public, anon, authenticated, service_role;
    grant select, delete, insert (id, user_id, ${writable}), update (${writable}) on public.income_entries to authenticated;
    grant select, delete, insert (id, user_id, ${writable}, created_at), update (${writable})
      on public.income_entries to service_role;

    create policy "Users can view own income" on public.income_entries
      for select to authenticated using (user_id = (select auth.uid()));
    create policy "Users can create own income" on public.income_entries
      for insert to authenticated with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can update own income" on public.income_entries
      for update to authenticated
      using (user_id = (select auth.uid()))
      with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can delete own income" on public.income_entries
      for delete to authenticated using (user_id = (select auth.uid()) and (select private.can_write()));
  `.execute(db);

  await sql`
    -- The days of an entry between two dates, both included. Each is counted from the first, never from the one before:
    -- the 31st of January, then the 28th of February, then the 31st of March.
    create function private.occurrences(first_day date, frequency text, ends_on date, since date, until date) returns setof date
      language sql immutable set search_path = pg_catalog, pg_temp
      begin atomic
        select occurrence.day
        from (
          select case frequency
            when 'daily' then array[since - first_day, until - first_day]
            when 'weekly' then array[(since - first_day) / 7, (until - first_day) / 7]
            when 'monthly' then array[
              ((extract(year from since) - extract(year from first_day)) * 12 + extract(month from since) - extract(month from first_day))::integer,
              ((extract(year from until) - extract(year from first_day)) * 12 + extract(month from until) - extract(month from first_day))::integer]
            when 'yearly' then array[
              (extract(year from since) - extract(year from first_day))::integer,
              (extract(year from until) - extract(year from first_day))::integer]
            else array[0, 0]
          end as steps
        ) as span
        cross join lateral generate_series(greatest(span.steps[1], 0), span.steps[2]) as step
        cross join lateral (
          select (first_day + case frequency
            when 'daily' then make_interval(days => step)
            when 'weekly' then make_interval(weeks => step)
            when 'monthly' then make_interval(months => step)
            when 'yearly' then make_interval(years => step)
            else interval '0'
          end)::date as day
        ) as occurrence
        where occurrence.day >= since and occurrence.day <= until and (ends_on is null or occurrence.day <= ends_on);
      end;

    create function private.is_window(from_date date, to_date date) returns boolean
      language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
    begin
      if isfinite(from_date) and isfinite(to_date) and to_date - from_date <= 3660 then
        return true;
      end if;
      raise invalid_parameter_value using message = 'Ask for at most ten years of occurrences at once.';
    end
    $$;

    create function public.income_occurrences(from_date date, to_date date)
      returns table (income_id uuid, date date, amount numeric, currency text, source text, type text, frequency text)
      language sql stable security invoker set search_path = pg_catalog, pg_temp
      begin atomic
        select i.id, day, i.amount, i.currency::text, i.source, i.type, i.frequency
        from public.income_entries i
        cross join lateral private.occurrences(i.date, i.frequency, i.ends_on, from_date, to_date) as day
        where private.is_window(from_date, to_date) and i.user_id = (select auth.uid())
          and i.date <= to_date and (i.frequency is not null or i.date >= from_date) and (i.ends_on is null or i.ends_on >= from_date)
        order by day, i.id;
      end;

    revoke execute on function ${functions}
      from public, anon, authenticated, service_role;
    grant execute on function ${functions}
      to authenticated, service_role;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop function ${functions};
    drop table public.income_entries;
    drop function private.complete_income();
  `.execute(db);
}
