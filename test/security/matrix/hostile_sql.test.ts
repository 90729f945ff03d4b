import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { relations } from '../../../src/access/access.ts';
import { type ApiRole, testDatabase } from '../../support/database.ts';
import { makeBelongings, ownTables } from '../belongings.ts';
import { outcome, refused, requests } from '../requests.ts';

/*
 * What an SQL session of one's own could try besides the operations of access.ts. The session has logged in as a member of
 * the three roles, as a service does: a test as the superuser could take any role.
 */
const file = testDatabase();
const { user } = requests(file);
const roles: readonly ApiRole[] = ['anon', 'authenticated', 'service_role'];
const login = `wheels_login_${randomBytes(4).toString('hex')}`;
const password = randomUUID();
const [alice, bob] = [randomUUID(), randomUUID()];
let hers: Awaited<ReturnType<typeof makeBelongings>>;
let his: Awaited<ReturnType<typeof makeBelongings>>;

beforeAll(async () => {
  await file.admin.query(`
    create role ${login} login noinherit password '${password}';
    grant ${roles.join()} to ${login}`);
  for (const id of [alice, bob]) await file.signUp({ id });
  hers = await makeBelongings(user(alice), alice);
  his = await makeBelongings(user(bob), bob);
});

afterAll(async () => {
  await file.admin.query(`drop role ${login}`);
});

/** Runs statements in one session of a person's, undoes them, and says how the last one ended, and what the server told. */
async function attempt(role: ApiRole, sub: string | undefined, ...texts: string[]) {
  const url = Object.assign(new URL(file.connectionString), { username: login, password });
  const client = new pg.Client({ connectionString: url.href });
  const notices: string[] = [];
  client.on('notice', ({ message }) => notices.push(message ?? ''));
  await client.connect();
  try {
    await client.query('begin');
    await client.query("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", [
      role,
      JSON.stringify({ role, sub }),
    ]);
    let ended: number | string = '';
    for (const text of texts) {
      ended = await outcome(client.query(text));
      if (typeof ended === 'string') break;
    }
    return { ended, notices };
  } finally {
    await client.end();
  }
}

const asBob = async (...texts: string[]) => (await attempt('authenticated', bob, ...texts)).ended;

describe('SQL of no role', () => {
  const forbidden = [
    // Other roles
    'set local role pg_read_all_data',
    'set local role pg_execute_server_program',
    'set session authorization service_role',
    'create role evil',
    'alter role authenticated bypassrls',
    'alter role authenticated superuser',
    'grant pg_read_all_data to authenticated',
    'select from pg_authid',
    // The schema
    'create table public.evil ()',
    'create view public.evil as select 1',
    "create function public.evil() returns int language sql as 'select 1'",
    'create domain public.evil as int',
    "create type public.evil as enum ('a')",
    'create sequence public.evil',
    'create index on public.trips (name)',
    'create statistics evil on name, status from public.trips',
    'create schema evil',
    'create extension hstore',
    'create publication evil for all tables',
    'create policy evil on public.trips using (true)',
    'drop policy "Users can view own trips" on public.trips',
    'alter table public.trips disable row level security',
    'alter table public.trips disable trigger all',
    'alter table public.trips alter version drop not null',
    'alter table public.trips owner to authenticated',
    'alter view public.trip_financial_summary reset (security_invoker)',
    'alter function public.like_post(uuid) security definer',
    'create trigger evil before insert on public.trips for each row execute function suppress_redundant_updates_trigger()',
    'create rule evil as on insert to public.trips do instead nothing',
    'drop table public.trips cascade',
    'drop function public.like_post(uuid)',
    "comment on table public.trips is 'evil'",
    // Triggers and keys
    'set local session_replication_role = replica',
    'select setval(pg_get_serial_sequence($$public.pam_messages$$, $$position$$), 1)',
    // The server and its files
    "select pg_read_file('/etc/passwd')",
    "select pg_ls_dir('.')",
    "select lo_import('/etc/passwd')",
    "select lo_export(1, '/tmp/evil')",
    "copy (select 1) to '/tmp/evil'",
    "copy (select 1) to program 'true'",
    "select set_config('log_statement', 'all', true)",
    'select pg_reload_conf()',
  ];

  test.each(forbidden)('%s', async (text) => {
    for (const role of roles) expect((await attempt(role, bob, text)).ended, role).toBe(refused);
  });

  test('grants what the role has not', async () => {
    const gained = `select 1 / (not has_table_privilege('authenticated', 'trips', 'truncate'))::int`;
    for (const role of roles) {
      const { ended } = await attempt(role, bob, 'grant all on trips to authenticated', gained);
      expect([refused, 1], role).toContain(ended);
    }
  });

  test('finds the login behind the role of use: it may do nothing but take the three roles again', async () => {
    for (const table of ['trips', 'posts', 'profiles']) {
      expect(await asBob('reset role', `select from ${table}`)).toBe(refused);
    }
    for (const role of roles) expect(await asBob('reset role', `set local role ${role}`, 'select 1')).toBe(1);
  });

  test('gets around the policies by turning them off: that is an error', async () => {
    expect(await asBob('set local row_security = off', 'select from trips')).toBe(refused);
    expect(await asBob('set local row_security = off', "update trips set name = 'x'")).toBe(refused);
  });

  test('reads what the planner knows about columns', async () => {
    await file.admin.query('analyze trips');
    const known = "select from pg_stats where schemaname = 'public' and tablename = 'trips'";
    expect((await file.admin.query(known)).rowCount).toBeGreaterThan(0);
    expect(await asBob(known)).toBe(0);
    expect(await asBob('select from pg_statistic')).toBe(refused);
  });
});

