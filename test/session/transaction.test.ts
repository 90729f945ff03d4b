import { randomUUID } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { userContext } from '../../src/session/claims.ts';
import type { ConnectionPool } from '../../src/session/connection_pool.ts';
import { createPool } from '../../src/session/pool.ts';
import { runTransaction } from '../../src/session/transaction.ts';
import {
  AfterCommitError,
  CancelledError,
  ConfigurationError,
  DatabaseError,
  SerializationError,
  UniqueError,
  ValidationError,
} from '../../src/types/errors.ts';
import { testDatabase } from '../support/database.ts';
import { openSession } from './open_session.ts';

type Accounts = { accounts: { id: string; balance: number } };

const database = testDatabase();
let pool: ConnectionPool;
let session: Kysely<Accounts>;

beforeAll(async () => {
  await database.admin.query(
    'create table accounts (id text primary key, balance int not null); grant all on accounts to authenticated',
  );
  pool = createPool({ connectionString: database.connectionString, max: 4 });
  session = openSession(pool, userContext({ sub: randomUUID() }));
});

beforeEach(async () => {
  await database.admin.query("truncate accounts; insert into accounts values ('a', 50), ('b', 50)");
});

afterAll(async () => {
  await pool.end();
});

async function balances(): Promise<Record<string, number>> {
  const { rows } = await database.admin.query('select id, balance from accounts');
  return Object.fromEntries(rows.map(({ id, balance }) => [id, balance]));
}

/** Lets each of two transactions go on only when both have come this far. */
function meetingPoint(): () => Promise<void> {
  let arrived = 0;
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  return async () => {
    arrived += 1;
    if (arrived === 2) open();
    await gate;
  };
}

test('commits what its function did and returns what it returned', async () => {
  const result = await runTransaction(session, async (trx) => {
    await trx.updateTable('accounts').set({ balance: 40 }).where('id', '=', 'a').execute();
    await trx.updateTable('accounts').set({ balance: 60 }).where('id', '=', 'b').execute();
    return 'moved';
  });
  expect(result).toBe('moved');
  expect(await balances()).toEqual({ a: 40, b: 60 });
});

test('undoes everything if its function throws, and throws the same', async () => {
  const reason = new Error('changed my mind');
  const transaction = runTransaction(session, async (trx) => {
    await trx.updateTable('accounts').set({ balance: 0 }).execute();
    throw reason;
  });
  await expect(transaction).rejects.toBe(reason);
  expect(await balances()).toEqual({ a: 50, b: 50 });
});

test('has the isolation level and the access mode it is given', async () => {
  const modes = sql<{ isolation: string; readonly: string }>`
    select current_setting('transaction_isolation') as isolation, current_setting('transaction_read_only') as readonly`;
  const { rows } = await runTransaction(session, (trx) => modes.execute(trx), {
    isolationLevel: 'repeatable read',
    accessMode: 'read only',
  });
  expect(rows).toEqual([{ isolation: 'repeatable read', readonly: 'on' }]);
  const write = runTransaction(session, (trx) => trx.deleteFrom('accounts').execute(), { accessMode: 'read only' });
  await expect(write).rejects.toMatchObject({ code: '25006' });
});

describe('two transactions in each other’s way', () => {
  /** Takes 80 from an account if both together hold that much: allowed once, so that one of two has to see the other. */
  function withdrawals(options: { retries?: number }) {
    const meet = meetingPoint();
    let attempts = 0;
    const withdraw = (id: string) =>
      runTransaction(
        session,
        async (trx) => {
          attempts += 1;
          const accounts = await trx.selectFrom('accounts').selectAll().execute();
          await meet();
          const sum = accounts.reduce((total, { balance }) => total + balance, 0);
          if (sum < 80) return 'refused';
          await trx
            .updateTable('accounts')
            .set((eb) => ({ balance: eb('balance', '-', 80) }))
            .where('id', '=', id)
            .execute();
          return 'paid';
        },
        { isolationLevel: 'serializable', ...options },
      );
    return { run: () => Promise.allSettled([withdraw('a'), withdraw('b')]), attempts: () => attempts };
  }

  test('end as if one came after the other (40001)', async () => {
    const { run, attempts } = withdrawals({});
    const outcomes = (await run()).map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason));
    expect(outcomes.sort()).toEqual(['paid', 'refused']);
    expect(attempts()).toBeGreaterThan(2);
    const { a = 0, b = 0 } = await balances();
    expect(a + b).toBe(20);
  });

  test('fail without retries', async () => {
    const { run, attempts } = withdrawals({ retries: 0 });
    const failures = (await run()).filter((outcome) => outcome.status === 'rejected');
    expect(failures).toHaveLength(1);
    expect(failures[0]?.reason).toBeInstanceOf(SerializationError);
    expect(attempts()).toBe(2);
  });

  test('get over a deadlock (40P01)', async () => {
    const meet = meetingPoint();
    let attempts = 0;
    const lock = (ids: string[]) =>
      runTransaction(session, async (trx) => {
        attempts += 1;
        for (const id of ids) {
          await trx
            .updateTable('accounts')
            .set((eb) => ({ balance: eb('balance', '+', 1) }))
            .where('id', '=', id)
            .execute();
          if (id === ids[0]) await meet();
        }
      });
    await Promise.all([lock(['a', 'b']), lock(['b', 'a'])]);
    // On a busy server both may be chosen to give way.
    expect(attempts).toBeGreaterThan(2);
    expect(await balances()).toEqual({ a: 52, b: 52 });
  });
});

