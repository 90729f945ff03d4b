import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import type { DB } from '../types/database.ts';
import type { Page, PageRequest } from '../types/page.ts';
import { uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { compiledOnce } from './compiled_once.ts';
import { firstRows } from './first_rows.ts';
import { type Bounds, newestPosts, type PostWithAuthor, pageOf, selectWithAuthor } from './post_feed.ts';
import { type CommentWithAuthor, deleteComment, selectCommentsWithAuthor } from './post_reactions.ts';
import { wasDeleted } from './stored.ts';

const postFilterSchema = z.strictObject({ user_id: uuidSchema }).partial();
const commentFilterSchema = z.strictObject({ user_id: uuidSchema, post_id: uuidSchema }).partial();

/** `user_id` is the author. */
export type ModeratedPostFilter = z.input<typeof postFilterSchema>;
/** `user_id` is who wrote the comment. */
export type ModeratedCommentFilter = z.input<typeof commentFilterSchema>;

const selectPosts = compiledOnce((db, { user_id, ...bounds }: Bounds & z.output<typeof postFilterSchema>) => {
  const conditions = [sql`posts.visibility <> 'private'`];
  if (user_id !== undefined) conditions.push(sql`posts.user_id = ${user_id}`);
  return selectWithAuthor(db, newestPosts(conditions, bounds))
    .orderBy('posts.created_at', 'desc')
    .orderBy('posts.id', 'desc')
    .limit(bounds.limit);
});

type CommentPage = Bounds & z.output<typeof commentFilterSchema>;

const selectComments = compiledOnce((db, { user_id, post_id, last_created_at, last_id, limit }: CommentPage) => {
  const conditions = [sql`post_visibility <> 'private'`];
  if (user_id !== undefined) conditions.push(sql`user_id = ${user_id}`);
  if (post_id !== undefined) conditions.push(sql`post_id = ${post_id}`);
  if (last_id !== undefined) {
    conditions.push(sql`(created_at, id) < (${last_created_at}::timestamptz, ${last_id}::uuid)`);
  }
  return selectCommentsWithAuthor(db, firstRows('post_comments', conditions, sql`created_at desc, id desc`))
    .orderBy('post_comments.created_at', 'desc')
    .orderBy('post_comments.id', 'desc')
    .limit(limit);
});

/**
 * What people show each other, for who keeps order: public posts and those for friends, their comments, never what is
 * private. The service sees and removes all of it; of user sessions, those of moderators and admins do. Another user's
 * session reaches no further here than elsewhere: the posts they see, and their own to remove.
 */
export class ModerationRepository {
  readonly #db: Kysely<DB>;

  constructor(db: Kysely<DB>) {
    this.#db = db;
  }

  /**
   * The newest posts, or those of one author, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items } = await database.asService().moderation.posts({ user_id: bob.id });
   */
  async posts(request: PageRequest & ModeratedPostFilter = {}): Promise<Page<PostWithAuthor>> {
    const { limit, cursor, ...given } = requireObject(request);
    const filter = validate(postFilterSchema, given);
    return await pageOf('moderation.posts', { limit, cursor }, (bounds) =>
      selectPosts(this.#db, { ...filter, ...bounds }),
    );
  }

  /**
   * The newest comments, or those of one author, on one post, or both, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items } = await database.asUser(claims).moderation.comments({ post_id: post.id });
   */
  async comments(request: PageRequest & ModeratedCommentFilter = {}): Promise<Page<CommentWithAuthor>> {
    const { limit, cursor, ...given } = requireObject(request);
    const filter = validate(commentFilterSchema, given);
    return await pageOf('moderation.comments', { limit, cursor }, (bounds) =>
      selectComments(this.#db, { ...filter, ...bounds }),
    );
  }

  /**
   * The post, or undefined if there is none that is shared.
   *
   * @example
   * const found = await database.asService().moderation.findPost(post.id);
   */
  async findPost(id: string): Promise<PostWithAuthor | undefined> {
    const row = await selectWithAuthor(this.#db)
      .where('posts.id', '=', validate(uuidSchema, id, 'id'))
      .where('posts.visibility', '<>', sql.lit('private'))
      .executeTakeFirst();
    return row && withoutSortKey(row);
  }

  /**
   * The comment, or undefined if there is none on a shared post.
   *
   * @example
   * const [{ id } = { id: post.id }] = comments;
   * const found = await database.asService().moderation.findComment(id);
   */
  async findComment(id: string): Promise<CommentWithAuthor | undefined> {
    const row = await selectCommentsWithAuthor(this.#db)
      .where('post_comments.id', '=', validate(uuidSchema, id, 'id'))
      .where('post_comments.post_visibility', '<>', sql.lit('private'))
      .executeTakeFirst();
    return row && withoutSortKey(row);
  }

  /**
   * Removes a shared post with its likes and comments. Returns whether there was one to remove for this session.
   *
   * @throws {PermissionError} if the account is suspended.
   * @example
   * await database.asService().moderation.removePost(post.id); // true, and false the second time
   */
  async removePost(id: string): Promise<boolean> {
    const deleted = await this.#db
      .deleteFrom('posts')
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .where('visibility', '<>', sql.lit('private'))
      .executeTakeFirstOrThrow();
    return await wasDeleted(this.#db, deleted, () => this.findPost(id));
  }

  /**
   * Removes a comment on a shared post. Returns whether there was one to remove for this session.
   *
   * @throws {PermissionError} if the account is suspended.
   * @example
   * for (const { id } of comments) await database.asService().moderation.removeComment(id);
   */
  async removeComment(id: string): Promise<boolean> {
    return await deleteComment(this.#db, id);
  }
}

function withoutSortKey<Row extends { sort_key: string }>({ sort_key, ...row }: Row): Omit<Row, 'sort_key'> {
  return row;
}
