const expense =
  'id, user_id, trip_id, amount, currency, category, description, date, location, receipt_url, tags, metadata, version, created_at, updated_at';
const trip =
  'id, user_id, name, description, start_date, end_date, status, budget_total, budget_spent, spent_by_currency, expense_count, currency, route_data, destinations, metadata, version, created_at, updated_at';

const feed = (after: string) => `
  select posts.id, posts.user_id, posts.trip_id, posts.title, posts.content, posts.images, posts.location, posts.tags,
    posts.likes_count, posts.comments_count, posts.visibility, posts.metadata, posts.version, posts.created_at,
    posts.updated_at, public_profiles.full_name, public_profiles.avatar_url, own_like.user_id is not null as liked
  from posts
  left join public_profiles on public_profiles.id = posts.user_id
  left join lateral (
    select user_id from post_likes where post_likes.post_id = posts.id and post_likes.user_id = $1 limit 1
  ) as own_like on true
  where posts.visibility = 'public' ${after}
  order by posts.created_at desc, posts.id desc limit 21`;

/** The statements of the works as one writes them by hand, with the columns and conditions of the repositories. */
export const statements = {
  seen: 'select count(*)::integer as count from expenses',
  get: `select ${expense} from expenses where user_id = $1 and id = $2`,
  list: `select ${expense} from expenses where user_id = $1 order by date desc, id desc limit 21`,
  filter: `select ${expense} from expenses where user_id = $1 and category = $2 and date >= $3
    order by date desc, id desc limit 21`,
  create: `insert into expenses (user_id, amount, currency, category, description, date)
    values ($1, $2, $3, $4, $5, $6) returning ${expense}`,
  createMany: `insert into expenses (user_id, amount, currency, category, description, date)
    select $1, input.* from jsonb_to_recordset($2::jsonb)
      as input (amount numeric, currency text, category text, description text, date date)
    returning ${expense}`,
  update: `update expenses set description = $3 where user_id = $1 and id = $2 returning ${expense}`,
  createTrip: `insert into trips (user_id, name, currency, budget_total) values ($1, $2, $3, $4) returning ${trip}`,
  createInTrip: `insert into expenses (user_id, trip_id, amount, currency, category, description, date)
    values ($1, $2, $3, $4, $5, $6, $7) returning ${expense}`,
  renameTrip: `update trips set name = $3 where user_id = $1 and id = $2 returning ${trip}`,
  feed: feed(''),
  feedAfter: feed('and (posts.created_at, posts.id) < ($2::timestamptz, $3::uuid)'),
  search: 'select * from public.search_posts($1, 20)',
  totals: `select category, currency, sum(amount) as total, count(*)::integer as count, round(avg(amount), 2) as average
    from expenses where user_id = $1 and date >= $2 and date <= $3
    group by currency, category order by currency, total desc, category`,
  append: `insert into pam_messages (user_id, conversation_id, role, content) values ($1, $2, 'user', $3) returning *`,
} as const;

export type StatementName = keyof typeof statements;

/** What makes a transaction one of a role's, as the documentation of Supabase and PostgREST has it. */
export function settingsOf(role: string): string {
  return `select set_config('role', '${role}', true), set_config('request.jwt.claims', $1, true)`;
}

/** A signed-in user's. */
export const applySettings = settingsOf('authenticated');

export function claimsOf(userId: string): string {
  return JSON.stringify({ sub: userId, role: 'authenticated' });
}
