import type { ClientBase } from 'pg';

export const kinds = [
  'policy',
  'row level security',
  'trigger',
  'constraint',
  'function',
  'grant',
  'default',
  'view',
  'publication',
  'index',
] as const;

export type Kind = (typeof kinds)[number];

/** The schema with one piece less, or one door more. */
export type Mutant = {
  /** Names the piece and what becomes of it: `policy trips "Users can view own trips": using true`. */
  readonly id: string;
  readonly kind: Kind;
  /** The names by which tests know the piece, the nearest first: a constraint's own, its columns, its table. */
  readonly names: readonly string[];
  /** What a superuser runs to make it. */
  readonly sql: string;
};

type Row = Omit<Mutant, 'kind'>;

const ours = `
  relations as (
    select c.oid, c.oid::regclass::text as name, relname, relkind, relrowsecurity, relacl, relowner
    from pg_class c
    where relnamespace in ('public'::regnamespace, 'private'::regnamespace) and relkind in ('r', 'v', 'S')
  ),
  columns as (
    select attrelid, attnum, attname::text, attnotnull, attidentity, attgenerated, attacl, r.name, r.relname, r.relkind
    from pg_attribute join relations r on r.oid = attrelid
    where attnum > 0 and not attisdropped and relkind in ('r', 'v')
  ),
  routines as (
    select p.*, p.oid::regprocedure::text as name, array(
      select relname::text from pg_trigger join pg_class c on c.oid = tgrelid where tgfoid = p.oid
      union
      select attname::text from pg_depend
      join pg_constraint k on k.oid = objid join pg_attribute on attrelid = conrelid and attnum = any (conkey)
      where classid = 'pg_constraint'::regclass and refclassid = 'pg_proc'::regclass and refobjid = p.oid
    ) as used_by
    from pg_proc p where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
  ),
  roles as (select rolname, oid from pg_roles where rolname in ('anon', 'authenticated', 'service_role'))`;

