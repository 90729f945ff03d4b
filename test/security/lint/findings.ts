import type { ClientBase } from 'pg';

export type Finding = { rule: string; object: string };

/** The schemas that the API serves. */
const served = `(select oid from pg_namespace where nspname = 'public')`;
/** Whoever may send requests without being the service. */
const requesters = `(select oid from pg_roles where rolname in ('anon', 'authenticated'))`;

const mayExecute = `exists (select from ${requesters} as r where has_function_privilege(r.oid, p.oid, 'execute'))`;
const mayRead = `exists (select from ${requesters} as r where has_any_column_privilege(r.oid, c.oid, 'select'))`;
const policyText = `coalesce(pg_get_expr(polqual, polrelid), '') || ' ' || coalesce(pg_get_expr(polwithcheck, polrelid), '')`;

/**
 * What Supabase's database linter looks for, by the classes that its documentation names
 * (https://supabase.com/docs/guides/database/database-linter), in the schemas of ours. Each gives the objects it finds.
 */
const rules: Record<string, string> = {
  // 0001. Columns in any order at the front of an index; a partial one counts if it leaves out nothing but nulls.
  'unindexed foreign key': `
    select conrelid::regclass || ' ' || conname from pg_constraint
    where contype = 'f' and connamespace in (select oid from ours) and not exists (
      select from pg_index i where indrelid = conrelid and indisvalid
        and (indkey::smallint[])[0:cardinality(conkey) - 1] @> conkey
        and (indpred is null or pg_get_expr(indpred, indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$'))`,

  // 0002
  'exposed accounts': `
    select distinct c.oid::regclass::text from pg_class c
    join pg_rewrite w on ev_class = c.oid join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
    where relkind in ('v', 'm') and relnamespace in ${served} and ${mayRead} and refobjid = to_regclass('auth.users')`,

  // 0003
  'function called for each row': `
    select polrelid::regclass || ' ' || polname from pg_policy join pg_class c on c.oid = polrelid and relnamespace in (select oid from ours)
    where regexp_replace(${policyText}, '\\( SELECT (auth|private)\\.\\w+\\([^()]*\\) AS \\w+\\)', '', 'g') ~ '(auth\\.|current_setting\\()'`,

  // 0004
  'no primary key': `
    select c.oid::regclass::text from pg_class c where relkind in ('r', 'p') and relnamespace in (select oid from ours)
      and relname !~ '^kysely_migration'
      and not exists (select from pg_constraint where conrelid = c.oid and contype = 'p')`,

  // 0006
  'several permissive policies': `
    select polrelid::regclass || ' ' || role::regrole || ' ' || command
    from pg_policy join pg_class c on c.oid = polrelid and relnamespace in (select oid from ours),
      unnest(polroles) as role, unnest(case polcmd when '*' then '{r,a,w,d}'::text[] else array[polcmd::text] end) as command
    where polpermissive group by polrelid, role, command having count(*) > 1`,

  // 0007, 0013
  'row level security is off': `
    select c.oid::regclass::text from pg_class c
    where relkind in ('r', 'p') and not relrowsecurity and relname !~ '^kysely_migration'
      and (relnamespace in ${served} or relnamespace in (select oid from ours) and exists (select from pg_policy where polrelid = c.oid))`,

  // 0008
  'row level security without a policy': `
    select c.oid::regclass::text from pg_class c
    where relkind in ('r', 'p') and relrowsecurity and relnamespace in ${served} and ${mayRead}
      and not exists (select from pg_policy where polrelid = c.oid)`,

  // 0009
  'duplicate index': `
    select string_agg(indexrelid::regclass::text, ', ' order by indexrelid::regclass::text) from pg_index i
    join pg_class c on c.oid = indexrelid and relnamespace in (select oid from ours)
    group by indrelid, regexp_replace(pg_get_indexdef(indexrelid), '^CREATE (UNIQUE )?INDEX \\S+ ', '') having count(*) > 1`,

  // 0010
  'view with the rights of its owner': `
    select c.oid::regclass::text from pg_class c
    where relkind = 'v' and relnamespace in ${served} and ${mayRead}
      and not coalesce((select option_value::boolean from pg_options_to_table(reloptions) where option_name = 'security_invoker'), false)`,

  // 0011. One whose body was parsed when it was made has no names left to look for.
  'mutable search path': `
    select p.oid::regprocedure::text from pg_proc p where pronamespace in (select oid from ours) and (prosecdef or prosqlbody is null)
      and not exists (select from unnest(proconfig) as setting where setting like 'search_path=%')`,

  // 0014
  'extension in public': `select extname from pg_extension where extnamespace in ${served}`,

  // 0015
  'policy trusts what users edit': `
    select polrelid::regclass || ' ' || polname from pg_policy join pg_class c on c.oid = polrelid and relnamespace in (select oid from ours)
    where ${policyText} ~* 'user_?metadata'`,

  // 0016, 0017
  'served without row level security': `
    select c.oid::regclass::text from pg_class c where relkind in ('m', 'f') and relnamespace in ${served} and ${mayRead}`,

  // 0024. Reading may be open to everybody; writing may not.
  'policy that is always true': `
    select polrelid::regclass || ' ' || polname from pg_policy join pg_class c on c.oid = polrelid and relnamespace in (select oid from ours)
    where polpermissive and (
      polcmd <> 'r' and 'true' in (pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
      or polcmd in ('a', 'w', '*') and polwithcheck is null and coalesce(pg_get_expr(polqual, polrelid), 'true') = 'true')`,

  // 0028, 0029
  'definer function that requests may call': `
    select p.oid::regprocedure::text from pg_proc p where prosecdef and pronamespace in ${served} and ${mayExecute}`,
};

/** What the linter finds in `public` and `private`. */
export async function findings(client: Pick<ClientBase, 'query'>): Promise<Finding[]> {
  const query = Object.entries(rules)
    .map(([rule, text]) => `select '${rule}' as rule, found.object from (${text}) as found (object)`)
    .join('\nunion all\n');
  const { rows } = await client.query<Finding>(
    `with ours as (select oid from pg_namespace where nspname in ('public', 'private')) ${query} order by 1, 2`,
  );
  return rows;
}
