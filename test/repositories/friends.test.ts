import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CursorError, NotFoundError, PermissionError, ValidationError } from '../../src/index.ts';
import type { BlockedUser, Friend, Page } from '../../src/types.ts';
import { type Person, testSessions } from './sessions.ts';

const sessions = testSessions();

async function twoPeople(): Promise<[Person, Person]> {
  return [await sessions.signUp({ metadata: { full_name: 'Alice' } }), await sessions.signUp()];
}

/** How each sees the other. */
async function statuses(...[alice, bob]: [Person, Person]): Promise<(string | undefined)[]> {
  const lists = await Promise.all([alice.friends.list(), bob.friends.list()]);
  return lists.map(({ items }) => items[0]?.status);
}

describe('a friendship', () => {
  test('is asked for, accepted and ended', async () => {
    const [alice, bob] = await twoPeople();
    expect(await alice.friends.request(bob.id)).toEqual({
      user_id: alice.id,
      friend_id: bob.id,
      status: 'requested',
      created_at: expect.any(Date),
      updated_at: expect.any(Date),
    });
    expect(await statuses(alice, bob)).toEqual(['requested', 'received']);
    expect(await bob.friends.accept(alice.id)).toMatchObject({
      user_id: bob.id,
      friend_id: alice.id,
      status: 'accepted',
    });
    expect(await statuses(alice, bob)).toEqual(['accepted', 'accepted']);
    expect(await bob.friends.remove(alice.id)).toBe(true);
    expect(await statuses(alice, bob)).toEqual([undefined, undefined]);
    expect(await alice.friends.remove(bob.id)).toBe(false);
  });

  test('is asked for once however often it is', async () => {
    const [alice, bob] = await twoPeople();
    const first = await alice.friends.request(bob.id);
    expect(await alice.friends.request(bob.id)).toEqual(first);
    await bob.friends.accept(alice.id);
    expect(await alice.friends.request(bob.id)).toMatchObject({ status: 'accepted' });
    expect(await bob.friends.accept(alice.id)).toMatchObject({ status: 'accepted' });
    expect((await bob.friends.list()).items).toHaveLength(1);
  });

  test('is made if each asks the other, also at the same moment', async () => {
    const [alice, bob] = await twoPeople();
    let turn = 0;
    await sessions.sixteenTimes('friendships', async () =>
      turn++ % 2 ? await alice.friends.request(bob.id) : await bob.friends.request(alice.id),
    );
    expect(await statuses(alice, bob)).toEqual(['accepted', 'accepted']);
  });

  test('may be declined, or taken back', async () => {
    const [alice, bob] = await twoPeople();
    for (const one of [bob, alice]) {
      await alice.friends.request(bob.id);
      expect(await one.friends.remove(one === bob ? alice.id : bob.id)).toBe(true);
      expect(await statuses(alice, bob)).toEqual([undefined, undefined]);
    }
  });

  test('is declined by who was asked, and cancelled by who asked', async () => {
    const [alice, bob] = await twoPeople();
    await alice.friends.request(bob.id);
    expect(await alice.friends.decline(bob.id)).toBe(false);
    expect(await bob.friends.cancel(alice.id)).toBe(false);
    expect(await statuses(alice, bob)).toEqual(['requested', 'received']);
    expect(await bob.friends.decline(alice.id)).toBe(true);
    expect(await bob.friends.decline(alice.id)).toBe(false);
    expect(await statuses(alice, bob)).toEqual([undefined, undefined]);
    await alice.friends.request(bob.id);
    expect(await alice.friends.cancel(bob.id)).toBe(true);
    expect(await alice.friends.cancel(bob.id)).toBe(false);
    expect(await statuses(alice, bob)).toEqual([undefined, undefined]);
  });

  test('that was accepted is neither declined nor cancelled', async () => {
    const [alice, bob] = await twoPeople();
    await alice.friends.request(bob.id);
    await bob.friends.accept(alice.id);
    for (const verb of ['decline', 'cancel'] as const) {
      expect(await alice.friends[verb](bob.id)).toBe(false);
      expect(await bob.friends[verb](alice.id)).toBe(false);
    }
    expect(await statuses(alice, bob)).toEqual(['accepted', 'accepted']);
  });

  test('is found, or undefined', async () => {
    const [alice, bob] = await twoPeople();
    expect(await bob.friends.find(alice.id)).toBeUndefined();
    await alice.friends.request(bob.id);
    expect(await bob.friends.find(alice.id.toUpperCase())).toEqual((await bob.friends.list()).items[0]);
    expect(await bob.friends.find(randomUUID())).toBeUndefined();
    await expect(bob.friends.find('42')).rejects.toThrow(ValidationError);
  });

  test('is not accepted by who has not been asked', async () => {
    const [alice, bob] = await twoPeople();
    await expect(bob.friends.accept(alice.id)).rejects.toThrow(NotFoundError);
    await alice.friends.request(bob.id);
    await expect(alice.friends.accept(bob.id)).rejects.toThrow(NotFoundError);
  });

  test('is not with oneself, nobody or somebody one blocks', async () => {
    const [alice, bob] = await twoPeople();
    await expect(alice.friends.request(alice.id)).rejects.toThrow(ValidationError);
    await expect(alice.friends.request(randomUUID())).rejects.toThrow(NotFoundError);
    await expect(alice.friends.request('42')).rejects.toThrow(ValidationError);
    await alice.friends.block(bob.id);
    await expect(alice.friends.request(bob.id)).rejects.toThrow(ValidationError);
  });
});

