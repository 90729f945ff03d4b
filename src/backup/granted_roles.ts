import type { ClientBase } from 'pg';

/** The roles to which something in `public`, `private` or `auth` is granted, or a policy is. Roles belong to the server. */
export async function readRoles(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ role: string }>(`
    with ours as (
      select oid, nspname, nspowner, nspacl from pg_catalog.pg_namespace where nspname in ('public', 'private', 'auth')
    ),
    granted (role, owner) as (
      select (aclexplode(nspacl)).grantee, nspowner from ours
      union select (aclexplode(relacl)).grantee, relowner
        from pg_catalog.pg_class c join ours on ours.oid = relnamespace
        where nspname <> 'auth' or relname in ('users', 'identities')
      union select (aclexplode(attacl)).grantee, relowner
        from pg_catalog.pg_attribute join pg_catalog.pg_class c on c.oid = attrelid join ours on ours.oid = relnamespace
        where nspname <> 'auth' or relname in ('users', 'identities')
      union select (aclexplode(proacl)).grantee, proowner from pg_catalog.pg_proc join ours on ours.oid = pronamespace
      union select (aclexplode(typacl)).grantee, typowner from pg_catalog.pg_type join ours on ours.oid = typnamespace
      union select unnest(polroles), 0
        from pg_catalog.pg_policy join pg_catalog.pg_class c on c.oid = polrelid join ours on ours.oid = relnamespace
        where nspname <> 'auth' or relname in ('users', 'identities')
    )
    select distinct pg_get_userbyid(role)::text as role from granted where role <> 0 and role <> owner order by 1`);
  return rows.map(({ role }) => role);
}

/** Those of the roles that the server lacks. */
export async function missingRoles(client: ClientBase, roles: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ role: string }>(
    'select role from unnest($1::text[]) as role where not exists (select from pg_catalog.pg_roles where rolname = role)',
    [roles],
  );
  return rows.map(({ role }) => role);
}
