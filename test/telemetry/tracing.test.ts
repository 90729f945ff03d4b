import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isProxy } from 'node:util/types';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Claims,
  ConnectionError,
  createDatabase,
  type Database,
  type DatabaseOptions,
  PostRepository,
  type QueryEvent,
  SerializationError,
  TripRepository,
} from '../../src/index.ts';
import type { DB } from '../../src/types.ts';
import { methodsOfRepositories, oneStatement, oneTransaction, streams } from '../repositories/every_method.ts';
import { testDatabase } from '../support/database.ts';
import { startTcpProxy } from '../support/tcp_proxy.ts';
import { collectSpans, exported } from './collect_spans.ts';

const file = testDatabase();
const collected = collectSpans();
const events: QueryEvent[] = [];
let database: Database;
let server: Record<string, string | number>;

beforeAll(() => {
  const { connectionString } = file;
  database = createDatabase({
    connectionString,
    max: 2,
    tracer: collected.tracer,
    onQuery: (event) => events.push(event),
  });
  const { hostname, port, pathname } = new URL(connectionString);
  server = {
    'db.system.name': 'postgresql',
    'db.namespace': `${pathname.slice(1)}|public`,
    'server.address': hostname,
    'server.port': Number(port || 5432),
  };
});

afterAll(async () => {
  await database.destroy();
});

async function signUp(claims: Partial<Claims> = {}) {
  const id = await file.signUp();
  return { ...database.asUser({ ...claims, sub: id }), id };
}

/** The spans that end while `work` is done. */
async function spansOf(work: () => Promise<unknown>): Promise<ReadableSpan[]> {
  const before = collected.spans.length;
  await work().catch(() => {});
  return collected.spans.slice(before);
}

async function spanOf(work: () => Promise<unknown>): Promise<ReadableSpan> {
  const [span, ...others] = await spansOf(work);
  if (!span || others.length > 0) throw new Error(`There were ${others.length + 1} spans, not one.`);
  return span;
}

function millis({ duration: [seconds, nanos] }: ReadableSpan): number {
  return seconds * 1e3 + nanos / 1e6;
}

function parentOf(child: ReadableSpan | undefined, spans: readonly ReadableSpan[]): string | undefined {
  return spans.find((span) => span.spanContext().spanId === child?.parentSpanContext?.spanId)?.name;
}

/** Another database with the same tracer, closed when `work` is done. */
async function withDatabase<T>(options: DatabaseOptions, work: (other: Database) => Promise<T>): Promise<T> {
  const other = createDatabase({ connectionString: file.connectionString, tracer: collected.tracer, ...options });
  try {
    return await work(other);
  } finally {
    await other.destroy();
  }
}

async function* stream<Row>(kysely: Kysely<DB>, query: RawBuilder<Row>): AsyncGenerator<Row> {
  for await (const { rows } of kysely.getExecutor().stream<Row>(query.compile(kysely), 100)) yield* rows;
}

const collections: Record<string, string> = {
  AccountRepository: 'profiles',
  BudgetRepository: 'budgets',
  ExpenseReader: 'expenses',
  ExpenseRepository: 'expenses',
  FeedbackReader: 'pam_feedback',
  FeedbackRepository: 'pam_conversations',
  FriendRepository: 'friendships',
  IncomeRepository: 'income_entries',
  ModerationRepository: 'posts',
  PamRepository: 'pam_conversations',
  PlaceRepository: 'places',
  PostReactionRepository: 'posts',
  PostReader: 'posts',
  PostRepository: 'posts',
  ProfileRepository: 'profiles',
  PublicProfileRepository: 'profiles',
  ServicePamRepository: 'pam_conversations',
  TripRepository: 'trips',
};

test('a collection is a table', async () => {
  const { rows } = await file.admin.query("select tablename from pg_tables where schemaname = 'public'");
  expect(rows.map(({ tablename }) => tablename)).toEqual(expect.arrayContaining(Object.values(collections)));
});

