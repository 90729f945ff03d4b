import type { Ids } from './world.ts';

type Where = (ids: Ids) => string;

/** The row of each kind that `access` names, as a condition. */
export const rowsOf: Readonly<Record<string, Readonly<Record<string, Where>>>> = {
  budgets: { own: (ids) => `id = '${ids.budget}'` },
  expenses: { own: (ids) => `id = '${ids.expense}'` },
  friendships: {
    own: (ids) => `user_id = '${ids.owner}' and friend_id = '${ids.guest}'`,
    theirs: (ids) => `user_id = '${ids.guest}' and friend_id = '${ids.owner}'`,
  },
  income_entries: { own: (ids) => `id = '${ids.income}'` },
  kysely_migration: { any: () => 'true' },
  kysely_migration_lock: { any: () => 'true' },
  pam_conversations: { own: (ids) => `id = '${ids.conversation}'` },
  pam_feedback: { own: (ids) => `id = '${ids.feedback}'` },
  pam_messages: { own: (ids) => `id = '${ids.message}'` },
  places: { own: (ids) => `id = '${ids.place}'` },
  post_comments: {
    public: (ids) => `id = '${ids.public_comment}'`,
    friends: (ids) => `id = '${ids.friends_comment}'`,
    private: (ids) => `id = '${ids.private_comment}'`,
    guest_public: (ids) => `id = '${ids.guests_comment_public}'`,
    guest_friends: (ids) => `id = '${ids.guests_comment_friends}'`,
    guest_private: (ids) => `id = '${ids.guests_comment_private}'`,
    elsewhere: (ids) => `id = '${ids.comment_elsewhere}'`,
  },
  post_likes: {
    public: (ids) => `post_id = '${ids.public}' and user_id = '${ids.owner}'`,
    friends: (ids) => `post_id = '${ids.friends}' and user_id = '${ids.owner}'`,
    private: (ids) => `post_id = '${ids.private}' and user_id = '${ids.owner}'`,
    guest_public: (ids) => `post_id = '${ids.public}' and user_id = '${ids.guest}'`,
    guest_friends: (ids) => `post_id = '${ids.friends}' and user_id = '${ids.guest}'`,
    guest_private: (ids) => `post_id = '${ids.private}' and user_id = '${ids.guest}'`,
    elsewhere: (ids) => `post_id = '${ids.guests_post}' and user_id = '${ids.owner}'`,
  },
  post_locations: { own: (ids) => `post_id = '${ids.public}'` },
  posts: {
    public: (ids) => `id = '${ids.public}'`,
    friends: (ids) => `id = '${ids.friends}'`,
    private: (ids) => `id = '${ids.private}'`,
  },
  profiles: { own: (ids) => `id = '${ids.owner}'` },
  public_profiles: { author: (ids) => `id = '${ids.owner}'`, newcomer: (ids) => `id = '${ids.newcomer}'` },
  trip_financial_summary: { own: (ids) => `trip_id = '${ids.trip}'` },
  trips: { own: (ids) => `id = '${ids.trip}'` },
  user_financial_summary: { own: (ids) => `user_id = '${ids.owner}'` },
};

/** What a new row needs, in the name of the owner: column by column, as SQL. Where nobody inserts there is none. */
export const newRows: Readonly<Record<string, (ids: Ids) => Record<string, string>>> = {
  budgets: ({ owner }) => ({ user_id: `'${owner}'`, amount: '1', period: `'weekly'` }),
  expenses: ({ owner }) => ({ user_id: `'${owner}'`, amount: '1', category: `'fuel'` }),
  income_entries: ({ owner }) => ({ user_id: `'${owner}'`, amount: '1', source: `'work'` }),
  pam_conversations: ({ owner }) => ({ user_id: `'${owner}'`, session_id: `'tablet'` }),
  pam_feedback: ({ owner, unrated_message }) => ({
    user_id: `'${owner}'`,
    message_id: `'${unrated_message}'`,
    thumbs_up: 'true',
    rating: '5',
  }),
  pam_messages: ({ owner, conversation }) => ({
    user_id: `'${owner}'`,
    conversation_id: `'${conversation}'`,
    role: `'user'`,
    content: `'x'`,
  }),
  places: ({ owner }) => ({
    user_id: `'${owner}'`,
    name: `'x'`,
    kind: `'water'`,
    location: `'{"lat": 1, "lng": 2}'`,
  }),
  post_locations: ({ owner, friends }) => ({
    user_id: `'${owner}'`,
    post_id: `'${friends}'`,
    location: `'{"lat": 1, "lng": 2}'`,
  }),
  posts: ({ owner }) => ({ user_id: `'${owner}'`, title: `'x'`, content: `'x'` }),
  trips: ({ owner }) => ({ user_id: `'${owner}'`, name: `'x'` }),
};

