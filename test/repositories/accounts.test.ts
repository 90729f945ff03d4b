import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AccountRepository, CursorError, NotFoundError, PermissionError, ValidationError } from '../../src/index.ts';
import type { Account, Page, ProfileRole, ProfileStatus } from '../../src/types.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();
const accounts = () => sessions.database.asService().accounts;

describe('an account', () => {
  test('is found by id and by email address, in whatever case', async () => {
    const alice = await sessions.signUp({ email: 'Alice@Example.com' });
    const profile = await alice.profiles.me();
    expect(await accounts().get(alice.id.toUpperCase())).toEqual(profile);
    for (const email of ['alice@example.com', ' ALICE@example.COM ']) {
      expect(await accounts().findByEmail(email)).toEqual(profile);
    }
  });

  test('that is not there is undefined or a NotFoundError', async () => {
    expect(await accounts().find(randomUUID())).toBeUndefined();
    expect(await accounts().findByEmail('nobody@example.com')).toBeUndefined();
    await expect(accounts().get(randomUUID())).rejects.toThrow(NotFoundError);
    await expect(accounts().setRole(randomUUID(), 'admin')).rejects.toThrow(NotFoundError);
    await expect(accounts().setStatus(randomUUID(), 'active')).rejects.toThrow(NotFoundError);
    expect(await accounts().erase(randomUUID())).toBe(false);
  });

  test('is not found by what is no id and no address', async () => {
    for (const id of ['42', '', null, 7, {}] as string[]) {
      await expect(accounts().find(id)).rejects.toThrow(ValidationError);
      await expect(accounts().erase(id)).rejects.toThrow(ValidationError);
    }
    for (const email of ['', ' ', null, 7, 'a\0b', 'x'.repeat(256)] as string[]) {
      await expect(accounts().findByEmail(email)).rejects.toThrow(ValidationError);
    }
  });
});

describe('a role', () => {
  test('is given and taken, and holds at once', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const { id } = await bob.posts.create({ title: 'Spam', content: 'x', visibility: 'public' });
    const deleted = () => alice.kysely.deleteFrom('posts').where('id', '=', id).executeTakeFirst();
    expect((await deleted()).numDeletedRows).toBe(0n);
    const before = await alice.profiles.me();
    expect(await accounts().setRole(alice.id, 'moderator')).toEqual({
      ...before,
      role: 'moderator',
      version: before.version + 1,
      updated_at: expect.any(Date),
    });
    expect((await deleted()).numDeletedRows).toBe(1n);
    expect(await accounts().setRole(alice.id, 'user')).toMatchObject({ role: 'user' });
    expect(await bob.profiles.me()).toMatchObject({ role: 'user', version: 1 });
  });

  test('that does not exist is a ValidationError', async () => {
    const { id } = await sessions.signUp();
    for (const role of ['root', '', null, undefined, 1] as unknown[]) {
      await expect(accounts().setRole(id, role as ProfileRole)).rejects.toThrow(ValidationError);
    }
    expect(await accounts().get(id)).toMatchObject({ role: 'user', version: 1 });
  });
});

describe('a status', () => {
  test('“suspended” ends writing at once, and “active” allows it again', async () => {
    const alice = await sessions.signUp();
    expect(await accounts().setStatus(alice.id, 'suspended')).toMatchObject({ id: alice.id, status: 'suspended' });
    await expect(alice.trips.create({ name: 'Big Lap' })).rejects.toThrow(PermissionError);
    expect(await alice.profiles.me()).toMatchObject({ status: 'suspended' });
    await accounts().setStatus(alice.id, 'active');
    expect(await alice.trips.create({ name: 'Big Lap' })).toMatchObject({ name: 'Big Lap' });
  });

  test('that does not exist is a ValidationError', async () => {
    const { id } = await sessions.signUp();
    for (const status of ['banned', '', null, undefined] as unknown[]) {
      await expect(accounts().setStatus(id, status as ProfileStatus)).rejects.toThrow(ValidationError);
    }
  });
});