describe('a block', () => {
  test('ends the friendship, hides both and lasts until it is taken back', async () => {
    const [alice, bob] = await twoPeople();
    await alice.friends.request(bob.id);
    await bob.friends.accept(alice.id);
    const [post] = await alice.posts.createMany([{ title: 'Red dust', content: 'x' }]);
    await alice.friends.block(bob.id);
    await alice.friends.block(bob.id);
    expect(await alice.friends.blocked()).toEqual({
      items: [{ blocked_id: bob.id, full_name: null, avatar_url: null, created_at: expect.any(Date) }],
      next_cursor: null,
    });
    expect(await statuses(alice, bob)).toEqual([undefined, undefined]);
    expect(await bob.posts.find(post?.id ?? '')).toBeUndefined();
    expect(await alice.friends.unblock(bob.id)).toBe(true);
    expect(await alice.friends.unblock(bob.id)).toBe(false);
    expect(await bob.posts.find(post?.id ?? '')).toEqual(post);
    expect(await statuses(alice, bob)).toEqual([undefined, undefined]);
  });

  test('cannot be told from nobody by who is blocked', async () => {
    const [alice, bob] = await twoPeople();
    await alice.friends.block(bob.id);
    const verbs = ['find', 'request', 'accept', 'decline', 'cancel', 'remove', 'mutual', 'block', 'unblock'] as const;
    const answers = async (id: string) => {
      const given = [];
      for (const verb of verbs) {
        given.push(await bob.friends[verb](id).catch((error: Error) => `${error.name}: ${error.message}`));
        given.push(await bob.friends.blocked(), await bob.friends.list());
      }
      return given;
    };
    expect(await answers(alice.id)).toEqual(await answers(randomUUID()));
  });

  test('is listed to who made it alone, newest first', async () => {
    const [alice, bob] = await twoPeople();
    const carol = await sessions.signUp();
    await alice.friends.block(bob.id);
    await alice.friends.block(carol.id);
    expect((await alice.friends.blocked()).items.map(({ blocked_id }) => blocked_id)).toEqual([carol.id, bob.id]);
    expect((await bob.friends.blocked()).items).toEqual([]);
  });

  test('by both is lifted by both', async () => {
    const [alice, bob] = await twoPeople();
    await alice.friends.block(bob.id);
    await bob.friends.block(alice.id);
    await alice.friends.unblock(bob.id);
    expect(await alice.profiles.find(bob.id)).toBeUndefined();
    expect((await bob.friends.blocked()).items).toMatchObject([{ blocked_id: alice.id, full_name: 'Alice' }]);
    await expect(bob.friends.request(alice.id)).rejects.toThrow(ValidationError);
    expect(await bob.friends.unblock(alice.id)).toBe(true);
    expect(await alice.profiles.find(bob.id)).toMatchObject({ id: bob.id });
  });

  test('of oneself is refused', async () => {
    const alice = await sessions.signUp();
    await expect(alice.friends.block(alice.id)).rejects.toThrow(ValidationError);
    await expect(alice.friends.block('42')).rejects.toThrow(ValidationError);
    expect(await alice.friends.unblock(alice.id)).toBe(false);
  });

  test('is listed page by page, each once, whoever comes and goes', async () => {
    const alice = await sessions.signUp();
    const people = [];
    for (let i = 0; i < 11; i++) people.push(await sessions.signUp());
    for (const { id } of people) await alice.friends.block(id);
    await sessions.admin.query(
      `update private.blocks b set created_at = '2026-01-01'::timestamptz + interval '1 microsecond' * (place / 2)
        from (select blocked_id, row_number() over ()::int as place from private.blocks where user_id = $1) as placed
        where b.user_id = $1 and b.blocked_id = placed.blocked_id`,
      [alice.id],
    );
    const { rows } = await sessions.admin.query<{ blocked_id: string }>(
      'select blocked_id from private.blocks where user_id = $1 order by created_at desc, blocked_id desc',
      [alice.id],
    );
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<BlockedUser> = await alice.friends.blocked({ limit: 4, cursor });
      seen.push(...page.items.map(({ blocked_id }) => blocked_id));
      cursor = page.next_cursor;
      await alice.friends.unblock(seen.at(-1) ?? '');
      await alice.friends.block((await sessions.signUp()).id);
    } while (cursor);
    expect(seen).toEqual(rows.map(({ blocked_id }) => blocked_id));
  });
});

