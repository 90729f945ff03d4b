import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { CancelledError, ConfigurationError, createDatabase, ReadOnlyError, ValidationError } from '../../src/index.ts';
import { replicatedDatabase } from './replicated_database.ts';

const file = replicatedDatabase();

beforeAll(() => file.settle(), 30_000);

/** Somebody with a trip that everybody has replayed, and their two sessions. */
async function traveller() {
  const id = await file.signUp();
  const writer = file.database.asUser({ sub: id });
  const trip = await writer.trips.create({ name: 'Big Lap' });
  const reader = file.database.asUser({ sub: id }, { readOnly: true });
  await reader.trips.list();
  await file.settle();
  return { id, writer, reader, trip };
}

describe('a read-only session', () => {
  test('reads in one round trip, from a replica, where the statement is prepared once', async () => {
    const { reader } = await traveller();
    await reader.trips.list();
    const parsed = file.replicas.map(({ parses }) => parses);
    const counts = await file.exchanges(async () => {
      for (let i = 0; i < 5; i++) expect((await reader.trips.list()).items).toHaveLength(1);
    });
    expect(counts.toSorted()).toEqual([0, 0, 5]);
    expect(counts[0]).toBe(0);
    expect(file.replicas.map(({ parses }) => parses)).toEqual(parsed);
  });

  test('has its transaction on one replica, n + 1 round trips', async () => {
    const { reader, trip } = await traveller();
    const counts = await file.exchanges(() =>
      reader.transaction(async (tx) => {
        await tx.trips.get(trip.id);
        await tx.trips.list();
        await tx.transaction((part) => part.expenses.list());
      }),
    );
    expect(counts.toSorted()).toEqual([0, 0, 6]);
    expect(counts[0]).toBe(0);
  });

  test('streams from one replica, n + 1 round trips', async () => {
    const { reader } = await traveller();
    const rows: number[] = [];
    const counts = await file.exchanges(async () => {
      const numbers = sql<{ n: number }>`(select n from generate_series(1, 250) as n)`;
      for await (const { n } of reader.kysely.selectFrom(numbers.as('numbers')).select('n').stream(100)) rows.push(n);
    });
    expect(rows).toHaveLength(250);
    expect(counts.toSorted()).toEqual([0, 0, 4]);
    expect(counts[0]).toBe(0);
  });

  test('keeps a transaction of one snapshot on the primary: it may be older than what the replica says of itself', async () => {
    const { reader } = await traveller();
    for (const isolationLevel of ['repeatable read', 'serializable'] as const) {
      const standby = await reader.transaction(
        async (tx) => {
          const { rows } = await sql<{ is_standby: boolean }>`select pg_is_in_recovery() as is_standby`.execute(
            tx.kysely,
          );
          return rows[0]?.is_standby;
        },
        { isolationLevel },
      );
      expect(standby).toBe(false);
    }
  });

  test('is anybody’s: of anon, of the service, and on behalf of a user', async () => {
    const { id, trip } = await traveller();
    const service = file.database.asService({ readOnly: true });
    const counts = await file.exchanges(async () => {
      await file.database.asAnon({ readOnly: true }).posts.feed();
      await service.accounts.find(id);
      expect(await service.onBehalfOf(id).trips.find(trip.id)).toMatchObject({ name: 'Big Lap' });
    });
    expect(counts[0]).toBe(0);
    expect((counts[1] ?? 0) + (counts[2] ?? 0)).toBe(3);
    for (const options of [{}, { readOnly: undefined }, { readOnly: false }]) {
      await expect(service.onBehalfOf(id, options).trips.create({ name: 'No' })).rejects.toThrow(ReadOnlyError);
    }
    const aborted = file.database.asService({ signal: AbortSignal.abort() });
    await expect(aborted.onBehalfOf(id, { signal: undefined }).trips.list()).rejects.toThrow(CancelledError);
  });

  test('sees only what its role and policies let it see', async () => {
    const { trip } = await traveller();
    const stranger = file.database.asUser({ sub: await file.signUp() }, { readOnly: true });
    await file.settle();
    const counts = await file.exchanges(async () => expect(await stranger.trips.find(trip.id)).toBeUndefined());
    expect(counts[0]).toBe(0);
  });

  test('is cancelled on the replica', async () => {
    const stop = new AbortController();
    const reader = file.database.asAnon({ readOnly: true, signal: stop.signal });
    const sleeping = sql`select pg_sleep(60) as nap`.execute(reader.kysely);
    const naps = async () => {
      const counts = file.servers.standbys.map((standby) =>
        standby.query("select from pg_stat_activity where query like '%as nap%' and pid <> pg_backend_pid()"),
      );
      return (await Promise.all(counts)).flat().length;
    };
    await expect.poll(naps, { timeout: 10_000 }).toBe(1);
    stop.abort();
    await expect(sleeping).rejects.toThrow(CancelledError);
    await expect.poll(naps, { timeout: 10_000 }).toBe(0);
  });

  test('is cancelled by Kysely’s own signal', async () => {
    await file.settle();
    const stop = new AbortController();
    const { kysely } = file.database.asAnon({ readOnly: true });
    // Kysely prints what becomes of a statement that it no longer waits for.
    const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
    const sleeping = sql`select pg_sleep(60) as doze`.execute(kysely, {
      signal: stop.signal,
      inflightQueryAbortStrategy: 'cancel query',
    });
    const outcome = expect(sleeping).rejects.toThrow('gave up');
    const dozing = async () => {
      const rows = file.servers.standbys.map((standby) =>
        standby.query("select from pg_stat_activity where query like '%as doze%' and pid <> pg_backend_pid()"),
      );
      return (await Promise.all(rows)).flat().length;
    };
    await expect.poll(dozing, { timeout: 10_000 }).toBe(1);
    stop.abort(new Error('gave up'));
    await outcome;
    await expect.poll(dozing, { timeout: 10_000 }).toBe(0);
    printed.mockRestore();
  });

  test('is cancelled while what failed on the replica waits for the primary', async () => {
    const database = file.open({ max: 1 });
    const sub = await file.signUp();
    await file.settle(database);
    const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
    const stop = new AbortController();
    await database
      .asUser({ sub })
      .kysely.connection()
      .execute(async (held) => {
        await sql`select 1`.execute(held);
        const reading = sql`select 1 / (not pg_is_in_recovery())::int`.execute(
          database.asAnon({ readOnly: true }).kysely,
          { signal: stop.signal, inflightQueryAbortStrategy: 'cancel query' },
        );
        const outcome = expect(reading).rejects.toThrow('gave up');
        await expect.poll(() => database.connections.waiting).toBe(1);
        stop.abort(new Error('gave up'));
        await outcome;
        await expect.poll(() => database.connections.waiting).toBe(0);
      });
    printed.mockRestore();
  });
});