/** Each gives the id after the kind, the names and the SQL of the mutants of one kind. */
const queries: Readonly<Record<Kind, string>> = {
  policy: `
    select format('%s %I: %s', r.name, polname, what) as id, array[r.relname] as names,
      case what when 'dropped' then format('drop policy %I on %s', polname, r.name)
        else format('alter policy %I on %s %s', polname, r.name, change) end as sql
    from pg_policy join relations r on r.oid = polrelid
    cross join lateral (values
      ('dropped', null, true),
      ('using true', 'using (true)', polqual is not null),
      ('with check true', 'with check (true)', polwithcheck is not null),
      ('to public', 'to public', not 0 = any (polroles))
    ) as changes (what, change, possible)
    where possible`,

  'row level security': `
    select format('%s: disabled', name) as id, array[relname] as names,
      format('alter table %s disable row level security', name) as sql
    from relations where relrowsecurity`,

  trigger: `
    select format('%s %s: dropped', tgrelid::regclass, tgname) as id,
      -- A test of set_updated_at speaks of updated_at.
      array[tgname, regexp_replace(tgname, '^[a-z]+_', ''), regexp_replace(tgrelid::regclass::text, '.*[.]', '')] as names,
      format('drop trigger %I on %s', tgname, tgrelid::regclass) as sql
    from pg_trigger
    where not tgisinternal and (tgrelid in (select oid from relations) or tgfoid in (select oid from routines))`,

  constraint: `
    select format('%s %s: dropped%s', coalesce(r.name, contypid::regtype::text), conname,
        case when dependants > 0 then ', with the foreign keys to it' end) as id,
      array[conname] || coalesce(of, '{}') || coalesce(r.relname, contypid::regtype::text) as names,
      format('alter %s %s drop constraint %I%s', case when contypid = 0 then 'table' else 'domain' end,
        coalesce(r.name, contypid::regtype::text), conname, case when dependants > 0 then ' cascade' end) as sql
    from pg_constraint c left join relations r on r.oid = conrelid
    cross join lateral (select count(*) as dependants from pg_constraint f
      where f.contype = 'f' and f.conindid = c.conindid and c.contype in ('p', 'u')) as to_it
    cross join lateral (select array_agg(attname) as of from columns where attrelid = conrelid and attnum = any (conkey)) as parts
    where contype in ('c', 'f', 'u', 'p')
      and (r.oid is not null or contypid in (select oid from pg_type where typnamespace = 'public'::regnamespace))
      and conname !~ '^kysely_migration'
    union all
    select format('%s.%s: not null dropped', name, attname), array[attname, relname],
      format('alter table %s alter %I drop not null', name, attname)
    from columns
    -- A key's column and an identity are not null by themselves, and Postgres keeps those of a replica identity so.
    where attnotnull and attidentity = '' and relkind = 'r' and relname !~ '^kysely_migration'
      and not exists (select from pg_constraint where conrelid = attrelid and contype = 'p' and attnum = any (conkey))
      and not exists (select from pg_index where indrelid = attrelid and indisreplident and attnum = any (indkey))
    union all
    select format('%s %s: on %s no action', r.name, conname, event), array[conname, r.relname, confrelid::regclass::text],
      format('alter table %s drop constraint %I, add constraint %2$I %s', r.name, conname,
        regexp_replace(pg_get_constraintdef(c.oid), format(' on %s (cascade|restrict|set (null|default)( \\([^)]*\\))?)', event), '', 'i'))
    from pg_constraint c join relations r on r.oid = conrelid
    cross join lateral (values ('delete', confdeltype), ('update', confupdtype)) as actions (event, action)
    where contype = 'f' and action <> 'a'`,

  function: `
    select format('%s: security %s', name, other) as id, array[proname::text] || used_by as names,
      format('alter function %s security %s', name, other) as sql
    from routines cross join lateral (select case when prosecdef then 'invoker' else 'definer' end as other) as turned
    union all
    select format('%s: search_path removed', name), array[proname::text] || used_by, format('alter function %s reset search_path', name)
    from routines where exists (select from unnest(proconfig) as setting where setting like 'search_path=%')
    union all
    select format('%s: returns %s', name, what), array[proname::text] || used_by,
      format('create or replace function %I.%I(%s) returns %s language sql %s %s as %L', pronamespace::regnamespace::text,
        proname, pg_get_function_arguments(oid), pg_get_function_result(oid),
        case provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
        case when prosecdef then 'security definer' else 'security invoker' end || ' set search_path = pg_catalog, pg_temp', body)
    from routines join (values
      ('boolean', '^(is|can)_', 'true', 'select true'),
      ('uuid[]', '', 'everybody', 'select array(select id from public.profiles)'),
      ('uuid[]', '', 'nobody', 'select ''{}''::uuid[]')
    ) as bodies (type, named, what, body)
    on prorettype = type::regtype and proname ~ named and pronamespace = 'private'::regnamespace`,

  grant: `
    select format('%s: %s revoked from %s', of, lower(string_agg(distinct privilege, ', ')), grantee) as id, array[relname] as names,
      format('revoke %s on %s from %s', privilege, of, grantee) as sql
    from (
      select case relkind when 'S' then 'sequence ' else 'table ' end || name as of, relname::text, acl.privilege_type as privilege,
        acl.grantee
      from relations, aclexplode(relacl) as acl
      union all
      select 'table ' || name, relname,
        privilege_type || ' (' || string_agg(quote_ident(attname), ', ' order by attnum) || ')', acl.grantee
      from columns, aclexplode(attacl) as acl group by name, relname, privilege_type, acl.grantee
      union all
      select 'function ' || name, proname, acl.privilege_type, acl.grantee from routines, aclexplode(proacl) as acl
      union all
      select 'schema ' || nspname, nspname, acl.privilege_type, acl.grantee
      from pg_namespace, aclexplode(nspacl) as acl where nspname in ('public', 'private')
    ) as granted (of, relname, privilege, to_role)
    cross join lateral (select case to_role when 0 then 'public' else to_role::regrole::text end as grantee) as named
    where to_role = 0 or to_role in (select oid from roles)
    group by of, relname, privilege, grantee
    union all
    select format('table %s: %s granted to %s', name, privilege, rolname), array[relname],
      format('grant %s on %s to %s', privilege, name, rolname)
    from relations, roles,
      -- A view is never truncated or referred to.
      unnest(case relkind when 'r' then '{select,insert,update,delete,truncate,references,trigger}'::text[]
        when 'v' then '{select,insert,update,delete,trigger}' end) as privilege
    where rolname in ('anon', 'authenticated') and not has_table_privilege(rolname, relations.oid, privilege)
    union all
    select format('table %s: %s (%s) granted to %s', name, privilege, attname, rolname), array[attname, relname],
      format('grant %s (%I) on %s to %s', privilege, attname, name, rolname)
    from columns, roles, unnest('{insert,update}'::text[]) as privilege
    -- Nobody writes a generated column.
    where rolname in ('authenticated', 'service_role') and attgenerated = '' and relkind = 'r'
      and not has_column_privilege(rolname, attrelid, attnum, privilege)
      and exists (select from columns other where other.attrelid = columns.attrelid and other.attacl is not null)
    union all
    select format('function %s: execute granted to %s', routines.name, rolname), array[proname::text],
      format('grant execute on function %s to %s', routines.name, rolname)
    from routines, roles
    -- Nobody calls a trigger's function.
    where rolname in ('anon', 'authenticated') and prorettype <> 'trigger'::regtype
      and not has_function_privilege(rolname, routines.oid, 'execute')
    union all
    select format('schema private: usage granted to %s', rolname), array['private'],
      format('grant usage on schema private to %s', rolname)
    from roles where not has_schema_privilege(rolname, 'private', 'usage')`,

  default: `
    select format('%s.%s: default dropped', name, columns.attname) as id, array[columns.attname, relname] as names,
      format('alter table %s alter %I drop default', name, columns.attname) as sql
    from columns join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attgenerated = '' and relname !~ '^kysely_migration'
    union all
    select format('%s.%s: identity dropped', name, attname), array[attname, relname],
      format('alter table %s alter %I drop identity', name, attname)
    from columns where attidentity <> ''`,

  view: `
    select format('%s: security_invoker removed', name) as id, array[relname] as names,
      format('alter view %s reset (security_invoker)', name) as sql
    from relations where relkind = 'v'`,

  publication: `
    with published as (
      select pubname, p.oid as publication, r.name, r.oid, r.relname, prattrs::smallint[] as attributes
      from pg_publication p join pg_publication_rel on prpubid = p.oid join relations r on r.oid = prrelid
    )
    select format('%s: %s removed', pubname, name) as id, array[pubname, relname] as names,
      format('alter publication %I drop table %s', pubname, name) as sql
    from published
    union all
    select format('%s: %s.%s added', pubname, published.name, added.attname), array[pubname, published.relname],
      format('alter publication %I drop table %s; alter publication %1$I add table %2$s (%s)', pubname, published.name, (
        select string_agg(quote_ident(attname), ', ') from columns
        where attrelid = published.oid and (attnum = any (attributes) or attnum = added.attnum)
      ))
    from published join columns added on attrelid = published.oid
    -- Postgres 15 to 17 cannot publish a generated column.
    where not attnum = any (attributes) and attgenerated = ''
    union all
    select format('%s: %s added', pubname, relations.name), array[pubname, relations.relname],
      format('alter publication %I add table %s', pubname, relations.name)
    from relations, (select distinct pubname, publication from published) as publications
    where relkind = 'r' and not exists (
      select from pg_publication_rel where prpubid = publication and prrelid = relations.oid
    )`,

  index: `
    select format('%s%s: dropped', case when indisunique then 'unique ' end, indexrelid::regclass) as id,
      array[indexrelid::regclass::text, r.relname] as names,
      format('drop index %s', indexrelid::regclass) as sql
    from pg_index join relations r on r.oid = indrelid
    where not exists (select from pg_constraint where conindid = indexrelid)`,
};

