import { randomUUID } from 'node:crypto';
import { AbortedTransactionError, type Kysely, sql } from 'kysely';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { anonContext, onBehalfContext, type SessionContext, userContext } from '../../src/session/claims.ts';
import type { ConnectionPool } from '../../src/session/connection_pool.ts';
import { createPool } from '../../src/session/pool.ts';
import { ConfigurationError, ConnectionError, DatabaseError, TimeoutError } from '../../src/types/errors.ts';
import { testDatabase } from '../support/database.ts';
import { openSession } from './open_session.ts';

type Notes = { notes: { note: string } };

const database = testDatabase();
const alice = randomUUID();
const bob = randomUUID();
let pool: ConnectionPool;

/** One connection, so that whatever a session leaves behind is there for the next. */
beforeEach(() => {
  pool = createPool({ connectionString: database.connectionString, max: 1 });
});

afterEach(async () => {
  await pool.end();
});

beforeAll(async () => {
  await database.admin.query('create table notes (note text primary key); grant all on notes to authenticated');
});

function sessionOf(sub: string): Kysely<Notes> {
  return openSession(pool, userContext({ sub }));
}

type Identity = { role: string; uid: string | null; jwt: unknown };

const whoami = sql<Identity>`select current_user as role, auth.uid() as uid, auth.jwt() as jwt`;

async function identityOf(kysely: Kysely<Notes>): Promise<Identity | undefined> {
  return (await whoami.execute(kysely)).rows[0];
}

const pristine = { role: 'postgres', setting: 'none', claims: '', sub: '' };

/** What the one connection is like when no session uses it. */
async function residue(): Promise<unknown> {
  const { rows } = await pool.query(
    `select current_user as role, current_setting('role') as setting,
      coalesce(current_setting('request.jwt.claims', true), '') as claims,
      coalesce(current_setting('request.jwt.claim.sub', true), '') as sub`,
  );
  return rows[0];
}

async function backendPid(): Promise<number> {
  return (await pool.query('select pg_backend_pid() as pid')).rows[0].pid;
}

async function notes(): Promise<string[]> {
  return (await database.admin.query('select note from notes order by note')).rows.map(({ note }) => note);
}

describe('a statement', () => {
  test('reads our tables, whatever temporary ones were left on the connection', async () => {
    await pool.query(
      "create temp table notes as select 'forged' as note; grant select on pg_temp.notes to authenticated",
    );
    expect(await sessionOf(alice).selectFrom('notes').selectAll().execute()).toEqual([]);
  });

  test('reads days as they are written, whatever date style was left on the connection', async () => {
    await pool.query("set datestyle = 'SQL, DMY'");
    const { rows } = await sql<{ day: string }>`select date '2026-12-01' as day`.execute(sessionOf(alice));
    expect(rows).toEqual([{ day: '2026-12-01' }]);
  });

  test('runs as the role, with the claims, of its session', async () => {
    const claims = { sub: alice, email: `it's "quoted" $1 \\`, amr: [{ method: 'otp' }] };
    const session = openSession<Notes>(pool, userContext(claims));
    expect(await identityOf(session)).toEqual({
      role: 'authenticated',
      uid: alice,
      jwt: { ...claims, role: 'authenticated' },
    });
    expect(await identityOf(openSession(pool, anonContext()))).toEqual({
      role: 'anon',
      uid: null,
      jwt: { role: 'anon' },
    });
    expect(await identityOf(openSession(pool, onBehalfContext(bob)))).toMatchObject({ role: 'service_role', uid: bob });
  });

  test('leaves nothing on the connection, whether it succeeds or fails', async () => {
    const session = sessionOf(alice);
    const pid = await backendPid();
    await identityOf(session);
    expect(await residue()).toEqual(pristine);
    await expect(sql`select 1 / 0`.execute(session)).rejects.toThrow(DatabaseError);
    expect(await residue()).toEqual(pristine);
    await expect(sql`select nonsense from nowhere`.execute(session)).rejects.toThrow(DatabaseError);
    expect(await residue()).toEqual(pristine);
    expect(await backendPid()).toBe(pid);
  });

  test('is undone if it fails', async () => {
    const failing = sql`with added as (insert into notes values ('undone') returning 1) select 1 / 0 from added`;
    await expect(failing.execute(sessionOf(alice))).rejects.toThrow(DatabaseError);
    expect(await notes()).not.toContain('undone');
  });

  test('brings no second one along', async () => {
    const smuggled = sql.raw("select 1; commit; reset role; insert into notes values ('smuggled')");
    await expect(smuggled.execute(sessionOf(alice))).rejects.toMatchObject({ code: '42601' });
    expect(await notes()).not.toContain('smuggled');
    expect(await residue()).toEqual(pristine);
  });

  test('is not misled by a setting that somebody left on the connection', async () => {
    await pool.query(`set request.jwt.claim.sub = '${bob}'`);
    expect(await identityOf(sessionOf(alice))).toMatchObject({ uid: alice });
    expect(await identityOf(openSession(pool, anonContext()))).toMatchObject({ uid: null });
  });

  test('does not join a transaction that somebody left open', async () => {
    const stranger = await pool.connect();
    await stranger.query("begin; insert into notes values ('left open')");
    stranger.release();
    expect(await identityOf(sessionOf(alice))).toMatchObject({ uid: alice });
    expect(await notes()).not.toContain('left open');
  });
});

