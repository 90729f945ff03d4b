import { type Kysely, sql } from 'kysely';

/**
 * The two summaries. Amounts of different currencies are never added: the columns count the profile's (the trip's)
 * currency, `by_currency` and `spent_by_currency` hold them all. The thirty days end today in the traveller's time zone,
 * today included; a recurring income counts once for each of its occurrences among them.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create view public.user_financial_summary with (security_invoker = true) as
    select
      p.id as user_id,
      p.email,
      coalesce(home.total_expenses, 0.00) as total_expenses,
      coalesce(home.total_income, 0.00) as total_income,
      coalesce(home.total_income, 0.00) - coalesce(home.total_expenses, 0.00) as net_income,
      coalesce(home.expense_categories, '[]') as expense_categories,
      today.summary_date,
      p.currency,
      totals.by_currency
    from public.profiles p
    cross join lateral (select (now() at time zone p.timezone)::date as summary_date) as today
    cross join lateral (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'currency', currency, 'total_expenses', expenses::text, 'total_income', income::text,
            'net_income', (income - expenses)::text, 'expense_categories', categories
          )
          order by currency
        ),
        '[]'
      ) as by_currency
      from (
        select
          currency, sum(expenses) as expenses, sum(income) as income,
          coalesce(
            jsonb_agg(jsonb_build_object('category', category, 'amount', expenses::text, 'count', count) order by expenses desc, category)
              filter (where category is not null),
            '[]'
          ) as categories
        from (
          select e.currency, e.category, sum(e.amount) as expenses, 0.00 as income, count(*) as count
          from public.expenses e
          where e.user_id = p.id and e.date > today.summary_date - 30 and e.date <= today.summary_date
          group by e.currency, e.category
          union all
          select i.currency, null as category, 0.00, i.amount, null as count
          from public.income_entries i
          where i.user_id = p.id and i.frequency is null
            and i.date > today.summary_date - 30 and i.date <= today.summary_date
          union all
          select i.currency, null as category, 0.00, i.amount, null as count
          from public.income_entries i
          cross join lateral private.occurrences(i.date, i.frequency, i.ends_on, today.summary_date - 29, today.summary_date)
          where i.user_id = p.id and i.frequency is not null and i.date <= today.summary_date
        ) as movements
        group by currency
      ) as currencies
    ) as totals
    left join lateral (
      select
        (entry ->> 'total_expenses')::numeric as total_expenses,
        (entry ->> 'total_income')::numeric as total_income,
        entry -> 'expense_categories' as expense_categories
      from jsonb_array_elements(totals.by_currency) as entry
      where entry ->> 'currency' = p.currency::text
    ) as home on true;

    create view public.trip_financial_summary with (security_invoker = true) as
    select
      t.id as trip_id,
      t.name as trip_name,
      t.user_id,
      t.budget_total,
      t.budget_spent as actual_spent,
      t.budget_total - t.budget_spent as remaining_budget,
      t.expense_count,
      coalesce(recent.recent_expenses, '[]') as recent_expenses,
      t.currency,
      t.spent_by_currency
    from public.trips t
    cross join lateral (
      select jsonb_agg(
        jsonb_build_object(
          'id', latest.id, 'category', latest.category, 'amount', latest.amount::text, 'currency', latest.currency, 'date', latest.date
        )
        order by latest.date desc, latest.id desc
      ) as recent_expenses
      from (
        select e.id, e.category, e.amount, e.currency, e.date
        from public.expenses e
        where e.user_id = t.user_id and e.trip_id = t.id
        order by e.date desc, e.id desc
        limit 10
      ) as latest
    ) as recent;

    revoke all on public.user_financial_summary, public.trip_financial_summary from public, anon, authenticated, service_role;
    grant select on public.user_financial_summary, public.trip_financial_summary to authenticated, service_role;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop view public.trip_financial_summary, public.user_financial_summary`.execute(db);
}
