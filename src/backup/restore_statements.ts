import pg from 'pg';

/** The roles of the API as the first migration makes them where they are missing. */
export const createApiRoles = `
do $$
declare
  api_role text;
begin
  foreach api_role in array array['anon', 'authenticated', 'service_role'] loop
    if to_regrole(api_role) is null then
      execute format('create role %I nologin noinherit %s', api_role, case when api_role = 'service_role' then 'bypassrls' else '' end);
      execute format('comment on role %I is %L', api_role, 'Made by the Wheels & Wins migrations.');
      if not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
        execute format('grant %I to %I', api_role, current_user);
      end if;
    end if;
  end loop;
end
$$`;

/** Makes those of the roles that are missing. */
export function createOtherRoles(roles: readonly string[]): string {
  return roles
    .map((role) => {
      const name = pg.escapeLiteral(role);
      return `do $$ begin if to_regrole(quote_ident(${name})) is null then execute format('create role %I nologin', ${name}); end if; end $$`;
    })
    .join(';\n');
}

/** Drops what a restore brings, and the accounts. What belongs to an extension stays, and so does the schema \`public\`. */
export const emptyTarget = `
drop schema if exists private cascade;
do $$
declare
  statement text;
begin
  -- Dropping one may drop others, so all are named before.
  foreach statement in array array(
    select format('drop %s if exists public.%I cascade', kind, relname)
    from pg_catalog.pg_class c
    join (values ('r', 1, 'table'), ('p', 1, 'table'), ('f', 1, 'foreign table'), ('v', 2, 'view'), ('m', 2, 'materialized view'), ('S', 3, 'sequence'))
      as kinds (relkind, place, kind) on kinds.relkind = c.relkind::text
    where relnamespace = 'public'::regnamespace
      and not exists (select from pg_catalog.pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'e')
    order by place
  ) || array(
    select format('drop routine if exists public.%I(%s) cascade', proname, pg_get_function_identity_arguments(p.oid))
    from pg_catalog.pg_proc p
    where pronamespace = 'public'::regnamespace
      and not exists (select from pg_catalog.pg_depend where classid = 'pg_proc'::regclass and objid = p.oid and deptype = 'e')
  ) || array(
    select format('drop type if exists public.%I cascade', typname)
    from pg_catalog.pg_type t
    where typnamespace = 'public'::regnamespace and typtype in ('d', 'e')
      and not exists (select from pg_catalog.pg_depend where classid = 'pg_type'::regclass and objid = t.oid and deptype = 'e')
  ) loop
    execute statement;
  end loop;
  if to_regclass('auth.users') is not null then
    delete from auth.users;
  end if;
end
$$`;

/**
 * Takes back what default privileges of the target gave to the objects that were just made: the grants of a dump count on
 * those that Postgres gives by itself, and on no others.
 */
export const resetGrants = `
do $$
declare
  statement text;
begin
  for statement in
    select distinct format('revoke all on %s from %I cascade', object, pg_get_userbyid(grantee))
    from (
      select (case relkind when 'S' then 'sequence ' else 'table ' end) || c.oid::regclass::text as object, relowner as owner, (aclexplode(relacl)).grantee
      from pg_catalog.pg_class c
      where relnamespace in ('public'::regnamespace, 'private'::regnamespace)
        and not exists (select from pg_catalog.pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'e')
      union all
      select 'routine ' || p.oid::regprocedure::text, proowner, (aclexplode(proacl)).grantee
      from pg_catalog.pg_proc p
      where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
        and not exists (select from pg_catalog.pg_depend where classid = 'pg_proc'::regclass and objid = p.oid and deptype = 'e')
      union all
      select 'type ' || t.oid::regtype::text, typowner, (aclexplode(typacl)).grantee
      from pg_catalog.pg_type t
      where typnamespace in ('public'::regnamespace, 'private'::regnamespace) and typtype in ('d', 'e')
        and not exists (select from pg_catalog.pg_depend where classid = 'pg_type'::regclass and objid = t.oid and deptype = 'e')
    ) as granted
    where grantee <> 0 and grantee <> owner
  loop
    execute statement;
  end loop;
end
$$`;