describe('friends in common', () => {
  async function befriend(one: Person, other: Person): Promise<void> {
    await one.friends.request(other.id);
    await other.friends.accept(one.id);
  }

  /** Alice and Bob have three friends in common, and each has others. */
  async function circle() {
    const [alice, bob] = await twoPeople();
    const people = [];
    for (let i = 0; i < 5; i++) people.push(await sessions.signUp({ metadata: { full_name: `Friend ${i}` } }));
    const [one, two, three, hers, his] = people as [Person, Person, Person, Person, Person];
    for (const friend of [one, two, three, hers]) await befriend(alice, friend);
    for (const friend of [one, two, three, his]) await befriend(friend, bob);
    return { alice, bob, common: [one.id, two.id, three.id].sort(), one };
  }
  const mutual = async (one: Person, other: Person) =>
    (await one.friends.mutual(other.id)).items.map(({ friend_id }) => friend_id);

  test('are told to friends, and to who was asked, not to who asks', async () => {
    const { alice, bob, common } = await circle();
    expect([await mutual(alice, bob), await mutual(bob, alice)]).toEqual([[], []]);
    await alice.friends.request(bob.id);
    expect([await mutual(alice, bob), await mutual(bob, alice)]).toEqual([[], common]);
    await bob.friends.accept(alice.id);
    expect([await mutual(alice, bob), await mutual(bob, alice)]).toEqual([common, common]);
    expect((await alice.friends.mutual(bob.id, { limit: 1 })).items).toEqual([
      { friend_id: common[0], full_name: expect.stringMatching(/^Friend [012]$/), avatar_url: null },
    ]);
    const forAlice = sessions.database.asService().onBehalfOf(alice.id);
    expect((await forAlice.friends.mutual(bob.id)).items).toHaveLength(3);
    await bob.friends.block(alice.id);
    expect([await mutual(alice, bob), await mutual(bob, alice)]).toEqual([[], []]);
  });

  test('are friends of both, no requests, and nobody that is blocked', async () => {
    const { alice, bob, common, one } = await circle();
    await befriend(alice, bob);
    const carol = await sessions.signUp();
    await befriend(alice, carol);
    await carol.friends.request(bob.id);
    expect(await mutual(alice, bob)).toEqual(common);
    await one.friends.block(bob.id);
    expect(await mutual(alice, bob)).toEqual(common.filter((id) => id !== one.id));
    await bob.friends.accept(carol.id);
    expect(await mutual(alice, bob)).toHaveLength(3);
    expect(await mutual(alice, alice)).toEqual([]);
  });

  test('come page by page', async () => {
    const { alice, bob, common } = await circle();
    await befriend(alice, bob);
    const first = await alice.friends.mutual(bob.id, { limit: 2 });
    const second = await alice.friends.mutual(bob.id, { limit: 2, cursor: first.next_cursor });
    expect([...first.items, ...second.items].map(({ friend_id }) => friend_id)).toEqual(common);
    expect(second.next_cursor).toBeNull();
    for (const cursor of ['x', (await alice.friends.list({ limit: 1 })).next_cursor]) {
      await expect(alice.friends.mutual(bob.id, { cursor })).rejects.toThrow(CursorError);
    }
    await expect(alice.friends.mutual(bob.id, { limit: 101 })).rejects.toThrow(ValidationError);
    await expect(alice.friends.mutual('42')).rejects.toThrow(ValidationError);
  });
});