describe('a transaction', () => {
  test('has the settings from its first statement to its last, and leaves nothing', async () => {
    const session = sessionOf(alice);
    await session
      .transaction()
      .setIsolationLevel('serializable')
      .execute(async (trx) => {
        expect(await identityOf(trx)).toMatchObject({ role: 'authenticated', uid: alice });
        await trx.insertInto('notes').values({ note: 'committed' }).execute();
        expect(await identityOf(trx)).toMatchObject({ role: 'authenticated', uid: alice });
      });
    expect(await residue()).toEqual(pristine);
    expect(await notes()).toContain('committed');
  });

  test('is undone by a throw, and leaves nothing', async () => {
    const pid = await backendPid();
    const undone = sessionOf(alice)
      .transaction()
      .execute(async (trx) => {
        await trx.insertInto('notes').values({ note: 'thrown away' }).execute();
        await trx.insertInto('notes').values({ note: 'thrown away' }).execute();
      });
    await expect(undone).rejects.toMatchObject({ code: '23505' });
    expect(await notes()).not.toContain('thrown away');
    expect(await residue()).toEqual(pristine);
    expect(await backendPid()).toBe(pid);
  });

  test('goes on as one, under its role, after a rollback to a savepoint', async () => {
    const trx = await sessionOf(alice).startTransaction().execute();
    const saved = await trx.savepoint('before').execute();
    await expect(sql`select 1 / 0`.execute(saved)).rejects.toThrow(DatabaseError);
    const restored = await saved.rollbackToSavepoint('before').execute();
    expect(await identityOf(restored)).toMatchObject({ role: 'authenticated', uid: alice });
    await restored.insertInto('notes').values({ note: 'after the savepoint' }).execute();
    await restored.rollback().execute();
    expect(await notes()).not.toContain('after the savepoint');
    expect(await residue()).toEqual(pristine);
  });

  test('takes nothing but its end after an error', async () => {
    const transaction = sessionOf(alice)
      .transaction()
      .execute(async (trx) => {
        await expect(sql`select 1 / 0`.execute(trx)).rejects.toThrow(DatabaseError);
        await trx.insertInto('notes').values({ note: 'after an error' }).execute();
      });
    await expect(transaction).rejects.toMatchObject({ code: '25P02' });
    expect(await notes()).not.toContain('after an error');
    expect(await residue()).toEqual(pristine);
  });

  test('goes on as one after an error of the driver', async () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const transaction = sessionOf(alice)
      .transaction()
      .execute(async (trx) => {
        await expect(sql`select ${cycle}::jsonb`.execute(trx)).rejects.toMatchObject({ code: 'DRIVER' });
        await trx.insertInto('notes').values({ note: 'after a driver error' }).execute();
        throw new Error('undo');
      });
    await expect(transaction).rejects.toThrow('undo');
    expect(await notes()).not.toContain('after a driver error');
    expect(await residue()).toEqual(pristine);
  });

  test.each(['commit', 'COMMIT', 'commit and chain', 'rollback and chain', 'Rollback'])(
    'whose function sends "%s" never goes on as the login role',
    async (end) => {
      const session = sessionOf(alice);
      const ended = session.transaction().execute(async (trx) => {
        await sql.raw(end).execute(trx);
        expect(await identityOf(trx)).toMatchObject({ role: 'authenticated', uid: alice });
      });
      if (end.endsWith('chain')) await ended;
      else await expect(ended).rejects.toThrow(/^The transaction was ended inside of its function/);
      expect(await residue()).toEqual(pristine);
    },
  );

  describe('that fails at its end', () => {
    const violation = sql`insert into deferred values (1), (1)`;

    beforeAll(async () => {
      await database.admin.query(
        'create table deferred (id int unique deferrable initially deferred); grant all on deferred to authenticated',
      );
    });

    test('leaves nothing', async () => {
      const failing = sessionOf(alice)
        .transaction()
        .execute((trx) => violation.execute(trx));
      await expect(failing).rejects.toMatchObject({ code: '23505' });
      expect(await residue()).toEqual(pristine);
    });

    test('never goes on as the login role', async () => {
      const ended = sessionOf(alice)
        .transaction()
        .execute(async (trx) => {
          await violation.execute(trx);
          await expect(sql`COMMIT`.execute(trx)).rejects.toMatchObject({ code: '23505' });
          expect(await identityOf(trx)).toMatchObject({ role: 'authenticated', uid: alice });
        });
      await expect(ended).rejects.toThrow(/^The transaction was ended inside of its function/);
      expect(await residue()).toEqual(pristine);
    });
  });
});

