import { randomUUID } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CursorError, type ModerationRepository, PermissionError, ValidationError } from '../../src/index.ts';
import type { Page, Post } from '../../src/types.ts';
import { type Person, testSessions } from './sessions.ts';

const sessions = testSessions();
const visibilities = ['public', 'friends', 'private'] as const;

let alice: Person;
let bob: Person;
let moderator: Person;
let posts: Record<(typeof visibilities)[number], Post>;
let comments: Record<(typeof visibilities)[number], string>;

async function appoint(role: 'moderator' | 'admin' | 'user', { id }: Person): Promise<void> {
  await sessions.admin.query('update profiles set role = $1 where id = $2', [role, id]);
}

/** Alice has a post of each visibility, on each of which Bob, her friend at the time, commented when it was public. */
beforeEach(async () => {
  [alice, bob] = [await sessions.signUp({ metadata: { full_name: 'Alice' } }), await sessions.signUp()];
  const [made, said] = [{} as typeof posts, {} as typeof comments];
  for (const visibility of visibilities) {
    const { id } = await alice.posts.create({ title: visibility, content: 'x' });
    said[visibility] = (await bob.posts.comment(id, 'Rude.')).id;
    made[visibility] = await alice.posts.update(id, { visibility });
  }
  [posts, comments] = [made, said];
});

beforeAll(async () => {
  moderator = await sessions.signUp();
  await appoint('moderator', moderator);
});

const byWho: Record<string, () => ModerationRepository> = {
  'the service': () => sessions.database.asService().moderation,
  'a moderator': () => moderator.moderation,
};

describe.each(Object.entries(byWho))('%s', (_, moderation) => {
  test('lists posts that are shared, of all or of one author, never private ones', async () => {
    const { items } = await moderation().posts({ user_id: alice.id });
    const author = { full_name: 'Alice', avatar_url: null };
    const stored = await Promise.all([posts.friends.id, posts.public.id].map((id) => alice.posts.get(id)));
    expect(items).toEqual(stored.map((post) => ({ ...post, ...author })));
    const everybodys = (await moderation().posts({ limit: 100 })).items;
    expect(everybodys.slice(0, 2)).toEqual(items);
    expect(everybodys.some(({ visibility }) => visibility === 'private')).toBe(false);
  });

  test('lists comments on what is shared, of all, of one author, on one post', async () => {
    const shared = [comments.friends, comments.public];
    const found = async (filter: Parameters<ModerationRepository['comments']>[0]) =>
      (await moderation().comments(filter)).items.map(({ id }) => id);
    expect(await found({ user_id: bob.id })).toEqual(shared);
    expect(await found({ user_id: alice.id })).toEqual([]);
    expect(await found({ post_id: posts.public.id })).toEqual([comments.public]);
    expect(await found({ post_id: posts.public.id, user_id: bob.id })).toEqual([comments.public]);
    expect(await found({ post_id: posts.private.id })).toEqual([]);
    expect((await found({ limit: 100 })).slice(0, 2)).toEqual(shared);
    expect(await moderation().findComment(comments.friends)).toMatchObject({
      id: comments.friends,
      content: 'Rude.',
      full_name: null,
    });
  });

  test('finds what is shared, and nothing private', async () => {
    expect(await moderation().findPost(posts.friends.id)).toEqual({
      ...(await alice.posts.get(posts.friends.id)),
      full_name: 'Alice',
      avatar_url: null,
    });
    for (const id of [posts.private.id, randomUUID()]) expect(await moderation().findPost(id)).toBeUndefined();
    for (const id of [comments.private, randomUUID()]) expect(await moderation().findComment(id)).toBeUndefined();
  });

  test('removes what is shared, and nothing private', async () => {
    expect(await moderation().removeComment(comments.public)).toBe(true);
    expect(await moderation().removeComment(comments.public)).toBe(false);
    expect(await alice.posts.get(posts.public.id)).toMatchObject({ comments_count: 0 });
    expect(await moderation().removeComment(comments.friends)).toBe(true);
    expect(await moderation().removeComment(comments.private)).toBe(false);
    expect(await moderation().removePost(posts.public.id)).toBe(true);
    expect(await moderation().removePost(posts.public.id)).toBe(false);
    expect(await moderation().removePost(posts.friends.id)).toBe(true);
    expect(await moderation().removePost(posts.private.id)).toBe(false);
    expect((await alice.posts.list()).items).toMatchObject([{ id: posts.private.id, comments_count: 1 }]);
  });

  test('is not kept out by a block', async () => {
    await alice.friends.block(moderator.id);
    expect((await moderation().posts({ user_id: alice.id })).items).toHaveLength(2);
    expect(await moderation().removeComment(comments.public)).toBe(true);
    expect(await moderation().removePost(posts.public.id)).toBe(true);
  });

  test('reads page by page, and refuses wrong cursors and filters', async () => {
    const carol = await sessions.signUp();
    const made = await carol.posts.createMany(
      Array.from({ length: 9 }, (_, n) => ({ title: `${n}`, content: 'x', visibility: visibilities[n % 3] })),
    );
    const expected = made
      .filter(({ visibility }) => visibility !== 'private')
      .map(({ id }) => id)
      .sort()
      .reverse();
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<Post> = await moderation().posts({ user_id: carol.id, limit: 4, cursor });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor;
    } while (cursor);
    expect(seen).toEqual(expected);
    const first = await moderation().comments({ limit: 1 });
    const second = await moderation().comments({ limit: 1, cursor: first.next_cursor });
    expect([first, second].map(({ items }) => items[0]?.id)).toEqual([comments.friends, comments.public]);
    await expect(moderation().posts({ cursor: first.next_cursor })).rejects.toThrow(CursorError);
    await expect(moderation().comments({ cursor: 'x' })).rejects.toThrow(CursorError);
    for (const wrong of [{ limit: 0 }, { user_id: '42' }, { author: alice.id }] as object[]) {
      await expect(moderation().posts(wrong)).rejects.toThrow(ValidationError);
      await expect(moderation().comments(wrong)).rejects.toThrow(ValidationError);
    }
    for (const verb of ['findPost', 'findComment', 'removePost', 'removeComment'] as const) {
      await expect(moderation()[verb]('42')).rejects.toThrow(ValidationError);
    }
  });
});

