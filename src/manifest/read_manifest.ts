import type { ClientBase } from 'pg';

/** An object of the schema, such as `table public.trips`, and what can be said of it, a line each. */
export type ManifestEntry = { readonly object: string; readonly lines: readonly string[] };

/**
 * Everything in the schemas `public` and `private` that the migrations make, its triggers on other tables and what is
 * published of it: columns, defaults, constraints, indexes, policies, triggers, grants, functions and views with their text.
 *
 * It is the same for the same schema on Postgres 15 to 18, whoever migrated it. What belongs to an extension, and the tables
 * in which Kysely keeps its migrations, are left out; so are the privileges of the owner. The owner is named where it is
 * not that of the schema `private`.
 */
export async function readManifest(client: ClientBase): Promise<ManifestEntry[]> {
  await client.query('begin read only');
  try {
    // Without a search path Postgres writes every name with its schema.
    await client.query("set local search_path = ''");
    return await readManifestWithin(client);
  } finally {
    await client.query('rollback');
  }
}

/** The same in the transaction that the client is in, and at its snapshot. Its search path must be empty. */
export async function readManifestWithin(client: ClientBase): Promise<ManifestEntry[]> {
  const { rows } = await client.query<{ object: string; lines: string[] }>(query);
  return rows.map(({ object, lines }) => ({ object, lines: lines.flatMap(indented) }));
}

/** The further lines of a text stand under its first. */
function indented(line: string): string[] {
  return line
    .trimEnd()
    .split('\n')
    .map((text, place) => (place === 0 ? text : `  ${text}`.trimEnd()));
}

const ours = `
  with ours as (
    select oid, nspname, nspowner, nspacl from pg_catalog.pg_namespace where nspname in ('public', 'private')
  ),
  migrator as (
    select nspowner as oid from ours where nspname = 'private'
  ),
  relations as (
    select c.*, c.oid::regclass::text as name,
      case relkind when 'r' then 'table' when 'p' then 'table' when 'v' then 'view' when 'S' then 'sequence'
        when 'm' then 'materialized view' when 'f' then 'foreign table' else 'composite type' end
        || ' ' || c.oid::regclass::text as object
    from pg_catalog.pg_class c join ours on ours.oid = relnamespace
    where relkind in ('r', 'p', 'v', 'S', 'm', 'f', 'c') and relname !~ '^kysely_migration'
      and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and deptype = 'e')
  ),
  routines as (
    select p.*, 'function ' || p.oid::regprocedure::text as object
    from pg_catalog.pg_proc p join ours on ours.oid = pronamespace
    where not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and deptype = 'e')
  ),
  types as (
    select t.*, case typtype when 'd' then 'domain ' else 'type ' end || t.oid::regtype::text as object
    from pg_catalog.pg_type t join ours on ours.oid = typnamespace
    where typtype in ('d', 'e', 'r', 'm')
      and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_type'::regclass and d.objid = t.oid and deptype = 'e')
  ),
  columns as (
    select a.*, r.object, r.relowner, quote_ident(attname) as name
    from pg_catalog.pg_attribute a join relations r on r.oid = attrelid
    where attnum > 0 and not attisdropped and relkind <> 'S'
  ),
  privileges as (
    select 'schema ' || quote_ident(nspname) as object, null::bigint as place, '' as of, acl.*
    from ours, aclexplode(nspacl) as acl
    where grantee not in (nspowner, (select oid from migrator))
      -- Who may use it is the platform's choice.
      and not (nspname = 'public' and privilege_type = 'USAGE')
    union all
    select object, null, '', acl.* from relations, aclexplode(relacl) as acl where grantee <> relowner
    union all
    select object, attnum, name, acl.* from columns, aclexplode(attacl) as acl where grantee <> relowner
    union all
    select object, null, '', acl.* from routines, aclexplode(coalesce(proacl, acldefault('f', proowner))) as acl where grantee <> proowner
    union all
    select object, null, '', acl.* from types, aclexplode(coalesce(typacl, acldefault('T', typowner))) as acl where grantee <> typowner
  ),
  owners as (
    select object, relowner as owner from relations
    union all select object, proowner from routines
    union all select object, typowner from types
  ),`;

