import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CheckError, ConflictError, NotFoundError, PermissionError, ValidationError } from '../../src/index.ts';
import type { JsonObject, ProfilePatch } from '../../src/types.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

describe('one’s own profile', () => {
  test('is made at sign-up', async () => {
    const alice = await sessions.signUp({ email: 'Alice@Example.com', metadata: { full_name: 'Alice' } });
    expect(await alice.profiles.me()).toEqual({
      id: alice.id,
      user_id: alice.id,
      email: 'alice@example.com',
      full_name: 'Alice',
      avatar_url: null,
      role: 'user',
      status: 'active',
      region: 'US',
      timezone: 'UTC',
      currency: 'USD',
      preferences: {},
      version: 1,
      created_at: expect.any(Date),
      updated_at: expect.any(Date),
    });
  });

  test('changes in what is named', async () => {
    const alice = await sessions.signUp();
    const before = await alice.profiles.me();
    const patch = {
      full_name: 'Alice',
      avatar_url: 'https://example.com/alice.png',
      region: 'NZ',
      timezone: 'Pacific/Auckland',
      currency: 'NZD',
      preferences: { units: 'metric' },
    };
    const changed = await alice.profiles.update(patch);
    expect(changed).toEqual({ ...before, ...patch, version: 2, updated_at: expect.any(Date) });
    expect(await alice.profiles.update({ full_name: null, avatar_url: null })).toMatchObject({
      ...patch,
      full_name: null,
      avatar_url: null,
    });
  });

  test('changes from the version that was read, or not at all', async () => {
    const alice = await sessions.signUp();
    const changed = await alice.profiles.update({ region: 'NZ' }, { if_version: 1 });
    expect(changed).toMatchObject({ region: 'NZ', version: 2 });
    await expect(alice.profiles.update({ region: 'AU' }, { if_version: 1 })).rejects.toThrow(ConflictError);
    for (const if_version of [0, 1.5, '2', null] as number[]) {
      await expect(alice.profiles.update({ region: 'AU' }, { if_version })).rejects.toThrow(ValidationError);
    }
    expect(await alice.profiles.me()).toEqual(changed);
  });

  test('leaves amounts recorded before in their currency', async () => {
    const alice = await sessions.signUp();
    const { id } = await alice.expenses.create({ amount: '1', category: 'fuel' });
    await alice.profiles.update({ currency: 'NZD' });
    expect(await alice.expenses.get(id)).toMatchObject({ currency: 'USD' });
  });

  test.each<object>([
    {},
    { full_name: undefined },
    { full_name: ' ' },
    { avatar_url: 'http://example.com/alice.png' },
    { region: null },
    { timezone: 'Nowhere/Land' },
    { currency: 'nzd' },
    { preferences: [] },
    { role: 'admin' },
    { status: 'active' },
    { email: 'root@example.com' },
    { id: randomUUID() },
    { version: 1 },
  ])('may not become %j', async (patch) => {
    const alice = await sessions.signUp();
    const before = await alice.profiles.me();
    await expect(alice.profiles.update(patch as ProfilePatch)).rejects.toThrow(ValidationError);
    expect(await alice.profiles.me()).toEqual(before);
  });

  test('of a suspended user can be read, not changed', async () => {
    const alice = await sessions.signUp();
    await sessions.suspend(alice);
    expect(await alice.profiles.me()).toMatchObject({ status: 'suspended' });
    await expect(alice.profiles.update({ full_name: 'Alice' })).rejects.toThrow(PermissionError);
  });

  test('of an account that is gone is not found', async () => {
    const alice = await sessions.signUp();
    await sessions.admin.query('delete from auth.users where id = $1', [alice.id]);
    await expect(alice.profiles.me()).rejects.toThrow(NotFoundError);
    await expect(alice.profiles.financialSummary()).rejects.toThrow(NotFoundError);
    await expect(alice.profiles.update({ full_name: 'Alice' })).rejects.toThrow(NotFoundError);
  });

  test('is what the service reads and changes on a user’s behalf', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const { profiles } = sessions.database.asService().onBehalfOf(alice.id);
    expect(await profiles.update({ full_name: 'Alice' })).toMatchObject({ id: alice.id, full_name: 'Alice' });
    expect(await profiles.me()).toMatchObject({ id: alice.id });
    expect(await profiles.financialSummary()).toMatchObject({ user_id: alice.id });
    expect(await bob.profiles.me()).toMatchObject({ full_name: null });
  });
});

