import { sql } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import type { Database } from '../../src/index.ts';
import { replicatedServer } from '../support/replicated_server.ts';
import { replicatedDatabase } from './replicated_database.ts';

const file = replicatedDatabase();
const other = replicatedServer(1);
const leftOut = ({ replicas }: Database) => replicas.map(({ isLeftOut }) => isLeftOut);
const first = <T>([one]: readonly T[]): T => one ?? expect.unreachable();

beforeAll(() => file.settle(), 30_000);

test('a standby of another cluster is left out, however far its log is', async () => {
  const stranger = first(other.standbys);
  const sub = await file.signUp();
  await file.database.asUser({ sub }).trips.create({ name: 'Big Lap' });
  for (let i = 0; i < 2; i++) {
    await other.primary.query('select pg_switch_wal()');
    await other.primary.query('create table filler()');
    await other.primary.query('drop table filler');
  }
  await stranger.catchUp();
  const [row] = await stranger.query('select pg_last_wal_replay_lsn() > $1::pg_lsn as is_ahead', [
    (await file.database.position()).replace(/^\d+\//, ''),
  ]);
  expect(row).toEqual({ is_ahead: true });

  const [connectionString = ''] = file.replicas.map((replica) => replica.connectionString);
  const database = file.open({ replicas: [stranger.connectionString, connectionString] });
  const reader = database.asUser({ sub }, { readOnly: true });
  const read = async () => {
    expect((await reader.trips.list()).items).toHaveLength(1);
    const [ofFile] = await file.exchanges(() => database.asAnon({ readOnly: true }).posts.feed());
    return { leftOut: leftOut(database), ofFile };
  };
  await expect.poll(read, { timeout: 10_000 }).toEqual({ leftOut: [true, false], ofFile: 0 });
  for (let i = 0; i < 20; i++) await read();
  expect(leftOut(database)).toEqual([true, false]);
});

test('where the login may not ask for the cluster, the primary answers', async () => {
  await file.servers.primary.query(`
    create role app login password 'app' in role anon;
    revoke execute on function pg_control_system() from public`);
  const asApp = (url: string) => Object.assign(new URL(url), { username: 'app', password: 'app' }).href;
  const database = file.open({
    connectionString: asApp(file.primary.connectionString),
    replicas: file.replicas.map(({ connectionString }) => asApp(connectionString)),
  });
  const isStandby = async () => {
    const { rows } = await sql<{ is_standby: boolean }>`select pg_is_in_recovery() as is_standby`.execute(
      database.asAnon({ readOnly: true }).kysely,
    );
    return rows[0]?.is_standby;
  };
  await expect.poll(async () => [await isStandby(), ...leftOut(database)]).toEqual([false, true, true]);
  await file.servers.primary.query('grant execute on function pg_control_system() to public');
  await expect.poll(isStandby, { timeout: 10_000 }).toBe(true);
});