describe('a call of a repository makes one span', () => {
  test.each(methodsOfRepositories())('%s', async (name) => {
    const [repository = '', operation] = name.split('.');
    const prepare = oneStatement[name] ?? oneTransaction[name] ?? streams[name];
    if (!prepare) throw new Error(`Nothing prepares a call of ${name}.`);
    const [alice, bob] = [await signUp(), await signUp()];
    const call = await prepare({ alice, bob, visitor: database.asAnon(), service: database.asService() });
    events.length = 0;
    const span = await spanOf(call);

    const summary = `${operation} ${collections[repository]}`;
    const sent = events.map(({ sql }) => sql);
    expect(sent.length).toBeGreaterThan(0);
    expect(span).toMatchObject({ name: summary, kind: SpanKind.CLIENT, status: { code: SpanStatusCode.UNSET } });
    const { 'db.operation.batch.size': size, ...attributes } = span.attributes;
    expect(attributes).toEqual({
      ...server,
      'db.operation.name': operation,
      'db.collection.name': collections[repository],
      'db.query.summary': summary,
      'db.query.text': sent.join('; '),
    });
    expect(size).toBe(operation === 'createMany' ? 2 : undefined);
    const told = exported([span]) + JSON.stringify(events);
    for (const value of [alice.id, bob.id, 'Big Lap', 'Red dust', 'Moab', 'fuel']) expect(told).not.toContain(value);
  });

  test('that lasts as long as rows are read, and no longer', async () => {
    const alice = await signUp();
    const rows = alice.profiles.exportData();
    const [before] = [await spansOf(() => rows.next())];
    expect(before).toEqual([]);
    const span = await spanOf(() => rows.return());
    expect(span).toMatchObject({ name: 'exportData profiles', status: { code: SpanStatusCode.UNSET } });
    expect(span.attributes['db.query.text']).toContain('from "profiles"');
    expect(span.attributes['db.query.text']).not.toContain('from "trips"');
  });

  test('that has the error at which the rows end', async () => {
    await withDatabase({ statementTimeoutMillis: 200 }, async (other) => {
      const alice = other.asUser({ sub: await file.signUp() });
      const holder = await file.admin.connect();
      try {
        await holder.query('begin; lock table trips in access exclusive mode');
        const span = await spanOf(async () => {
          for await (const _ of alice.profiles.exportData());
        });
        expect(span).toMatchObject({ name: 'exportData profiles', status: { code: SpanStatusCode.ERROR } });
        expect(span.attributes['error.type']).toBe('57014');
      } finally {
        await holder.query('rollback');
        holder.release();
      }
    });
  });

  test('with the texts of all its statements, each once', async () => {
    const alice = await signUp();
    const trip = { id: randomUUID(), name: 'Big Lap' };
    await alice.trips.createMany([trip]);
    const { attributes } = await spanOf(() => alice.trips.createMany([trip]));
    expect(attributes['db.query.text']).toMatch(/^insert into "trips" .*; select .* from "trips" [^;]*$/s);
  });

  test('that is not in the texts of another', async () => {
    const alice = await signUp();
    const [a, b] = await spansOf(() => Promise.all([alice.trips.list(), alice.income.list()]));
    expect([a?.attributes['db.query.text'], b?.attributes['db.query.text']].sort()).toEqual([
      expect.stringMatching(/^select [^;]* from "income_entries" [^;]*$/),
      expect.stringMatching(/^select [^;]* from "trips" [^;]*$/),
    ]);
  });

  test('with the size of a batch, unless that is one', async () => {
    const alice = await signUp();
    const { id } = await alice.pam.startConversation({ session_id: 'phone' });
    const message = { role: 'user', content: 'x' } as const;
    const size = async (work: () => Promise<unknown>) => (await spanOf(work)).attributes['db.operation.batch.size'];
    expect(await size(() => alice.trips.createMany([]))).toBe(0);
    expect(await size(() => alice.trips.createMany([{ name: 'a' }]))).toBeUndefined();
    expect(await size(() => alice.pam.appendMessages(id, [message, message, message]))).toBe(3);
  });

  test('as long as the caller has waited, for a connection, too', async () => {
    await withDatabase({ max: 1 }, async (other) => {
      const slow = other.asAnon().transaction((tx) => sql`select pg_sleep(0.3)`.execute(tx.kysely));
      const spans = await spansOf(() => Promise.all([slow, sleep(50).then(() => other.asAnon().posts.feed())]));
      const feed = spans.find(({ name }) => name === 'feed posts');
      expect(feed && millis(feed)).toBeGreaterThan(200);
      expect(feed?.attributes['db.query.text']).toMatch(/^select [^;]* from "posts" [^;]*$/);
    });
  });

  test('of the service on behalf of a user, which has no more methods than without', async () => {
    const { id } = await signUp();
    const { posts, profiles, pam } = database.asService().onBehalfOf(id);
    expect((await spanOf(() => posts.create({ title: 'a', content: 'b' }))).name).toBe('create posts');
    expect((await spanOf(() => profiles.me())).name).toBe('me profiles');
    expect((await spanOf(() => pam.list())).name).toBe('list pam_conversations');
    expect('feed' in posts).toBe(false);
    expect(Reflect.get(posts, 'feed')).toBeUndefined();
  });
});

