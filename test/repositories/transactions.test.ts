import { describe, expect, test } from 'vitest';
import { DatabaseError, PermissionError, SerializationError, UniqueError, ValidationError } from '../../src/index.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

describe('a transaction', () => {
  test('keeps what all its repositories did, and gives what its function returned', async () => {
    const alice = await sessions.signUp();
    const trip = await alice.trips.create({ name: 'Big Lap' });
    await alice.expenses.create({ trip_id: trip.id, amount: '42.50', category: 'fuel' });
    const detour = await alice.transaction(async (tx) => {
      const made = await tx.trips.create({ name: 'Detour' });
      await tx.expenses.move({ from: trip.id, to: made.id });
      await tx.income.create({ amount: '1', source: 'work' });
      await tx.posts.create({ trip_id: made.id, title: 'Red dust', content: 'x', visibility: 'private' });
      await tx.profiles.update({ full_name: 'Alice' });
      const { id } = await tx.pam.startConversation({ session_id: 'phone' });
      await tx.pam.appendMessage(id, { role: 'user', content: 'a' });
      return await tx.trips.get(made.id);
    });
    expect(detour).toMatchObject({ name: 'Detour', budget_spent: '42.50' });
    expect(await alice.trips.get(detour.id)).toEqual(detour);
    expect(await alice.profiles.activity()).toMatchObject({ posts: [{ title: 'Red dust' }] });
  });

  test('keeps nothing if its function throws, and throws the same', async () => {
    const alice = await sessions.signUp();
    const reason = new Error('changed my mind');
    const transaction = alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      await tx.profiles.update({ full_name: 'Alice' });
      throw reason;
    });
    await expect(transaction).rejects.toBe(reason);
    expect((await alice.trips.list()).items).toEqual([]);
    expect(await alice.profiles.me()).toMatchObject({ full_name: null });
  });

  test('keeps nothing if one of its methods fails, even if that error is caught inside', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const { id } = await bob.trips.create({ name: 'Bob’s' });
    const failing = alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      await tx.trips.create({ name: 'Bob’s', id });
    });
    await expect(failing).rejects.toThrow(UniqueError);
    const swallowing = alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      await tx.expenses.create({ trip_id: id, amount: '1', category: 'fuel' }).catch(() => {});
    });
    await expect(swallowing).rejects.toThrow(DatabaseError);
    expect((await alice.trips.list()).items).toEqual([]);
  });

  test('saves nothing after a bulk create has failed in it, not even what was sent beside that and succeeded', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const { id } = await bob.trips.create({ name: 'Bob’s' });
    const there = await alice.trips.create({ name: 'Big Lap' });
    const beside = alice.transaction((tx) =>
      Promise.allSettled([
        tx.trips.createMany([{ name: 'Detour' }, { name: 'Bob’s', id }]),
        tx.trips.update(there.id, { name: 'Small Lap' }),
        tx.expenses.create({ amount: '1', category: 'fuel' }),
      ]),
    );
    await expect(beside).rejects.toMatchObject({ code: '25P02' });
    const afterwards = alice.transaction(async (tx) => {
      await tx.trips.createMany([{ name: 'Detour' }, { name: 'Bob’s', id }]).catch(() => {});
      await tx.expenses.create({ amount: '1', category: 'fuel' });
    });
    await expect(afterwards).rejects.toMatchObject({ code: '25P02' });
    const part = alice.transaction(async (tx) => {
      const failing = tx.transaction((inner) => inner.trips.createMany([{ name: 'Detour' }, { name: 'Bob’s', id }]));
      await expect(failing).rejects.toThrow(UniqueError);
      await tx.trips.update(there.id, { name: 'Round the block' });
    });
    await part;
    expect((await alice.trips.list()).items).toMatchObject([{ name: 'Round the block' }]);
    expect((await alice.expenses.list()).items).toEqual([]);
  });

  test('is seen by others only when it is over', async () => {
    const alice = await sessions.signUp();
    await alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      expect((await tx.trips.list()).items).toHaveLength(1);
      expect((await sessions.elsewhere(alice).trips.list()).items).toEqual([]);
    });
    expect((await alice.trips.list()).items).toHaveLength(1);
  });

  test('takes one connection, under the session’s role and claims', async () => {
    const alice = await sessions.signUp();
    const bob = await sessions.signUp();
    await bob.trips.create({ name: 'Bob’s' });
    await alice.transaction(async (tx) => {
      const mine = await tx.kysely.selectFrom('trips').selectAll().execute();
      expect(mine).toEqual([]);
      await tx.kysely.insertInto('trips').values({ name: 'Big Lap', user_id: alice.id }).execute();
      expect((await tx.trips.list()).items).toMatchObject([{ name: 'Big Lap' }]);
    });
    const stolen = alice.transaction(({ kysely }) =>
      kysely.insertInto('trips').values({ name: 'Bob’s', user_id: bob.id }).execute(),
    );
    await expect(stolen).rejects.toThrow(PermissionError);
  });

  test('reads and writes for one user when the service acts for them', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const trip = await bob.trips.create({ name: 'Bob’s' });
    await sessions.database
      .asService()
      .onBehalfOf(alice.id)
      .transaction(async (tx) => {
        await tx.trips.create({ name: 'Big Lap' });
        expect(await tx.trips.find(trip.id)).toBeUndefined();
        expect(await tx.trips.delete(trip.id)).toBe(false);
        const { id } = await tx.pam.startConversation({ session_id: 'phone' });
        await tx.pam.appendMessage(id, { role: 'assistant', content: 'Fuel is up.' });
      });
    expect((await alice.trips.list()).items).toHaveLength(1);
    expect((await alice.pam.list()).items).toHaveLength(1);
  });

  test('of the service writes what no user may', async () => {
    const alice = await sessions.signUp();
    await sessions.database
      .asService()
      .transaction(({ kysely }) =>
        kysely.updateTable('profiles').set({ role: 'moderator' }).where('id', '=', alice.id).execute(),
      );
    expect(await alice.profiles.me()).toMatchObject({ role: 'moderator' });
    const promotion = alice.transaction(({ kysely }) =>
      kysely.updateTable('profiles').set({ role: 'admin' }).execute(),
    );
    await expect(promotion).rejects.toThrow(PermissionError);
  });

  test('that is read only writes nothing', async () => {
    const alice = await sessions.signUp();
    const write = alice.transaction((tx) => tx.trips.create({ name: 'Big Lap' }), { accessMode: 'read only' });
    await expect(write).rejects.toMatchObject({ code: '25006' });
    expect(await alice.transaction((tx) => tx.trips.list(), { accessMode: 'read only' })).toMatchObject({ items: [] });
  });

  test('runs again from the start when a rival changed the same rows', async () => {
    const alice = await sessions.signUp();
    const { id } = await alice.trips.create({ name: 'Big Lap', destinations: [] });
    let attempts = 0;
    const rename = async (retries?: number) =>
      await alice.transaction(
        async (tx) => {
          attempts += 1;
          const { version } = await tx.trips.get(id);
          if (attempts === 1) await sessions.elsewhere(alice).trips.update(id, { name: 'Rival' });
          return await tx.trips.update(id, { name: 'Mine' }, { if_version: version });
        },
        { isolationLevel: 'repeatable read', retries },
      );
    expect(await rename()).toMatchObject({ name: 'Mine', version: 3 });
    expect(attempts).toBe(2);
    attempts = 0;
    await expect(rename(0)).rejects.toThrow(SerializationError);
    expect(attempts).toBe(1);
  });

  test('is not opened for input that is wrong', async () => {
    const alice = await sessions.signUp();
    const wrong = alice.transaction((tx) => tx.trips.createMany([{ name: 'Big Lap' }, { name: ' ' }]));
    await expect(wrong).rejects.toThrow(ValidationError);
    expect((await alice.trips.list()).items).toEqual([]);
  });

  test('that comes upon a row which a rival has just made gets the rival’s', async () => {
    const alice = await sessions.signUp();
    const id = crypto.randomUUID();
    const [mine, rival] = await Promise.all([
      alice.transaction((tx) => tx.trips.create({ id, name: 'Big Lap' })),
      alice.transaction((tx) => tx.trips.create({ id, name: 'Big Lap' })),
    ]);
    expect(mine).toEqual(rival);
  });
});
