import { connect } from '../../../src/session/connect.ts';

/**
 * Everything in a database that a migration could change, as one sorted text: what exists, how it is defined, who owns
 * it, who may use it, what its comment says. Kysely's two tables are left out, and nothing in it tells one database from
 * another of the same content: no oids, no name of the database. An entry begins at the start of a line; its further
 * lines are indented.
 *
 * Privileges are as they take effect, so a privilege that is granted and revoked again leaves no trace.
 *
 * @example
 * relation public.trips: table, owner postgres, row security on, replica identity d
 * grant on relation public.trips to authenticated: DELETE, SELECT
 */
export async function catalogOf(connectionString: string): Promise<string> {
  return await entries(connectionString, `${views} ${catalog.join(' union all ')}`);
}

/** The server's roles as one sorted text: attributes, settings, memberships and comments. */
export async function rolesOf(connectionString: string): Promise<string> {
  return await entries(connectionString, roles.join(' union all '));
}

/** The entries of a catalog that match a pattern, each with its further lines. */
export function matching(catalog: string, pattern: RegExp): string[] {
  return catalog.split(/\n(?! )/).filter((entry) => pattern.test(entry));
}

async function entries(connectionString: string, query: string): Promise<string> {
  const client = await connect(connectionString);
  try {
    // Without a search path Postgres writes every name with its schema.
    await client.query("set search_path = ''");
    const { rows } = await client.query<{ entry: string }>(
      `select entry from (${query}) as entries (entry) order by entry collate "C"`,
    );
    return rows.map(({ entry }) => entry.trimEnd().replaceAll(/\n/g, '\n  ')).join('\n');
  } finally {
    await client.end();
  }
}

const views = `
  with schemas as (
    select *, quote_ident(nspname) as name, pg_get_userbyid(nspowner) as owner from pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
  ),
  relations as (
    select c.*, c.oid::regclass::text as name, pg_get_userbyid(relowner) as owner
    from pg_class c join schemas s on s.oid = relnamespace
    where relname !~ '^kysely_migration(_lock)?(_pkey)?$'
  ),
  routines as (
    select p.*, p.oid::regprocedure::text as name, pg_get_userbyid(proowner) as owner
    from pg_proc p join schemas s on s.oid = pronamespace
  ),
  -- Without the row types of tables and the array types that follow every type.
  types as (
    select t.*, t.oid::regtype::text as name, pg_get_userbyid(typowner) as owner
    from pg_type t join schemas s on s.oid = typnamespace
    where typtype in ('d', 'e', 'r', 'm') or typtype = 'c' and (select relkind from pg_class c where c.oid = typrelid) = 'c'
  ),
  columns as (
    select a.*, r.name as relation, row_number() over (partition by attrelid order by attnum) as place
    from pg_attribute a join relations r on r.oid = attrelid
    where attnum > 0 and not attisdropped and relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  ),
  privileges (object, acl) as (
    select 'schema ' || name, coalesce(nspacl, acldefault('n', nspowner)) from schemas
    union all
    select 'relation ' || name, coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))
    from relations where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select 'column ' || relation || '.' || quote_ident(attname), attacl from columns
    union all
    select 'function ' || name, coalesce(proacl, acldefault('f', proowner)) from routines
    union all
    select 'type ' || name, coalesce(typacl, acldefault('T', typowner)) from types
    union all
    select 'this database', coalesce(datacl, acldefault('d', datdba)) from pg_database where datname = current_database()
    union all
    select format(
      'future objects of kind %s that %s makes in %s', defaclobjtype, pg_get_userbyid(defaclrole),
      case defaclnamespace when 0 then 'any schema' else defaclnamespace::regnamespace::text end
    ), defaclacl
    from pg_default_acl
  )`;

