import { Kysely, PostgresDialect, sql, WithSchemaPlugin } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compiledOnce } from '../../src/repositories/compiled_once.ts';
import type { DB } from '../../src/types.ts';
import { testDatabase } from '../support/database.ts';

const file = testDatabase();
let db: Kysely<DB>;

beforeAll(async () => {
  await file.signUp({ email: 'a@example.com' });
  await file.signUp({ email: 'b@example.com' });
  db = new Kysely<DB>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: file.connectionString, max: 1 }) }),
  });
});

afterAll(async () => {
  await db.destroy();
});

function counting() {
  let builds = 0;
  const select = compiledOnce((kysely, { email, limit }: { email?: string | null; limit: number }) => {
    builds += 1;
    const query = kysely
      .selectFrom('profiles')
      .select('email')
      .where('role', '=', 'user')
      .orderBy('email')
      .limit(limit);
    return email === undefined ? query : query.where(sql`email`, 'is not distinct from', email);
  });
  return { select, builds: () => builds };
}

test('a query is built once for each set of values, and run with the values of each call', async () => {
  const { select, builds } = counting();
  expect(await select(db, { limit: 5 })).toEqual([{ email: 'a@example.com' }, { email: 'b@example.com' }]);
  expect(await select(db, { limit: 5, email: undefined })).toHaveLength(2);
  expect(builds()).toBe(1);
  expect(await select(db, { limit: 5, email: 'b@example.com' })).toEqual([{ email: 'b@example.com' }]);
  expect(await select(db, { limit: 5, email: 'a@example.com' })).toEqual([{ email: 'a@example.com' }]);
  expect(await select(db, { limit: 5, email: null })).toEqual([]);
  expect(builds()).toBe(2);
});

test('a transaction and a Kysely with a plugin run their own', async () => {
  const { select, builds } = counting();
  await select(db, { limit: 1 });
  await select(db, { limit: 5 });
  const seen = await db.transaction().execute(async (trx) => {
    await sql`update profiles set email = 'c@example.com' where email = 'a@example.com'`.execute(trx);
    const inside = await select(trx, { limit: 5 });
    await sql`update profiles set email = 'a@example.com' where email = 'c@example.com'`.execute(trx);
    return inside;
  });
  expect(seen).toEqual([{ email: 'b@example.com' }, { email: 'c@example.com' }]);
  expect(builds()).toBe(2);
  const elsewhere = select(db.withPlugin(new WithSchemaPlugin('no_such_schema')), { limit: 1 });
  await expect(elsewhere).rejects.toMatchObject({ code: '42P01' });
  expect(await select(db, { limit: 1 })).toHaveLength(1);
});

test('a plugin that leaves the query as it is runs what is compiled, and may refuse it', async () => {
  const { select, builds } = counting();
  await select(db, { limit: 5 });
  let isOver = false;
  const gated = db.withPlugin({
    transformQuery({ node }) {
      if (isOver) throw new Error('over');
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  expect(await select(gated, { limit: 5 })).toHaveLength(2);
  expect(builds()).toBe(1);
  isOver = true;
  await expect(select(gated, { limit: 5 })).rejects.toThrow('over');
});

test('there is a query for each limit', async () => {
  const { select, builds } = counting();
  expect(await select(db, { limit: 1 })).toEqual([{ email: 'a@example.com' }]);
  expect(await select(db, { limit: 2 })).toHaveLength(2);
  expect(await select(db, { limit: 1 })).toHaveLength(1);
  expect(builds()).toBe(2);
});

test('a query that calculates with a value is refused', async () => {
  const select = compiledOnce((kysely, { offset }: { offset: number }) =>
    kysely
      .selectFrom('profiles')
      .select('id')
      .offset(offset + 1),
  );
  await expect(select(db, { offset: 1 })).rejects.toThrow('takes offset as it is');
});
