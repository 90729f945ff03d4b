import { beforeAll, describe, expect, test } from 'vitest';
import { CursorError } from '../../src/index.ts';
import type { Page } from '../../src/types.ts';
import { type Person, testSessions } from './sessions.ts';

const sessions = testSessions();

type Request = { limit?: number; cursor?: string | null };
type Read = (request: Request) => Promise<Page<unknown>>;

let alice: Person;
let bob: Person;
let carol: Person;
let posts: string[];
let conversations: string[];

/** Two of everything, each with the same three entries. */
beforeAll(async () => {
  [alice, bob, carol] = [await sessions.signUp(), await sessions.signUp(), await sessions.signUp()];
  const others = [await sessions.signUp(), await sessions.signUp(), await sessions.signUp()];
  const made = await alice.posts.createMany(['one', 'two'].map((title) => ({ title, content: 'x' })));
  posts = made.map(({ id }) => id);
  for (const author of [bob, carol]) {
    await author.posts.createMany(['a', 'b', 'c'].map((title) => ({ title, content: 'x', tags: ['van', 'boat'] })));
  }
  for (const person of others) {
    for (const id of posts) {
      await person.posts.like(id);
      await person.posts.comment(id, 'Nice.');
    }
    for (const friend of [alice, bob, carol]) {
      await person.friends.request(friend.id);
      await friend.friends.accept(person.id);
    }
  }
  for (const friend of [bob, carol]) {
    await alice.friends.request(friend.id);
    await friend.friends.accept(alice.id);
  }
  const started = [
    await alice.pam.startConversation({ session_id: 'phone' }),
    await alice.pam.startConversation({ session_id: 'laptop' }),
  ];
  conversations = started.map(({ id }) => id);
  const said = ['Moab salt 1', 'Moab salt 2', 'Moab salt 3'];
  for (const id of conversations) {
    await alice.pam.appendMessages(
      id,
      said.map((content) => ({ role: 'user', content })),
    );
  }
});

const both = (read: (place: 0 | 1) => Read): [Read, Read] => [read(0), read(1)];

describe.each<[string, () => [Read, Read]]>([
  ['the likes of another post', () => both((at) => (request) => alice.posts.likes(posts[at] ?? '', request))],
  ['the comments on another post', () => both((at) => (request) => alice.posts.comments(posts[at] ?? '', request))],
  ['another author', () => both((at) => (request) => alice.posts.byAuthor([bob, carol][at]?.id ?? '', request))],
  ['another tag', () => both((at) => (request) => alice.posts.byTag(['van', 'boat'][at] ?? '', request))],
  [
    'another person’s friends',
    () => both((at) => (request) => alice.friends.mutual([bob, carol][at]?.id ?? '', request)),
  ],
  ['another conversation', () => both((at) => (request) => alice.pam.history(conversations[at] ?? '', request))],
  ['another term', () => both((at) => (request) => alice.pam.search(['Moab', 'salt'][at] ?? '', request))],
  [
    'a search of another conversation',
    () => both((at) => (request) => alice.pam.search('Moab', { ...request, conversation_id: conversations[at] ?? '' })),
  ],
])('a cursor of %s', (_, reads) => {
  test('is refused, and one of the same goes on', async () => {
    const [read, other] = reads();
    const { items } = await read({});
    const { next_cursor: cursor } = await read({ limit: 1 });
    expect(items.length).toBeGreaterThan(2);
    expect((await read({ cursor })).items).toEqual(items.slice(1));
    await expect(other({ cursor })).rejects.toThrow(CursorError);
  });
});

test('a cursor goes on however the id is written, and holds nothing of what was looked for', async () => {
  const [id = ''] = conversations;
  const { next_cursor: cursor } = await alice.pam.history(id, { limit: 1 });
  expect((await alice.pam.history(id.toUpperCase(), { cursor })).items).toHaveLength(2);
  const long = `moab ${'salt '.repeat(30)}`;
  const found = (await alice.pam.search(long, { limit: 1 })).next_cursor ?? '';
  expect(Buffer.from(found, 'base64url').toString()).not.toMatch(/salt|moab/i);
  expect(found.length).toBeLessThan(150);
});
