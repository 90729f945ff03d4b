import type { Client } from 'pg';

/** The 1st has twenty times as many expenses as the others; the 2nd is among their friends. */
export const person = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/**
 * Fills a migrated database with `people`, each with 50 expenses, 5 posts, 3 trips, 10 messages and so on, about 100 rows in
 * all, and with the counts and public profiles that triggers would have made.
 */
export async function fill(client: Client, people: number): Promise<void> {
  await client.query('set session_replication_role = replica');
  // A vacuum takes for visible to all only what is known to be on disk.
  await client.query('set synchronous_commit = on');
  const id = (n: string) => `('00000000-0000-4000-8000-' || lpad((${n})::text, 12, '0'))::uuid`;
  await client.query(`
    create temporary table people as select n, ${id('n')} as id from generate_series(1, ${people}) as n;
    insert into auth.users (id) select id from people;
    insert into profiles (id, user_id, full_name) select id, id, 'Person ' || n from people;
    insert into public_profiles (id, full_name, public_posts_count) select id, 'Person ' || n, 3 from people;
    insert into friendships (user_id, friend_id, status)
      select a.id, ${id(`1 + (a.n - 1 + distance + ${people}) % ${people}`)}, 'accepted'
      from people a, unnest('{-7,-5,-3,-2,-1,1,2,3,5,7}'::int[]) as distance;
    create temporary table laps as
      select gen_random_uuid() as id, p.id as user_id, g, p.n from people p, generate_series(1, 3) as g;
    insert into trips (id, user_id, name, description, status, start_date, end_date, currency, expense_count, created_at)
      select id, user_id, 'Lap ' || g, 'Around place ' || n % 1000, (array['completed', 'active', 'planning'])[g],
        date '2026-01-01' + g * 90, date '2026-03-01' + g * 90, 'USD', 16, now() - g * interval '90 days' from laps;
    insert into expenses (user_id, trip_id, amount, currency, category, description, date, tags)
      select p.id, l.id, (1 + stop) * 1.00, 'USD', (array['fuel', 'food', 'camping', 'repairs', 'books'])[1 + stop % 5], 'Stop ' || stop,
        date '2026-01-01' + stop * 6, case when stop % 3 = 0 then '{road}'::text[] else '{}' end
      from people p cross join generate_series(1, 50) as stop
      left join laps l on l.user_id = p.id and l.g = stop % 4;
    insert into expenses (user_id, amount, currency, category, date)
      select '${person(1)}', (1 + g % 90) * 1.00, 'USD', 'fuel', date '2024-01-01' + g from generate_series(1, 1000) as g;
    insert into income_entries (user_id, amount, currency, source, date, type, frequency)
      select p.id, 100.00, 'USD', 'work', date '2026-01-01' + g * 30, case g when 1 then 'recurring' else 'one_time' end,
        case g when 1 then 'monthly' end
      from people p, generate_series(1, 3) as g;
    insert into budgets (user_id, trip_id, amount, currency, category, period, starts_on)
      select p.id, null, 100.00, 'USD', (array['fuel', 'food'])[g], 'monthly', date '2026-01-01' from people p, generate_series(1, 2) as g;
    insert into places (user_id, trip_id, name, kind, location, rating)
      select user_id, id, 'Place ' || k, (array['campsite', 'water', 'laundry'])[k], '{"lat": 38.57331, "lng": -109.54984}', k
      from laps, generate_series(1, 3) as k;
    create temporary table written as
      select gen_random_uuid() as id, p.id as user_id, p.n, g, (array['public', 'public', 'public', 'friends', 'private'])[g] as visibility
      from people p, generate_series(1, 5) as g;
    insert into posts (id, user_id, title, content, visibility, tags, location, likes_count, comments_count, created_at)
      select id, user_id, 'Day ' || g, case when n % 3 = 0 then 'Dust, and word' else 'word' end || (n * 5 + g) % 5000, visibility,
        case when n % 4 = 0 then '{beach}'::text[] else '{}' end,
        jsonb_build_object('lat', round((n * 7919 % 18000 - 9000) / 100.0, 2), 'lng', round((n * 104729::bigint % 36000 - 18000) / 100.0, 2)),
        2, 1, now() - (n * 5 + g) * interval '1 minute'
      from written;
    insert into post_locations (post_id, user_id, location)
      select id, user_id, '{"lat": 38.57331, "lng": -109.54984}' from written where g = 1;
    insert into private.blocks (user_id, blocked_id) select id, ${id(`1 + (n + 9) % ${people}`)} from people;
    insert into post_likes (post_id, user_id, post_user_id, post_visibility)
      select w.id, ${id(`1 + (n + distance - 1) % ${people}`)}, user_id, visibility from written w, unnest('{1,2}'::int[]) as distance;
    insert into post_comments (post_id, user_id, post_user_id, post_visibility, content)
      select id, ${id(`1 + n % ${people}`)}, user_id, visibility, 'Lovely.' from written;
    create temporary table talks as select gen_random_uuid() as id, p.id as user_id, g from people p, generate_series(1, 2) as g;
    insert into pam_conversations (id, user_id, session_id) select id, user_id, 'session ' || g from talks;
    create temporary table said as select gen_random_uuid() as id, t.id as conversation_id, user_id, s from talks t, generate_series(1, 5) as s;
    insert into pam_messages (id, user_id, conversation_id, role, content)
      select id, user_id, conversation_id, 'user', 'What of place ' || s || '?' from said;
    insert into pam_feedback (user_id, message_id, rating) select user_id, id, 5 from said where s = 1;
  `);
  await client.query('vacuum analyze');
}