describe('a list of accounts', () => {
  /** Everybody, in the order that is promised. Pairs share a timestamp, a microsecond from the next pair's. */
  async function spread(): Promise<{ id: string; role: string; status: string }[]> {
    await sessions.admin.query(
      `update profiles p set created_at = '2026-01-01'::timestamptz + interval '1 microsecond' * (place / 2)
        from (select id, row_number() over (order by id)::int as place from profiles) as placed where placed.id = p.id`,
    );
    return (await sessions.admin.query('select id, role, status from profiles order by created_at desc, id desc')).rows;
  }

  test('gives each once, newest first, page by page, also while others come and go', async () => {
    for (let i = 0; i < 11; i++) await sessions.signUp();
    const order = (await spread()).map(({ id }) => id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<Account> = await accounts().list({ limit: 3, cursor });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor;
      await sessions.signUp();
      await accounts().erase(seen.at(-1) ?? '');
    } while (cursor);
    expect(seen).toEqual(order);
  });

  test('is of one role, of one status, or of both', async () => {
    for (const role of ['admin', 'moderator', 'user'] as const) {
      for (const status of ['active', 'inactive', 'suspended'] as const) {
        const { id } = await sessions.signUp();
        await accounts().setRole(id, role);
        await accounts().setStatus(id, status);
      }
    }
    const everybody = await spread();
    const listed = async (filter: { role?: ProfileRole; status?: ProfileStatus }) =>
      (await accounts().list({ limit: 100, ...filter })).items.map(({ id, role, status }) => ({ id, role, status }));
    expect(await listed({})).toEqual(everybody);
    expect(await listed({ role: undefined, status: undefined })).toEqual(everybody);
    for (const role of ['admin', 'moderator', 'user'] as const) {
      expect(await listed({ role })).toEqual(everybody.filter((row) => row.role === role));
      for (const status of ['active', 'inactive', 'suspended'] as const) {
        expect(await listed({ status })).toEqual(everybody.filter((row) => row.status === status));
        const both = everybody.filter((row) => row.role === role && row.status === status);
        expect(both.length).toBeGreaterThan(0);
        expect(await listed({ role, status })).toEqual(both);
      }
    }
  });

  test('refuses filters, limits and cursors that are none', async () => {
    const alice = await sessions.signUp();
    await alice.trips.createMany([{ name: 'a' }, { name: 'b' }]);
    const wrong = [{ role: 'root' }, { status: "active' or true --" }, { limit: 0 }, { email: 'x' }, { role: null }];
    for (const request of wrong as object[]) await expect(accounts().list(request)).rejects.toThrow(ValidationError);
    for (const cursor of ['x', (await alice.trips.list({ limit: 1 })).next_cursor]) {
      await expect(accounts().list({ cursor })).rejects.toThrow(CursorError);
    }
  });
});

describe('erasing an account', () => {
  test('leaves nothing of it, suspended or not, and happens once', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    await alice.trips.create({ name: 'Big Lap' });
    await sessions.suspend(alice);
    const erased = await Promise.all(Array.from({ length: 16 }, () => accounts().erase(alice.id)));
    expect(erased.filter(Boolean)).toHaveLength(1);
    expect(await accounts().find(alice.id)).toBeUndefined();
    const { rows } = await sessions.admin.query(
      'select id from auth.users where id = $1 union all select id from trips where user_id = $1',
      [alice.id],
    );
    expect(rows).toEqual([]);
    expect(await accounts().find(bob.id)).toMatchObject({ id: bob.id });
  });
});

test('whoever is not the service has no accounts, whatever they call', async () => {
  const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
  const forged = new AccountRepository(alice.kysely);
  await expect(forged.setRole(alice.id, 'admin')).rejects.toThrow(PermissionError);
  await expect(forged.setStatus(bob.id, 'suspended')).rejects.toThrow(PermissionError);
  expect(await forged.find(bob.id)).toBeUndefined();
  expect((await forged.list()).items.map(({ id }) => id)).toEqual([alice.id]);
  expect(await forged.erase(bob.id)).toBe(false);
  const visitor = new AccountRepository(sessions.database.asAnon().kysely);
  await expect(visitor.list()).rejects.toThrow(PermissionError);
  expect(await accounts().get(bob.id)).toMatchObject({ role: 'user', status: 'active' });
});
