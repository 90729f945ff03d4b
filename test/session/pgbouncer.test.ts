import { sql } from 'kysely';
import { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type Database, DatabaseError, PermissionError } from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';
import { findPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.ts';

const installed = findPgBouncer();
const title = installed
  ? `through ${installed.version} in transaction mode`
  : 'through PgBouncer, which is not installed';
if (!installed) console.warn('Skipped: no pgbouncer on this machine (Debian: apt-get install pgbouncer).');

describe.skipIf(!installed)(title, () => {
  const file = testDatabase();
  const serverConnections = 3;
  let bouncer: PgBouncer;
  let database: Database;

  beforeAll(async () => {
    bouncer = await startPgBouncer(installed?.path ?? '', file.connectionString, serverConnections);
    const { connectionString } = bouncer;
    database = createDatabase({ connectionString, max: 12, preparedStatements: false, statementTimeoutMillis: 5000 });
  });

  afterAll(async () => {
    await database?.destroy();
    await bouncer?.stop();
  });

  async function people(count: number) {
    return await Promise.all(
      Array.from({ length: count }, async () => {
        const id = await file.signUp();
        const session = database.asUser({ sub: id });
        await session.trips.create({ name: id });
        return { id, ...session };
      }),
    );
  }

  test('twelve connections are three of the server', async () => {
    const pids = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const { rows } = await sql<{ pid: number }>`
          select pg_backend_pid() as pid, pg_sleep(0.05)
        `.execute(database.asAnon().kysely);
        return rows[0]?.pid;
      }),
    );
    expect(new Set(pids).size).toBe(serverConnections);
  });

  test('everybody sees their own rows only, in statements, transactions and after errors', async () => {
    const crowd = await people(20);
    const anon = database.asAnon();
    const seen = await Promise.all(
      Array.from({ length: 600 }, async (_, i) => {
        const { id, kysely, transaction } = crowd[i % crowd.length] ?? expect.unreachable();
        const mine = kysely.selectFrom('trips').select(['name', 'user_id']);
        if (i % 7 === 0) await expect(sql`select 1 / 0`.execute(kysely)).rejects.toThrow(DatabaseError);
        if (i % 11 === 0) {
          await expect(anon.kysely.selectFrom('trips').selectAll().execute()).rejects.toThrow(PermissionError);
        }
        const rows =
          i % 3 === 0
            ? await transaction(async (tx) => {
                await tx.kysely.selectFrom('profiles').select('id').execute();
                return await tx.kysely.selectFrom('trips').select(['name', 'user_id']).execute();
              })
            : await mine.execute();
        return rows.length === 1 && rows[0]?.name === id && rows[0]?.user_id === id;
      }),
    );
    expect(seen.filter((own) => own)).toHaveLength(600);
  });

  test('everybody streams their own rows only', async () => {
    const crowd = await people(10);
    await Promise.all(
      crowd.map(async ({ id, kysely, expenses }) => {
        await expenses.createMany(
          Array.from({ length: 30 }, () => ({ amount: '1', category: 'fuel', currency: 'USD' })),
        );
        let rows = 0;
        for await (const { user_id } of kysely.selectFrom('expenses').select('user_id').stream(7)) {
          expect(user_id).toBe(id);
          rows += 1;
        }
        expect(rows).toBe(30);
      }),
    );
  });

  test('limits hold, and nothing of a session stays on the server’s connections', async () => {
    const [alice] = await people(1);
    const { connectionString } = bouncer;
    const hasty = createDatabase({ connectionString, max: 2, preparedStatements: false, statementTimeoutMillis: 50 });
    try {
      const { kysely } = hasty.asUser({ sub: alice?.id ?? '' });
      await expect(sql`select pg_sleep(5)`.execute(kysely)).rejects.toMatchObject({ code: '57014' });
    } finally {
      await hasty.destroy();
    }
    const plain = new Pool({ connectionString, max: serverConnections });
    try {
      const residues = await Promise.all(
        Array.from({ length: serverConnections }, async () => {
          const { rows } = await plain.query(
            `select current_user as role, coalesce(current_setting('request.jwt.claims', true), '') as claims,
              current_setting('statement_timeout') as timeout, pg_sleep(0.05)::text as slept`,
          );
          return rows[0];
        }),
      );
      for (const residue of residues) expect(residue).toMatchObject({ role: 'postgres', claims: '', timeout: '0' });
    } finally {
      await plain.end();
    }
  });
});
