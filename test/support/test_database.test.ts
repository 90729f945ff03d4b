import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, expect, inject, test, vi } from 'vitest';
import { UniqueError, ValidationError } from '../../src/index.ts';
import { createTestDatabase } from '../../src/testing/index.ts';

const onServer = new pg.Pool({ connectionString: inject('connectionString'), max: 1 });
afterAll(() => onServer.end());

beforeEach(() => {
  vi.stubEnv('WHEELS_TEST_SERVER', inject('connectionString'));
  vi.stubEnv('WHEELS_TEST_TEMPLATE', inject('template'));
});
afterEach(() => {
  vi.unstubAllEnvs();
});

async function isThere(name: string): Promise<boolean> {
  return (await onServer.query('select from pg_database where datname = $1', [name])).rowCount === 1;
}

test('a database that cannot be opened is dropped again', async () => {
  const made = vi.spyOn(pg.Client.prototype, 'query');
  await expect(createTestDatabase({ max: 0 })).rejects.toMatchObject({ name: 'ConfigurationError' });
  const name = made.mock.calls.flatMap(([text]) => /^create database (\w+)/.exec(String(text))?.[1] ?? [])[0] ?? '';
  made.mockRestore();
  expect(name).not.toBe('');
  expect(await isThere(name)).toBe(false);
});

test('a database is dropped though a test has kept a client', async () => {
  const file = await createTestDatabase();
  await file.admin.connect();
  await file.drop();
  expect(await isThere(new URL(file.connectionString).pathname.slice(1))).toBe(false);
});

test('somebody who signs up has the id as it is stored, and an address once', async () => {
  await using file = await createTestDatabase();
  const id = randomUUID();
  const alice = await file.signUp({ id: id.toUpperCase(), email: 'alice@example.com' });
  expect(alice).toMatchObject({ id, claims: { sub: id } });
  expect((await alice.trips.create({ name: 'Big Lap' })).user_id).toBe(id);
  await expect(file.signUp({ email: 'alice@example.com' })).rejects.toThrow(UniqueError);
  await expect(file.signUp({ id: 'alice' })).rejects.toThrow(ValidationError);
  await expect(file.signUp({ id: 'alice' })).rejects.toMatchObject({ issues: [{ path: 'id' }] });
});

test('a database whose user has closed everything is dropped', async () => {
  const file = await createTestDatabase();
  const name = new URL(file.connectionString).pathname.slice(1);
  expect(await isThere(name)).toBe(true);
  await file.admin.end();
  await file.database.destroy();
  await file.drop();
  await file.drop();
  expect(await isThere(name)).toBe(false);
});