describe('preferences', () => {
  test('take patches: what they name is replaced, objects are merged, null removes', async () => {
    const alice = await sessions.signUp();
    await alice.profiles.update({ preferences: { units: 'metric', map: { style: 'satellite', traffic: true } } });
    const before = await alice.profiles.me();
    const changed = await alice.profiles.updatePreferences({ map: { traffic: null, zoom: 9 }, tags: ['a'] });
    expect(changed).toEqual({
      ...before,
      preferences: { units: 'metric', map: { style: 'satellite', zoom: 9 }, tags: ['a'] },
      version: before.version + 1,
      updated_at: changed.updated_at,
    });
    expect(await alice.profiles.me()).toEqual(changed);
    const service = sessions.database.asService().onBehalfOf(alice.id);
    expect((await service.profiles.updatePreferences({ map: null, tags: null })).preferences).toEqual({
      units: 'metric',
    });
  });

  test('lose none of the patches that come at once', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    let sent = 0;
    await sessions.sixteenTimes('profiles', () => alice.profiles.updatePreferences({ all: { [`key ${sent++}`]: 1 } }));
    expect(Object.keys(Object((await alice.profiles.me()).preferences.all))).toHaveLength(16);
    expect((await bob.profiles.me()).preferences).toEqual({});
  });

  test('refuse what is no object or too large', async () => {
    const alice = await sessions.signUp();
    for (const patch of [null, undefined, [], 'x', { a: 'x'.repeat(17_000) }, { a: 1n }, { a: 'a\0' }] as unknown[]) {
      await expect(alice.profiles.updatePreferences(patch as JsonObject)).rejects.toThrow(ValidationError);
    }
    const most = () => alice.profiles.updatePreferences({ [randomUUID()]: 'x'.repeat(16_000) });
    await most();
    await most();
    await expect(most()).rejects.toThrow(CheckError);
  });

  test('of a suspended user stay, and of one who is gone are not found', async () => {
    const alice = await sessions.signUp();
    await sessions.suspend(alice);
    await expect(alice.profiles.updatePreferences({ a: 1 })).rejects.toThrow(PermissionError);
    await sessions.database.asService().accounts.erase(alice.id);
    await expect(alice.profiles.updatePreferences({ a: 1 })).rejects.toThrow(NotFoundError);
    await expect(alice.profiles.update({ region: 'NZ' }, { if_version: 1 })).rejects.toThrow(NotFoundError);
  });
});

describe('what others see of a person', () => {
  test('is their name and picture', async () => {
    const [alice, bob] = [await sessions.signUp({ metadata: { full_name: 'Alice' } }), await sessions.signUp()];
    const seen = { id: alice.id, full_name: 'Alice', avatar_url: null };
    expect(await bob.profiles.find(alice.id)).toEqual(seen);
    expect(await bob.profiles.get(alice.id)).toEqual(seen);
    await alice.profiles.update({ avatar_url: 'https://example.com/alice.png' });
    expect(await bob.profiles.get(alice.id)).toEqual({ ...seen, avatar_url: 'https://example.com/alice.png' });
  });

  test('is read for many at once, in the order asked', async () => {
    const [alice, bob, carol] = [await sessions.signUp(), await sessions.signUp(), await sessions.signUp()];
    await carol.friends.block(alice.id);
    const ids = [bob.id, randomUUID(), alice.id.toUpperCase(), carol.id, bob.id];
    const seen = await alice.profiles.findMany(ids);
    expect(seen.map(({ id }) => id)).toEqual([bob.id, alice.id, bob.id]);
    expect(seen[0]).toEqual(await alice.profiles.get(bob.id));
    await bob.posts.create({ title: 'Red dust', content: 'x', visibility: 'public' });
    const visitor = sessions.database.asAnon().profiles;
    expect((await visitor.findMany(ids)).map(({ id }) => id)).toEqual([bob.id, bob.id]);
    expect(await visitor.findMany([])).toEqual([]);
    const hundred = Array.from({ length: 100 }, () => randomUUID());
    expect(await alice.profiles.findMany(hundred)).toEqual([]);
    for (const wrong of [[...hundred, randomUUID()], ['42'], null, bob.id, [null]] as string[][]) {
      await expect(alice.profiles.findMany(wrong)).rejects.toThrow(ValidationError);
    }
  });

  test('is nothing of nobody', async () => {
    const { profiles } = await sessions.signUp();
    expect(await profiles.find(randomUUID())).toBeUndefined();
    await expect(profiles.get(randomUUID())).rejects.toThrow(NotFoundError);
    await expect(profiles.find('42')).rejects.toThrow(ValidationError);
  });

  test('is nothing for either once one blocks the other', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    await alice.friends.block(bob.id);
    expect(await bob.profiles.find(alice.id)).toBeUndefined();
    expect(await alice.profiles.find(bob.id)).toBeUndefined();
  });

  test('is for visitors who is an author of a public post, as long as they are', async () => {
    const alice = await sessions.signUp({ metadata: { full_name: 'Alice' } });
    const { profiles } = sessions.database.asAnon();
    expect(await profiles.find(alice.id)).toBeUndefined();
    const { id } = await alice.posts.create({ title: 'Red dust', content: 'We saw it.' });
    expect(await profiles.get(alice.id)).toEqual({ id: alice.id, full_name: 'Alice', avatar_url: null });
    await alice.posts.update(id, { visibility: 'friends' });
    await expect(profiles.get(alice.id)).rejects.toThrow(NotFoundError);
  });
});

