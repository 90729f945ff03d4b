import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { ConnectionError, type Database, type Session, type UserRepositories } from '../../src/index.ts';
import { replicatedDatabase } from './replicated_database.ts';
import { startServerSwitch } from './server_switch.ts';

const file = replicatedDatabase();
const read = () => file.database.asAnon({ readOnly: true }).posts.feed();
const leftOut = (database: Database = file.database) => database.replicas.map(({ isLeftOut }) => isLeftOut);
const first = () => file.replicas[0] ?? expect.unreachable();

beforeAll(() => file.settle(), 30_000);

const whoAnswers = async (database = file.database) => {
  const { rows } = await sql<{ port: number; is_standby: boolean }>`
    select inet_server_port() as port, pg_is_in_recovery() as is_standby
  `.execute(database.asAnon({ readOnly: true }).kysely);
  return rows[0] ?? expect.unreachable();
};

test('a replica that is gone is left out, and taken in again when it is back', async () => {
  first().refuse();
  first().cut();
  for (let i = 0; i < 6; i++) await read();
  expect(leftOut()).toEqual([true, false]);
  const [, ...replicas] = await file.exchanges(async () => {
    for (let i = 0; i < 6; i++) await read();
  });
  expect(replicas[0]).toBe(0);
  expect(replicas[1]).toBeGreaterThan(3);
  await first().accept();
  await file.settle();
  expect(leftOut()).toEqual([false, false]);
});

test('without any replica the primary answers', async () => {
  for (const replica of file.replicas) {
    replica.refuse();
    replica.cut();
  }
  for (let i = 0; i < 6; i++) await read();
  expect(leftOut()).toEqual([true, true]);
  const [primary] = await file.exchanges(read);
  expect(primary).toBe(1);
  for (const replica of file.replicas) await replica.accept();
  await file.settle();
});

test('a read whose connection breaks is answered by the primary', async () => {
  for (const lost of ['request', { answerAfterBytes: 0 }, { answerAfterBytes: 40 }] as const) {
    for (const replica of file.replicas) replica.loseNext(lost);
    await Promise.all([read(), read()]);
    for (const replica of file.replicas) replica.loseNext(undefined);
    await file.settle();
  }
});

test('a replica that falls silent is given up while its reads wait, and they are answered by the primary', async () => {
  const reads = Array.from({ length: 6 }, () =>
    sql`select pg_sleep(0.3)`.execute(file.database.asAnon({ readOnly: true }).kysely),
  );
  await expect.poll(() => file.database.replicas.some(({ open, idle }) => open > idle)).toBe(true);
  first().silence();
  await Promise.all(reads);
  await Promise.all([read(), read(), read()]);
  await expect.poll(() => leftOut(), { timeout: 10_000 }).toEqual([true, false]);
  await Promise.all([read(), read(), read()]);
  first().thaw();
  await file.settle();
});

test('a statement that takes long is left to a replica that answers', async () => {
  const [, ...replicas] = await file.exchanges(async () => {
    const { rows } = await sql<{ is_standby: boolean }>`
      select pg_is_in_recovery() as is_standby, pg_sleep(2.5)
    `.execute(file.database.asAnon({ readOnly: true }).kysely);
    expect(rows[0]?.is_standby).toBe(true);
  });
  expect(leftOut()).toEqual([false, false]);
  expect(replicas.some((count) => count > 0)).toBe(true);
});

test('so it is if the server has no connection to spare', async () => {
  await file.servers.primary.query("create role app login password 'app' connection limit 2 in role anon");
  const as = (url: string) => Object.assign(new URL(url), { username: 'app', password: 'app' }).href;
  const database = file.open({
    connectionString: as(file.primary.connectionString),
    replicas: [as(first().connectionString)],
    max: 2,
  });
  await settleOn(database);
  const reads = Array.from({ length: 2 }, () =>
    sql`select pg_is_in_recovery() as is_standby from pg_sleep(3)`.execute(database.asAnon({ readOnly: true }).kysely),
  );
  for (const { rows } of await Promise.all(reads)) expect(rows).toEqual([{ is_standby: true }]);
});

