import { type Kysely, type RawBuilder, type Selectable, type SqlBool, sql } from 'kysely';
import type { DB } from '../types/database.ts';
import {
  clampLimit,
  decodeCursor,
  encodeCursor,
  isTimestamptz,
  type Page,
  type PageRequest,
  toPage,
} from '../types/page.ts';
import { isUuid } from '../types/uuid.ts';
import { requireObject } from '../types/validate.ts';
import { compiledOnce } from './compiled_once.ts';
import { firstRows } from './first_rows.ts';
import { type Post, postColumns } from './post_row.ts';

/** A post with the name and picture of its author, which are null where they are not for this session to see. */
export type PostWithAuthor = Post & { full_name: string | null; avatar_url: string | null };

/** A post as a feed shows it. `liked` tells whether the session's user likes it. */
export type FeedPost = PostWithAuthor & { liked: boolean };

export const feedScopes = ['visible', 'public', 'friends'] as const;
/** Whose posts: all that the user may see, what is public, or friends' alone. */
export type FeedScope = (typeof feedScopes)[number];

/** Where a page begins: after the row with this time, to the microsecond, and id. */
export type Bounds = { last_created_at?: string; last_id?: string; limit: number };

type Posts = RawBuilder<Selectable<DB['posts']>>;
type FeedPage = Bounds & { me?: string };

export function selectWithAuthor(db: Kysely<DB>, posts: Posts = sql`posts`) {
  return db
    .selectFrom(posts.as('posts'))
    .leftJoin('public_profiles', 'public_profiles.id', 'posts.user_id')
    .select(postColumns)
    .select(['public_profiles.full_name', 'public_profiles.avatar_url'])
    .select(sql<string>`posts.created_at::text`.as('sort_key'));
}

/** `me` is absent for visitors, who like nothing and may not ask. */
export function selectFeed(db: Kysely<DB>, me: string | undefined, posts: Posts) {
  const likes = me === undefined ? sql<Like>`(select null::uuid as user_id)` : likesOf(me);
  return selectWithAuthor(db, posts)
    .leftJoinLateral(likes.as('own_like'), (join) => join.onTrue())
    .select(sql<boolean>`own_like.user_id is not null`.as('liked'));
}

type Like = { user_id: string | null };

/** The limit has each post ask for its own like, rather than read all of the user's. */
function likesOf(me: string) {
  return sql<Like>`(
    select user_id from post_likes where post_likes.post_id = posts.id and post_likes.user_id = ${me} limit 1
  )`;
}

/** The newest posts that fulfil all conditions, as many as a page may have. */
export function newestPosts(conditions: RawBuilder<unknown>[], { last_created_at, last_id }: Bounds): Posts {
  const all = last_id === undefined ? conditions : [...conditions, isAfter(last_created_at, last_id)];
  return firstRows('posts', all, sql`created_at desc, id desc`);
}

/** Newest first. */
function isAfter(last_created_at: string | undefined, last_id: string) {
  return sql<SqlBool>`(posts.created_at, posts.id) < (${last_created_at}::timestamptz, ${last_id}::uuid)`;
}

export function newestFirst(feed: ReturnType<typeof selectFeed>, { limit }: Bounds) {
  return feed.orderBy('posts.created_at', 'desc').orderBy('posts.id', 'desc').limit(limit);
}

/** Where a page begins, as the arguments of a function: null, null is the first page. */
export function after({ last_created_at, last_id }: Bounds) {
  return last_id === undefined ? sql`null, null` : sql`${last_created_at}::timestamptz, ${last_id}::uuid`;
}

function friendsPosts(page: FeedPage): Posts {
  return sql`(
    select posts.* from public.friends_posts(${after(page)}, ${page.limit}::integer) as friends
    join posts on posts.id = friends.post_id
  )`;
}

/**
 * The newest of the public posts, of the friends' and of the user's own: each a page of its own, so that nobody's posts out
 * of sight are in the way, however many. What is public is in the first alone.
 */
function visiblePosts(page: FeedPage): Posts {
  const first = (posts: Posts) =>
    sql`(select * from ${posts} as posts order by created_at desc, id desc limit ${page.limit})`;
  return sql`(
    select * from ${first(publicPosts(page))} as posts
    union all
    select * from ${first(friendsPosts(page))} as posts where visibility <> 'public'
    union all
    select * from ${first(newestPosts([sql`posts.user_id = ${page.me}`], page))} as posts where visibility <> 'public'
  )`;
}

/** Written out, not as a parameter: a plan for any value could not use the index of those that are public. */
function publicPosts(page: FeedPage): Posts {
  return newestPosts([sql`posts.visibility = 'public'`], page);
}

const feeds = {
  visible: compiledOnce((db, page: FeedPage) =>
    newestFirst(selectFeed(db, page.me, page.me === undefined ? publicPosts(page) : visiblePosts(page)), page),
  ),
  public: compiledOnce((db, page: FeedPage) => newestFirst(selectFeed(db, page.me, publicPosts(page)), page)),
  friends: compiledOnce((db, page: FeedPage) => newestFirst(selectFeed(db, page.me, friendsPosts(page)), page)),
};

/** A page of the newest posts. */
export async function readFeed(
  db: Kysely<DB>,
  me: string | undefined,
  scope: FeedScope,
  request: PageRequest,
): Promise<Page<FeedPost>> {
  return await pageOf(`posts.feed ${scope}`, request, (bounds) => feeds[scope](db, { me, ...bounds }));
}

/**
 * A page of what `read` gives, newest first. `kind` names the list, for its cursors.
 *
 * @throws {CursorError} if the cursor is malformed or comes from another list.
 */
export async function pageOf<Row extends { id: string; sort_key: string }>(
  kind: string,
  request: PageRequest,
  read: (bounds: Bounds) => Promise<Row[]>,
): Promise<Page<Omit<Row, 'sort_key'>>> {
  const { limit, cursor } = requireObject(request, ['limit', 'cursor']);
  const most = clampLimit(limit);
  const [last_created_at, last_id] = cursor ? decodeCursor(kind, cursor, [isTimestamptz, isUuid]) : [];
  return toPage(
    await read({ last_created_at, last_id, limit: most + 1 }),
    most,
    ({ sort_key, id }) => encodeCursor(kind, [sort_key, id]),
    ({ sort_key, ...row }) => row,
  );
}