describe('a failed call has the error in its span', () => {
  async function failure(work: () => Promise<unknown>) {
    const { status, attributes, events } = await spanOf(work);
    expect(events).toEqual([]);
    const { 'error.type': type, 'db.response.status_code': code, 'db.query.text': text } = attributes;
    return { status, type, code, text };
  }

  test('of the database', async () => {
    const alice = await signUp();
    const { id } = await alice.trips.create({ name: 'Big Lap', start_date: '2026-12-01' });
    expect(await failure(() => alice.trips.update(id, { end_date: '2026-01-01' }))).toEqual({
      status: { code: SpanStatusCode.ERROR, message: expect.stringContaining('must not end before it') },
      type: '23514',
      code: '23514',
      text: expect.stringMatching(/^update "trips"/),
    });
  });

  test('of a look-up that finds nothing', async () => {
    const alice = await signUp();
    expect(await failure(() => alice.trips.get(randomUUID()))).toEqual({
      status: { code: SpanStatusCode.ERROR, message: 'No such trip.' },
      type: 'NOT_FOUND',
      code: undefined,
      text: expect.stringMatching(/^select /),
    });
  });

  test('of its input, before anything is sent', async () => {
    const alice = await signUp();
    expect(await failure(() => alice.expenses.create({ amount: '-1', category: 'fuel' }))).toEqual({
      status: { code: SpanStatusCode.ERROR, message: expect.stringMatching(/^Invalid input: amount/) },
      type: 'VALIDATION',
      code: undefined,
      text: undefined,
    });
  });

  test('of a signal that is aborted', async () => {
    const visitor = database.asAnon({ signal: AbortSignal.abort() });
    expect(await failure(() => visitor.posts.feed())).toMatchObject({ type: 'CANCELLED', text: undefined });
  });

  test('of the way to the server', async () => {
    await withDatabase({ connectionString: 'postgres://localhost:1/none' }, async (other) => {
      const anyone = other.asAnon();
      expect(await failure(() => anyone.posts.feed())).toMatchObject({ type: 'ECONNREFUSED', code: undefined });
      const [span] = await spansOf(() => sql`select 1`.execute(anyone.kysely));
      expect(span).toMatchObject({ name: 'connect', kind: SpanKind.CLIENT, status: { code: SpanStatusCode.ERROR } });
      expect(span?.attributes).toEqual({
        'db.system.name': 'postgresql',
        'db.namespace': 'none|public',
        'server.address': 'localhost',
        'server.port': 1,
        'db.operation.name': 'connect',
        'error.type': 'ECONNREFUSED',
      });
    });
  });
});

