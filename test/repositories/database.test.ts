import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { sql } from 'kysely';
import { describe, expect, test, vi } from 'vitest';
import {
  type Claims,
  ConfigurationError,
  ConnectionError,
  createDatabase,
  PermissionError,
  ValidationError,
} from '../../src/index.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

type Whoami = { role: string; sub: string | null; claims: Record<string, unknown> };
const whoami = sql<Whoami>`select current_user::text as role, auth.uid() as sub, auth.jwt() as claims`;

describe('a session', () => {
  test('runs a service’s own queries under its role and claims', async () => {
    const sub = randomUUID();
    const { database } = sessions;
    const opened = [
      database.asUser({ sub, email: 'alice@example.com', app_metadata: { plan: 'free' } }),
      database.asAnon(),
      database.asService(),
      database.asService().onBehalfOf(sub),
    ];
    const seen = await Promise.all(opened.map(async ({ kysely }) => (await whoami.execute(kysely)).rows[0]));
    expect(seen).toEqual([
      {
        role: 'authenticated',
        sub,
        claims: { sub, role: 'authenticated', email: 'alice@example.com', app_metadata: { plan: 'free' } },
      },
      { role: 'anon', sub: null, claims: { role: 'anon' } },
      { role: 'service_role', sub: null, claims: { role: 'service_role' } },
      { role: 'service_role', sub, claims: { role: 'service_role', sub } },
    ]);
  });

  test('stays its own beside hundreds of others on the same connections', async () => {
    const people = await Promise.all(Array.from({ length: 20 }, () => sessions.signUp()));
    await Promise.all(people.map(({ id, trips }) => trips.create({ name: id })));
    const seen = await Promise.all(
      Array.from({ length: 400 }, async (_, i) => {
        const person = people[i % 20];
        const rows = await person?.kysely.selectFrom('trips').select(['name', 'user_id']).execute();
        return rows?.length === 1 && rows[0]?.name === person?.id && rows[0]?.user_id === person?.id;
      }),
    );
    expect(seen.filter((own) => own)).toHaveLength(400);
  });

  test('gives dates, money and bigints as text, timestamps as Date, in its own queries too', async () => {
    const { rows } = await sql`
      select '2026-12-01'::date as day, 42.5::numeric(10,2) as money, 9007199254740993::bigint as big, now() as now,
        array['2026-12-01'::date] as days, array[1.50::numeric] as amounts, 1.5::real as real, '{"a": 1}'::jsonb as json
    `.execute(sessions.database.asAnon().kysely);
    expect(rows).toEqual([
      {
        day: '2026-12-01',
        money: '42.50',
        big: '9007199254740993',
        now: expect.any(Date),
        days: ['2026-12-01'],
        amounts: ['1.50'],
        real: 1.5,
        json: { a: 1 },
      },
    ]);
  });
});

describe('a user', () => {
  test('sees only their own rows in their own queries, and writes no derived column', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const trip = await alice.trips.create({ name: 'Big Lap' });
    expect(await bob.kysely.selectFrom('trips').selectAll().execute()).toEqual([]);
    await bob.kysely.updateTable('trips').set({ name: 'Mine' }).where('id', '=', trip.id).execute();
    expect(await alice.trips.get(trip.id)).toEqual(trip);
    const theft = bob.kysely.insertInto('trips').values({ name: 'Hers', user_id: alice.id }).execute();
    await expect(theft).rejects.toThrow(PermissionError);
    const forged = sql`update trips set budget_spent = 0 where id = ${trip.id}`.execute(alice.kysely);
    await expect(forged).rejects.toThrow(PermissionError);
  });

  test.each<[string, unknown]>([
    ['no claims', undefined],
    ['no sub', {}],
    ['a sub that is no uuid', { sub: '42' }],
    ['another role', { sub: randomUUID(), role: 'service_role' }],
    ['claims that are no JSON', { sub: randomUUID(), issued: new Date() }],
  ])('with %s is refused', (_, claims) => {
    expect(() => sessions.database.asUser(claims as Claims)).toThrow(ValidationError);
  });

  test('whose account is gone reads nothing of theirs and writes nothing', async () => {
    const alice = await sessions.signUp();
    await alice.trips.create({ name: 'Big Lap' });
    await sessions.admin.query('delete from auth.users where id = $1', [alice.id]);
    expect((await alice.trips.list()).items).toEqual([]);
    await expect(alice.trips.create({ name: 'Big Lap' })).rejects.toThrow(PermissionError);
  });
});

