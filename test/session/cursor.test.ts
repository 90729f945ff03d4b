import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { userContext } from '../../src/session/claims.ts';
import type { ConnectionPool } from '../../src/session/connection_pool.ts';
import { createPool } from '../../src/session/pool.ts';
import type { ScopeOptions } from '../../src/session/scoped_pool.ts';
import { ConfigurationError, DatabaseError, TimeoutError } from '../../src/types/errors.ts';
import { testDatabase } from '../support/database.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp_proxy.ts';
import { openSession } from './open_session.ts';

type Tables = { numbers: { n: number; owner: string }; marks: { mark: string } };

const database = testDatabase();
const [alice, bob] = [randomUUID(), randomUUID()];
let proxy: TcpProxy;
let pool: ConnectionPool;
let pid: number;

/** One connection, so that what a stream leaves behind is there for the next. */
beforeEach(async () => {
  proxy = await startTcpProxy(database.connectionString);
  pool = createPool({ connectionString: proxy.connectionString, max: 1 });
  pid = await backendPid();
});

afterEach(async () => {
  await pool.end();
  await proxy.close();
});

beforeAll(async () => {
  await database.admin.query(
    `create table numbers (n int, owner uuid);
    alter table numbers enable row level security;
    create policy own on numbers to authenticated using (owner = (select auth.uid()));
    create table marks (mark text primary key);
    grant all on numbers, marks to authenticated`,
  );
  await database.admin.query(
    'insert into numbers select n, owner from generate_series(1, 30) n, unnest($1::uuid[]) owner',
    [[alice, bob]],
  );
});

function open(options?: ScopeOptions): Kysely<Tables> {
  return openSession<Tables>(pool, userContext({ sub: alice }), options);
}

async function backendPid(): Promise<number> {
  return (await pool.query('select pg_backend_pid() as pid')).rows[0].pid;
}

async function marks(): Promise<string[]> {
  return (await database.admin.query('select mark from marks order by mark')).rows.map(({ mark }) => mark);
}

/** The connection is as it was, outside of any transaction, with nothing open. */
async function expectPristine(): Promise<void> {
  const { rows } = await pool.query(
    `select pg_backend_pid() as pid, current_user as role, coalesce(current_setting('request.jwt.claims', true), '') as claims,
      (select count(*)::int from pg_cursors) as cursors`,
  );
  expect(rows).toEqual([{ pid, role: 'postgres', claims: '', cursors: 0 }]);
  expect(pool.idleCount).toBe(1);
}

const numbers = (session: Kysely<Tables>) =>
  session
    .selectFrom('numbers')
    .select(['n', 'owner', sql<string>`auth.uid()`.as('uid')])
    .orderBy('n');

describe.each([{ preparedStatements: true }, { preparedStatements: false }])('a stream with %j', (options) => {
  test.each([
    [7, 5],
    [10, 4],
    [100, 1],
  ])('in batches of %i gives every row of the session once, in %i round trips and a commit', async (size, trips) => {
    const before = proxy.exchanges;
    const seen: number[] = [];
    for await (const { n, owner, uid } of numbers(open(options)).stream(size)) {
      expect([owner, uid]).toEqual([alice, alice]);
      seen.push(n);
    }
    expect(proxy.exchanges - before).toBe(trips + 1);
    expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    await expectPristine();
  });

  test('that is left early leaves nothing', async () => {
    for await (const { n } of numbers(open(options)).stream(7)) if (n === 9) break;
    await expectPristine();
    const outcome = (async () => {
      for await (const { n } of numbers(open(options)).stream(7)) if (n === 9) throw new Error('enough');
    })();
    await expect(outcome).rejects.toThrow('enough');
    await expectPristine();
  });

  test('that fails halfway says so in our words, and leaves nothing', async () => {
    const failing = numbers(open(options)).clearOrderBy().select(sql`10 / (20 - n)`.as('quotient'));
    const seen: number[] = [];
    const outcome = (async () => {
      for await (const { n } of failing.stream(7)) seen.push(n);
    })();
    await expect(outcome).rejects.toThrow(DatabaseError);
    await expect(outcome).rejects.toMatchObject({ code: '22012' });
    expect(seen).toHaveLength(14);
    await expectPristine();
  });
});

