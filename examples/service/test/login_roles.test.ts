import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { migrate } from '@wheelsandwins/db/migrations';
import type { Conversation, Trip } from '@wheelsandwins/db/types';
import pg from 'pg';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Service, startService } from '../src/service.ts';
import { readSettings } from '../src/settings.ts';
import { createSupabaseDatabase, createSupabaseRoles, hasPsql, privateServer } from './support/database.ts';
import { nextEvent, readEvents } from './support/read_events.ts';
import { clientOf, environmentOf } from './support/service.ts';
import { tokenOf } from './support/tokens.ts';

// The roles of docs/deploy.md, made by its own SQL, on a server that has none of them.

const server = privateServer();
const supabase = privateServer();
const deploy = await readFile(new URL('../../../docs/deploy.md', import.meta.url), 'utf8');
const blocks = Array.from(deploy.matchAll(/```sql\n(.*?)```/gs), ([, sql = '']) => sql);
const creating = blocks.filter((sql) => /create role/.test(sql));
const [ofOwnServer = '', ofUsersOnly = '', ofSupabase = ''] = creating;
const password = randomUUID();

let service: Service | undefined;

test('docs/deploy.md makes roles in three places, and compose.yaml makes those of the first', async () => {
  expect(creating).toHaveLength(3);
  expect(await readFile(new URL('../deploy/1_roles.sql', import.meta.url), 'utf8')).toBe(ofOwnServer);
});

function urlOf(role: string, database = 'wheels'): string {
  return Object.assign(new URL(server.connectionString), { username: role, password, pathname: `/${database}` }).href;
}

async function withClient<T>(url: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return await fn(client).finally(() => client.end());
}

beforeAll(async () => {
  await withClient(server.connectionString, async (superuser) => {
    for (const sql of [ofOwnServer, ofUsersOnly]) await superuser.query(sql);
    const { rows } = await superuser.query("select rolname from pg_roles where rolname like 'wheels%'");
    for (const { rolname } of rows) await superuser.query(`alter role ${rolname} password '${password}'`);
    await superuser.query('create database wheels owner wheels_owner');
  });
  await migrate(urlOf('wheels_owner'), 'latest');
});

afterEach(async () => {
  await service?.stop();
  service = undefined;
});

async function signUp(): Promise<string> {
  const id = randomUUID();
  await withClient(urlOf('wheels_owner'), (owner) => owner.query('insert into auth.users (id) values ($1)', [id]));
  return id;
}

async function start(environment: NodeJS.ProcessEnv, id = '') {
  const settings = readSettings({ ...environmentOf(''), ...environment });
  service = await startService(settings, { log: () => {} });
  const sub = id || (await signUp());
  return { visitor: clientOf(service.url, '', ''), traveller: clientOf(service.url, sub, await tokenOf(sub)) };
}

test('The example works with a role that inherits nothing, and its feed with one of its own', async () => {
  const { visitor, traveller } = await start({
    DATABASE_URL: urlOf('wheels_service'),
    CHANGES_DATABASE_URL: urlOf('wheels_feed'),
  });
  expect((await visitor.get('/health/ready')).status).toBe(200);
  const events = readEvents(await traveller.get('/api/changes'));
  await nextEvent(events);
  await traveller.json<Trip>('POST', '/api/trips', { name: 'Big Lap' });
  expect(await nextEvent(events)).toMatchObject({ event: 'change', data: { row: { name: 'Big Lap' } } });
  await events.return();
  await traveller.json('POST', '/api/expenses', { amount: '1.00', category: 'food' });
  const { id } = await traveller.json<Conversation>('POST', '/api/conversations', { session_id: 'phone' });
  const answer = await traveller.request('POST', `/api/conversations/${id}/messages`, { content: 'Hello?' });
  expect(await answer.text()).toContain('event: stored');
});

