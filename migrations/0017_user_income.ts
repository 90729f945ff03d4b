import { type Kysely, sql } from 'kysely';

/**
 * `income_occurrences` of the user that it is told, not of the caller: the service acts for users whose claims it does not
 * carry. Row level security hides other people's income from users.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function public.user_income_occurrences(target_user_id uuid, from_date date, to_date date)
      returns table (income_id uuid, date date, amount numeric, currency text, source text, type text, frequency text)
      language sql stable security invoker set search_path = pg_catalog, pg_temp
      begin atomic
        select i.id, day, i.amount, i.currency::text, i.source, i.type, i.frequency
        from public.income_entries i
        cross join lateral private.occurrences(i.date, i.frequency, i.ends_on, from_date, to_date) as day
        where private.is_window(from_date, to_date) and i.user_id = target_user_id
          and i.date <= to_date and (i.frequency is not null or i.date >= from_date) and (i.ends_on is null or i.ends_on >= from_date)
        order by day, i.id;
      end;

    revoke execute on function public.user_income_occurrences(uuid, date, date) from public, anon, authenticated, service_role;
    grant execute on function public.user_income_occurrences(uuid, date, date) to authenticated, service_role;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop function public.user_income_occurrences(uuid, date, date)`.execute(db);
}
