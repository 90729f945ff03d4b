import { randomUUID } from 'node:crypto';
import { AbortedTransactionError, type Kysely, sql } from 'kysely';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { userContext } from '../../src/session/claims.ts';
import type { ConnectionPool } from '../../src/session/connection_pool.ts';
import { createPool } from '../../src/session/pool.ts';
import type { ScopeOptions } from '../../src/session/scoped_pool.ts';
import { ConfigurationError, DatabaseError, TimeoutError } from '../../src/types/errors.ts';
import { testDatabase } from '../support/database.ts';
import { openSession } from './open_session.ts';

type Tables = { marks: { mark: string } };

const database = testDatabase();
const sub = randomUUID();
let pool: ConnectionPool;

/** One connection, so that what one statement leaves behind is there for the next. */
beforeEach(() => {
  pool = createPool({ connectionString: database.connectionString, max: 1 });
});

afterEach(async () => {
  await pool.end();
});

beforeAll(async () => {
  await database.admin.query('create table marks (mark text primary key); grant all on marks to authenticated');
  await database.admin.query(
    'create procedure commits() language plpgsql as $$ begin commit; insert into public.marks values (current_user); end $$',
  );
});

function open(options?: ScopeOptions): Kysely<Tables> {
  return openSession<Tables>(pool, userContext({ sub }), options);
}

async function marks(): Promise<string[]> {
  return (await database.admin.query('select mark from marks order by mark')).rows.map(({ mark }) => mark);
}

async function one(session: Kysely<Tables>, text: string): Promise<unknown> {
  const { rows } = await sql.raw<{ value: unknown }>(`select ${text} as value`).execute(session);
  return rows[0]?.value;
}

async function asLogin(text: string): Promise<unknown> {
  return (await pool.query(`select ${text} as value`)).rows[0].value;
}

const role = 'current_user::text';

describe('a limit', () => {
  test('of a statement’s time holds in the same exchange, and only there', async () => {
    const session = open({ statementTimeoutMillis: 100 });
    const began = performance.now();
    await expect(one(session, 'pg_sleep(10)::text')).rejects.toThrow(TimeoutError);
    expect(performance.now() - began).toBeLessThan(2000);
    expect(await asLogin("current_setting('statement_timeout')")).toBe('0');
    expect(await asLogin("pg_sleep(0.2)::text || 'slept'")).toBe('slept');
  });

  test('of a wait for a lock holds in the same exchange', async () => {
    const holder = await database.admin.connect();
    try {
      await holder.query('begin; lock table marks in access exclusive mode');
      const waiting = open({ lockTimeoutMillis: 50 }).selectFrom('marks').selectAll().execute();
      await expect(waiting).rejects.toMatchObject({ code: '55P03' });
    } finally {
      await holder.query('rollback');
      holder.release();
    }
  });

  test('of a transaction that stands still ends it', async () => {
    const transaction = open({ idleInTransactionTimeoutMillis: 50 })
      .transaction()
      .execute(async (trx) => {
        await trx.insertInto('marks').values({ mark: 'stood still' }).execute();
        await new Promise((resolve) => setTimeout(resolve, 300));
        await trx.selectFrom('marks').selectAll().execute();
      });
    await expect(transaction).rejects.toMatchObject({ code: '25P03' });
    expect(await marks()).not.toContain('stood still');
  });

  test('is 30 s, 10 s and 60 s unless chosen otherwise; 0 is none', async () => {
    const limits = `array[current_setting('statement_timeout'), current_setting('lock_timeout'),
      current_setting('idle_in_transaction_session_timeout')]`;
    expect(await one(open(), limits)).toEqual(['30s', '10s', '1min']);
    const none = { statementTimeoutMillis: 0, lockTimeoutMillis: 0, idleInTransactionTimeoutMillis: 0 };
    await pool.query("set statement_timeout = '5s'");
    expect(await one(open(none), limits)).toEqual(['0', '0', '0']);
    expect(await asLogin("current_setting('statement_timeout')")).toBe('5s');
  });
});