describe('retries', () => {
  const collide = sql`do $$ begin raise serialization_failure; end $$`;

  test('end after three', async () => {
    let attempts = 0;
    const transaction = runTransaction(session, async (trx) => {
      attempts += 1;
      await collide.execute(trx);
    });
    await expect(transaction).rejects.toThrow(SerializationError);
    expect(attempts).toBe(4);
  });

  test.each([-1, 1.5, Number.NaN])('are not %d', async (retries) => {
    const transaction = runTransaction(session, async () => expect.unreachable(), { retries });
    await expect(transaction).rejects.toThrow(ValidationError);
  });

  test('do not wait for their turn once the signal is aborted', async () => {
    const controller = new AbortController();
    let attempts = 0;
    const run = async (trx: Transaction<Accounts>) => {
      attempts += 1;
      await collide.execute(trx);
    };
    let abortedAt = 0;
    // The pause before the ninth attempt is half a second at least.
    const abortInPause = () => {
      if (attempts < 8) return;
      setTimeout(() => {
        abortedAt = performance.now();
        controller.abort();
      }, 20);
    };
    const transaction = runTransaction(session, run, { retries: 9 }, abortInPause, controller.signal);
    await expect(transaction).rejects.toThrow(CancelledError);
    expect(performance.now() - abortedAt).toBeLessThan(250);
    expect(attempts).toBe(8);
  });

  test('are for serialization failures only', async () => {
    let attempts = 0;
    const transaction = runTransaction(session, async (trx) => {
      attempts += 1;
      await trx.insertInto('accounts').values({ id: 'a', balance: 1 }).execute();
    });
    await expect(transaction).rejects.toThrow(UniqueError);
    expect(attempts).toBe(1);
  });
});

test('an error that its function swallows does not look like success', async () => {
  const transaction = runTransaction(session, async (trx) => {
    await trx.updateTable('accounts').set({ balance: 0 }).execute();
    await trx
      .insertInto('accounts')
      .values({ id: 'a', balance: 1 })
      .execute()
      .catch(() => {});
    return 'done';
  });
  await expect(transaction).rejects.toThrow(DatabaseError);
  await expect(transaction).rejects.toThrow('Nothing was saved');
  expect(await balances()).toEqual({ a: 50, b: 50 });
});

const set = (balance: number) => sql`update accounts set balance = ${balance} where id = 'a'`;