test('a connection that goes back inside a transaction is not used again', async () => {
  const pid = await backendPid();
  await sessionOf(alice)
    .connection()
    .execute(async (connection) => {
      await sql`begin`.execute(connection);
      await connection.insertInto('notes').values({ note: 'never committed' }).execute();
    });
  expect(await residue()).toEqual(pristine);
  expect(await backendPid()).not.toBe(pid);
  expect(await notes()).not.toContain('never committed');
});

describe('sessions that share a connection', () => {
  test('never see the other', async () => {
    const sessions = [
      { session: sessionOf(alice), uid: alice },
      { session: sessionOf(bob), uid: bob },
      { session: openSession<Notes>(pool, anonContext()), uid: null },
    ];
    const calls = Array.from({ length: 30 }, async (_, call) => {
      for (const { session, uid } of sessions) {
        const identity =
          call % 3 === 0
            ? await session.transaction().execute(async (trx) => (await identityOf(trx)) && identityOf(trx))
            : await identityOf(session);
        expect(identity).toMatchObject({ uid });
        if (call % 5 === 0) await expect(sql`select 1 / 0`.execute(session)).rejects.toThrow(DatabaseError);
      }
    });
    await Promise.all(calls);
    expect(await residue()).toEqual(pristine);
  });
});

describe('settings that cannot be applied', () => {
  const noRole: SessionContext = JSON.parse('{ "role": "no_such_role", "claims": {} }');

  test('keep the statement from running', async () => {
    const pid = await backendPid();
    const session = openSession<Notes>(pool, noRole);
    const write = session.insertInto('notes').values({ note: 'without a role' }).execute();
    await expect(write).rejects.toThrow(ConfigurationError);
    await expect(write).rejects.toThrow('The connection may not act as no_such_role: run the migrations');
    expect(await notes()).not.toContain('without a role');
    expect(await residue()).toEqual(pristine);
    expect(await backendPid()).toBe(pid);
  });

  test('keep the transaction from doing anything, even if that is swallowed', async () => {
    const session = openSession<Notes>(pool, noRole);
    const write = { note: 'without a role, in a transaction' };
    const transaction = session.transaction().execute(async (trx) => {
      await trx.insertInto('notes').values(write).execute();
    });
    await expect(transaction).rejects.toThrow(ConfigurationError);
    const swallowing = session.transaction().execute(async (trx) => {
      await expect(trx.insertInto('notes').values(write).execute()).rejects.toThrow(ConfigurationError);
      await expect(trx.insertInto('notes').values(write).execute()).rejects.toMatchObject({ code: '25P02' });
    });
    await expect(swallowing).rejects.toThrow(AbortedTransactionError);
    expect(await notes()).not.toContain(write.note);
    expect(await residue()).toEqual(pristine);
  });

  test('because the login role is no member are told apart', async () => {
    const login = `login_${randomUUID().replaceAll('-', '')}`;
    await database.admin.query(`create role ${login} login password 'x'`);
    const connectionString = Object.assign(new URL(database.connectionString), { username: login, password: 'x' }).href;
    const restricted = createPool({ connectionString, max: 1 });
    try {
      const identity = identityOf(openSession(restricted, userContext({ sub: alice })));
      await expect(identity).rejects.toThrow(ConfigurationError);
      await expect(identity).rejects.toMatchObject({ code: '42501' });
    } finally {
      await restricted.end();
      await database.admin.query(`drop role ${login}`);
    }
  });
});

