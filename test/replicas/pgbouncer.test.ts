import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../src/index.ts';
import { findPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { replicatedDatabase } from './replicated_database.ts';

const installed = findPgBouncer();
const title = installed
  ? `through ${installed.version} in transaction mode`
  : 'through PgBouncer, which is not installed';
if (!installed) console.warn('Skipped: no pgbouncer on this machine (Debian: apt-get install pgbouncer).');

describe.skipIf(!installed)(title, () => {
  const file = replicatedDatabase();
  const bouncers: PgBouncer[] = [];
  let database: Database;

  beforeAll(async () => {
    for (const { connectionString } of [file.servers.primary, ...file.servers.standbys]) {
      bouncers.push(await startPgBouncer(installed?.path ?? '', connectionString, 2));
    }
    const [primary, ...replicas] = bouncers.map(({ connectionString }) => connectionString);
    database = file.open({ connectionString: primary, replicas, preparedStatements: false });
  }, 30_000);

  afterAll(async () => {
    await Promise.all(bouncers.map((bouncer) => bouncer.stop()));
  });

  async function read(sub: string) {
    const { kysely } = database.asUser({ sub }, { readOnly: true });
    const { rows } = await sql<{ n: string; others: string; is_standby: boolean }>`
      select count(*) filter (where user_id = ${sub}) as n, count(*) filter (where user_id <> ${sub}) as others,
        pg_is_in_recovery() as is_standby
      from trips`.execute(kysely);
    return rows[0];
  }

  test('reads go to the replicas, and everybody sees what they have written and nothing of others', async () => {
    const people = await Promise.all(Array.from({ length: 10 }, () => file.signUp()));
    await Promise.all(
      people.map(async (sub) => {
        for (let n = 1; n <= 6; n++) {
          await database.asUser({ sub }).trips.create({ name: sub });
          for (let i = 0; i < 6; i++) {
            expect(await read(sub)).toMatchObject({ n: String(n), others: '0' });
            await new Promise((resolve) => setTimeout(resolve, 10));
          }
        }
        await expect.poll(() => read(sub), { timeout: 20_000 }).toEqual({ n: '6', others: '0', is_standby: true });
      }),
    );
  });
});