/** Each gives the object, where the line stands among the object's (part, then place), and the line. */
const lines = [
  `select 'schema ' || quote_ident(nspname), 0, 0::bigint, null from ours`,

  `select object, 0, place, line
  from relations, unnest(array[
    case when relrowsecurity then 'row level security' end,
    case when relforcerowsecurity then 'row level security forced on its owner' end,
    case when relpersistence <> 'p' then 'persistence ' || relpersistence::text end,
    case relreplident when 'f' then 'replica identity full' when 'i' then 'replica identity using index ' || (
      select indexrelid::regclass from pg_catalog.pg_index where indrelid = relations.oid and indisreplident
    ) end,
    'with ' || array_to_string(reloptions, ', ')
  ]) with ordinality as attributes (line, place)`,

  `select object, 1, 0, 'owner ' || owner::regrole::text from owners where owner <> (select oid from migrator)`,

  `select object, 2, attnum, concat_ws(' ', 'column', name, format_type(atttypid, atttypmod),
    case when attcollation not in (0, 100) then 'collate ' || attcollation::regcollation::text end,
    case when attnotnull then 'not null' end,
    case attidentity when 'a' then 'generated always as identity' when 'd' then 'generated by default as identity' end,
    case attgenerated when '' then 'default' when 's' then 'stored' else 'virtual' end || ' ' || pg_get_expr(adbin, adrelid))
  from columns left join pg_catalog.pg_attrdef on adrelid = attrelid and adnum = attnum`,

  `select object, 3, case contype when 'p' then 0 when 'u' then 1 when 'f' then 2 else 3 end, format('constraint %I %s', conname, pg_get_constraintdef(c.oid))
  from (select oid, object, 0::oid as type from relations union all select 0, object, oid from types) as o
  join pg_catalog.pg_constraint c on conrelid = o.oid and contypid = o.type
  where contype not in ('n', 't')`,

  `select r.object, 4, 0, pg_get_indexdef(indexrelid) || case when indisvalid then '' else ', not valid' end
  from pg_catalog.pg_index join relations r on r.oid = indrelid
  where not exists (select from pg_catalog.pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))`,

  `select object, 5, 0, format('policy %I %s%s to %s%s%s', polname, case when not polpermissive then 'restrictive ' end,
    case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
    (select string_agg(case role when 0 then 'public' else role::regrole::text end, ', ' order by role::regrole::text) from unnest(polroles) as role),
    e'\\nusing ' || pg_get_expr(polqual, polrelid), e'\\nwith check ' || pg_get_expr(polwithcheck, polrelid))
  from pg_catalog.pg_policy join relations r on r.oid = polrelid`,

  `select object, 6, 0, pg_get_triggerdef(t.oid) || case tgenabled when 'O' then '' else ', enabled ' || tgenabled::text end
  from (
    select oid, object from relations
    union all
    select distinct tgrelid, 'table ' || tgrelid::regclass::text from pg_catalog.pg_trigger
    where tgfoid in (select oid from routines) and tgrelid not in (select oid from relations)
  ) as on_table
  join pg_catalog.pg_trigger t on tgrelid = on_table.oid and (tgrelid in (select oid from relations) or tgfoid in (select oid from routines))
  where not tgisinternal`,

  `select object, 7, 0, pg_get_ruledef(w.oid)
  from pg_catalog.pg_rewrite w join relations r on r.oid = ev_class where rulename <> '_RETURN'`,

  `select object, 2, 0, concat_ws(', ', 'returns ' || pg_get_function_result(p.oid), 'language ' || lanname,
    case provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
    case when prosecdef then 'security definer' else 'security invoker' end,
    case when proisstrict then 'strict' end, case when proleakproof then 'leakproof' end,
    case proparallel when 's' then 'parallel safe' when 'r' then 'parallel restricted' end,
    case when proretset then 'rows ' || prorows::text end,
    'set ' || array_to_string(proconfig, ', '))
  from routines p join pg_catalog.pg_language l on l.oid = prolang`,

  `select object, 3, 0, 'arguments ' || pg_get_function_arguments(oid) from routines where pronargs > 0`,

  `select object, 9, 0, e'text\\n' || trim(e' \\n' from coalesce(pg_get_function_sqlbody(oid), prosrc)) from routines`,

  `select object, 9, 0, e'text\\n' || pg_get_viewdef(oid) from relations where relkind in ('v', 'm')`,

  `select object, 2, 0, 'as ' || format_type(typbasetype, typtypmod) || case when typnotnull then ' not null' else '' end
    || coalesce(' default ' || typdefault, '') from types where typtype = 'd'`,

  `select object, 2, 0, 'labels ' || (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_catalog.pg_enum where enumtypid = t.oid)
  from types t where typtype = 'e'`,

  `select object, 2, 0, format('%s from %s by %s', seqtypid::regtype, seqstart, seqincrement)
  from pg_catalog.pg_sequence q join relations r on r.oid = seqrelid`,

  `select object, 8, 0, format('grant %s to %s%s', string_agg(what, ', ' order by what), to_role, option)
  from (
    select object, lower(privilege_type) || case when of = '' then '' else ' (' || string_agg(of, ', ' order by place) || ')' end as what,
      case grantee when 0 then 'public' else grantee::regrole::text end as to_role,
      case when is_grantable then ' with grant option' else '' end as option
    from privileges group by object, privilege_type, grantee, is_grantable, of = '', case when of = '' then of end
  ) as granted
  group by object, to_role, option`,

  `select 'publication ' || quote_ident(pubname), 0, 0, concat_ws(' ', prrelid::regclass::text,
    '(' || (select string_agg(quote_ident(attname), ', ' order by attnum) from pg_catalog.pg_attribute where attrelid = prrelid and attnum = any (prattrs::smallint[])) || ')',
    'where ' || pg_get_expr(prqual, prrelid))
  from pg_catalog.pg_publication_rel join pg_catalog.pg_publication p on p.oid = prpubid
  where prrelid in (select oid from relations)`,
];

const query = `${ours}
  lines (object, part, place, line) as (
    ${lines.join('\n    union all\n    ')}
  )
  select object, coalesce(array_agg(line order by part, place, line collate "C") filter (where line is not null), '{}') as lines
  from lines group by object
  order by array_position('{schema,table,view,sequence,domain,type,function}', split_part(object, ' ', 1)),
    object like '% private.%', object collate "C"`;