describe('a visitor', () => {
  test.each([
    'profiles',
    'trips',
    'expenses',
    'income_entries',
    'budgets',
    'places',
    'friendships',
    'post_likes',
    'post_comments',
    'post_locations',
    'pam_conversations',
    'pam_messages',
    'pam_feedback',
    'user_financial_summary',
    'trip_financial_summary',
  ] as const)('may not read %s', async (table) => {
    const { kysely } = sessions.database.asAnon();
    await expect(kysely.selectFrom(table).selectAll().execute()).rejects.toThrow(PermissionError);
  });

  test('writes nothing', async () => {
    const alice = await sessions.signUp();
    const { id } = await alice.posts.create({ title: 'Red dust', content: 'x' });
    const { kysely } = sessions.database.asAnon();
    await expect(kysely.deleteFrom('posts').where('id', '=', id).execute()).rejects.toThrow(PermissionError);
    await expect(kysely.updateTable('posts').set({ title: 'x' }).execute()).rejects.toThrow(PermissionError);
    await expect(sql`select public.like_post(${id})`.execute(kysely)).rejects.toThrow(PermissionError);
  });
});

test('the service acts for nobody whose id is no uuid', () => {
  for (const userId of ['42', '', undefined, null]) {
    const { onBehalfOf } = sessions.database.asService();
    expect(() => Reflect.apply(onBehalfOf, undefined, [userId]), String(userId)).toThrow(ValidationError);
  }
  const { posts, profiles } = sessions.database.asService().onBehalfOf(randomUUID());
  for (const method of ['feed', 'find', 'get', 'search', 'comments']) expect(posts).not.toHaveProperty(method);
  for (const method of ['find', 'get']) expect(profiles).not.toHaveProperty(method);
});

test('the service on a user’s behalf makes nothing for somebody who does not exist', async () => {
  const nobody = sessions.database.asService().onBehalfOf(randomUUID());
  await expect(nobody.trips.create({ name: 'Big Lap', currency: 'USD' })).rejects.toMatchObject({ code: '23503' });
});

describe('createDatabase', () => {
  test.each([undefined, '', 'localhost:5432', 'postgres://user:s3cret@[bad/db'])(
    'refuses the connection string %j without repeating it',
    (connectionString) => {
      expect(() => createDatabase({ connectionString })).toThrow(ConfigurationError);
      try {
        createDatabase({ connectionString });
      } catch (error) {
        expect(inspect(error)).not.toContain('s3cret');
      }
    },
  );

  test.each([
    ['statement_timeout', 'statementTimeoutMillis'],
    ['lock_timeout', 'lockTimeoutMillis'],
    ['idle_in_transaction_session_timeout', 'idleInTransactionTimeoutMillis'],
  ])('refuses %s, which a pooler would refuse, and names %s', (name, ours) => {
    expect(() => createDatabase({ [name]: 1000 })).toThrow(
      new ConfigurationError(`${name} is not taken: say ${ours}.`),
    );
  });

  test.each([{ query_timeout: -1 }, { query_timeout: 1.5 }, { statementTimeoutMillis: Number.NaN }])(
    'refuses a limit that is none: %o',
    (limits) => {
      expect(() => createDatabase({ ...limits })).toThrow(/must be a whole number of milliseconds/);
    },
  );

  test('says which Node it needs', () => {
    const versions = vi.spyOn(process, 'versions', 'get');
    try {
      for (const node of ['20.20.2', '22.17.1']) {
        versions.mockReturnValue({ ...process.versions, node });
        expect(() => createDatabase({})).toThrow(
          new ConfigurationError(`Node 22.18 or newer is needed: this is ${node}.`),
        );
      }
    } finally {
      versions.mockRestore();
    }
  });

  test('connects only when something runs', async () => {
    const database = createDatabase({ connectionString: 'postgres://nobody:s3cret@127.0.0.1:1/nothing' });
    const session = database.asAnon();
    const failure = await session.posts.feed().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConnectionError);
    expect(inspect(failure)).not.toContain('s3cret');
    await database.destroy();
  });
});

describe('destroy', () => {
  test('waits for what runs, and for what waits for a connection, and then nothing runs any more', async () => {
    const pool = { connectionString: sessions.connectionString, max: 1, connectionTimeoutMillis: 1000 };
    const database = createDatabase(pool);
    const session = database.asAnon();
    const sleep = sql<{ done: number }>`select 1 as done from pg_sleep(0.3)`;
    const running = Promise.allSettled([sleep.execute(session.kysely), sleep.execute(session.kysely)]);
    // Long enough for the first to have begun.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await database.destroy();
    expect((await running).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    await expect(session.posts.feed()).rejects.toThrow('The database is closed: destroy() has been called.');
    await expect(session.transaction(({ posts }) => posts.feed())).rejects.toThrow(ConnectionError);
  });

  test('may be called again', async () => {
    const database = createDatabase({ connectionString: sessions.connectionString });
    await database.asAnon().posts.feed();
    await Promise.all([database.destroy(), database.destroy()]);
    await expect(database.destroy()).resolves.toBeUndefined();
  });

  test('leaves no connection open', async () => {
    const application_name = `wheels-${randomUUID()}`;
    const database = createDatabase({ connectionString: sessions.connectionString, application_name });
    const count = async () =>
      (await sessions.admin.query('select from pg_stat_activity where application_name = $1', [application_name]))
        .rowCount;
    await Promise.all([database.asAnon().posts.feed(), database.asAnon().posts.feed()]);
    expect(await count()).toBe(2);
    await database.destroy();
    await expect.poll(count).toBe(0);
  });
});