describe('a statement of a service’s own makes one span', () => {
  test('with its text and a summary of it', async () => {
    const { kysely } = await signUp();
    const span = await spanOf(() => kysely.selectFrom('trips').select('id').where('name', '=', 'Big Lap').execute());
    expect(span).toMatchObject({
      name: 'select trips',
      kind: SpanKind.CLIENT,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        ...server,
        'db.query.summary': 'select trips',
        'db.query.text': 'select "id" from "trips" where "name" = $1',
      },
    });
    expect(Object.keys(span.attributes)).toHaveLength(6);
  });

  test('with its error', async () => {
    const span = await spanOf(() => sql`select 1 / 0`.execute(database.asAnon().kysely));
    expect(span).toMatchObject({
      name: 'select',
      status: { code: SpanStatusCode.ERROR, message: expect.any(String) },
      attributes: { 'error.type': '22012', 'db.response.status_code': '22012', 'db.query.text': 'select ? / ?' },
    });
  });

  test('as long as the caller has waited', async () => {
    await withDatabase({ max: 1 }, async (other) => {
      const slow = sql`select pg_sleep(0.3)`.execute(other.asService().kysely);
      const quick = sql`select 'quick'::text`.execute(other.asAnon().kysely);
      const spans = await spansOf(() => Promise.all([slow, quick]));
      for (const span of spans) {
        expect(millis(span)).toBeGreaterThan(250);
        expect(millis(span)).toBeLessThan(2000);
      }
      expect(spans).toHaveLength(2);
    });
  });

  test('in a transaction as long as the statement', async () => {
    const spans = await spansOf(() =>
      database.asAnon().transaction(async (tx) => {
        await sleep(300);
        await sql`select pg_sleep(0.1)`.execute(tx.kysely);
        await sleep(300);
        await sql`select 1`.execute(tx.kysely);
      }),
    );
    const [first, second, whole] = spans.map(millis);
    expect(first).toBeGreaterThan(95);
    expect(first).toBeLessThan(350);
    expect(second).toBeLessThan(250);
    expect(whole).toBeGreaterThan(700);
  });

  test('also if it streams', async () => {
    const { kysely } = database.asAnon();
    const span = await spanOf(async () => {
      for await (const { n } of stream(kysely, sql<{ n: number }>`select n from generate_series(1, 300) as n`)) {
        if (n === 150) await sleep(200);
      }
    });
    expect(span).toMatchObject({ name: 'select generate_series', status: { code: SpanStatusCode.UNSET } });
    expect(millis(span)).toBeGreaterThan(190);
    const failed = await spanOf(async () => {
      for await (const _ of stream(kysely, sql`select 1 / (150 - n) from generate_series(1, 300) as n`));
    });
    expect(failed.attributes['error.type']).toBe('22012');
  });

  test('and starts when it was asked for, ends when it was answered', async () => {
    const before = Date.now();
    const { startTime, endTime } = await spanOf(() => sql`select pg_sleep(0.1)`.execute(database.asAnon().kysely));
    const [start, end] = [startTime, endTime].map(([seconds, nanos]) => seconds * 1e3 + nanos / 1e6);
    expect(start).toBeGreaterThan(before - 20);
    expect(start).toBeLessThan(before + 80);
    expect(end).toBeLessThan(Date.now() + 20);
  });

  test('to a fraction of a millisecond', async () => {
    const quick = () => sql`select 1`.execute(database.asAnon().kysely);
    const spans = await spansOf(() => Promise.all(Array.from({ length: 20 }, quick)));
    expect(spans.some(({ endTime: [, nanos] }) => nanos % 1e6 !== 0)).toBe(true);
    expect(spans.some(({ startTime: [, nanos] }) => nanos % 1e6 !== 0)).toBe(true);
  });
});

test('what a hook sends is in no call that it was told of', async () => {
  const alice = await signUp();
  const service = database.asService();
  const sent: Promise<unknown>[] = [];
  // As the hook does it: at once, while the call is under way.
  const onQuery = ({ sql: text }: QueryEvent) => {
    if (text.includes('"trips"'))
      sent.push(sql`select 1 as from_hook`.execute(service.kysely), service.feedback.list());
  };
  await withDatabase({ onQuery }, async (other) => {
    const spans = await spansOf(async () => {
      await other.asUser({ sub: alice.id }).trips.list();
      await Promise.all(sent);
    });
    const textOf = (name: string) => spans.find((span) => span.name === name)?.attributes['db.query.text'];
    expect(spans.map(({ name }) => name).sort()).toEqual(['list pam_feedback', 'list trips', 'select']);
    expect(textOf('list trips')).toMatch(/^select .* from "trips" [^;]*$/);
    expect(textOf('list pam_feedback')).toMatch(/ from "pam_feedback" [^;]*$/);
    expect(textOf('select')).toBe('select ? as from_hook');
  });
});