/** A change that any row of the relation can take: also true of the row afterwards, and not before. */
export const changes: Readonly<Record<string, string>> = {
  budgets: 'amount = 1',
  expenses: 'amount = 1',
  income_entries: 'amount = 1',
  pam_conversations: "status = 'archived'",
  pam_feedback: 'rating = 4',
  places: 'rating = 1',
  post_comments: "content = 'changed'",
  post_locations: `location = '{"lat": 0, "lng": 0}'`,
  posts: "title = 'Changed'",
  profiles: "full_name = 'Changed'",
  trips: "name = 'Changed'",
};

const reacted = {
  public: 'public_comment',
  friends: 'friends_comment',
  private: 'private_comment',
  guest_public: 'guests_comment_public',
  guest_friends: 'guests_comment_friends',
  guest_private: 'guests_comment_private',
  elsewhere: 'comment_elsewhere',
} as const;
const audiences = ['public', 'friends', 'private'] as const;

/** One call for each audience of a post. */
function forPosts(name: string, call: (post: string) => string): Record<string, Where> {
  return Object.fromEntries(audiences.map((audience) => [`${name} ${audience}`, (ids) => call(ids[audience])]));
}

/** A call that gives a row where it did something or found the row. */
export const calls: Readonly<Record<string, Where>> = {
  accept_friend: (ids) => `select from accept_friend('${ids.asker}')`,
  block_user: (ids) => `select from block_user('${ids.other}')`,
  blocked_users: (ids) => `select from blocked_users() where blocked_id = '${ids.blocked}'`,
  cancel_friend_request: (ids) => `select from cancel_friend_request('${ids.asked}') as done where done`,
  ...forPosts('comment_on_post', (post) => `select from comment_on_post('${post}', 'x')`),
  decline_friend_request: (ids) => `select from decline_friend_request('${ids.asker}') as done where done`,
  ...Object.fromEntries(
    Object.entries(reacted).map(([kind, comment]) => [
      `delete_comment ${kind}`,
      (ids: Ids) => `select from delete_comment('${ids[comment]}') as done where done`,
    ]),
  ),
  ...forPosts('friends_posts', (post) => `select from friends_posts() where post_id = '${post}'`),
  'get_user_activity trip': activity('trips', 'trip'),
  'get_user_activity expense': activity('expenses', 'expense'),
  ...Object.fromEntries(audiences.map((audience) => [`get_user_activity ${audience}`, activity('posts', audience)])),
  income_occurrences: (ids) =>
    `select from income_occurrences('2026-01-01', '2026-12-31') where income_id = '${ids.income}'`,
  jsonb_merge_patch: () => `select from jsonb_merge_patch('{}', '{}')`,
  ...forPosts('like_post', (post) => `select from like_post('${post}')`),
  list_blocked_users: (ids) => `select from list_blocked_users() where blocked_id = '${ids.blocked}'`,
  list_own_comments: (ids) => `select from list_own_comments() where id = '${ids.comment_elsewhere}'`,
  list_own_likes: (ids) => `select from list_own_likes() where post_id = '${ids.friends}'`,
  'messages stored': (ids) =>
    `select jsonb_array_elements(c.messages) from pam_conversations c where id = '${ids.conversation}'`,
  'messages forged': (ids) => `select from jsonb_array_elements(messages(jsonb_populate_record(
    null::pam_conversations, '{"id": "${ids.conversation}", "user_id": "${ids.owner}"}')))`,
  mutual_friends: (ids) => `select from mutual_friends('${ids.other}')`,
  ...forPosts('posts_near', (post) => `select from posts_near(-48.88, -123.39, 5000) where post_id = '${post}'`),
  remove_friend: (ids) => `select from remove_friend('${ids.other}') as done where done`,
  request_friend: (ids) => `select from request_friend('${ids.other}')`,
  search_messages: (ids) => `select from search_messages('kwelobarra', '${ids.owner}') where id = '${ids.message}'`,
  ...forPosts('search_posts', (post) => `select from search_posts('kwelobarra') where post_id = '${post}'`),
  search_trips: (ids) => `select from search_trips('kwelobarra', '${ids.owner}') where trip_id = '${ids.trip}'`,
  ...forPosts('tagged_posts', (post) => `select from tagged_posts('kwelodunes') where post_id = '${post}'`),
  unblock_user: (ids) => `select from unblock_user('${ids.blocked}') as done where done`,
  unlike_post: (ids) => `select from unlike_post('${ids.public}') as done where done`,
  user_income_occurrences: (ids) =>
    `select from user_income_occurrences('${ids.owner}', '2026-01-01', '2026-12-31') where income_id = '${ids.income}'`,
};

function activity(list: string, row: 'trip' | 'expense' | (typeof audiences)[number]): Where {
  return (ids) =>
    `select from jsonb_array_elements(get_user_activity('${ids.owner}') -> '${list}') as one where one ->> 'id' = '${ids[row]}'`;
}