const catalog = [
  `select format('schema %s: owner %s', name, owner) from schemas`,

  `select format(
    'relation %s: %s, owner %s, row security %s, replica identity %s%s%s', name,
    case relkind when 'r' then 'table' when 'v' then 'view' when 'i' then 'index' when 'S' then 'sequence' else relkind::text end
      || case relpersistence when 'p' then '' else ', persistence ' || relpersistence::text end,
    owner,
    case when relforcerowsecurity then 'forced' when relrowsecurity then 'on' else 'off' end,
    relreplident,
    ', options ' || array_to_string(reloptions, ', '),
    e'\\n' || case when relkind in ('v', 'm') then pg_get_viewdef(oid) end
  ) from relations`,

  `select format(
    'column %s %s %s: %s%s%s%s%s', relation, to_char(place, 'FM000'), quote_ident(attname),
    format_type(atttypid, atttypmod),
    case when attnotnull then ' not null' end,
    case when attidentity <> '' then ' identity ' || attidentity::text end,
    case when attgenerated <> '' then ' generated ' || attgenerated::text else ' default' end || ' ' || pg_get_expr(adbin, adrelid),
    format(', storage %s, compression %s, collation %s, statistics %s, options %s', attstorage, nullif(attcompression, ''),
      attcollation::regcollation, nullif(attstattarget, -1), attoptions)
  ) from columns left join pg_attrdef on adrelid = attrelid and adnum = attnum`,

  `select format(
    'constraint %s on %s: %s', quote_ident(conname), coalesce(r.name, t.name), pg_get_constraintdef(c.oid)
  ) from pg_constraint c left join relations r on r.oid = conrelid left join types t on t.oid = contypid
  where r.oid is not null or t.oid is not null`,

  `select format(
    'index %s: %s%s%s', name, pg_get_indexdef(indexrelid), case when not indisvalid then ', not valid' end,
    case when indisclustered then ', clustered' end
  ) from pg_index join relations r on r.oid = indexrelid`,

  `select format('trigger %s on %s: %s, enabled %s', quote_ident(tgname), name, pg_get_triggerdef(t.oid), tgenabled)
  from pg_trigger t join relations r on r.oid = tgrelid where not tgisinternal`,

  `select format('rule %s on %s: %s, enabled %s', quote_ident(rulename), name, pg_get_ruledef(w.oid), ev_enabled)
  from pg_rewrite w join relations r on r.oid = ev_class where rulename <> '_RETURN'`,

  `select format(
    'policy %s on %s: %s, command %s, to %s, using %s, with check %s', quote_ident(polname), name,
    case when polpermissive then 'permissive' else 'restrictive' end, polcmd,
    (select string_agg(case role when 0 then 'public' else role::regrole::text end, ', ' order by role::regrole::text)
      from unnest(polroles) as role),
    coalesce(pg_get_expr(polqual, polrelid), 'nothing'), coalesce(pg_get_expr(polwithcheck, polrelid), 'nothing')
  ) from pg_policy join relations r on r.oid = polrelid`,

  `select format(
    'function %s: owner %s%s', name, owner, e'\\n' || case when prokind <> 'a' then pg_get_functiondef(oid) end
  ) from routines`,

  `select format(
    'type %s: kind %s, owner %s%s%s%s%s', name, typtype, owner,
    ', over ' || case when typtype = 'd' then format_type(typbasetype, typtypmod) end,
    case when typnotnull then ' not null' end,
    ' default ' || typdefault,
    ', labels ' || (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum where enumtypid = t.oid)
  ) from types t`,

  `select format('sequence %s: %s', name, to_jsonb(q) - '{seqrelid,seqtypid}'::text[])
  from pg_sequence q join relations r on r.oid = seqrelid`,

  `select format('publication %s: owner %s, %s', quote_ident(pubname), pg_get_userbyid(pubowner), to_jsonb(p) - '{oid,pubname,pubowner}'::text[])
  from pg_publication p`,

  `select format(
    'publication %s of table %s: columns %s, where %s', quote_ident(pubname), prrelid::regclass,
    coalesce((select string_agg(quote_ident(attname), ', ' order by attnum)
      from pg_attribute where attrelid = prrelid and attnum = any (prattrs::smallint[])), 'all'),
    coalesce(pg_get_expr(prqual, prrelid), 'nothing')
  ) from pg_publication_rel join pg_publication p on p.oid = prpubid`,

  `select format('publication %s of schema %s', quote_ident(pubname), pnnspid::regnamespace)
  from pg_publication_namespace join pg_publication p on p.oid = pnpubid`,

  `select format(
    'grant on %s to %s: %s', object, case grantee when 0 then 'public' else grantee::regrole::text end,
    string_agg(privilege_type || case when is_grantable then ' with grant option' else '' end, ', ' order by privilege_type)
  ) from privileges, aclexplode(acl) group by object, grantee`,

  `select format('comment on %s: %s', pg_describe_object(classoid, objoid, objsubid), description)
  from pg_description
  where (objoid >= 16384 and pg_describe_object(classoid, objoid, objsubid) !~ 'kysely_migration')
    or (classoid, objoid) = ('pg_namespace'::regclass, 'public'::regnamespace)`,

  `select format('comment on this database: %s', description)
  from pg_shdescription join pg_database d on d.oid = objoid
  where classoid = 'pg_database'::regclass and datname = current_database()`,

  `select format('setting in this database for %s: %s', case setrole when 0 then 'everybody' else setrole::regrole::text end, setconfig)
  from pg_db_role_setting join pg_database d on d.oid = setdatabase where datname = current_database()`,

  `select format('extension %s: version %s, schema %s', extname, extversion, extnamespace::regnamespace) from pg_extension`,

  `select format('event trigger %s: on %s, %s, enabled %s', quote_ident(evtname), evtevent, evtfoid::regprocedure, evtenabled)
  from pg_event_trigger`,

  // Whatever else there is: casts, operators, text search configurations, statistics, foreign servers, …
  `select distinct 'object ' || pg_describe_object(classid, objid, 0) from pg_depend
  where objid >= 16384 and pg_describe_object(classid, objid, 0) !~ 'pg_toast|RI_ConstraintTrigger|kysely_migration'`,
];

const roles = [
  `select format('role %s: %s', rolname, to_jsonb(r) - '{oid,rolname}'::text[]) from pg_roles r where rolname !~ '^pg_'`,

  `select format(
    'member of %s: %s, granted by %s, %s', roleid::regrole, member::regrole, grantor::regrole,
    to_jsonb(m) - '{oid,roleid,member,grantor}'::text[]
  ) from pg_auth_members m`,

  `select format('comment on role %s: %s', objoid::regrole, description)
  from pg_shdescription where classoid = 'pg_authid'::regclass`,
];
