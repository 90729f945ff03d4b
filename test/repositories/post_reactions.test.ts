import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CursorError, NotFoundError, PermissionError, ValidationError } from '../../src/index.ts';
import type { Liker, Page } from '../../src/types.ts';
import { type Person, testSessions } from './sessions.ts';

const sessions = testSessions();

async function people(): Promise<[Person, Person, Person]> {
  return [await sessions.signUp(), await sessions.signUp({ metadata: { full_name: 'Bob' } }), await sessions.signUp()];
}

async function postOf({ posts }: Person, visibility: 'public' | 'friends' | 'private' = 'public'): Promise<string> {
  return (await posts.create({ title: 'Red dust', content: 'We saw it.', visibility })).id;
}

describe('who likes a post', () => {
  test('is listed by name, the latest first', async () => {
    const [alice, bob] = await people();
    const id = await postOf(alice);
    await alice.posts.like(id);
    await bob.posts.like(id);
    expect((await alice.posts.likes(id)).items).toEqual([
      { user_id: bob.id, full_name: 'Bob', avatar_url: null, created_at: expect.any(Date) },
      { user_id: alice.id, full_name: null, avatar_url: null, created_at: expect.any(Date) },
    ]);
    await bob.posts.unlike(id);
    expect((await bob.posts.likes(id)).items.map(({ user_id }) => user_id)).toEqual([alice.id]);
  });

  test('comes page by page, each once, whoever comes and goes', async () => {
    const { posts } = await sessions.signUp();
    const id = await postOf({ posts } as Person);
    for (let i = 0; i < 12; i++) await (await sessions.signUp()).posts.like(id);
    await sessions.admin.query(
      `update post_likes l set created_at = '2026-01-01'::timestamptz + interval '1 microsecond' * (place / 2)
        from (select user_id, row_number() over ()::int as place from post_likes where post_id = $1) as placed
        where l.post_id = $1 and l.user_id = placed.user_id`,
      [id],
    );
    const order = 'select user_id from post_likes where post_id = $1 order by created_at desc, user_id desc';
    const expected = (await sessions.admin.query<{ user_id: string }>(order, [id])).rows.map((row) => row.user_id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<Liker> = await posts.likes(id, { limit: 5, cursor });
      seen.push(...page.items.map((liker) => liker.user_id));
      cursor = page.next_cursor;
      await sessions.database.asUser({ sub: seen.at(-1) ?? '' }).posts.unlike(id);
      await (await sessions.signUp()).posts.like(id);
    } while (cursor);
    expect(seen).toEqual(expected);
  });

  test('is told as far as the post and the people are in sight', async () => {
    const [alice, bob, carol] = await people();
    const id = await postOf(alice);
    await bob.posts.like(id);
    const likers = async (person: Person) => (await person.posts.likes(id)).items.length;
    await carol.friends.block(bob.id);
    expect([await likers(alice), await likers(carol)]).toEqual([1, 0]);
    await alice.posts.update(id, { visibility: 'private' });
    expect([await likers(alice), await likers(bob)]).toEqual([1, 0]);
    expect((await carol.posts.likes(randomUUID())).items).toEqual([]);
  });

  test('refuses foreign cursors and wrong input', async () => {
    const [alice, bob] = await people();
    const id = await postOf(alice);
    for (const { posts } of [alice, bob]) {
      await posts.like(id);
      await posts.comment(id, 'Nice.');
    }
    const comments = (await alice.posts.comments(id, { limit: 1 })).next_cursor;
    const likes = (await alice.posts.likes(id, { limit: 1 })).next_cursor;
    for (const cursor of [comments, 'x']) await expect(alice.posts.likes(id, { cursor })).rejects.toThrow(CursorError);
    await expect(alice.posts.comments(id, { cursor: likes })).rejects.toThrow(CursorError);
    await expect(alice.posts.likes(id, { limit: 101 })).rejects.toThrow(ValidationError);
    await expect(alice.posts.likes('42')).rejects.toThrow(ValidationError);
  });
});