test('a limit of time is not tried again', async () => {
  const database = file.open({ statementTimeoutMillis: 300 });
  await file.settle(database);
  const [primary] = await file.exchanges(() =>
    expect(sql`select pg_sleep(5)`.execute(database.asAnon({ readOnly: true }).kysely)).rejects.toHaveProperty(
      'code',
      '57014',
    ),
  );
  expect(primary).toBe(0);
});

test('reads survive the restart of a replica, which is taken in again', async () => {
  for (const standby of file.servers.standbys) {
    const reads = (async () => {
      for (let i = 0; i < 40; i++) await read();
    })();
    await standby.stop('immediate');
    await reads;
    for (let i = 0; i < 3; i++) await read();
    await standby.start();
  }
  await file.settle();
});

test('whoever loses the replica in the middle of a transaction is told, and the next goes elsewhere', async () => {
  const session = file.database.asAnon({ readOnly: true });
  const transaction = session.transaction(async (tx) => {
    await tx.posts.feed();
    for (const replica of file.replicas) replica.cut();
    await tx.posts.feed();
  });
  await expect(transaction).rejects.toThrow(ConnectionError);
  await session.transaction((tx) => tx.posts.feed());
  await file.settle();
});

describe('a read that stands in the way of what a replica replays', () => {
  const slowly = sql<{ is_standby: boolean }>`
    select pg_is_in_recovery() as is_standby, pg_sleep(case when pg_is_in_recovery() then 20 else 0 end), count(*) from obstacle
  `;
  const clearAway = async () => {
    await expect.poll(async () => (await busyStandbys()).length, { timeout: 10_000 }).toBe(1);
    await file.servers.primary.query('truncate obstacle');
  };
  const busyStandbys = async () => {
    const rows = file.servers.standbys.map((standby) =>
      standby.query("select from pg_stat_activity where query like '%from obstacle%' and wait_event = 'PgSleep'"),
    );
    return (await Promise.all(rows)).flat();
  };

  beforeAll(async () => {
    await file.servers.primary.query(
      'create table obstacle (id int); grant select on obstacle to anon; insert into obstacle values (1)',
    );
    for (const standby of file.servers.standbys) {
      await standby.query("alter system set max_standby_streaming_delay = '50ms'");
      await standby.query('select pg_reload_conf()');
      await standby.catchUp();
    }
  });

  test('is answered by the primary', async () => {
    await file.settle();
    const reading = slowly.execute(file.database.asAnon({ readOnly: true }).kysely);
    await clearAway();
    expect((await reading).rows).toMatchObject([{ is_standby: false }]);
    expect(leftOut()).toEqual([false, false]);
  });

  test('has its transaction run again as a whole', async () => {
    await file.settle();
    const servers: (boolean | undefined)[] = [];
    const reading = file.database.asAnon({ readOnly: true }).transaction(async (tx) => {
      await tx.posts.feed();
      const isFirst = servers.length === 0;
      servers.push(undefined);
      if (!isFirst) return;
      await slowly.execute(tx.kysely);
    });
    await clearAway();
    await reading;
    expect(servers).toHaveLength(2);
    await file.settle();
  });
});