describe('who is no moderator', () => {
  test('sees and removes what they may anyway, and no more', async () => {
    const stranger = await sessions.signUp();
    const seen = await stranger.moderation.posts({ user_id: alice.id });
    expect(seen.items.map(({ id }) => id)).toEqual([posts.public.id]);
    expect((await stranger.moderation.comments({ user_id: bob.id })).items.map(({ id }) => id)).toEqual([
      comments.public,
    ]);
    expect(await stranger.moderation.findPost(posts.friends.id)).toBeUndefined();
    for (const visibility of visibilities) {
      expect(await stranger.moderation.removePost(posts[visibility].id)).toBe(false);
      expect(await stranger.moderation.removeComment(comments[visibility])).toBe(false);
    }
    expect((await alice.posts.list()).items).toHaveLength(3);
    expect(await bob.moderation.removeComment(comments.public)).toBe(true);
    expect(await alice.moderation.removePost(posts.public.id)).toBe(true);
  });

  test('was one, or is suspended: has no such right any more', async () => {
    const former = await sessions.signUp();
    await appoint('admin', former);
    expect((await former.moderation.posts({ user_id: alice.id })).items).toHaveLength(2);
    await appoint('user', former);
    expect((await former.moderation.posts({ user_id: alice.id })).items).toHaveLength(1);
    expect(await former.moderation.removeComment(comments.public)).toBe(false);
    await appoint('moderator', former);
    await sessions.suspend(former);
    expect((await former.moderation.posts({ user_id: alice.id })).items).toHaveLength(1);
    await expect(former.moderation.removePost(posts.public.id)).rejects.toThrow(PermissionError);
    expect(await former.moderation.removePost(posts.private.id)).toBe(false);
    await expect(former.moderation.removeComment(comments.public)).rejects.toThrow(PermissionError);
  });

  test('is the service on behalf of somebody', async () => {
    const onBehalf = sessions.database.asService().onBehalfOf(moderator.id);
    expect('moderation' in onBehalf).toBe(false);
    const { posts: forBob } = sessions.database.asService().onBehalfOf(bob.id);
    const stranger = await sessions.signUp();
    const { posts: forStranger } = sessions.database.asService().onBehalfOf(stranger.id);
    expect(await forStranger.deleteComment(comments.public)).toBe(false);
    expect(await forBob.deleteComment(comments.private)).toBe(true);
  });
});

test('moderation takes part in transactions', async () => {
  const work = sessions.database.asService().transaction(async (tx) => {
    await tx.moderation.removeComment(comments.public);
    await tx.moderation.removePost(posts.public.id);
    throw new Error('Never mind.');
  });
  await expect(work).rejects.toThrow('Never mind.');
  expect(await alice.posts.get(posts.public.id)).toMatchObject({ comments_count: 1 });
});
