import { type Kysely, sql } from 'kysely';

/** The newest trips, expenses and posts of a person, as far as the caller may see them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function public.get_user_activity(target_user_id uuid, activity_limit integer default 10) returns jsonb
      language sql stable security invoker set search_path = pg_catalog, pg_temp
      begin atomic
        select jsonb_build_object(
          'trips', (
            select coalesce(jsonb_agg(
              jsonb_build_object('id', id, 'name', name, 'status', status, 'created_at', created_at) order by created_at desc, id desc
            ), '[]')
            from (
              select id, name, status, created_at from public.trips
              where user_id = target_user_id
              order by created_at desc, id desc
              limit least(greatest(coalesce(activity_limit, 10), 1), 100)
            ) as trips
          ),
          'expenses', (
            select coalesce(jsonb_agg(
              jsonb_build_object('id', id, 'amount', amount::text, 'currency', currency, 'category', category, 'date', date)
              order by date desc, id desc
            ), '[]')
            from (
              select id, amount, currency, category, date from public.expenses
              where user_id = target_user_id
              order by date desc, id desc
              limit least(greatest(coalesce(activity_limit, 10), 1), 100)
            ) as expenses
          ),
          'posts', (
            select coalesce(jsonb_agg(
              jsonb_build_object('id', id, 'title', title, 'created_at', created_at) order by created_at desc, id desc
            ), '[]')
            from (
              select id, title, created_at from public.posts
              where user_id = target_user_id
              order by created_at desc, id desc
              limit least(greatest(coalesce(activity_limit, 10), 1), 100)
            ) as posts
          )
        );
      end;
    revoke execute on function public.get_user_activity(uuid, integer) from public, anon, authenticated, service_role;
    grant execute on function public.get_user_activity(uuid, integer) to authenticated, service_role;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop function public.get_user_activity(uuid, integer)`.execute(db);
}