describe('a backend that is terminated', () => {
  const terminate = (pid: number) => database.admin.query('select pg_terminate_backend($1, 5000)', [pid]);

  test('while idle is replaced', async () => {
    await terminate(await backendPid());
    await expect.poll(() => pool.totalCount).toBe(0);
    expect(await identityOf(sessionOf(alice))).toMatchObject({ uid: alice });
  });

  test('under a statement fails it and is replaced', async () => {
    const session = sessionOf(alice);
    const pid = await backendPid();
    const outcome = expect(sql`select pg_sleep(30)`.execute(session)).rejects.toThrow(ConnectionError);
    await expect.poll(() => isSleeping(pid)).toBe(true);
    await terminate(pid);
    await outcome;
    expect(await identityOf(session)).toMatchObject({ uid: alice });
  });

  test('between two statements of a transaction fails it and is replaced', async () => {
    const session = sessionOf(alice);
    const transaction = session.transaction().execute(async (trx) => {
      await trx.insertInto('notes').values({ note: 'lost with the connection' }).execute();
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
      await terminate(rows[0]?.pid ?? 0);
      await identityOf(trx);
    });
    await expect(transaction).rejects.toThrow(ConnectionError);
    expect(await identityOf(session)).toMatchObject({ uid: alice });
    expect(await notes()).not.toContain('lost with the connection');
  });

  test('for a transaction that stood still says so', async () => {
    const transaction = sessionOf(alice)
      .transaction()
      .execute(async (trx) => {
        await sql`set local idle_in_transaction_session_timeout = 50`.execute(trx);
        await new Promise((resolve) => setTimeout(resolve, 300));
        await identityOf(trx);
      });
    await expect(transaction).rejects.toThrow(TimeoutError);
    await expect(transaction).rejects.toMatchObject({ code: '25P03' });
    expect(await identityOf(sessionOf(alice))).toMatchObject({ uid: alice });
  });
});

async function isSleeping(pid: number): Promise<boolean> {
  const { rows } = await database.admin.query(
    `select query like '%pg_sleep%' and wait_event = 'PgSleep' as sleeping from pg_stat_activity where pid = $1`,
    [pid],
  );
  return rows[0]?.sleeping ?? false;
}

describe('an aborted statement', () => {
  test('stops on the server too, if asked for', async () => {
    const pid = await backendPid();
    const controller = new AbortController();
    const options = { signal: controller.signal, inflightQueryAbortStrategy: 'cancel query' } as const;
    const outcome = expect(sql`select pg_sleep(30)`.execute(sessionOf(alice), options)).rejects.toThrow('gave up');
    await expect.poll(() => isSleeping(pid)).toBe(true);
    controller.abort(new Error('gave up'));
    await outcome;
    expect(await identityOf(sessionOf(bob))).toMatchObject({ uid: bob });
    // A second request may be under way, and would hit whatever runs next on that connection.
    expect(await backendPid()).not.toBe(pid);
    expect(await residue()).toEqual(pristine);
  });

  test('in a transaction undoes it', async () => {
    const controller = new AbortController();
    const transaction = sessionOf(alice)
      .transaction()
      .execute(async (trx) => {
        await trx.insertInto('notes').values({ note: 'aborted' }).execute();
        setTimeout(() => controller.abort(new Error('gave up')), 50);
        await sql`select pg_sleep(0.3)`.execute(trx, { signal: controller.signal });
      });
    await expect(transaction).rejects.toThrow('gave up');
    expect(await notes()).not.toContain('aborted');
    expect(await residue()).toEqual(pristine);
  });
});

test('the end of a session leaves the pool open', async () => {
  const session = sessionOf(alice);
  await identityOf(session);
  await session.destroy();
  expect(await identityOf(sessionOf(bob))).toMatchObject({ uid: bob });
});

test('a pool that has ended, or a full one, says so', async () => {
  const full = createPool({ connectionString: database.connectionString, max: 1, connectionTimeoutMillis: 1000 });
  const session = openSession<Notes>(full, userContext({ sub: alice }));
  const holder = await full.connect();
  await expect(identityOf(session)).rejects.toThrow(
    new ConnectionError('No connection became free in time: look for transactions that stay open, or raise max.'),
  );
  holder.release();
  await full.end();
  await expect(identityOf(session)).rejects.toThrow(ConnectionError);
});