describe('the financial summary', () => {
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);

  test('counts thirty days, today included, by currency', async () => {
    const alice = await sessions.signUp();
    const bob = await sessions.signUp();
    const today = day(0);
    await alice.expenses.createMany([
      { amount: '10.05', category: 'fuel', date: today },
      { amount: '20', category: 'fuel', date: day(29) },
      { amount: '5', category: 'camp', date: today },
      { amount: '7', currency: 'NZD', category: 'ferry', date: today },
      { amount: '1000', category: 'old', date: day(30) },
      { amount: '1000', category: 'planned', date: day(-1) },
    ]);
    await alice.income.createMany([
      { amount: '100', source: 'Market', date: today },
      { amount: '1', source: 'Tips', type: 'recurring', frequency: 'daily', date: day(400) },
      { amount: '1000', source: 'Old', date: day(30) },
    ]);
    await bob.expenses.create({ amount: '1000', category: 'fuel' });
    const usd = {
      total_expenses: '35.05',
      total_income: '130.00',
      net_income: '94.95',
      expense_categories: [
        { category: 'fuel', amount: '30.05', count: 2 },
        { category: 'camp', amount: '5.00', count: 1 },
      ],
    };
    expect(await alice.profiles.financialSummary()).toEqual({
      user_id: alice.id,
      email: `${alice.id}@example.com`,
      summary_date: today,
      currency: 'USD',
      ...usd,
      by_currency: [
        {
          currency: 'NZD',
          total_expenses: '7.00',
          total_income: '0.00',
          net_income: '-7.00',
          expense_categories: [{ category: 'ferry', amount: '7.00', count: 1 }],
        },
        { currency: 'USD', ...usd },
      ],
    });
  });

  test('of somebody without money is zero', async () => {
    const { profiles } = await sessions.signUp();
    expect(await profiles.financialSummary()).toMatchObject({
      total_expenses: '0.00',
      total_income: '0.00',
      net_income: '0.00',
      expense_categories: [],
      by_currency: [],
    });
  });
});

describe('the activity', () => {
  test('is the newest of the user’s own trips, expenses and posts', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    await bob.trips.create({ name: 'Bob’s' });
    await bob.posts.create({ title: 'Bob’s', content: 'x' });
    const older = await alice.trips.create({ name: 'older' });
    const trip = await alice.trips.create({ name: 'newer' });
    const expense = await alice.expenses.create({ amount: '42.5', category: 'fuel', date: '2026-12-02' });
    await alice.expenses.create({ amount: '1', category: 'food', date: '2026-12-01' });
    const post = await alice.posts.create({ title: 'Red dust', content: 'x', visibility: 'private' });
    const service = sessions.database.asService().onBehalfOf(alice.id);
    for (const { profiles } of [alice, service]) {
      const { trips, expenses, posts } = await profiles.activity({ limit: 1 });
      expect(trips).toMatchObject([{ id: trip.id, name: 'newer', status: 'planning' }]);
      expect(Date.parse(trips[0]?.created_at ?? '')).toBe(trip.created_at.valueOf());
      expect(expenses).toEqual([
        { id: expense.id, amount: '42.50', currency: 'USD', category: 'fuel', date: '2026-12-02' },
      ]);
      expect(posts).toMatchObject([{ id: post.id, title: 'Red dust' }]);
    }
    expect((await alice.profiles.activity()).trips.map(({ id }) => id)).toEqual([trip.id, older.id]);
  });

  test('is ten of each unless told otherwise, and nothing of nobody', async () => {
    const { trips, profiles } = await sessions.signUp();
    expect(await profiles.activity()).toEqual({ trips: [], expenses: [], posts: [] });
    await trips.createMany(Array.from({ length: 11 }, () => ({ name: 'Big Lap' })));
    expect((await profiles.activity()).trips).toHaveLength(10);
    expect((await profiles.activity({ limit: 100 })).trips).toHaveLength(11);
    await expect(profiles.activity({ limit: 101 })).rejects.toThrow(ValidationError);
  });
});