describe('a transaction', () => {
  test('is the parent of what happens in it, and a child of what is around it', async () => {
    const alice = await signUp();
    const spans = await spansOf(() =>
      collected.tracer.startActiveSpan('request', async (request) => {
        await alice.trips.list();
        await alice.transaction(async (tx) => {
          await tx.trips.create({ name: 'a' });
          await collected.tracer.startActiveSpan('import', async (work) => {
            await tx.income.list();
            await sql`select 1`.execute(tx.kysely);
            for await (const _ of stream(tx.kysely, sql`select 2 from posts`));
            await tx.transaction((part) => part.trips.createMany([{ name: 'b' }]));
            work.end();
          });
          tx.afterCommit(() => collected.tracer.startSpan('notify').end());
        });
        request.end();
      }),
    );
    expect(spans.map((span) => [span.name, parentOf(span, spans)])).toEqual([
      ['list trips', 'request'],
      ['create trips', 'transaction'],
      ['list income_entries', 'import'],
      ['select', 'import'],
      ['select posts', 'import'],
      ['createMany trips', 'import'],
      ['import', 'transaction'],
      ['notify', 'transaction'],
      ['transaction', 'request'],
      ['request', undefined],
    ]);
    const transaction = spans.find(({ name }) => name === 'transaction');
    expect(transaction).toMatchObject({ kind: SpanKind.INTERNAL, status: { code: SpanStatusCode.UNSET }, events: [] });
    expect(transaction?.attributes).toEqual(server);
  });

  test('that begins anew tells why each time, and has no error if it succeeds', async () => {
    const alice = await signUp();
    let attempts = 0;
    const spans = await spansOf(() =>
      alice.transaction(async (tx) => {
        attempts += 1;
        await tx.trips.list();
        const code = attempts === 1 ? '40001' : '40P01';
        if (attempts < 3) await sql.raw(`do $$ begin raise 'no' using errcode = '${code}'; end $$`).execute(tx.kysely);
      }),
    );
    expect(spans.map(({ name, attributes }) => [name, attributes['error.type']])).toEqual([
      ['list trips', undefined],
      ['do', '40001'],
      ['list trips', undefined],
      ['do', '40P01'],
      ['list trips', undefined],
      ['transaction', undefined],
    ]);
    expect(spans.at(-1)?.events.map(({ name, attributes }) => [name, attributes])).toEqual([
      ['retry', { 'error.type': '40001' }],
      ['retry', { 'error.type': '40P01' }],
    ]);
    expect(spans.at(-1)?.status).toEqual({ code: SpanStatusCode.UNSET });
  });

  test('whose commit the server refuses tells so, too', async () => {
    const alice = await signUp();
    const other = database.asService().onBehalfOf(alice.id);
    const { id } = await alice.trips.create({ name: 'a' });
    const { id: second } = await alice.trips.create({ name: 'b' });
    let attempts = 0;
    // Each reads what the other writes: one of them cannot have been first.
    const options = { isolationLevel: 'serializable' } as const;
    const spans = await spansOf(() =>
      alice.transaction(async (tx) => {
        attempts += 1;
        await tx.trips.get(id);
        if (attempts === 1) {
          await other.transaction(async (rival) => {
            await rival.trips.get(second);
            await rival.trips.update(id, { description: 'x' });
          }, options);
        }
        await tx.trips.update(second, { description: String(attempts) });
      }, options),
    );
    expect(attempts).toBe(2);
    expect(spans.at(-1)?.events).toMatchObject([{ name: 'retry', attributes: { 'error.type': '40001' } }]);
    expect(spans.at(-1)?.status).toEqual({ code: SpanStatusCode.UNSET });
  });

  test.each<[string, unknown, string, object]>([
    [
      'of this package',
      new SerializationError('Run it again.', { code: '40001' }),
      '40001',
      { message: 'Run it again.' },
    ],
    ['of the operating system', new ConnectionError('Lost.', { code: 'EPIPE' }), 'EPIPE', { message: 'Lost.' }],
    ['of the application, whose message may say anything', new RangeError('Chimborazo'), 'RangeError', {}],
    ['that is no Error', 'Chimborazo', '_OTHER', {}],
  ])('that fails has the error %s', async (_, error, type, message) => {
    const alice = await signUp();
    const fail = async () => {
      throw error;
    };
    const span = await spanOf(() => alice.transaction(fail, { retries: 0 }));
    expect(span).toMatchObject({ name: 'transaction', attributes: { 'error.type': type } });
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, ...message });
    expect(span.attributes['db.response.status_code']).toBe(type === '40001' ? type : undefined);
    await expect(alice.transaction(fail, { retries: 0 })).rejects.toBe(error);
    expect(exported([span])).not.toContain('Chimborazo');
  });

  test('gets no connection: it and what asked for one say so', async () => {
    await withDatabase({ connectionString: 'postgres://localhost:1/none' }, async (other) => {
      const spans = await spansOf(() => other.asAnon().transaction((tx) => tx.posts.feed()));
      expect(spans.map(({ name, attributes }) => [name, attributes['error.type']])).toEqual([
        ['connect', 'ECONNREFUSED'],
        ['transaction', 'ECONNREFUSED'],
      ]);
    });
  });
});