describe('writes', () => {
  test('are refused in a read-only session, on a replica and on the primary', async () => {
    const { id, reader, trip } = await traveller();
    const alone = createDatabase({ connectionString: file.primary.connectionString });
    for (const session of [reader, alone.asUser({ sub: id }, { readOnly: true })]) {
      const attempts = [
        () => session.trips.create({ name: 'No' }),
        () => session.trips.update(trip.id, { name: 'No' }),
        () => session.kysely.deleteFrom('trips').execute(),
        () => session.kysely.selectFrom('trips').selectAll().forUpdate().execute(),
        () => session.posts.like(randomUUID()),
        () => session.transaction((tx) => tx.trips.delete(trip.id)),
        () => session.transaction((tx) => tx.trips.delete(trip.id), { accessMode: 'read write' }),
        () => sql`select set_config('transaction_read_only', 'off', true)`.execute(session.kysely),
        () =>
          session.transaction(async (tx) => {
            await sql`set transaction read write`.execute(tx.kysely);
            await tx.trips.delete(trip.id);
          }),
      ];
      for (const attempt of attempts) await expect(attempt()).rejects.toThrow(/read-only|only reads|read-write/);
      await expect(session.trips.create({ name: 'No' })).rejects.toThrow(ReadOnlyError);
      expect(await session.trips.get(trip.id)).toMatchObject({ name: 'Big Lap' });
    }
    await alone.destroy();
  });

  test('go to the primary, with all that their session reads', async () => {
    const { writer, trip } = await traveller();
    const [, ...replicas] = await file.exchanges(async () => {
      await writer.trips.list();
      await writer.transaction(async (tx) => {
        await tx.trips.get(trip.id);
        await tx.trips.update(trip.id, { name: 'Small Lap' });
      });
      await writer.transaction((tx) => tx.trips.list(), { accessMode: 'read only' });
      for await (const _ of writer.kysely.selectFrom('trips').select('id').stream());
      await file.database.asService().onBehalfOf(randomUUID()).trips.list();
    });
    expect(replicas).toEqual([0, 0]);
  });

  test('cost what they cost without replicas', async () => {
    const { writer } = await traveller();
    const [primary] = await file.exchanges(async () => {
      await writer.trips.create({ name: 'One' });
      await writer.transaction((tx) => tx.trips.create({ name: 'Two' }));
    });
    expect(primary).toBe(3);
  });

  test('run again on the primary after a collision', async () => {
    const { writer, trip } = await traveller();
    let runs = 0;
    const [, ...replicas] = await file.exchanges(() =>
      writer.transaction(
        async (tx) => {
          const { version } = await tx.trips.get(trip.id);
          if (++runs === 1)
            await file.servers.primary.query("update trips set name = 'Beside' where id = $1", [trip.id]);
          await tx.trips.update(trip.id, { name: `Lap ${version}` });
        },
        { isolationLevel: 'repeatable read' },
      ),
    );
    expect(runs).toBe(2);
    expect(replicas).toEqual([0, 0]);
  });
});

