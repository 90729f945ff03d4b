import { sql } from 'kysely';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../src/index.ts';
import { replicatedDatabase } from './replicated_database.ts';

const file = replicatedDatabase();
const pauseAll = () => Promise.all(file.servers.standbys.map((standby) => standby.pause()));
const resumeAll = () => Promise.all(file.servers.standbys.map((standby) => standby.resume()));

beforeAll(() => file.settle(), 30_000);
afterEach(resumeAll);

const names = async (database: Database, sub: string, after?: string) => {
  const { items } = await database.asUser({ sub }, { readOnly: true, ...(after && { after }) }).trips.list();
  return items.map(({ name }) => name);
};

describe('while the replicas replay nothing', () => {
  test('a person sees what any of their sessions has written, from the primary, and others read on', async () => {
    const [alice, bob] = [await file.signUp(), await file.signUp()];
    await file.settle();
    await pauseAll();
    await file.database.asUser({ sub: alice }).trips.create({ name: 'Big Lap' });
    await file.exchanges(async () => expect(await names(file.database, alice)).toEqual(['Big Lap']));
    for (let i = 0; i < 3; i++) expect(await names(file.database, alice)).toEqual(['Big Lap']);
    const counts = await file.exchanges(async () => {
      for (let i = 0; i < 5; i++) expect(await names(file.database, bob)).toEqual([]);
    });
    expect(counts[0]).toBeLessThanOrEqual(1);
    await resumeAll();
    await file.settle();
    const after = await file.exchanges(() => names(file.database, alice));
    expect(after[0]).toBe(0);
  });

  test('what each way of writing has committed is seen', async () => {
    const sub = await file.signUp();
    // One and the same person.
    const writer = file.database.asUser({ sub: sub.toUpperCase() });
    const backend = file.database.asService();
    const ways: [string, () => Promise<unknown>][] = [
      ['a method', () => writer.trips.create({ name: 'a method' })],
      ['a transaction', () => writer.transaction((tx) => tx.trips.create({ name: 'a transaction' }))],
      [
        'a nested one',
        () => writer.transaction((tx) => tx.transaction((part) => part.trips.create({ name: 'a nested one' }))),
      ],
      [
        'a function',
        () =>
          sql`do $$ begin insert into trips (user_id, name) values (auth.uid(), 'a function'); end $$`.execute(
            writer.kysely,
          ),
      ],
      [
        'a stream',
        async () => {
          const made = writer.kysely.insertInto('trips').values({ user_id: sub, name: 'a stream' }).returning('id');
          for await (const { id } of made.stream()) expect(id).toBeTypeOf('string');
        },
      ],
      ['the service for them', () => backend.onBehalfOf(sub).trips.create({ name: 'the service for them' })],
      [
        'the service itself',
        () => backend.kysely.insertInto('trips').values({ user_id: sub, name: 'the service itself' }).execute(),
      ],
    ];
    for (const [name, write] of ways) {
      await file.settle();
      await pauseAll();
      await write();
      expect(await names(file.database, sub)).toContain(name);
      await resumeAll();
    }
  });

  test('the function of afterCommit, and whoever holds a connection, sees it too', async () => {
    const sub = await file.signUp();
    const writer = file.database.asUser({ sub });
    await file.settle();
    await pauseAll();
    let seen: string[] = [];
    await writer.transaction(async (tx) => {
      await tx.trips.create({ name: 'One' });
      tx.afterCommit(async () => {
        seen = await names(file.database, sub);
      });
    });
    expect(seen).toEqual(['One']);
    await writer.kysely.connection().execute(async (kysely) => {
      await kysely.insertInto('trips').values({ user_id: sub, name: 'Two' }).execute();
      expect(await names(file.database, sub)).toContain('Two');
    });
  });

  test('another process sees it after the position that it was told', async () => {
    const sub = await file.signUp();
    const other = file.open();
    await file.settle(other);
    await pauseAll();
    await file.database.asUser({ sub }).trips.create({ name: 'Big Lap' });
    const after = await file.database.position();
    expect(after).toMatch(/^1\/[0-9A-F]{8}\/[0-9A-F]{8}$/);
    expect(await names(other, sub)).toEqual([]);
    const [primary] = await file.exchanges(async () => expect(await names(other, sub, after)).toEqual(['Big Lap']));
    expect(primary).toBe(1);
    await resumeAll();
    await file.settle(other);
    const [later] = await file.exchanges(async () => expect(await names(other, sub, after)).toEqual(['Big Lap']));
    expect(later).toBe(0);
  });

  test('a process that begins sees what was committed before', async () => {
    const sub = await file.signUp();
    await pauseAll();
    await file.database.asUser({ sub }).trips.create({ name: 'Big Lap' });
    const other = file.open();
    for (let i = 0; i < 5; i++) expect(await names(other, sub)).toEqual(['Big Lap']);
  });

  test('whoever holds a connection to a replica sees what was written beside it', async () => {
    const sub = await file.signUp();
    await file.settle();
    await pauseAll();
    const reader = file.database.asUser({ sub }, { readOnly: true });
    await reader.kysely.connection().execute(async (kysely) => {
      const look = async () => {
        const { rows } = await sql<{ is_standby: boolean; trips: number }>`
          select pg_is_in_recovery() as is_standby, (select count(*)::int from trips) as trips
        `.execute(kysely);
        return rows;
      };
      expect(await look()).toEqual([{ is_standby: true, trips: 0 }]);
      await file.database.asUser({ sub }).trips.create({ name: 'Big Lap' });
      expect(await look()).toEqual([{ is_standby: false, trips: 1 }]);
    });
  });

  test('a transaction that reads from a replica goes on as it began', async () => {
    const sub = await file.signUp();
    await file.settle();
    await pauseAll();
    const reader = file.database.asUser({ sub }, { readOnly: true });
    await reader.transaction(async (tx) => {
      expect((await tx.trips.list()).items).toEqual([]);
      await file.database.asService().onBehalfOf(sub).trips.create({ name: 'Big Lap' });
      await tx.transaction(async (part) => await sql`select 1/0`.execute(part.kysely)).catch(() => {});
      expect((await tx.trips.list()).items).toEqual([]);
    });
    expect(await names(file.database, sub)).toEqual(['Big Lap']);
  });

  test('a transaction reads from one server: what was written beside it is seen by the next', async () => {
    const sub = await file.signUp();
    await file.settle();
    await pauseAll();
    await file.database.asUser({ sub }).trips.create({ name: 'Big Lap' });
    const reader = file.database.asUser({ sub }, { readOnly: true });
    const [, ...replicas] = await file.exchanges(() =>
      reader.transaction(async (tx) => {
        expect((await tx.trips.list()).items).toHaveLength(1);
        expect((await tx.trips.list()).items).toHaveLength(1);
      }),
    );
    expect(replicas).toEqual([0, 0]);
  });
});