describe('a comment', () => {
  test('is listed with who wrote it', async () => {
    const [alice, bob] = await people();
    const id = await postOf(alice);
    const comment = await bob.posts.comment(id, 'Nice.');
    expect((await alice.posts.comments(id)).items).toEqual([{ ...comment, full_name: 'Bob', avatar_url: null }]);
  });

  test('is edited by who wrote it, and by nobody else', async () => {
    const [alice, bob, carol] = await people();
    const comment = await bob.posts.comment(await postOf(alice), 'Nise.');
    const edited = await bob.posts.editComment(comment.id.toUpperCase(), 'Nice.');
    expect(edited).toEqual({ ...comment, content: 'Nice.', updated_at: edited.updated_at });
    expect(edited.updated_at.valueOf()).toBeGreaterThan(comment.updated_at.valueOf());
    const service = sessions.database.asService().onBehalfOf(alice.id);
    for (const { posts } of [alice, carol, service]) {
      await expect(posts.editComment(comment.id, 'Mine.')).rejects.toThrow(NotFoundError);
    }
    await expect(bob.posts.editComment(randomUUID(), 'Nice.')).rejects.toThrow(NotFoundError);
    await expect(bob.posts.editComment(comment.id, ' ')).rejects.toThrow(ValidationError);
    await expect(bob.posts.editComment('42', 'Nice.')).rejects.toThrow(ValidationError);
    expect(await sessions.database.asService().onBehalfOf(bob.id).posts.editComment(comment.id, 'Good.')).toMatchObject(
      {
        content: 'Good.',
      },
    );
  });

  test('is deleted by who wrote it, or by the author of the post, and by nobody else', async () => {
    const [alice, bob, carol] = await people();
    const id = await postOf(alice);
    const [first, second] = [await bob.posts.comment(id, 'One.'), await bob.posts.comment(id, 'Two.')];
    const service = sessions.database.asService().onBehalfOf(carol.id);
    for (const { posts } of [carol, service]) expect(await posts.deleteComment(first.id)).toBe(false);
    expect(await bob.posts.deleteComment(first.id)).toBe(true);
    expect(await bob.posts.deleteComment(first.id)).toBe(false);
    expect(await alice.posts.deleteComment(second.id)).toBe(true);
    expect(await alice.posts.deleteComment(randomUUID())).toBe(false);
    await expect(alice.posts.deleteComment('42')).rejects.toThrow(ValidationError);
    expect(await alice.posts.get(id)).toMatchObject({ comments_count: 0 });
  });

  test('is deleted by the service for whoever may', async () => {
    const [alice, bob] = await people();
    const id = await postOf(alice);
    for (const person of [alice, bob]) {
      const comment = await bob.posts.comment(id, 'One.');
      expect(await sessions.database.asService().onBehalfOf(person.id).posts.deleteComment(comment.id)).toBe(true);
    }
  });

  test('is deleted though the post is out of sight, or the two people block each other', async () => {
    const [alice, bob] = await people();
    const id = await postOf(alice);
    const [one, two, three] = [
      await bob.posts.comment(id, 'One.'),
      await bob.posts.comment(id, 'Two.'),
      await bob.posts.comment(id, 'Three.'),
    ];
    await alice.posts.update(id, { visibility: 'private' });
    expect(await bob.posts.deleteComment(one.id)).toBe(true);
    await alice.friends.block(bob.id);
    expect((await alice.posts.comments(id)).items).toEqual([]);
    expect(await bob.posts.deleteComment(two.id)).toBe(true);
    expect(await alice.posts.deleteComment(three.id)).toBe(true);
    expect(await alice.posts.get(id)).toMatchObject({ comments_count: 0 });
  });

  test('that sixteen connections delete at once is deleted once', async () => {
    const { posts } = await sessions.signUp();
    const id = await postOf({ posts } as Person);
    const comment = await posts.comment(id, 'Nice.');
    const deleted = await sessions.sixteenTimes('posts', () => posts.deleteComment(comment.id));
    expect(deleted.filter((one) => one)).toHaveLength(1);
    expect(await posts.get(id)).toMatchObject({ comments_count: 0 });
  });

  test('of a suspended user stays as it is, and they delete none', async () => {
    const [alice, bob] = await people();
    const comment = await bob.posts.comment(await postOf(alice), 'Nice.');
    for (const person of [bob, alice]) {
      await sessions.suspend(person);
      await expect(person.posts.deleteComment(comment.id)).rejects.toThrow(PermissionError);
    }
    await expect(bob.posts.editComment(comment.id, 'x')).rejects.toThrow(PermissionError);
  });
});
