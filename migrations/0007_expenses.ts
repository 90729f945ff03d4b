import { type Kysely, sql } from 'kysely';

const writable = sql.raw(
  'trip_id, amount, currency, category, description, date, location, receipt_url, tags, metadata',
);

/** What the rows of one statement add to each trip: its amounts by currency, and their number. */
const tripDeltas = (changes: string) =>
  sql.raw(`
    select user_id, trip_id, jsonb_object_agg(currency, amount::text) as amounts, sum(count) as count
    from (
      select user_id, trip_id, currency, sum(sign * amount) as amount, sum(sign) as count
      from (${changes}) as changes
      where trip_id is not null
      group by user_id, trip_id, currency
      having sum(sign * amount) <> 0 or sum(sign) <> 0
    ) as deltas
    group by user_id, trip_id
    order by trip_id`);

const triggers = [
  { event: 'insert', references: 'new table as new_rows', changes: 'select *, 1 as sign from new_rows' },
  { event: 'delete', references: 'old table as old_rows', changes: 'select *, -1 as sign from old_rows' },
  {
    event: 'update',
    references: 'old table as old_rows new table as new_rows',
    changes: 'select *, 1 as sign from new_rows union all select *, -1 as sign from old_rows',
  },
];

/**
 * Expenses, and the totals that trips keep of them. The composite key makes it impossible to hang an expense on somebody
 * else's trip, so the definer trigger that follows it can touch no other person's totals.
 *
 * `import_key` is what an imported line says, hashed, so that it makes one expense however often it is imported. It can be
 * calculated by whoever guesses the line, and so is unique within its user only: others can neither ask for it nor take it,
 * as they could an id. A primary key of user and id would do as well, but every subscriber is sent that of a deleted row.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .withSchema('public')
    .createTable('expenses')
    .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('user_id', 'uuid', (column) => column.notNull().references('profiles.id').onDelete('cascade'))
    .addColumn('trip_id', 'uuid')
    .addColumn('amount', 'numeric', (column) => column.notNull())
    .addColumn('currency', sql`public.currency_code`, (column) => column.notNull())
    .addColumn('category', 'text', (column) => column.notNull())
    .addColumn('description', 'text')
    .addColumn('date', 'date', (column) => column.notNull())
    .addColumn('location', 'text')
    .addColumn('receipt_url', 'text')
    .addColumn('tags', sql`text[]`, (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('metadata', 'jsonb', (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('import_key', 'uuid')
    .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addUniqueConstraint('expenses_user_id_id_key', ['user_id', 'id'])
    .addCheckConstraint('expenses_amount_check', sql`private.is_amount(amount)`)
    .addCheckConstraint(
      'expenses_category_check',
      sql`category = lower(private.trimmed(category)) and category <> '' and char_length(category) <= 100`,
    )
    .addCheckConstraint(
      'expenses_description_check',
      sql`description ~ '[^[:space:]]' and char_length(description) <= 2000`,
    )
    .addCheckConstraint('expenses_date_check', sql`date between '1900-01-01' and '2999-12-31'`)
    .addCheckConstraint('expenses_location_check', sql`location ~ '[^[:space:]]' and char_length(location) <= 500`)
    .addCheckConstraint('expenses_receipt_url_check', sql`private.is_https_url(receipt_url)`)
    .addCheckConstraint('expenses_tags_check', sql`tags = '{}' or private.is_tag_list(tags)`)
    .addCheckConstraint('expenses_metadata_check', sql`private.is_json_object(metadata)`)
    .execute();

  await sql`
    alter table public.expenses add constraint expenses_trip_id_fkey
      foreign key (user_id, trip_id) references public.trips (user_id, id) on delete set null (trip_id);

    create index idx_expenses_trip_id on public.expenses (user_id, trip_id, date desc, id desc) where trip_id is not null;
    create index idx_expenses_category on public.expenses (user_id, category, date desc, id desc);
    create index idx_expenses_user_date on public.expenses (user_id, date desc, id desc);
    create unique index idx_expenses_import_key on public.expenses (user_id, import_key) where import_key is not null;

    -- The day of an expense is the traveller's, not the server's.
    create function private.complete_expense() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      new.amount := private.two_decimals(new.amount);
      new.category := lower(private.trimmed(new.category));
      if new.tags <> '{}' then
        new.tags := private.normalize_tags(new.tags);
      end if;
      if tg_op = 'INSERT' and (new.currency is null or new.date is null) then
        select coalesce(new.currency, p.currency), coalesce(new.date, (now() at time zone p.timezone)::date)
        into new.currency, new.date
        from public.profiles p where p.id = new.user_id;
      end if;
      return new;
    end
    $$;
    revoke execute on function private.complete_expense() from public, anon, authenticated, service_role;

    create trigger complete_expense before insert or update of amount, category, tags on public.expenses
      for each row execute function private.complete_expense();
    create trigger set_updated_at before update of ${writable} on public.expenses
      for each row execute function private.set_updated_at_and_version();
    create trigger refuse_truncate before truncate on public.expenses
      for each statement execute function private.refuse_truncate();

    alter table public.expenses enable row level security;
    revoke all on public.expenses from public, anon, authenticated, service_role;
    grant select, delete, insert (id, user_id, import_key, ${writable}), update (${writable}) on public.expenses to authenticated;
    grant select, delete, insert (id, user_id, import_key, ${writable}, created_at), update (${writable}) on public.expenses to service_role;

    create policy "Users can view own expenses" on public.expenses
      for select to authenticated using (user_id = (select auth.uid()));
    create policy "Users can create own expenses" on public.expenses
      for insert to authenticated with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can update own expenses" on public.expenses
      for update to authenticated
      using (user_id = (select auth.uid()))
      with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can delete own expenses" on public.expenses
      for delete to authenticated using (user_id = (select auth.uid()) and (select private.can_write()));
  `.execute(db);

  await sql`
    -- { "USD": "10.00" } plus { "USD": "-4.00", "EUR": "1.00" } is { "USD": "6.00", "EUR": "1.00" }; a zero is left out.
    create function private.add_amounts(totals jsonb, deltas jsonb) returns jsonb
      language sql immutable strict set search_path = pg_catalog, pg_temp
      return (
        select coalesce(jsonb_object_agg(currency, total::text), '{}')
        from (
          select key as currency, sum(value::numeric) as total
          from (select * from jsonb_each_text(totals) union all select * from jsonb_each_text(deltas)) as entries
          group by key
          having sum(value::numeric) <> 0
        ) as sums
      );
    revoke execute on function private.add_amounts(jsonb, jsonb) from public, anon, authenticated, service_role;
  `.execute(db);

  // A transition table cannot be read by a function of another event, so each event has a function of its own.
  for (const { event, references, changes } of triggers) {
    const name = sql.raw(`count_trip_expenses_on_${event}`);
    await sql`
      create function private.${name}() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
      declare
        delta record;
      begin
        for delta in ${tripDeltas(changes)} loop
          update public.trips
          set spent_by_currency = private.add_amounts(spent_by_currency, delta.amounts), expense_count = expense_count + delta.count
          where user_id = delta.user_id and id = delta.trip_id;
        end loop;
        return null;
      end
      $$;
      revoke execute on function private.${name}() from public, anon, authenticated, service_role;

      create trigger ${name} after ${sql.raw(event)} on public.expenses
        referencing ${sql.raw(references)} for each statement execute function private.${name}();
    `.execute(db);
  }
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop table public.expenses;
    drop function private.count_trip_expenses_on_update(), private.count_trip_expenses_on_delete(), private.count_trip_expenses_on_insert(),
      private.add_amounts(jsonb, jsonb), private.complete_expense();
  `.execute(db);
}