test('at random interleavings nobody ever reads less than they have written', async () => {
  const people = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const sub = await file.signUp();
      return { sub, writer: file.database.asUser({ sub }), written: 0 };
    }),
  );
  await file.servers.standbys[1]?.query("alter system set recovery_min_apply_delay = '30ms'");
  await file.servers.standbys[1]?.query('select pg_reload_conf()');
  await file.settle();
  let isOver = false;
  let wrong = 0;
  const disturb = async () => {
    while (!isOver) {
      const standby = file.servers.standbys[Math.random() < 0.5 ? 0 : 1];
      await standby?.pause();
      await pause(Math.random() * 60);
      await standby?.resume();
      await pause(Math.random() * 60);
    }
  };
  const live = async (person: (typeof people)[number]) => {
    const until = performance.now() + 4_000;
    while (performance.now() < until) {
      if (Math.random() < 0.15) {
        const isTransaction = Math.random() < 0.3;
        if (isTransaction) await person.writer.transaction((tx) => tx.trips.create({ name: 'x' }));
        else await person.writer.trips.create({ name: 'x' });
        person.written += 1;
      }
      const committed = person.written;
      const reader = file.database.asUser({ sub: person.sub }, { readOnly: true });
      const count = async () => {
        const { n } = await reader.kysely
          .selectFrom('trips')
          .select((eb) => eb.fn.countAll<string>().as('n'))
          .executeTakeFirstOrThrow();
        return Number(n);
      };
      const seen = await count();
      if (seen < committed) wrong += 1;
    }
  };
  const disturbing = disturb();
  const [, ...replicas] = await file.exchanges(() =>
    Promise.all(people.flatMap((person) => [live(person), live(person)])),
  );
  isOver = true;
  await disturbing;
  expect(wrong).toBe(0);
  expect(replicas.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
});

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
