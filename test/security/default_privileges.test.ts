import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { migrate } from '../../src/migrations/migrate.ts';
import { type ClonedDatabase, cloneDatabase } from '../../src/testing/template_database.ts';
import { testDatabase } from '../support/database.ts';

/*
 * Supabase projects grant everything on every new table, sequence and function of public to the API roles. What the
 * migrations make there must be as closed as on a plain Postgres.
 */
const plain = testDatabase();
let generous: ClonedDatabase;
let admin: pg.Pool;

beforeAll(async () => {
  generous = await cloneDatabase({ connectionString: inject('connectionString') }, 'template0');
  admin = new pg.Pool({ connectionString: generous.connectionString, max: 1 });
  const roles = 'anon, authenticated, service_role';
  await admin.query(`
    alter default privileges in schema public grant all on tables to ${roles};
    alter default privileges in schema public grant all on sequences to ${roles};
    alter default privileges in schema public grant all on functions to ${roles}`);
  await migrate(generous.connectionString, 'latest');
});

afterAll(async () => {
  await admin.end();
  await generous.drop();
});

const privileges = `
  select kind, name, grantee::regrole::text as role, privilege_type, is_grantable from (
    select relkind::text as kind, oid::regclass::text as name, relacl as acl from pg_class
    where relnamespace in ('public'::regnamespace, 'private'::regnamespace) and relkind in ('r', 'v', 'S')
    union all
    select 'column', attrelid::regclass || '.' || attname, attacl from pg_attribute
    join pg_class on pg_class.oid = attrelid and relnamespace in ('public'::regnamespace, 'private'::regnamespace)
    union all
    select 'function', oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)) from pg_proc
    where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
  ) as objects cross join lateral aclexplode(acl)
  where grantee::regrole::text in ('-', 'anon', 'authenticated', 'service_role')
  order by 1, 2, 3, 4`;

test('the schema grants the same where everything new is granted to everybody', async () => {
  const { rows } = await plain.admin.query(privileges);
  expect(rows.length).toBeGreaterThan(100);
  expect((await admin.query(privileges)).rows).toEqual(rows);
});
