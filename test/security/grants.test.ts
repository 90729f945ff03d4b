import { describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();

async function list<Row extends object>(text: string): Promise<Row[]> {
  return (await database.admin.query<Row>(text)).rows;
}

const tables = `
  select c.oid, c.oid::regclass::text as name, c.relkind, c.relrowsecurity, c.reloptions
  from pg_class c
  where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind in ('r', 'p', 'v', 'm', 'f')`;

describe('tables and views', () => {
  /** All that the API roles may do, a role a line. What a line does not name is not granted. */
  const granted: Record<string, Partial<Record<'anon' | 'authenticated' | 'service_role', string>>> = {
    budgets: { authenticated: 'select delete', service_role: 'select delete' },
    expenses: { authenticated: 'select delete', service_role: 'select delete' },
    friendships: { authenticated: 'select', service_role: 'select' },
    income_entries: { authenticated: 'select delete', service_role: 'select delete' },
    kysely_migration: {},
    kysely_migration_lock: {},
    pam_conversations: { authenticated: 'select delete', service_role: 'select delete' },
    pam_feedback: { authenticated: 'select delete', service_role: 'select delete' },
    pam_messages: { authenticated: 'select', service_role: 'select delete' },
    places: { authenticated: 'select delete', service_role: 'select delete' },
    post_comments: { authenticated: 'select delete', service_role: 'select delete' },
    post_likes: { authenticated: 'select delete', service_role: 'select delete' },
    post_locations: { authenticated: 'select delete', service_role: 'select delete' },
    posts: { anon: 'select', authenticated: 'select delete', service_role: 'select delete' },
    'private.blocks': {},
    profiles: { authenticated: 'select delete', service_role: 'select delete' },
    public_profiles: { anon: 'select', authenticated: 'select', service_role: 'select' },
    trip_financial_summary: { authenticated: 'select', service_role: 'select' },
    trips: { authenticated: 'select delete', service_role: 'select delete' },
    user_financial_summary: { authenticated: 'select', service_role: 'select' },
  };

  /** The columns that may be written, `insert | update`; the service may add those after "+". */
  const writable: Record<string, string> = {
    budgets:
      'id user_id trip_id category amount currency period starts_on + created_at | trip_id category amount currency period starts_on',
    expenses:
      'id user_id trip_id amount currency category description date location receipt_url tags metadata import_key + created_at | trip_id amount currency category description date location receipt_url tags metadata',
    income_entries:
      'id user_id amount currency source description date type frequency ends_on metadata + created_at | amount currency source description date type frequency ends_on metadata',
    pam_conversations: 'id user_id session_id + context status created_at | status + context',
    pam_feedback:
      'id user_id message_id rating feedback_text feedback_type thumbs_up metadata | rating feedback_text feedback_type thumbs_up metadata',
    pam_messages: 'id user_id conversation_id role content metadata + created_at |',
    places:
      'id user_id trip_id name kind location rating notes tags + created_at | trip_id name kind location rating notes tags',
    post_comments: '| content',
    post_locations: 'post_id user_id location | location',
    posts:
      'id user_id trip_id title content images location tags visibility metadata + created_at | trip_id title content images location tags visibility metadata',
    profiles: '| full_name avatar_url region timezone currency preferences + role status',
    trips:
      'id user_id name description start_date end_date status budget_total currency route_data destinations metadata + created_at | name description start_date end_date status budget_total currency route_data destinations metadata',
  };

  test('are granted to each role as listed, without TRUNCATE, TRIGGER, REFERENCES and MAINTAIN', async () => {
    const rows = await list<{ name: string; role: string | null; privileges: string }>(`
      select tables.name, acl.grantee::regrole::text as role,
        string_agg(lower(acl.privilege_type), ' ' order by acl.privilege_type desc) as privileges
      from (${tables}) as tables
      join pg_class c using (oid)
      left join lateral aclexplode(c.relacl) as acl on acl.grantee <> c.relowner
      group by 1, 2 order by 1, 2`);
    const found: typeof granted = {};
    for (const { name, role, privileges } of rows) {
      found[name] = { ...found[name], ...(role && { [role]: privileges }) };
    }
    expect(found).toEqual(granted);
  });

  test('take in each column from users and the service as listed: no derived column, no timestamp, no authority', async () => {
    const rows = await list<{ name: string; role: string; privilege: string; columns: string[] }>(`
      select c.oid::regclass::text as name, acl.grantee::regrole::text as role, lower(acl.privilege_type) as privilege,
        array_agg(attname::text order by attname) as columns
      from (${tables}) as tables
      join pg_class c using (oid)
      join pg_attribute a on a.attrelid = c.oid
      cross join lateral aclexplode(a.attacl) as acl
      group by 1, 2, 3`);
    const found = Object.fromEntries(rows.map((row) => [`${row.role}: ${row.privilege} ${row.name}`, row.columns]));
    const expected: typeof found = {};
    for (const [name, columns] of Object.entries(writable)) {
      const [inserted = '', updated = ''] = columns.split('|');
      for (const [privilege, text] of [
        ['insert', inserted],
        ['update', updated],
      ] as const) {
        const words = text.split(/\s+/).filter((word) => word !== '');
        const plus = words.indexOf('+') === -1 ? words.length : words.indexOf('+');
        const forUsers = words.slice(0, plus).sort();
        const forService = words.filter((word) => word !== '+').sort();
        if (forUsers.length > 0) expected[`authenticated: ${privilege} ${name}`] = forUsers;
        if (forService.length > 0) expected[`service_role: ${privilege} ${name}`] = forService;
      }
    }
    expect(found).toEqual(expected);
  });

  test('let no role empty them or put a trigger or key on them, however it came by the right', async () => {
    const rows = await list<{ name: string; role: string; privilege: string }>(`
      select name, role, privilege from (${tables}) as tables
      cross join unnest('{anon,authenticated,service_role}'::text[]) as role
      cross join unnest(string_to_array('TRUNCATE TRIGGER REFERENCES' ||
        case when current_setting('server_version_num')::int >= 170000 then ' MAINTAIN' else '' end, ' ')) as privilege
      where has_table_privilege(role, oid, privilege) or (privilege = 'REFERENCES' and has_any_column_privilege(role, oid, privilege))`);
    expect(rows).toEqual([]);
  });

  test('have row level security on, Kysely’s own included', async () => {
    expect(await list(`select name from (${tables}) as tables where relkind = 'r' and not relrowsecurity`)).toEqual([]);
  });

  test('run as the one who asks: every view is a security invoker’s', async () => {
    const views = await list<{ reloptions: string[] }>(
      `select reloptions from (${tables}) as tables where relkind <> 'r'`,
    );
    expect(views).toEqual([{ reloptions: ['security_invoker=true'] }, { reloptions: ['security_invoker=true'] }]);
  });

  test('have no sequence that a role could turn', async () => {
    const sequences = await list(`
      select c.relname from pg_class c cross join lateral aclexplode(c.relacl) as acl
      where c.relkind = 'S' and c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and acl.grantee <> c.relowner`);
    expect(sequences).toEqual([]);
  });
});

describe('the roles of requests', () => {
  const roles = "('anon', 'authenticated', 'service_role')";

  test('have no rights beyond their grants, but that the service bypasses row level security', async () => {
    const rows = await list(`
      select rolname, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls from pg_roles
      where rolname in ${roles} order by 1`);
    const none = {
      rolsuper: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolcanlogin: false,
      rolreplication: false,
    };
    expect(rows).toEqual([
      { rolname: 'anon', ...none, rolbypassrls: false },
      { rolname: 'authenticated', ...none, rolbypassrls: false },
      { rolname: 'service_role', ...none, rolbypassrls: true },
    ]);
  });

  test('are members of no other role', async () => {
    expect(await list(`select roleid::regrole from pg_auth_members where member::regrole::text in ${roles}`)).toEqual(
      [],
    );
  });

  test('create nothing in any schema, and cannot enter private', async () => {
    const rows = await list<{ name: string; created: boolean; entered: boolean }>(`
      select nspname as name, has_schema_privilege(rolname, n.oid, 'create') as created, has_schema_privilege(rolname, n.oid, 'usage') as entered
      from pg_namespace n cross join pg_roles where rolname in ${roles} and nspname in ('public', 'private', 'auth')`);
    expect(rows).toHaveLength(9);
    for (const { name, created, entered } of rows) {
      expect({ name, created, entered }).toEqual({ name, created: false, entered: name !== 'private' });
    }
  });
});
