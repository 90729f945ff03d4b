import { sql } from 'kysely';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type Database } from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';

const file = testDatabase();
let database: Database;
let alice: string;
let bob: string;

beforeAll(async () => {
  alice = await file.signUp();
  bob = await file.signUp();
});

/** One connection, so that what one session does late meets the next session. */
beforeEach(() => {
  database = createDatabase({ connectionString: file.connectionString, max: 1 });
});

afterEach(async () => {
  await database.destroy();
  await file.admin.query('delete from trips');
});

const whoami = sql<{ role: string; uid: string | null }>`select current_user as role, auth.uid() as uid`;

/** Bob's transaction, which asks five times who it is and undoes what it wrote. */
async function bobsTransaction(): Promise<unknown[]> {
  const seen: unknown[] = [];
  await database
    .asUser({ sub: bob })
    .transaction(async (tx) => {
      await tx.trips.create({ name: 'Not to be kept' });
      for (let i = 0; i < 5; i++) seen.push((await whoami.execute(tx.kysely)).rows[0]);
      throw new Error('undo');
    })
    .catch((error: Error) => expect(error.message).toBe('undo'));
  return seen;
}

const asBob = () => Array.from({ length: 5 }, () => ({ role: 'authenticated', uid: bob }));

async function tripNames(): Promise<string[]> {
  return (await file.admin.query('select name from trips')).rows.map(({ name }) => name);
}

describe('a statement that comes when its transaction ends', () => {
  test('beside one that failed neither runs nor meets another session', async () => {
    const answers: unknown[] = [];
    const transaction = database.asUser({ sub: alice }).transaction(async (tx) => {
      const ask = () => whoami.execute(tx.kysely).then(({ rows }) => answers.push(rows[0]));
      await Promise.all([sql`select 1 / 0`.execute(tx.kysely), ask(), ask(), ask()]);
    });
    const [outcome, seen] = await Promise.all([transaction.catch((error) => error.code), bobsTransaction()]);

    expect(outcome).toBe('22012');
    expect(seen).toEqual(asBob());
    expect(answers).toEqual([]);
    expect(await tripNames()).toEqual([]);
  });

  test.each([0, 1, 2, 3, 4, 5])('because nobody waited for it, %i turns later', async (turns) => {
    let late: Promise<unknown> | undefined;
    const transaction = database.asUser({ sub: alice }).transaction(async (tx) => {
      await tx.trips.list();
      late = (async () => {
        for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
        return (await whoami.execute(tx.kysely)).rows[0];
      })().catch((error: Error) => error.message);
    });
    const [, seen] = await Promise.all([transaction, bobsTransaction()]);

    expect(seen).toEqual(asBob());
    expect([{ role: 'authenticated', uid: alice }, expect.stringMatching(/^(The t|T)ransaction is/)]).toContainEqual(
      await late,
    );
    expect(await tripNames()).toEqual([]);
  });

  test('through a connection that was given back', async () => {
    let kept: Parameters<Parameters<ReturnType<typeof open>['execute']>[0]>[0] | undefined;
    const open = () => database.asUser({ sub: alice }).kysely.connection();
    await open().execute(async (connection) => {
      kept = connection;
    });
    const seen: unknown[] = [];
    await database.asUser({ sub: bob }).transaction(async (tx) => {
      await tx.trips.list();
      if (kept) await expect(whoami.execute(kept)).rejects.toThrow('is over');
      seen.push((await whoami.execute(tx.kysely)).rows[0]);
    });
    expect(seen).toEqual([{ role: 'authenticated', uid: bob }]);
  });
});

describe('what a session leaves behind', () => {
  const traces = [
    'create temp table expenses as select * from public.expenses',
    "select set_config('search_path', 'pg_catalog', false)",
    "select set_config('datestyle', 'German', false)",
    "select set_config('default_transaction_read_only', 'on', false)",
    "select set_config('statement_timeout', '1', false)",
    "select set_config('row_security', 'off', false)",
    `select set_config('request.jwt.claim', '{"sub":"somebody"}', false)`,
    "select set_config('request.jwt.claim.role', 'service_role', false)",
    'set default_transaction_isolation = serializable',
    'declare kept cursor with hold for select 1',
    'select pg_advisory_lock(1)',
    'listen news',
  ];

  test.each(traces)('does not reach the next: %s', async (statement) => {
    await sql.raw(statement).execute(database.asUser({ sub: alice }).kysely);

    const session = database.asUser({ sub: bob });
    const expense = await session.expenses.create({ amount: '42.50', category: 'fuel', date: '2026-12-01' });
    expect(expense).toMatchObject({ date: '2026-12-01', created_at: expect.any(Date) });
    expect((await file.admin.query('select 1 from public.expenses where id = $1', [expense.id])).rowCount).toBe(1);
    const { rows } = await sql<object>`
      select auth.role() as role, auth.jwt() ->> 'sub' as sub, current_setting('transaction_isolation') as isolation,
        (select count(*)::int from pg_cursors where is_holdable) + (select count(*)::int from pg_listening_channels())
          + (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as traces
    `.execute(session.kysely);
    expect(rows).toEqual([{ role: 'authenticated', sub: bob, isolation: 'read committed', traces: 0 }]);
  });

  test('costs no connection when it is nothing', async () => {
    const session = database.asUser({ sub: bob });
    const pid = () => sql<object>`select pg_backend_pid() as pid`.execute(session.kysely);
    const before = await pid();
    await session.transaction(async (tx) => {
      await sql`savepoint one`.execute(tx.kysely);
      await sql`set local statement_timeout = 1000`.execute(tx.kysely);
      await tx.trips.create({ name: 'Set off' });
    });
    expect(await pid()).toEqual(before);
  });
});

describe('a transaction with another one nested in it', () => {
  test('takes no statement while that one runs, which would be undone with it', async () => {
    const session = database.asUser({ sub: alice });
    const transaction = session.transaction(async (tx) => {
      const part = tx.transaction(async (nested) => {
        await nested.trips.create({ name: 'Inner' });
        throw new Error('undo');
      });
      const outer = tx.trips.create({ name: 'Outer' });
      await Promise.allSettled([part, outer]);
      return (await outer).name;
    });
    await expect(transaction).rejects.toThrow('nested transaction is running');
    expect(await tripNames()).toEqual([]);
  });

  test('is not written to by that one when it is over', async () => {
    await database.asUser({ sub: alice }).transaction(async (tx) => {
      let late: Promise<unknown> | undefined;
      await tx
        .transaction(async (nested) => {
          late = new Promise((resolve) => setTimeout(resolve, 20))
            .then(() => nested.trips.create({ name: 'Late' }))
            .catch((error: unknown) => error);
          throw new Error('undo');
        })
        .catch(() => {});
      expect(await late).toMatchObject({ message: expect.stringContaining('is over') });
    });
    expect(await tripNames()).toEqual([]);
  });
});

test('nothing is kept of a transaction that failed, whatever came beside the statement that failed', async () => {
  const transaction = database.asUser({ sub: alice }).transaction(async (tx) => {
    await Promise.all([
      sql`select 1 / 0`.execute(tx.kysely),
      tx.trips.create({ name: 'One' }),
      tx.trips.create({ name: 'Two' }),
      tx.trips.create({ name: 'Three' }),
    ]);
  });
  await expect(transaction).rejects.toMatchObject({ code: '22012' });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await tripNames()).toEqual([]);
});
