import { type Kysely, sql } from 'kysely';

const writable = sql.raw('trip_id, category, amount, currency, period, starts_on');

/** What a traveller means to spend: on a trip, or every week, month or year, from `starts_on`; on one category or on all. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .withSchema('public')
    .createTable('budgets')
    .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('user_id', 'uuid', (column) => column.notNull().references('profiles.id').onDelete('cascade'))
    .addColumn('trip_id', 'uuid')
    .addColumn('category', 'text')
    .addColumn('amount', 'numeric', (column) => column.notNull())
    .addColumn('currency', sql`public.currency_code`, (column) => column.notNull())
    .addColumn('period', 'text', (column) => column.notNull())
    .addColumn('starts_on', 'date', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addCheckConstraint(
      'budgets_category_check',
      sql`category = lower(private.trimmed(category)) and category <> '' and char_length(category) <= 100`,
    )
    .addCheckConstraint('budgets_amount_check', sql`private.is_amount(amount)`)
    .addCheckConstraint('budgets_period_check', sql`period in ('trip', 'weekly', 'monthly', 'yearly')`)
    .addCheckConstraint('budgets_trip_id_check', sql`period <> 'trip' or trip_id is not null`)
    .addCheckConstraint('budgets_starts_on_check', sql`starts_on between '1900-01-01' and '2999-12-31'`)
    .addForeignKeyConstraint('budgets_trip_id_fkey', ['user_id', 'trip_id'], 'trips', ['user_id', 'id'], (key) =>
      key.onDelete('cascade'),
    )
    .execute();

  await sql`
    create index idx_budgets_trip_id on public.budgets (user_id, trip_id) where trip_id is not null;

    create function private.complete_budget() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      new.amount := private.two_decimals(new.amount);
      new.category := lower(private.trimmed(new.category));
      if tg_op = 'INSERT' and (new.currency is null or new.starts_on is null) then
        select coalesce(new.currency, p.currency), coalesce(new.starts_on, (now() at time zone p.timezone)::date)
        into new.currency, new.starts_on
        from public.profiles p where p.id = new.user_id;
      end if;
      return new;
    end
    $$;
    revoke execute on function private.complete_budget() from public, anon, authenticated, service_role;

    create trigger complete_budget before insert or update of amount, category on public.budgets
      for each row execute function private.complete_budget();
    create trigger set_updated_at before update of ${writable} on public.budgets
      for each row execute function private.set_updated_at_and_version();

    alter table public.budgets enable row level security;
    revoke all on public.budgets from public, anon, authenticated, service_role;
    grant select, delete, insert (id, user_id, ${writable}), update (${writable}) on public.budgets to authenticated;
    grant select, delete, insert (id, user_id, ${writable}, created_at), update (${writable}) on public.budgets to service_role;

    create policy "Users can view own budgets" on public.budgets
      for select to authenticated using (user_id = (select auth.uid()));
    create policy "Users can create own budgets" on public.budgets
      for insert to authenticated with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can update own budgets" on public.budgets
      for update to authenticated
      using (user_id = (select auth.uid()))
      with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can delete own budgets" on public.budgets
      for delete to authenticated using (user_id = (select auth.uid()) and (select private.can_write()));
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop table public.budgets;
    drop function private.complete_budget();
  `.execute(db);
}
