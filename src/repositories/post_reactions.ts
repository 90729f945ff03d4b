import { type Kysely, type RawBuilder, type Selectable, sql } from 'kysely';
import type { DB } from '../types/database.ts';
import type { PostComment } from '../types/functions.ts';
import {
  clampLimit,
  decodeCursor,
  encodeCursor,
  isTimestamptz,
  type Page,
  type PageRequest,
  toPage,
} from '../types/page.ts';
import { textSchema } from '../types/text.ts';
import { isUuid, uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { compiledOnce } from './compiled_once.ts';
import { firstRows } from './first_rows.ts';
import { type Bounds, pageOf } from './post_feed.ts';
import { PostReader } from './post_reader.ts';
import { found } from './stored.ts';

/** A person who likes a post, and since when. */
export type Liker = { user_id: string; full_name: string | null; avatar_url: string | null; created_at: Date };

/** A comment with the name and picture of who wrote it, which are null where they are not for this session to see. */
export type CommentWithAuthor = PostComment & { full_name: string | null; avatar_url: string | null };

export const commentSchema = textSchema(2000);

type PostPage = Bounds & { post_id: string };

const selectLikes = compiledOnce((db, { post_id, last_created_at, last_id, limit }: PostPage) => {
  const conditions = [sql`post_id = ${post_id}`];
  if (last_id !== undefined) {
    conditions.push(sql`(created_at, user_id) < (${last_created_at}::timestamptz, ${last_id}::uuid)`);
  }
  return db
    .selectFrom(firstRows('post_likes', conditions, sql`created_at desc, user_id desc`).as('post_likes'))
    .leftJoin('public_profiles', 'public_profiles.id', 'post_likes.user_id')
    .select(['post_likes.user_id', 'public_profiles.full_name', 'public_profiles.avatar_url', 'post_likes.created_at'])
    .select(sql<string>`post_likes.created_at::text`.as('sort_key'))
    .orderBy('post_likes.created_at', 'desc')
    .orderBy('post_likes.user_id', 'desc')
    .limit(limit);
});

const selectComments = compiledOnce((db, { post_id, last_created_at, last_id, limit }: PostPage) => {
  const conditions = [sql`post_id = ${post_id}`];
  if (last_id !== undefined) {
    conditions.push(sql`(created_at, id) > (${last_created_at}::timestamptz, ${last_id}::uuid)`);
  }
  return selectCommentsWithAuthor(db, firstRows('post_comments', conditions, sql`created_at, id`))
    .orderBy('post_comments.created_at')
    .orderBy('post_comments.id')
    .limit(limit);
});

export function selectCommentsWithAuthor(
  db: Kysely<DB>,
  comments: RawBuilder<Selectable<DB['post_comments']>> = sql`post_comments`,
) {
  return db
    .selectFrom(comments.as('post_comments'))
    .leftJoin('public_profiles', 'public_profiles.id', 'post_comments.user_id')
    .selectAll('post_comments')
    .select(['public_profiles.full_name', 'public_profiles.avatar_url'])
    .select(sql<string>`post_comments.created_at::text`.as('sort_key'));
}

/** Posts as a user likes and comments on them. */
export class PostReactionRepository extends PostReader {
  protected readonly userId: string;

  constructor(db: Kysely<DB>, userId: string) {
    super(db, userId);
    this.userId = userId;
  }

  /**
   * Likes a post, once however often it is called. Returns how many people like it now.
   *
   * @throws {NotFoundError} if there is no such post for this user; `PermissionError` if the account is suspended.
   * @example
   * const likes = await bob.posts.like(post.id); // 1
   */
  async like(id: string): Promise<number> {
    const { rows } = await sql<{ likes_count: number }>`
      select public.like_post(${validate(uuidSchema, id, 'id')}) as likes_count
    `.execute(this.db);
    return found(rows[0], 'post').likes_count;
  }

  /**
   * Takes a like back, also of a post out of sight. Returns whether there was one.
   *
   * @throws {PermissionError} if suspended.
   * @example
   * await bob.posts.unlike(post.id);
   */
  async unlike(id: string): Promise<boolean> {
    const { rows } = await sql<{ unliked: boolean }>`
      select public.unlike_post(${validate(uuidSchema, id, 'id')}) as unliked
    `.execute(this.db);
    return found(rows[0], 'post').unliked;
  }

  /**
   * Who likes a post, the latest first, `limit` (1 to 100, default 20) at a time: nobody if the post is out of sight.
   * `likes_count` also counts people whom a block hides from this user.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list or post.
   * @example
   * const { items } = await alice.posts.likes(post.id); // [{ user_id, full_name, avatar_url, created_at }, …]
   */
  async likes(id: string, request: PageRequest = {}): Promise<Page<Liker>> {
    const { limit, cursor } = requireObject(request, ['limit', 'cursor']);
    const most = clampLimit(limit);
    const post_id = validate(uuidSchema, id, 'id').toLowerCase();
    const kind = `posts.likes ${post_id}`;
    const [last_created_at, last_id] = cursor ? decodeCursor(kind, cursor, [isTimestamptz, isUuid]) : [];
    return toPage(
      await selectLikes(this.db, { post_id, last_created_at, last_id, limit: most + 1 }),
      most,
      ({ sort_key, user_id }) => encodeCursor(kind, [sort_key, user_id]),
      ({ sort_key, ...liker }) => liker,
    );
  }

  /**
   * Comments on a post. Sent twice with the same `id`, it is made once and the stored comment comes back.
   *
   * @throws {NotFoundError} if there is no such post for this user; `ValidationError` unless the content is text of 1 to
   *   2000 characters; `PermissionError` if the account is suspended.
   * @example
   * const comment = await bob.posts.comment(post.id, 'Is there water?', { id: crypto.randomUUID() });
   */
  async comment(id: string, content: string, options: { id?: string | undefined } = {}): Promise<PostComment> {
    const { id: comment_id } = requireObject(options, ['id']);
    const { rows } = await sql<PostComment>`
      select * from public.comment_on_post(
        ${validate(uuidSchema, id, 'id')}, ${validate(commentSchema, content, 'content')},
        ${validate(uuidSchema, comment_id ?? crypto.randomUUID(), 'id')}
      )
    `.execute(this.db);
    return found(rows[0], 'post');
  }

  /**
   * The comments on a post, oldest first, `limit` (1 to 100, default 20) at a time: none if the post is out of sight.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list or post.
   * @example
   * const { items, next_cursor } = await alice.posts.comments(post.id, { limit: 50 });
   */
  async comments(id: string, request: PageRequest = {}): Promise<Page<CommentWithAuthor>> {
    const post_id = validate(uuidSchema, id, 'id').toLowerCase();
    return await pageOf(`posts.comments ${post_id}`, request, (bounds) =>
      selectComments(this.db, { post_id, ...bounds }),
    );
  }

  /**
   * Changes the words of the user's own comment.
   *
   * @throws {NotFoundError} if there is no such comment of the user's in sight; `ValidationError` as `comment`;
   *   `PermissionError` if the account is suspended.
   * @example
   * const { id } = await bob.posts.comment(post.id, 'Is there watr?');
   * await bob.posts.editComment(id, 'Is there water?');
   */
  async editComment(comment_id: string, content: string): Promise<PostComment> {
    const comment = await this.db
      .updateTable('post_comments')
      .set({ content: validate(commentSchema, content, 'content') })
      .where('user_id', '=', this.userId)
      .where('id', '=', validate(uuidSchema, comment_id, 'id'))
      .returningAll()
      .executeTakeFirst();
    return found(comment, 'comment');
  }

  /**
   * Deletes a comment of the user's, or one on a post of theirs, also if a block hides it from them. Returns whether there
   * was one.
   *
   * @throws {PermissionError} if the account is suspended.
   * @example
   * for (const { id } of comments) await alice.posts.deleteComment(id); // on a post of hers
   */
  async deleteComment(comment_id: string): Promise<boolean> {
    return await deleteComment(this.db, comment_id);
  }
}

/** Deletes a comment, if the session may. The function locks the post first, as whoever hides or deletes it does. */
export async function deleteComment(db: Kysely<DB>, comment_id: string): Promise<boolean> {
  const { rows } = await sql<{ deleted: boolean }>`
    select public.delete_comment(${validate(uuidSchema, comment_id, 'id')}) as deleted
  `.execute(db);
  return found(rows[0], 'comment').deleted;
}