test('no value of a row, a parameter or a claim is in a span or an event', async () => {
  const secret = 'Chimborazo';
  events.length = 0;
  const alice = await signUp({ email: `${secret}@example.com`, app_metadata: { [secret]: secret } });
  const bob = await signUp();
  const trip = await alice.trips.create({ name: secret, metadata: { secret }, destinations: [{ name: secret }] });
  const refused = [
    () => bob.trips.create({ id: trip.id, name: secret }),
    () => alice.trips.create({ name: secret.repeat(100) }),
    // @ts-expect-error no such field
    () => alice.trips.create({ name: 'a', [`${secret} here`]: secret }),
    () => alice.trips.find(secret),
    () => alice.trips.list({ cursor: secret }),
    () => alice.trips.addDestination(trip.id, { name: secret, lat: 1000, lng: 0 }),
    () => alice.expenses.create({ amount: secret, category: secret }),
    () =>
      alice.expenses.create({ amount: '1', category: secret.toLowerCase(), trip_id: randomUUID(), currency: 'NZD' }),
    () => alice.kysely.insertInto('trips').values({ id: trip.id, user_id: alice.id, name: secret }).execute(),
    () => sql.raw(`select '${secret}'::integer`).execute(alice.kysely),
    () => sql.raw(`select '${secret}`).execute(alice.kysely),
    () => sql`select ${secret}::integer`.execute(alice.kysely),
    () => sql`select ${secret}::regclass`.execute(alice.kysely),
    () => sql.raw(`do $$ begin raise '${secret}'; end $$`).execute(alice.kysely),
    () => sql`select set_config('role', ${secret}, true)`.execute(alice.kysely),
    () =>
      alice.transaction(async (tx) => {
        await tx.trips.update(trip.id, { description: secret });
        tx.afterCommit(() => {
          throw new Error(secret);
        });
      }),
    () =>
      alice.transaction(async () => {
        throw Object.assign(new Error(secret), { code: secret });
      }),
  ];
  for (const call of refused) await expect(call(), String(call)).rejects.toThrow();
  await alice.trips.search(secret);
  await alice.posts.create({ title: secret, content: secret, tags: [secret.toLowerCase()] });
  for await (const _ of stream(alice.kysely, sql`select * from trips where name = ${secret}`));

  const told = exported(collected.spans) + JSON.stringify(events);
  expect(collected.spans.length).toBeGreaterThan(refused.length);
  expect(events.length).toBeGreaterThan(10);
  for (const value of [secret, secret.toLowerCase(), alice.id, bob.id, trip.id, 'request.jwt']) {
    expect(told).not.toContain(value);
  }
});

test('what is observed makes no more round trips', async () => {
  const proxy = await startTcpProxy(file.connectionString);
  await withDatabase({ connectionString: proxy.connectionString, onQuery: () => {}, max: 1 }, async (other) => {
    const alice = other.asUser({ sub: await file.signUp() });
    const work = async () => {
      await alice.trips.list();
      await alice.trips.createMany([{ name: 'a' }]);
      await alice.transaction(async (tx) => [await tx.trips.list(), await sql`select 1`.execute(tx.kysely)]);
    };
    await work();
    const before = proxy.exchanges;
    await work();
    expect(proxy.exchanges - before).toBe(1 + 1 + 3);
  });
  await proxy.close();
});

test('repositories stay what they are', async () => {
  const alice = await signUp();
  expect(alice.trips).toBeInstanceOf(TripRepository);
  expect(alice.posts).toBeInstanceOf(PostRepository);
  expect(alice.trips.constructor).toBe(TripRepository);
  expect(await spansOf(async () => String(alice.trips))).toEqual([]);
  const { list } = alice.trips;
  expect(await list()).toEqual({ items: [], next_cursor: null });
});

test('without a tracer repositories are plain instances, and there are no spans', async () => {
  const { connectionString } = file;
  await withDatabase({ connectionString, tracer: undefined }, async (other) => {
    const { trips, transaction } = other.asUser({ sub: await file.signUp() });
    expect(isProxy(trips)).toBe(false);
    expect(Object.getPrototypeOf(trips)).toBe(TripRepository.prototype);
    await transaction((tx) => tx.trips.list());
    expect(collected.spans).toEqual([]);
  });
});

test('what is no tracer is refused', () => {
  const options = { connectionString: file.connectionString, tracer: { getTracer: () => collected.tracer } };
  // @ts-expect-error a provider is no tracer
  expect(() => createDatabase(options)).toThrow('tracer must be a tracer of @opentelemetry/api');
});