test('With a role for users only everything works but what the service does by itself', async () => {
  const { visitor, traveller } = await start({
    DATABASE_URL: urlOf('wheels_users_only'),
    CHANGES_DATABASE_URL: urlOf('wheels_feed'),
  });
  expect((await visitor.get('/api/feed')).status).toBe(200);
  await traveller.json<Trip>('POST', '/api/trips', { name: 'Big Lap' });
  await nextEvent(readEvents(await traveller.get('/api/changes')));
  const { id } = await traveller.json<Conversation>('POST', '/api/conversations', { session_id: 'phone' });
  const answer = await traveller.request('POST', `/api/conversations/${id}/messages`, { content: 'Hello?' });
  expect(await answer.text()).toMatch(/event: problem\ndata: .+"status":500}\n\n$/);
  expect(await traveller.json('GET', `/api/conversations/${id}/messages`)).toMatchObject({ items: [] });
});

describe.each(['wheels_service', 'wheels_users_only', 'wheels_feed'])('%s', (role) => {
  test('reads no table as itself', async () => {
    await withClient(urlOf(role), async (client) => {
      for (const table of ['trips', 'posts', 'profiles', 'auth.users', 'kysely_migration']) {
        await expect(client.query(`select from ${table}`), table).rejects.toMatchObject({ code: '42501' });
      }
      await expect(client.query('create table public.mine ()')).rejects.toMatchObject({ code: '42501' });
    });
  });
});

test.each(['wheels_users_only', 'wheels_feed'])('%s cannot become the role that no policy holds', async (role) => {
  await withClient(urlOf(role), async (client) => {
    await expect(client.query('set role service_role')).rejects.toMatchObject({ code: '42501' });
  });
});

test('only the feed’s role may replicate', async () => {
  for (const role of ['wheels_service', 'wheels_users_only']) {
    const { traveller } = await start({ DATABASE_URL: urlOf('wheels_service'), CHANGES_DATABASE_URL: urlOf(role) });
    const response = await traveller.get('/api/changes');
    expect(response.status).toBe(500);
    await service?.stop();
  }
});

test('On Supabase, postgres makes the roles, and the example works with them', async () => {
  await createSupabaseRoles(supabase);
  const database = await createSupabaseDatabase(supabase, 'nothing');
  await withClient(database.connectionString, async (admin) => {
    // As projects have it from Postgres 16 on, where who grants a role must be its administrator.
    await admin.query('grant anon, authenticated, service_role to supabase_migrator with admin option');
  });
  await withClient(database.connectionStringOf('supabase_migrator'), (postgres) => postgres.query(ofSupabase));
  await migrate(database.connectionStringOf('supabase_migrator'), 'latest');
  const id = randomUUID();
  await withClient(database.connectionString, async (admin) => {
    for (const role of ['wheels_service', 'wheels_feed'])
      await admin.query(`alter role ${role} password '${password}'`);
    await admin.query('insert into auth.users (id) values ($1)', [id]);
  });
  const as = (username: string) => Object.assign(new URL(database.connectionString), { username, password }).href;
  const { traveller } = await start(
    { DATABASE_URL: as('wheels_service'), CHANGES_DATABASE_URL: as('wheels_feed') },
    id,
  );
  const events = readEvents(await traveller.get('/api/changes'));
  await nextEvent(events);
  await traveller.json<Trip>('POST', '/api/trips', { name: 'Big Lap' });
  expect(await nextEvent(events)).toMatchObject({ event: 'change', data: { row: { name: 'Big Lap' } } });
  await events.return();
});

test.skipIf(!hasPsql)('compose.yaml gives the roles their passwords and the owner the database', async () => {
  const { hostname, port, username, password: superuser } = new URL(server.connectionString);
  const passwords = { OWNER_PASSWORD: `o'"$x`, SERVICE_PASSWORD: 's s', FEED_PASSWORD: 'f' };
  await withClient(server.connectionString, (admin) => admin.query('alter database wheels rename to wheels_before'));
  execFileSync('sh', [fileURLToPath(new URL('../deploy/2_database.sh', import.meta.url))], {
    env: {
      PATH: process.env.PATH,
      PGHOST: hostname,
      PGPORT: port,
      PGPASSWORD: superuser,
      POSTGRES_USER: username,
      ...passwords,
    },
  });
  await withClient(server.connectionString, async (admin) => {
    const { rows } = await admin.query(
      "select pg_get_userbyid(datdba) as owner from pg_database where datname = 'wheels'",
    );
    expect(rows).toEqual([{ owner: 'wheels_owner' }]);
  });
});
