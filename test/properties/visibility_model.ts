import fc from 'fast-check';
import { NotFoundError, UniqueError, ValidationError } from '../../src/index.ts';
import type { PostVisibility } from '../../src/types.ts';
import type { Person } from '../repositories/sessions.ts';

type Post = { author: number; visibility: PostVisibility; likes: Set<number>; comments: number[] };

/**
 * People and posts are numbers. `requests` and `blocks` are of the first to the second, as "0 1"; `friends` has both ways.
 * A block of somebody who had blocked them before is `unlisted`: who made it cannot tell that it is there.
 */
export type Community = {
  posts: Map<number, Post>;
  requests: Set<string>;
  friends: Set<string>;
  blocks: Set<string>;
  unlisted: Set<string>;
};

const toPeople = ['request', 'accept', 'remove', 'block', 'unblock'] as const;
const toPosts = ['delete', 'like', 'unlike', 'comment'] as const;

export type Step =
  | { do: (typeof toPeople)[number]; me: number; other: number }
  | { do: (typeof toPosts)[number]; me: number; post: number }
  | { do: 'publish' | 'show to'; me: number; post: number; visibility: PostVisibility };

export const postCount = 3;
const me = fc.nat(2);
const post = fc.nat(postCount - 1);

export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({
        do: fc.oneof({ weight: 3, arbitrary: fc.constantFrom('request', 'accept') }, fc.constantFrom(...toPeople)),
        me,
        away: fc.integer({ min: 1, max: 2 }),
      })
      .map(({ away, ...step }) => ({ ...step, other: (step.me + away) % 3 })),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom('like', 'unlike', ...toPosts), me, post }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('publish', 'show to'),
      me,
      post,
      visibility: fc.constantFrom('public', 'friends', 'private'),
    }),
  },
);

/** How every sequence begins: with posts that somebody likes, so that there is something to take back. */
export const firstSteps: readonly Step[] = [
  { do: 'publish', me: 0, post: 0, visibility: 'public' },
  { do: 'publish', me: 1, post: 1, visibility: 'public' },
  { do: 'like', me: 2, post: 0 },
  { do: 'like', me: 2, post: 1 },
];

const isBlocked = ({ blocks }: Community, one: number, other: number) =>
  blocks.has(`${one} ${other}`) || blocks.has(`${other} ${one}`);

/** Whether the person, or the visitor who is undefined, may see the post. */
export function sees(community: Community, me: number | undefined, { author, visibility }: Post): boolean {
  if (me === undefined) return visibility === 'public';
  if (me === author) return true;
  if (isBlocked(community, me, author)) return false;
  return visibility === 'public' || (visibility === 'friends' && community.friends.has(`${me} ${author}`));
}

/** The authors of the comments that the person sees on a post that they see. */
export function seenComments(community: Community, me: number, { comments }: Post): number[] {
  return comments.filter((author) => !isBlocked(community, me, author));
}

/** Does to the model what the database promises to do, and returns what it answers, or the class of its error. */
export function expected(community: Community, step: Step): unknown {
  const { posts, requests, friends, blocks, unlisted } = community;
  if ('other' in step) {
    const [there, back] = [`${step.me} ${step.other}`, `${step.other} ${step.me}`];
    const befriend = () => {
      requests.delete(back);
      friends.add(there).add(back);
      return 'accepted';
    };
    const part = () => [requests.delete(there), requests.delete(back), friends.delete(there), friends.delete(back)];
    if (step.do === 'unblock') {
      unlisted.delete(back);
      const isListed = !unlisted.delete(there);
      return blocks.delete(there) && isListed;
    }
    if (step.do === 'block') {
      part();
      if (blocks.has(back) && !blocks.has(there)) unlisted.add(there);
      blocks.add(there);
      return undefined;
    }
    if (blocks.has(back)) return NotFoundError;
    switch (step.do) {
      case 'request':
        if (blocks.has(there)) return ValidationError;
        if (friends.has(there)) return 'accepted';
        if (requests.has(back)) return befriend();
        requests.add(there);
        return 'requested';
      case 'accept':
        return requests.has(back) || friends.has(there) ? befriend() : NotFoundError;
      default:
        return part().includes(true);
    }
  }
  const post = posts.get(step.post);
  const isOwn = post?.author === step.me;
  switch (step.do) {
    case 'publish':
      if (post) return isOwn ? post.visibility : UniqueError;
      posts.set(step.post, { author: step.me, visibility: step.visibility, likes: new Set(), comments: [] });
      return step.visibility;
    case 'show to':
      if (!post || !isOwn) return NotFoundError;
      post.visibility = step.visibility;
      return step.visibility;
    case 'delete':
      return isOwn && posts.delete(step.post);
    case 'unlike':
      return post?.likes.delete(step.me) ?? false;
    default:
      if (!post || !sees(community, step.me, post)) return NotFoundError;
      if (step.do === 'like') return post.likes.add(step.me).size;
      post.comments.push(step.me);
      return step.me;
  }
}

/** Does the step, and answers as the model does. */
export async function perform(people: readonly Person[], postIds: readonly string[], step: Step): Promise<unknown> {
  const person = (number: number) => {
    const found = people[number];
    if (!found) throw new Error(`There is no person ${number}.`);
    return found;
  };
  const { friends, posts } = person(step.me);
  if ('other' in step) {
    const { id } = person(step.other);
    if (step.do === 'request' || step.do === 'accept') return (await friends[step.do](id)).status;
    return await friends[step.do](id);
  }
  const id = postIds[step.post] ?? '';
  switch (step.do) {
    case 'publish':
      return (await posts.create({ id, title: 'Camp', content: 'By the river', visibility: step.visibility }))
        .visibility;
    case 'show to':
      return (await posts.update(id, { visibility: step.visibility })).visibility;
    case 'comment': {
      const { user_id } = await posts.comment(id, 'Lovely');
      return people.findIndex((person) => person.id === user_id);
    }
    default:
      return await posts[step.do](id);
  }
}
