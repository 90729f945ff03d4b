import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

// On Supabase `supabase_auth_admin` writes to auth.users, and has no privilege on anything of ours.

const database = testDatabase();
const role = `account_service_${randomUUID().slice(0, 8)}`;

beforeAll(async () => {
  await database.admin.query(`create role ${role}; grant usage on schema auth to ${role};
    grant select, insert, update, delete on auth.users to ${role}`);
});

afterAll(async () => {
  await database.admin.query(`drop owned by ${role}; drop role ${role}`);
});

async function asAccountService(text: string, values: unknown[]): Promise<void> {
  const client = await database.admin.connect();
  try {
    await client.query(`set role ${role}`);
    await client.query(text, values);
  } finally {
    client.release(true);
  }
}

async function emailOf(id: string): Promise<string | null | undefined> {
  const { rows } = await database.admin.query<{ email: string | null }>('select email from profiles where id = $1', [
    id,
  ]);
  return rows[0]?.email;
}

test('an account has a profile, an address that follows, and an end, without a privilege of its service on profiles', async () => {
  const id = randomUUID();
  await asAccountService('insert into auth.users (id, email) values ($1, $2)', [id, `${id}@example.com`]);
  expect(await emailOf(id)).toBe(`${id}@example.com`);
  await asAccountService("update auth.users set email = 'new-' || email where id = $1", [id]);
  expect(await emailOf(id)).toBe(`new-${id}@example.com`);
  await asAccountService('delete from auth.users where id = $1', [id]);
  expect(await emailOf(id)).toBeUndefined();
});