describe('a nested transaction', () => {
  test('is kept with the outer one, and undone with it', async () => {
    const work = (outcome: () => void) =>
      runTransaction(session, async (trx, level) => {
        await level.nested(trx, (inner) => set(1).execute(inner));
        outcome();
      });
    await expect(work(() => expect.unreachable())).rejects.toThrow();
    expect(await balances()).toEqual({ a: 50, b: 50 });
    await work(() => {});
    expect(await balances()).toEqual({ a: 1, b: 50 });
  });

  test('that throws is undone alone, and the outer one goes on', async () => {
    const reason = new Error('changed my mind');
    const result = await runTransaction(session, async (trx, level) => {
      await set(1).execute(trx);
      const part = level.nested(trx, async (inner) => {
        await set(2).execute(inner);
        throw reason;
      });
      await expect(part).rejects.toBe(reason);
      const failing = level.nested(trx, async (inner) => {
        await set(3).execute(inner);
        await sql`insert into accounts values ('b', 1)`.execute(inner);
      });
      await expect(failing).rejects.toThrow(UniqueError);
      await sql`update accounts set balance = 7 where id = 'b'`.execute(trx);
      return 'went on';
    });
    expect(result).toBe('went on');
    expect(await balances()).toEqual({ a: 1, b: 7 });
  });

  test('nests in another one, each undone alone', async () => {
    await runTransaction(session, (trx, level) =>
      level.nested(trx, async (outer, outerLevel) => {
        await set(1).execute(outer);
        const undone = outerLevel.nested(outer, async (inner, innerLevel) => {
          await innerLevel.nested(inner, (innermost) => set(2).execute(innermost));
          throw new Error('undo');
        });
        await expect(undone).rejects.toThrow('undo');
      }),
    );
    expect(await balances()).toEqual({ a: 1, b: 50 });
  });

  test('does not look like success if it swallows an error, and the outer one may go on', async () => {
    await runTransaction(session, async (trx, level) => {
      const swallowing = level.nested(trx, async (inner) => {
        await set(1).execute(inner);
        await sql`select 1 / 0`.execute(inner).catch(() => {});
      });
      await expect(swallowing).rejects.toMatchObject({ code: '25P02' });
      await sql`update accounts set balance = 7 where id = 'b'`.execute(trx);
    });
    expect(await balances()).toEqual({ a: 50, b: 7 });
  });

  test('runs beside no other', async () => {
    await runTransaction(session, async (trx, level) => {
      const first = level.nested(trx, () => set(1).execute(trx));
      await expect(level.nested(trx, () => set(2).execute(trx))).rejects.toThrow(ConfigurationError);
      await first;
    });
    expect(await balances()).toEqual({ a: 1, b: 50 });
  });

  test('leaves running again to the outermost', async () => {
    const attempts = { outer: 0, inner: 0 };
    await runTransaction(session, async (trx, level) => {
      attempts.outer += 1;
      await level.nested(trx, async (inner) => {
        attempts.inner += 1;
        if (attempts.inner < 3) await sql`do $$ begin raise serialization_failure; end $$`.execute(inner);
        await set(attempts.inner).execute(inner);
      });
    });
    expect(attempts).toEqual({ outer: 3, inner: 3 });
    expect(await balances()).toEqual({ a: 3, b: 50 });
  });
});

describe('what is registered with afterCommit', () => {
  test('happens in order, when others see what was done', async () => {
    const seen: unknown[] = [];
    const result = await runTransaction(session, async (trx, level) => {
      level.afterCommit(async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        seen.push(await balances());
      });
      level.afterCommit(() => seen.push('second'));
      await set(1).execute(trx);
      return seen.length;
    });
    expect(result).toBe(0);
    expect(seen).toEqual([{ a: 1, b: 50 }, 'second']);
  });

  test('does not happen if the transaction is undone, or fails at its end', async () => {
    const afterCommit = () => expect.unreachable();
    const undone = runTransaction(session, async (_, level) => {
      level.afterCommit(afterCommit);
      throw new Error('undo');
    });
    await expect(undone).rejects.toThrow('undo');
    const swallowing = runTransaction(session, async (trx, level) => {
      level.afterCommit(afterCommit);
      await sql`select 1 / 0`.execute(trx).catch(() => {});
    });
    await expect(swallowing).rejects.toThrow('Nothing was saved');
  });

  test('happens once, however often the function ran, and not for nested ones that were undone', async () => {
    const seen: string[] = [];
    let attempts = 0;
    await runTransaction(session, async (trx, level) => {
      attempts += 1;
      level.afterCommit(() => seen.push(`attempt ${attempts}`));
      await level.nested(trx, async (inner, innerLevel) => {
        innerLevel.afterCommit(() => seen.push('kept'));
        await innerLevel
          .nested(inner, async (_, innermost) => {
            innermost.afterCommit(() => seen.push('undone'));
            throw new Error('undo');
          })
          .catch(() => {});
      });
      if (attempts < 3) await sql`do $$ begin raise serialization_failure; end $$`.execute(trx);
    });
    expect(seen).toEqual(['attempt 3', 'kept']);
  });

  test('that fails undoes nothing, repeats nothing and keeps nothing else from happening', async () => {
    const seen: string[] = [];
    let attempts = 0;
    const reasons = [new Error('mail server'), new SerializationError('of another database', { code: '40001' })];
    const transaction = runTransaction(session, async (trx, level) => {
      attempts += 1;
      await set(1).execute(trx);
      for (const reason of reasons) {
        level.afterCommit(() => {
          throw reason;
        });
        level.afterCommit(() => seen.push('next'));
      }
    });
    await expect(transaction).rejects.toThrow(AfterCommitError);
    await expect(transaction).rejects.toMatchObject({ errors: reasons, code: 'AFTER_COMMIT' });
    expect(seen).toEqual(['next', 'next']);
    expect(attempts).toBe(1);
    expect(await balances()).toEqual({ a: 1, b: 50 });
  });

  test('comes too late when the transaction is over', async () => {
    const level = await runTransaction(session, async (_, open) => open);
    expect(() => level.afterCommit(() => {})).toThrow(ConfigurationError);
  });
});
