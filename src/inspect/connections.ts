import { question } from './question.ts';

export const connections = question({
  name: 'connections',
  asks: 'How many connections has each role, of how many it may have?',
  columns: {
    role: 'text',
    open: 'count',
    active: 'count',
    idle: 'count',
    idle_in_transaction: 'count',
    limit: 'count',
    used: 'percent',
  },
  // Whoever may not see what other sessions do sees whose they are.
  rows: ({ query }) =>
    query(`
      with client as (
        select usename, state from pg_stat_activity
        where usesysid is not null and datid is not null and coalesce(backend_type, 'client backend') = 'client backend'
      ), limits as (
        select null::name as usename, current_setting('max_connections')::int
          - current_setting('superuser_reserved_connections')::int
          - coalesce(current_setting('reserved_connections', true)::int, 0) as most
        union all
        select rolname, nullif(rolconnlimit, -1) from pg_roles where rolname in (select usename from client)
      )
      select coalesce(l.usename, '(all)')::text as role, count(c)::float8 as open,
        count(*) filter (where state = 'active')::float8 as active, count(*) filter (where state = 'idle')::float8 as idle,
        count(*) filter (where starts_with(state, 'idle in transaction'))::float8 as idle_in_transaction,
        most::float8 as limit, (100.0 * count(c) / nullif(most, 0))::float8 as used
      from limits l left join client c on c.usename = l.usename or l.usename is null
      group by l.usename, most order by open desc, l.usename nulls first limit 100`),
  note: ({ seesAllSessions, role }) =>
    seesAllSessions ? undefined : `Which of other roles' connections are idle is hidden from ${role}.`,
  rules: [
    {
      name: 'connection-percent',
      max: 80,
      unit: "% of the connections that are not reserved, or of a role's limit",
      because: 'at the limit the server refuses whoever comes next; a deploy may need twice as many for a minute',
      severity: 'critical',
      measure: ({ used }) => used,
      what: ({ role, open, limit }) =>
        `${role === '(all)' ? 'All roles together have' : `${role} has`} ${open} of ${limit} connections.`,
      advice: 'Look who holds idle ones; lower max of the pools, or put a pooler in between.',
      manual: 'Connections and Authentication',
    },
  ],
});