/** What a function asks before it gives or does something. Each place where it stands is one mutant, with `true` there. */
const guards = [
  /private\.can_write\(\)/gi,
  /private\.is_moderator\(\)/gi,
  /[\w.]+ = (?:auth\.uid\(\)|\( *select auth\.uid\(\)(?: as uid)? *\))/gi,
  /[\w.]+ (?:<>|=) (?:all|any) \((?:private\.\w+_ids\(\)|\( *select private\.\w+_ids\(\)(?: as \w+)? *\)(?:::uuid\[\])?)\)/gi,
];

/**
 * Takes the migrated schema apart, one piece at a time, as its catalog tells.
 *
 * @example
 * for (const { id, sql } of await readMutants(client)) console.log(id, sql);
 */
export async function readMutants(client: ClientBase): Promise<Mutant[]> {
  const mutants: Mutant[] = [];
  for (const kind of kinds) {
    const own = queries[kind].trimStart();
    const text = own.startsWith('with ') ? `with ${ours}, ${own.slice(5)}` : `with ${ours} ${own}`;
    const { rows } = await client.query<Row>(
      `select id, names::text[], sql from (${text}) as mutants order by id collate "C"`,
    );
    mutants.push(...rows.map(({ id, names, sql }) => ({ id: `${kind} ${id}`, kind, names, sql })));
    if (kind === 'function') mutants.push(...(await withoutGuards(client)));
  }
  return mutants;
}

async function withoutGuards(client: ClientBase): Promise<Mutant[]> {
  const { rows } = await client.query<{ name: string; proname: string; text: string }>(`
    with ${ours} select name, proname, pg_get_functiondef(oid) as text from routines order by name collate "C"`);
  return rows.flatMap(({ name, proname, text }) => {
    const body = text.indexOf('\n');
    const found = guards
      .flatMap((guard) => [...text.matchAll(guard)])
      .filter(({ index }) => index > body)
      .sort((one, other) => one.index - other.index);
    return found.map((match, place) => ({
      id: `function ${name}: true in place of guard ${place + 1}, ${match[0]}`,
      kind: 'function' as const,
      names: [proname],
      sql: `${text.slice(0, match.index)}true${text.slice(match.index + match[0].length)}`,
    }));
  });
}