describe('a prepared statement', () => {
  async function prepared(): Promise<string[]> {
    const { rows } = await pool.query("select statement from pg_prepared_statements where name like 'wheels%'");
    return rows.map(({ statement }) => statement);
  }

  test('is prepared once a connection, with its settings, for all sessions', async () => {
    for (let i = 0; i < 10; i++) {
      const session = openSession<Tables>(pool, userContext({ sub: randomUUID() }));
      await session.selectFrom('marks').selectAll().where('mark', '=', `${i}`).execute();
    }
    const statements = await prepared();
    expect(statements).toHaveLength(2);
    expect(statements).toContainEqual(expect.stringContaining('request.jwt.claims'));
  });

  test('is closed when 200 others were used since', async () => {
    const session = open();
    for (let i = 0; i < 450; i++) {
      expect(await one(session, `${i}`)).toBe(i);
      expect(await one(session, `'hot'`)).toBe('hot');
    }
    const statements = await prepared();
    // One that was evicted last is closed by the next exchange.
    expect(statements.length).toBeGreaterThan(150);
    expect(statements.length).toBeLessThanOrEqual(201);
    expect(statements).toContain(`select 'hot' as value`);
    expect(statements).not.toContain('select 3 as value');
    expect(await one(session, '3')).toBe(3);
  });

  test('counts as one only when the server has parsed it', async () => {
    const session = open();
    for (let i = 0; i < 2; i++) {
      await expect(one(session, 'nonsense')).rejects.toMatchObject({ code: '42703' });
      await expect(one(session, `1 / ${i - i}`)).rejects.toMatchObject({ code: '22012' });
    }
    expect((await prepared()).filter((statement) => statement.includes('nonsense'))).toEqual([]);
    await database.admin.query('create table arrives_late ()');
    await expect(one(session, '(select count(*) from arrives_late)')).rejects.toMatchObject({ code: '42501' });
    await database.admin.query('grant select on arrives_late to authenticated');
    expect(await one(session, '(select count(*) from arrives_late)')).toBe('0');
  });

  test('that is not parsed because the settings were refused works once they are not', async () => {
    const broken = openSession<Tables>(
      pool,
      { role: 'authenticated', claims: { sub } },
      { statementTimeoutMillis: -1 },
    );
    await expect(one(broken, "'never parsed'")).rejects.toThrow(DatabaseError);
    expect(await one(open(), "'never parsed'")).toBe('never parsed');
  });

  test('that the connection has lost is prepared again', async () => {
    const session = open();
    expect(await one(session, role)).toBe('authenticated');
    await pool.query('deallocate all');
    expect(await one(session, role)).toBe('authenticated');
    await pool.query('deallocate all');
    const seen = await session.transaction().execute(async (trx) => {
      await trx.insertInto('marks').values({ mark: 'after deallocate' }).execute();
      return await one(trx, role);
    });
    expect(seen).toBe('authenticated');
    expect(await marks()).toContain('after deallocate');
  });

  test('whose columns have changed since is prepared again', async () => {
    await database.admin.query('create table widens (a int); grant select on widens to authenticated');
    await database.admin.query('insert into widens values (1)');
    const session = open();
    const read = async (db = session) => (await sql`select * from widens`.execute(db)).rows;
    expect(await read()).toEqual([{ a: 1 }]);
    await database.admin.query("alter table widens add b text not null default 'x'");
    expect(await read()).toEqual([{ a: 1, b: 'x' }]);
    await database.admin.query('alter table widens alter a type text');
    expect(await session.transaction().execute((trx) => read(trx))).toEqual([{ a: '1', b: 'x' }]);
    await database.admin.query('alter table widens drop b');
    const later = session.transaction().execute(async (trx) => (await one(trx, '1')) && read(trx));
    await expect(later).rejects.toMatchObject({ code: '0A000' });
    expect(await session.transaction().execute(async (trx) => (await one(trx, '1')) && read(trx))).toEqual([
      { a: '1' },
    ]);
  });

  test('is not made with preparedStatements: false', async () => {
    const session = open({ preparedStatements: false });
    expect(await one(session, role)).toBe('authenticated');
    const inside = await session.transaction().execute(async (trx) => (await one(trx, '1')) && one(trx, role));
    expect(inside).toBe('authenticated');
    expect(await prepared()).toEqual([]);
  });
});