test('a stream that writes keeps everything at its end, and nothing before', async () => {
  const insert = (prefix: string) =>
    open().insertInto('marks').expression(sql`select ${prefix} || n from generate_series(1, 5) n`).returning('mark');
  for await (const { mark } of insert('left ').stream(2)) if (mark === 'left 2') break;
  expect(await marks()).toEqual([]);
  for await (const { mark } of insert('kept ').stream(2)) expect(mark).toMatch('kept');
  expect(await marks()).toHaveLength(5);
  await expectPristine();
});

test('a stream whose session may not act does not begin', async () => {
  const session = openSession<Tables>(pool, JSON.parse('{ "role": "no_such_role", "claims": {} }'));
  const outcome = (async () => {
    for await (const row of numbers(session).stream(7)) expect.unreachable(JSON.stringify(row));
  })();
  await expect(outcome).rejects.toThrow(ConfigurationError);
  await expectPristine();
});

test('a stream whose parameters cannot be sent does not begin', async () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const outcome = (async () => {
    for await (const row of numbers(open()).select(sql`${cycle}::jsonb`.as('cycle')).stream(7))
      expect.unreachable(JSON.stringify(row));
  })();
  await expect(outcome).rejects.toMatchObject({ code: 'DRIVER' });
  await expectPristine();
});

test('a stream that is aborted leaves nothing', async () => {
  const controller = new AbortController();
  const outcome = (async () => {
    for await (const { n } of numbers(open()).stream({ chunkSize: 7, signal: controller.signal })) {
      if (n === 9) controller.abort(new Error('gave up'));
    }
  })();
  await expect(outcome).rejects.toThrow('gave up');
  await expect.poll(() => pool.idleCount).toBe(1);
  await expectPristine();
});

test('every batch has the limits', async () => {
  const slow = numbers(open({ statementTimeoutMillis: 100 })).select(
    sql`case n when 12 then pg_sleep(10) end`.as('nap'),
  );
  const outcome = (async () => {
    for await (const { n } of slow.stream(5)) expect(n).toBeLessThan(11);
  })();
  await expect(outcome).rejects.toThrow(TimeoutError);
  await expectPristine();
});

describe('a stream in a transaction', () => {
  test('goes before and after others, and is closed when it is left early', async () => {
    await open()
      .transaction()
      .execute(async (trx) => {
        for await (const { n } of numbers(trx).stream(7)) if (n === 9) break;
        await trx.insertInto('marks').values({ mark: 'after a stream' }).execute();
        const left = sql<{ name: string }>`select name from pg_cursors where name like 'wheels%'`;
        expect((await left.execute(trx)).rows).toEqual([]);
        let rows = 0;
        for await (const { uid } of numbers(trx).stream(7)) rows += uid === alice ? 1 : 0;
        expect(rows).toBe(30);
      });
    expect(await marks()).toContain('after a stream');
    await expectPristine();
  });

  test('is the transaction’s first statement as well as any', async () => {
    const before = proxy.exchanges;
    await open()
      .transaction()
      .execute(async (trx) => {
        for await (const { uid } of numbers(trx).stream(100)) expect(uid).toBe(alice);
      });
    expect(proxy.exchanges - before).toBe(2);
    await expectPristine();
  });

  test('undoes the transaction if it fails', async () => {
    const outcome = open()
      .transaction()
      .execute(async (trx) => {
        await trx.insertInto('marks').values({ mark: 'before a stream that fails' }).execute();
        for await (const { n } of numbers(trx).select(sql`1 / (20 - n)`.as('quotient')).stream(7))
          expect(n).toBeLessThan(20);
      });
    await expect(outcome).rejects.toMatchObject({ code: '22012' });
    expect(await marks()).not.toContain('before a stream that fails');
    await expectPristine();
  });
});
