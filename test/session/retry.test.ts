import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  CancelledError,
  createDatabase,
  type Database,
  SerializationError,
  type Session,
  UniqueError,
  type UserRepositories,
} from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';

const file = testDatabase();
let database: Database;
let id: string;
let alice: Session<UserRepositories>;

beforeAll(async () => {
  database = createDatabase({ connectionString: file.connectionString, max: 4 });
  id = await file.signUp();
  alice = database.asUser({ sub: id });
  // A sequence goes on whatever is undone, so that it counts the attempts.
  await file.admin.query(`
    create sequence public.attempts;
    create function public.fail_until(most bigint) returns bigint language plpgsql as $$
    declare attempt bigint := nextval('public.attempts');
    begin
      if attempt < most then raise serialization_failure; end if;
      return attempt;
    end $$;
    grant usage on sequence public.attempts to authenticated;
  `);
});

beforeEach(async () => {
  await file.admin.query('alter sequence public.attempts restart');
});

afterAll(() => database.destroy());

async function attempts(): Promise<number> {
  return Number((await file.admin.query('select last_value from public.attempts')).rows[0].last_value);
}

const failUntil = (most: number) => sql<{ attempt: string }>`select public.fail_until(${most}) as attempt`;

describe('a statement that has met a rival', () => {
  test('runs again, by itself, three times', async () => {
    expect((await failUntil(4).execute(alice.kysely)).rows).toEqual([{ attempt: '4' }]);
    await file.admin.query('alter sequence public.attempts restart');
    await expect(failUntil(5).execute(alice.kysely)).rejects.toThrow(SerializationError);
    expect(await attempts()).toBe(4);
  });

  test('is run again with its transaction, and not alone', async () => {
    const once = alice.transaction((tx) => failUntil(2).execute(tx.kysely), { retries: 0 });
    await expect(once).rejects.toThrow(SerializationError);
    expect(await attempts()).toBe(1);
    const late = alice.transaction(
      async (tx) => {
        await tx.trips.create({ name: 'Big Lap' });
        await failUntil(3).execute(tx.kysely);
      },
      { retries: 0 },
    );
    await expect(late).rejects.toThrow(SerializationError);
    expect(await attempts()).toBe(2);
  });

  test('is not run again once the signal is aborted', async () => {
    const controller = new AbortController();
    const session = database.asUser({ sub: id }, { signal: controller.signal });
    const running = failUntil(1000).execute(session.kysely);
    const wait = async () => {
      while ((await attempts()) < 2) await new Promise((resolve) => setTimeout(resolve, 1));
      controller.abort();
    };
    await Promise.all([expect(running).rejects.toThrow(CancelledError), wait()]);
  });

  test('gets through a deadlock', async () => {
    const inOrder = (first: number, second: number) =>
      sql`select pg_advisory_xact_lock(${first}), pg_sleep(0.2), pg_advisory_xact_lock(${second})`.execute(
        alice.kysely,
      );
    await expect(Promise.all([inOrder(1, 2), inOrder(2, 1)])).resolves.toHaveLength(2);
  });
});

describe('what is saved all or none', () => {
  test('is so inside of a transaction that goes on after the error', async () => {
    const bob = database.asUser({ sub: await file.signUp() });
    const { id: taken } = await bob.trips.create({ name: 'Mine' });
    const going = alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Before' });
      const both = tx.trips.createMany([{ name: 'New' }, { name: 'Theirs', id: taken }]);
      await expect(both).rejects.toThrow(UniqueError);
      await tx.trips.create({ name: 'After' });
    });
    await expect(going).rejects.toMatchObject({ code: '25P02' });
    const names = (await alice.trips.list()).items.map(({ name }) => name);
    expect(names.filter((name) => /^(Before|New|After)$/.test(name))).toEqual([]);
  });

  test('is kept beside what the transaction does otherwise', async () => {
    const conversation = await alice.pam.startConversation({ session_id: randomUUID() });
    await alice.transaction(async (tx) => {
      await tx.pam.appendMessages(conversation.id, [{ role: 'user', content: 'One' }]);
      await tx.pam.appendMessages(conversation.id, [{ role: 'user', content: 'Two' }]);
    });
    const { items } = await alice.pam.history(conversation.id, { order: 'oldest' });
    expect(items.map(({ content }) => content)).toEqual(['One', 'Two']);
  });
});