describe('behind a balancer, where one replica is further back than the one before it', () => {
  type Reader = Session<UserRepositories>;
  const name = sql<{ name: string }>`(select name from trips)`.as('named');
  const ways: [string, (reader: Reader) => Promise<string[]>][] = [
    ['a read', async (reader) => (await reader.trips.list()).items.map((trip) => trip.name)],
    [
      'a transaction',
      async (reader) => {
        const { items } = await reader.transaction((tx) => tx.trips.list());
        return items.map((trip) => trip.name);
      },
    ],
    [
      'a stream',
      async (reader) => {
        const names: string[] = [];
        for await (const row of reader.kysely.selectFrom(name).select('name').stream()) names.push(row.name);
        return names;
      },
    ],
  ];

  test.each(ways)('%s shows nothing old', async (_, names) => {
    const [near, far] = file.servers.standbys;
    if (!near || !far) return expect.unreachable();
    const balancer = await startServerSwitch(near.connectionString);
    const database = file.open({ replicas: [balancer.connectionString] });
    const sub = await file.signUp();
    const reader = database.asUser({ sub }, { readOnly: true });
    await settleOn(database);
    await far.pause();
    await database.asUser({ sub }).trips.create({ name: 'Big Lap' });
    await near.catchUp();
    await names(reader);
    await settleOn(database);
    // It keeps the only connection, so that the next read makes one.
    const nap = sql`select pg_sleep(1)`.execute(database.asAnon({ readOnly: true }).kysely);
    await expect.poll(() => database.replicas[0]).toMatchObject({ open: 1, idle: 0 });
    balancer.leadTo(far.connectionString);
    expect(await names(reader)).toEqual(['Big Lap']);
    expect(database.replicas[0]).toMatchObject({ open: 2, isLeftOut: false });
    expect(await names(reader)).toEqual(['Big Lap']);
    await nap;
    await far.resume();
    await far.catchUp();
    await settleOn(database);
    expect(await names(reader)).toEqual(['Big Lap']);
    await balancer.close();
  });
});

test('while the primary is gone, reads go on', async () => {
  await file.settle();
  file.primary.refuse();
  file.primary.cut();
  for (let i = 0; i < 10; i++) await read();
  await expect(
    file.database.asUser({ sub: '00000000-0000-4000-8000-000000000000' }).trips.create({ name: 'x' }),
  ).rejects.toThrow(ConnectionError);
  await expect(file.database.position()).rejects.toThrow(ConnectionError);
  await file.primary.accept();
  await file.settle();
});

test('a promoted replica is left out, and after the fail-over to it, whatever kept to the old primary', async () => {
  const [promoted, orphan] = file.servers.standbys;
  if (!promoted || !orphan) return expect.unreachable();
  const primary = await startServerSwitch(file.servers.primary.connectionString);
  const database = file.open({
    connectionString: primary.connectionString,
    replicas: [promoted.connectionString, orphan.connectionString],
  });
  const sub = await file.signUp();
  await settleOn(database);
  await expect.poll(() => leftOut(database)).toEqual([false, false]);
  await promoted.promote();
  await promoted.query("insert into auth.users (email) values ('only.here@example.com')");
  for (let i = 0; i < 6; i++) {
    expect((await whoAnswers(database)).port).not.toBe(Number(new URL(promoted.connectionString).port));
  }
  await expect.poll(async () => (await whoAnswers(database)) && leftOut(database)).toEqual([true, false]);

  await file.servers.primary.query("select pg_logical_emit_message(false, 'filler', repeat('x', 2000000))");
  await orphan.catchUp();
  primary.leadTo(promoted.connectionString);
  primary.cut();
  const [isAhead] = await orphan.query('select pg_last_wal_replay_lsn() > $1::pg_lsn as it_is', [
    (await promoted.query('select pg_current_wal_insert_lsn()::text as lsn'))[0]?.lsn,
  ]);
  expect(isAhead).toEqual({ it_is: true });
  const writer = database.asUser({ sub });
  await writer.trips.create({ name: 'Big Lap' }).catch(() => writer.trips.create({ name: 'Big Lap' }));
  const reader = database.asUser({ sub }, { readOnly: true });
  // Long enough for the orphan to be looked at, several times.
  for (let i = 0; i < 25; i++) {
    expect((await reader.trips.list()).items).toHaveLength(1);
    await sleep(50);
  }
  expect(await database.position()).toMatch(/^2\//);
  await primary.close();
});

async function settleOn(database: Database): Promise<void> {
  await expect.poll(async () => (await whoAnswers(database)).is_standby, { timeout: 10_000 }).toBe(true);
}
