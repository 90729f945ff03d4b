import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NotFoundError, UniqueError, ValidationError } from '../../src/index.ts';
import type { PostVisibility } from '../../src/types.ts';
import { type Person, testSessions } from '../repositories/sessions.ts';
import {
  type Community,
  expected,
  firstSteps,
  perform,
  postCount,
  seenComments,
  sees,
  step,
} from './visibility_model.ts';

const sessions = testSessions();

type Run = { people: Person[]; postIds: string[] };

async function meet(): Promise<Run> {
  // A feed has the posts of everybody: those of the run before would be in it.
  await sessions.admin.query('delete from posts');
  const people = await Promise.all([sessions.signUp(), sessions.signUp(), sessions.signUp()]);
  return { people, postIds: Array.from({ length: postCount }, () => randomUUID()) };
}

async function expectSight(community: Community, { people, postIds }: Run): Promise<void> {
  const visitor = sessions.database.asAnon();
  await Promise.all(
    [undefined, 0, 1, 2].map(async (me) => {
      const { posts } = (me === undefined ? undefined : people[me]) ?? visitor;
      const seen = [...community.posts].flatMap(([number, post]) =>
        sees(community, me, post)
          ? [
              {
                id: postIds[number],
                visibility: post.visibility,
                likes_count: post.likes.size,
                comments_count: post.comments.length,
              },
            ]
          : [],
      );
      const { items } = await posts.feed({ limit: 100 });
      expect(new Map(items.map((post) => [post.id, post]))).toEqual(
        new Map(seen.map((post) => [post.id, expect.objectContaining(post)])),
      );
      for (const id of postIds) {
        const post = seen.find((post) => post.id === id);
        expect(await posts.find(id)).toEqual(post && expect.objectContaining(post));
      }
    }),
  );
  for (const [me, { posts, friends }] of people.entries()) {
    for (const [number, post] of community.posts) {
      const { items } = await posts.comments(postIds[number] ?? '', { limit: 100 });
      expect(items.map(({ user_id }) => people.findIndex(({ id }) => id === user_id))).toEqual(
        sees(community, me, post) ? seenComments(community, me, post) : [],
      );
    }
    const statuses = people.map((_, other) => {
      if (community.friends.has(`${me} ${other}`)) return 'accepted';
      if (community.requests.has(`${me} ${other}`)) return 'requested';
      return community.requests.has(`${other} ${me}`) ? 'received' : undefined;
    });
    const { items } = await friends.list();
    expect(people.map(({ id }) => items.find(({ friend_id }) => friend_id === id)?.status)).toEqual(statuses);
    const listed = (await friends.blocked()).items.map(({ blocked_id }) =>
      people.findIndex(({ id }) => id === blocked_id),
    );
    expect(listed.map((other) => `${me} ${other}`).sort()).toEqual(
      [...community.blocks].filter((pair) => pair.startsWith(`${me} `) && !community.unlisted.has(pair)).sort(),
    );
  }
}

/** What is stored, in the model's form: likes and comments by their rows, a friendship both ways if one has it. */
async function stored({ people, postIds }: Run): Promise<Community> {
  const number = (id: string) => people.findIndex((person) => person.id === id);
  const read = async <Row extends object>(query: string) => (await sessions.admin.query<Row>(query)).rows;
  const posts = await read<{
    id: string;
    user_id: string;
    visibility: PostVisibility;
    likes: string[];
    comments: string[];
  }>(`
    select id, user_id, visibility,
      array(select user_id::text from post_likes where post_id = posts.id) as likes,
      array(select user_id::text from post_comments where post_id = posts.id order by created_at, id) as comments
    from posts`);
  const pairs = async (query: string) =>
    (await read<{ one: string; other: string }>(query)).flatMap(({ one, other }) =>
      number(one) < 0 ? [] : [`${number(one)} ${number(other)}`],
    );
  return {
    posts: new Map(
      posts.map(({ id, user_id, visibility, likes, comments }) => [
        postIds.indexOf(id),
        { author: number(user_id), visibility, likes: new Set(likes.map(number)), comments: comments.map(number) },
      ]),
    ),
    requests: new Set(
      await pairs("select user_id as one, friend_id as other from friendships where status = 'requested'"),
    ),
    friends: new Set(
      await pairs(`
        select user_id as one, friend_id as other from friendships where status = 'accepted'
        union select friend_id, user_id from friendships where status = 'accepted'`),
    ),
    blocks: new Set(await pairs('select user_id as one, blocked_id as other from private.blocks')),
    unlisted: new Set(await pairs('select user_id as one, blocked_id as other from private.blocks where not listed')),
  };
}

describe('who sees what', () => {
  test('is as friendships, blocks and visibilities say, after each step of any sequence', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 20, size: 'max' }), async (steps) => {
      const run = await meet();
      const community: Community = {
        posts: new Map(),
        requests: new Set(),
        friends: new Set(),
        blocks: new Set(),
        unlisted: new Set(),
      };
      for (const step of [...firstSteps, ...steps]) {
        const answer = expected(community, step);
        const outcome = perform(run.people, run.postIds, step);
        if (answer instanceof Function) await expect(outcome).rejects.toThrow(answer);
        else expect(await outcome).toEqual(answer);
        await expectSight(community, run);
      }
    });
    await fc.assert(property, { numRuns: 12, endOnFailure: true });
  }, 120_000);

  test('is as the stored friendships, blocks and visibilities say, when steps that were taken at once are over', async () => {
    const batches = fc.array(fc.array(step, { minLength: 2, maxLength: 10, size: 'max' }), {
      minLength: 2,
      maxLength: 5,
      size: 'max',
    });
    const property = fc.asyncProperty(batches, async (batches) => {
      const run = await meet();
      for (const batch of [firstSteps.slice(0, 2), firstSteps.slice(2), ...batches]) {
        const settled = await Promise.allSettled(batch.map((step) => perform(run.people, run.postIds, step)));
        for (const outcome of settled) {
          if (outcome.status === 'fulfilled') continue;
          const refusals = [NotFoundError, UniqueError, ValidationError];
          if (!refusals.some((refusal) => outcome.reason instanceof refusal)) throw outcome.reason;
        }
        const community = await stored(run);
        await expectSight(community, run);
        const { requests, friends, blocks } = community;
        expect(
          [...requests, ...friends].filter((pair) => blocks.has(pair) || blocks.has([...pair].reverse().join(''))),
        ).toEqual([]);
        expect([...requests].filter((pair) => friends.has(pair))).toEqual([]);
      }
    });
    await fc.assert(property, { numRuns: 12, endOnFailure: true });
  }, 120_000);
});
