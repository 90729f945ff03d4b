import { question } from './question.ts';
import { isOurs } from './schemas.ts';

/** Who may send requests without being the service; without Supabase's roles, whatever every role may do. */
const requesters = `
  select rolname::text as requester from pg_roles where rolname in ('anon', 'authenticated')
  union all select 'public' where not exists (select from pg_roles where rolname in ('anon', 'authenticated'))`;

const reached = `(
  select string_agg(requester, ', ' order by requester) from (${requesters}) as r
  where has_schema_privilege(requester, relnamespace, 'usage')
    and (has_table_privilege(requester, c.oid, 'select, insert, update, delete, truncate')
      or has_any_column_privilege(requester, c.oid, 'select, insert, update')))`;

export const rowLevelSecurity = question({
  name: 'row-level-security',
  asks: 'Which tables and views give rows to requests without asking a policy?',
  columns: { relation: 'text', gap: 'text', open_to: 'text', policies: 'count' },
  rows: ({ query }) =>
    query(`
      select * from (
        select c.oid::regclass::text as relation,
          case
            when relkind in ('r', 'p') and not relrowsecurity then 'row level security is off'
            when relkind = 'v' and not coalesce((
              select option_value::boolean from pg_options_to_table(reloptions) where option_name = 'security_invoker'
            ), false) then 'the view reads with the rights of its owner'
            when relkind = 'm' then 'a materialized view has no policies'
            when relkind = 'f' then 'a foreign table has no policies'
          end as gap, ${reached} as open_to,
          (select count(*)::float8 from pg_policy where polrelid = c.oid) as policies
        from pg_class c join pg_namespace n on n.oid = relnamespace
        where relkind in ('r', 'p', 'v', 'm', 'f') and ${isOurs('nspname')}
          and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'e')
      ) as relations
      where gap is not null and (open_to is not null or policies > 0)
      order by open_to is null, relation limit 100`),
  rules: [
    {
      name: 'row-level-security-gaps',
      max: 0,
      unit: 'tables and views',
      because: "whoever has the public key of the API reads or writes everybody's rows there",
      severity: 'critical',
      counts: () => true,
      what: ({ relation, gap, open_to }) =>
        `${relation}: ${gap}${open_to === null ? ', and its policies do nothing' : `, and it is open to ${open_to}`}.`,
      advice:
        'Enable row level security and write policies; give a view security_invoker = true; revoke what requests do not need.',
      manual: 'Row Security Policies',
    },
  ],
});
