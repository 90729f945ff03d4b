/** Trips whose totals are not what a count of their expenses gives, with both: no rows, if the totals are exact. */
export const wrongTrips = `
  select
    t.id, t.currency, t.spent_by_currency, t.budget_spent, t.expense_count,
    counted.by_currency as counted_by_currency, counted.spent as counted_spent, counted.count as counted
  from trips t
  cross join lateral (
    select
      coalesce(jsonb_object_agg(sums.currency, sums.amount::text), '{}') as by_currency,
      coalesce(max(sums.amount) filter (where sums.currency = t.currency), 0) as spent,
      coalesce(sum(sums.count), 0) as count
    from (
      select e.currency::text, sum(e.amount) as amount, count(*) as count
      from expenses e where e.trip_id = t.id group by e.currency::text
    ) as sums
  ) as counted
  where (t.spent_by_currency, t.budget_spent, t.expense_count)
    is distinct from (counted.by_currency, counted.spent, counted.count)`;

/** Posts whose likes or comments, and people whose public posts, are not counted right: no rows, if they all are. */
export const wrongPosts = `
  select p.id, p.likes_count::int as stored, (select count(*) from post_likes l where l.post_id = p.id) as counted
  from posts p where p.likes_count <> (select count(*) from post_likes l where l.post_id = p.id)
  union all
  select p.id, p.comments_count, (select count(*) from post_comments c where c.post_id = p.id)
  from posts p where p.comments_count <> (select count(*) from post_comments c where c.post_id = p.id)
  union all
  select a.id, a.public_posts_count, (select count(*) from posts p where p.user_id = a.id and p.visibility = 'public')
  from public_profiles a
  where a.public_posts_count <> (select count(*) from posts p where p.user_id = a.id and p.visibility = 'public')`;