describe('a list of friends', () => {
  test('gives names and pictures, and may be of one status', async () => {
    const [alice, bob] = await twoPeople();
    const carol = await sessions.signUp();
    await alice.friends.request(bob.id);
    await carol.friends.request(bob.id);
    await bob.friends.accept(carol.id);
    expect((await bob.friends.list({ status: 'received' })).items).toEqual([
      { friend_id: alice.id, full_name: 'Alice', avatar_url: null, status: 'received', created_at: expect.any(Date) },
    ]);
    expect((await bob.friends.list({ status: 'accepted' })).items).toMatchObject([{ friend_id: carol.id }]);
    expect((await bob.friends.list({ status: 'requested' })).items).toEqual([]);
    await expect(bob.friends.list({ status: 'lost' as 'accepted' })).rejects.toThrow(ValidationError);
  });

  test('comes page by page, newest first, each friend once, whoever comes and goes', async () => {
    const alice = await sessions.signUp();
    for (let i = 0; i < 12; i++) await (await sessions.signUp()).friends.request(alice.id);
    await sessions.admin.query(
      `update friendships f set created_at = '2026-01-01'::timestamptz + interval '1 microsecond' * (place / 2)
        from (select friend_id, row_number() over ()::int as place from friendships where user_id = $1) as placed
        where f.user_id = $1 and f.friend_id = placed.friend_id`,
      [alice.id],
    );
    const { rows } = await sessions.admin.query<{ friend_id: string }>(
      'select friend_id from friendships where user_id = $1 order by created_at desc, friend_id desc',
      [alice.id],
    );
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<Friend> = await alice.friends.list({ limit: 5, cursor });
      seen.push(...page.items.map(({ friend_id }) => friend_id));
      cursor = page.next_cursor;
      // Once the row goes on which the cursor stands.
      if (seen.length === 10) await alice.friends.remove(seen.at(-1) ?? '');
      await (await sessions.signUp()).friends.request(alice.id);
    } while (cursor);
    expect(seen).toEqual(rows.map(({ friend_id }) => friend_id));
  });

  test('refuses a cursor that is malformed or of another list', async () => {
    const { friends, trips } = await sessions.signUp();
    await trips.createMany([{ name: 'a' }, { name: 'b' }]);
    const { next_cursor } = await trips.list({ limit: 1 });
    expect(next_cursor).not.toBeNull();
    for (const cursor of [next_cursor, 'x']) {
      await expect(friends.list({ cursor })).rejects.toThrow(CursorError);
      await expect(friends.blocked({ cursor })).rejects.toThrow(CursorError);
    }
    for (const wrong of [{ limit: 0 }, { colour: 'red' }, { status: null }]) {
      await expect(friends.list(wrong as object)).rejects.toThrow(ValidationError);
    }
    await expect(friends.blocked({ limit: 0 })).rejects.toThrow(ValidationError);
  });
});

test('a suspended user reads lists and changes nothing', async () => {
  const [alice, bob] = await twoPeople();
  const carol = await sessions.signUp();
  await bob.friends.request(alice.id);
  await alice.friends.block(carol.id);
  await sessions.suspend(alice);
  expect((await alice.friends.list()).items).toHaveLength(1);
  expect((await alice.friends.blocked()).items).toHaveLength(1);
  for (const verb of ['request', 'accept', 'decline', 'cancel', 'remove', 'block', 'unblock'] as const) {
    await expect(alice.friends[verb](bob.id)).rejects.toThrow(PermissionError);
  }
});

test('the service asks, accepts, blocks and lists for the user it acts for', async () => {
  const [alice, bob] = await twoPeople();
  const service = sessions.database.asService();
  const [forAlice, forBob] = [service.onBehalfOf(alice.id).friends, service.onBehalfOf(bob.id).friends];
  await forAlice.request(bob.id);
  await forBob.accept(alice.id);
  expect(await statuses(alice, bob)).toEqual(['accepted', 'accepted']);
  expect((await forBob.list()).items).toMatchObject([{ friend_id: alice.id, full_name: 'Alice' }]);
  await forAlice.block(bob.id);
  expect((await forAlice.blocked()).items).toMatchObject([{ blocked_id: bob.id }]);
  expect((await forBob.blocked()).items).toEqual([]);
  expect((await forBob.list()).items).toEqual([]);
});