test('both replicas have their share, and a person keeps to one', async () => {
  const people = await Promise.all(Array.from({ length: 24 }, () => file.signUp()));
  await file.settle();
  const chosen = new Set<string>();
  const counts = await file.exchanges(async () => {
    for (const sub of people) {
      const session = () => file.database.asUser({ sub }, { readOnly: true });
      const [, ...replicas] = await file.exchanges(async () => {
        for (let i = 0; i < 3; i++) await session().trips.list();
      });
      chosen.add(replicas.map((count) => count > 0).join());
    }
  });
  expect([...chosen].sort()).toEqual(['false,true', 'true,false']);
  expect(counts[0]).toBeLessThanOrEqual(2);
});

test('observers are told which server it was', async () => {
  const servers: string[] = [];
  const database = file.open({ onQuery: ({ server }) => servers.push(server) });
  const reader = database.asAnon({ readOnly: true });
  await file.settle(database);
  servers.length = 0;
  await reader.posts.feed();
  await reader.posts.feed();
  await database.asAnon().posts.feed();
  const [primary, ...replicas] = [file.primary, ...file.replicas].map(
    ({ connectionString }) => new URL(connectionString).host,
  );
  expect(servers.slice(0, 2).toSorted()).toEqual(replicas.toSorted());
  expect(servers[2]).toBe(primary);
});

test('the replicas’ connections are counted, and destroy closes them', async () => {
  const database = file.open({ max: 3 });
  await file.settle(database);
  const open = file.replicas.map((replica) => replica.open);
  expect(database.connections).toMatchObject({ max: 3, open: 1 });
  expect(database.replicas).toEqual(
    file.replicas.map(({ connectionString }) => ({
      server: new URL(connectionString).host,
      isLeftOut: false,
      max: 3,
      open: 1,
      idle: 1,
      waiting: 0,
    })),
  );
  const reader = database.asAnon({ readOnly: true });
  await database.destroy();
  expect(database.replicas.map((replica) => replica.open)).toEqual([0, 0]);
  await expect.poll(() => file.replicas.map((replica) => replica.open)).toEqual(open.map((count) => count - 1));
  await expect(reader.posts.feed()).rejects.toThrow('destroy() has been called');
});

test('destroy waits for what a replica does, then cancels it', async () => {
  const database = file.open();
  await file.settle(database);
  const sleeping = sql`select pg_sleep(60)`.execute(database.asAnon({ readOnly: true }).kysely);
  const outcome = expect(sleeping).rejects.toThrow('by destroy()');
  await expect.poll(() => database.replicas.some(({ open, idle }) => open > idle)).toBe(true);
  await database.destroy({ timeoutMillis: 200 });
  await outcome;
});

test('what is no list of connection strings, and no position, is refused', async () => {
  const { connectionString } = file.primary;
  const open = (replicas: string[]) => () => createDatabase({ connectionString, replicas });
  // @ts-expect-error It is a list.
  expect(() => createDatabase({ connectionString, replicas: 'postgres://a@b/c' })).toThrow(ConfigurationError);
  expect(open([''])).toThrow(ConfigurationError);
  expect(open(['replica.example'])).toThrow(ConfigurationError);
  for (const after of ['0/16B3748', '1/0/16B3748', "1/00000000/016B3748'", '']) {
    expect(() => file.database.asAnon({ readOnly: true, after })).toThrow(ValidationError);
  }
  const none = createDatabase({ connectionString, replicas: [] });
  expect(none.replicas).toEqual([]);
  await none.asAnon({ readOnly: true }).posts.feed();
  await none.destroy();
});

test('a change feed of a read-only session reads from the primary', async () => {
  const { id, reader } = await traveller();
  // Not through the session's own database, which would know of it.
  const insert = (name: string) =>
    file.servers.primary.query('insert into trips (user_id, name) values ($1, $2)', [id, name]);
  const stop = new AbortController();
  const seen: string[] = [];
  const following = (async () => {
    const { signal } = stop;
    for await (const change of reader.changes({ tables: ['trips'], signal })) {
      if (change.row) seen.push(change.row.name);
    }
  })();
  await vi.waitFor(async () => {
    await insert('Before');
    expect(seen).not.toEqual([]);
  }, 20_000);
  for (const standby of file.servers.standbys) await standby.pause();
  try {
    await insert('Meanwhile');
    await expect.poll(() => seen, { timeout: 5_000 }).toContain('Meanwhile');
  } finally {
    for (const standby of file.servers.standbys) await standby.resume();
    stop.abort();
    await following;
  }
});
