import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type Database } from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';

const file = testDatabase();
let database: Database;

beforeAll(() => {
  database = createDatabase({ connectionString: file.connectionString, max: 3 });
});

afterAll(async () => {
  await database.destroy();
});

test('the connections are counted as they are at the moment', async () => {
  expect(database.connections).toEqual({ max: 3, open: 0, idle: 0, waiting: 0 });
  const visitor = database.asAnon();
  const work = Promise.all(Array.from({ length: 5 }, () => sql`select pg_sleep(0.5)`.execute(visitor.kysely)));
  await expect.poll(() => database.connections).toEqual({ max: 3, open: 3, idle: 0, waiting: 2 });
  await work;
  expect(database.connections).toEqual({ max: 3, open: 3, idle: 3, waiting: 0 });
  await visitor.transaction(async (tx) => {
    await tx.posts.feed();
    expect(database.connections).toEqual({ max: 3, open: 3, idle: 2, waiting: 0 });
  });
  await database.destroy();
  expect(database.connections).toEqual({ max: 3, open: 0, idle: 0, waiting: 0 });
});

test('the pool has ten connections at most unless told', async () => {
  const other = createDatabase({ connectionString: file.connectionString });
  expect(other.connections.max).toBe(10);
  await other.destroy();
});