describe('a row of another', () => {
  test('is not shown to a function in the condition, however cheap it says it is', async () => {
    const spy = `create function pg_temp.spy(name text) returns bool cost 0.0001 language plpgsql as
      $$begin raise notice 'seen: %', name; return true; end$$`;
    await user(alice)("update trips set name = 'Of Alice'");
    const { ended, notices } = await attempt('authenticated', bob, spy, 'select from trips where pg_temp.spy(name)');
    expect(ended).toBe(1);
    expect(notices).toEqual(['seen: Big Lap']);
  });

  test.each(Object.keys(relations))('does not leave by COPY: %s', async (name) => {
    for (const [role, sub] of [
      ['anon', undefined],
      ['authenticated', bob],
    ] as const) {
      const { ended } = await attempt(role, sub, `copy (select * from public.${name}) to stdout`);
      expect((await attempt(role, sub, `select from public.${name}`)).ended, role).toBe(ended);
    }
  });

  test('is not taken by a MERGE', async () => {
    const merge = (then: string) =>
      asBob(`merge into trips using (select '${hers.trip_id}'::uuid as wanted) as hers on id = wanted ${then}`);
    expect(await merge("when matched then update set name = 'x'")).toBe(0);
    expect(await merge('when matched then delete')).toBe(0);
    expect(await merge(`when not matched then insert (id, user_id, name) values (wanted, '${bob}', 'x')`)).toBe(
      '23505',
    );
    expect(await merge(`when not matched then insert (user_id, name) values ('${alice}', 'x')`)).toBe(refused);
  });

  test('is not taken by an upsert that names its owner', async () => {
    const place = `'{"lat": 0, "lng": 0}'`;
    const upsert = `insert into post_locations (post_id, user_id, location) values ('${hers.post_id}', '${alice}', ${place})
      on conflict (user_id, post_id) do update set location = excluded.location`;
    expect(await asBob(upsert)).toBe(refused);
    expect(await asBob(upsert.replace('do update set location = excluded.location', 'do nothing'))).toBe(refused);
  });

  test('is not met by a write without a condition', async () => {
    for (const { table, change } of ownTables) {
      if (change) expect(await asBob(`update ${table} set ${change}`), table).toBe(1);
    }
    // A MERGE that reads no column is not filtered by the policy for reading: the one for writing then is an error.
    expect(await asBob("merge into trips using (select) as one on true when matched then update set name = 'x'")).toBe(
      refused,
    );
    expect(await asBob('merge into trips using (select) as one on true when matched then delete')).toBe(refused);
    expect(await asBob('delete from expenses')).toBe(1);
    expect(await asBob("update posts set title = 'x'", 'delete from posts')).toBe(1);
    expect(await asBob("update profiles set full_name = 'x'", 'delete from profiles')).toBe(1);
  });

  test('is not returned to whom it is out of sight, though they wrote on it', async () => {
    await user(alice)("update posts set visibility = 'public'");
    const [{ id } = { id: '' }] = (await user(bob)("select id from comment_on_post($1, 'x')", [hers.post_id])).rows;
    await user(bob)('select like_post($1)', [hers.post_id]);
    await user(alice)("update posts set visibility = 'private'");
    expect(await asBob(`update post_comments set content = 'y' where id = '${id}' returning post_visibility`)).toBe(0);
    expect(await asBob("update post_comments set content = 'y' returning post_visibility")).toBe(0);
    expect(await asBob('delete from post_likes returning post_visibility')).toBe(0);
  });
});

describe('one’s own row', () => {
  const derived = [
    'version = 7',
    'created_at = now()',
    'updated_at = now()',
    `user_id = '${alice}'`,
    'budget_spent = 0',
  ];

  test.each(derived)('takes no forged value by an upsert or a MERGE: %s', async (set) => {
    const values = `values ('${his.trip_id}', '${bob}', 'x')`;
    expect(await asBob(`insert into trips (id, user_id, name) ${values} on conflict (id) do update set ${set}`)).toBe(
      refused,
    );
    expect(
      await asBob(
        `merge into trips using (select) as nothing on id = '${his.trip_id}' when matched then update set ${set}`,
      ),
    ).toBe(refused);
  });

  test('may be written by an upsert and a MERGE as by an update', async () => {
    const values = `values ('${his.trip_id}', '${bob}', 'x')`;
    expect(
      await asBob(`insert into trips (id, user_id, name) ${values} on conflict (id) do update set name = 'y'`),
    ).toBe(1);
    expect(
      await asBob(
        `merge into trips using (select) as nothing on id = '${his.trip_id}' when matched then update set name = 'y'`,
      ),
    ).toBe(1);
  });
});

describe('what Postgres lets every role do holds nothing of ours', () => {
  test('large objects: they may be made, those of the tables’ owner may not be read', async () => {
    const { rows } = await file.admin.query("select lo_from_bytea(0, 'secret') as id");
    for (const role of roles) {
      expect((await attempt(role, bob, `select lo_get(${rows[0].id})`)).ended, role).toBe(refused);
      expect((await attempt(role, bob, "select lo_from_bytea(0, 'x')")).ended, role).toBe(1);
    }
    await file.admin.query('select lo_unlink($1)', [rows[0].id]);
    expect((await file.admin.query('select from pg_largeobject_metadata')).rowCount).toBe(0);
  });

  test('LISTEN and NOTIFY: no function of ours tells anything that way', async () => {
    expect(await asBob('listen everything', "select pg_notify('everything', 'x')")).toBe(1);
    const { rowCount } = await file.admin.query(`
      select from pg_proc
      where pronamespace in ('public'::regnamespace, 'private'::regnamespace) and pg_get_functiondef(oid) ~* 'notify'`);
    expect(rowCount).toBe(0);
  });
});