describe('an exchange', () => {
  test('reads nothing of what the older settings of a claim say', async () => {
    await pool.query(`set request.jwt.claim = '{"sub": "forged"}'; set request.jwt.claim.role = 'service_role'`);
    expect(await one(open(), 'auth.jwt()')).toEqual({ sub, role: 'authenticated' });
    expect(await one(open(), 'auth.role()')).toBe('authenticated');
  });

  test('that would copy from the client fails, and the connection stays', async () => {
    const pid = await asLogin('pg_backend_pid()');
    await expect(sql`copy marks from stdin`.execute(open())).rejects.toMatchObject({ code: '57014' });
    expect(await one(open(), role)).toBe('authenticated');
    expect(await asLogin('pg_backend_pid()')).toBe(pid);
  });

  test('whose rows cannot be read says so, and the connection stays', async () => {
    const pid = await asLogin('pg_backend_pid()');
    const types = {
      getTypeParser: () => () => {
        throw new Error('unreadable');
      },
    };
    const picky = createPool({ connectionString: database.connectionString, max: 1 });
    await (async () => {
      picky.options.types = types as never;
      await expect(one(openSession(picky, userContext({ sub })), '1')).rejects.toMatchObject({ code: 'DRIVER' });
    })().finally(() => picky.end());
    expect(await asLogin('pg_backend_pid()')).toBe(pid);
  });

  test('of an empty text gives no rows', async () => {
    expect((await sql.raw(' ').execute(open())).rows).toEqual([]);
    expect(await one(open(), role)).toBe('authenticated');
  });

  test.each(['', '\n;; ', '-- comment\n', '/* comment */ '])(
    'does not let code that starts with %j commit halfway and go on as the login role',
    async (start) => {
      const block = `${start}do $$ begin commit; insert into marks values (current_user); end $$`;
      await expect(sql.raw(block).execute(open())).rejects.toMatchObject({ code: '2D000' });
      const call = `${start}call commits()`;
      await expect(sql.raw(call).execute(open())).rejects.toMatchObject({ code: '2D000' });
      expect(await marks()).not.toContain('postgres');
      expect(await asLogin(role)).toBe('postgres');
      expect(await asLogin("coalesce(current_setting('request.jwt.claims', true), '')")).toBe('');
    },
  );

  test('of code keeps what it did, under the session’s role', async () => {
    await sql`do $$ begin insert into marks values ('as ' || current_user); end $$`.execute(open());
    expect(await marks()).toContain('as authenticated');
    await expect(sql`do $$ begin perform 1 / 0; end $$`.execute(open())).rejects.toMatchObject({ code: '22012' });
    expect(await one(open(), role)).toBe('authenticated');
  });

  test('of a command that must be alone is refused', async () => {
    await expect(sql`vacuum marks`.execute(open())).rejects.toMatchObject({ code: '25001' });
  });

  test('gives up on a server that does not answer within query_timeout, and on the connection', async () => {
    const hasty = createPool({ connectionString: database.connectionString, max: 1, query_timeout: 200 });
    try {
      const session = openSession<Tables>(hasty, userContext({ sub }));
      await expect(one(session, 'pg_sleep(2)::text')).rejects.toMatchObject({ code: 'CONNECTION' });
      expect(hasty.totalCount).toBe(0);
      expect(await one(session, role)).toBe('authenticated');
    } finally {
      await hasty.end();
    }
  });
});

describe('a transaction', () => {
  test('keeps the order of statements that are sent together', async () => {
    const seen = await open()
      .transaction()
      .execute((trx) =>
        Promise.all([
          one(trx, `set_config('test.order', '1', true)`),
          one(trx, `set_config('test.order', current_setting('test.order') || '2', true)`),
          one(trx, `current_setting('test.order')`),
          one(trx, role),
        ]),
      );
    expect(seen).toEqual(['1', '12', '12', 'authenticated']);
  });

  test.each(['begin', 'BEGIN', 'start transaction read only'])(
    'that was opened by "%s" is the session’s',
    async (text) => {
      const pid = await asLogin('pg_backend_pid()');
      await open()
        .connection()
        .execute(async (connection) => {
          await sql.raw(text).execute(connection);
          expect(await one(connection, role)).toBe('authenticated');
          expect(await one(connection, role)).toBe('authenticated');
          await sql`commit`.execute(connection);
          expect(await one(connection, role)).toBe('authenticated');
        });
      expect(await asLogin(role)).toBe('postgres');
      expect(await asLogin('pg_backend_pid()')).toBe(pid);
    },
  );

  test('that cannot be opened runs nothing until its end', async () => {
    await open()
      .connection()
      .execute(async (connection) => {
        await sql`start transaction isolation level nonsense`.execute(connection);
        const insert = connection.insertInto('marks').values({ mark: 'not begun' });
        await expect(insert.execute()).rejects.toMatchObject({ code: '42601' });
        await expect(insert.execute()).rejects.toMatchObject({ code: '25P02' });
        expect((await sql`commit`.execute(connection)).rows).toEqual([{ command: 'ROLLBACK' }]);
        expect(await one(connection, role)).toBe('authenticated');
      });
    expect(await marks()).not.toContain('not begun');
  });

  test('whose first statement failed is not committed', async () => {
    const transaction = open()
      .transaction()
      .execute(async (trx) => {
        await expect(one(trx, '1 / 0')).rejects.toThrow(DatabaseError);
      });
    await expect(transaction).rejects.toThrow(AbortedTransactionError);
  });

  test('that is over takes nothing more, whoever has the connection now', async () => {
    const controlled = openSession<Tables>(pool, userContext({ sub }));
    let late: (() => Promise<unknown>) | undefined;
    await controlled.connection().execute(async (connection) => {
      late = () => one(connection, role);
    });
    const stranger = randomUUID();
    await openSession<Tables>(pool, userContext({ sub: stranger }))
      .transaction()
      .execute(async (trx) => {
        expect(await one(trx, 'auth.uid()')).toBe(stranger);
        await expect(late?.()).rejects.toThrow(ConfigurationError);
        expect(await one(trx, 'auth.uid()')).toBe(stranger);
      });
  });
});
