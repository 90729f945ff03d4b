import { type Kysely, type Selectable, type SqlBool, sql, type Updateable } from 'kysely';
import { z } from 'zod';
import type { DB } from '../types/database.ts';
import { postVisibilities } from '../types/enums.ts';
import type { PostComment, PostSearchResult } from '../types/functions.ts';
import { imageUrlsSchema, jsonObjectSchema, locationSchema, tagsSchema } from '../types/json.ts';
import { clampLimit, decodeCursor, encodeCursor, isTimestamptz, type Page, toPage } from '../types/page.ts';
import { textSchema } from '../types/text.ts';
import { isUuid, uuidSchema } from '../types/uuid.ts';
import { validate } from '../types/validate.ts';
import { atomically, explainMiss, found, storedInOrder } from './stored.ts';

const columns = [
  'id',
  'user_id',
  'trip_id',
  'title',
  'content',
  'images',
  'location',
  'tags',
  'likes_count',
  'comments_count',
  'visibility',
  'metadata',
  'version',
  'created_at',
  'updated_at',
] as const;

export type Post = Pick<Selectable<DB['posts']>, (typeof columns)[number]>;

const fields = {
  trip_id: uuidSchema.nullable(),
  title: textSchema(200),
  content: textSchema(20_000),
  images: imageUrlsSchema,
  location: locationSchema.nullable(),
  tags: tagsSchema,
  visibility: z.enum(postVisibilities),
  metadata: jsonObjectSchema,
};

const inputSchema = z
  .strictObject({ ...fields, id: uuidSchema })
  .partial()
  .required({ title: true, content: true })
  .transform(({ id = crypto.randomUUID(), ...post }) => ({
    ...post,
    id: id.toLowerCase(),
    images: post.images ?? [],
    tags: post.tags ?? [],
    visibility: post.visibility ?? 'public',
    metadata: post.metadata ?? {},
  }));

const patchSchema = z
  .strictObject(fields)
  .partial()
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), 'must change at least one field')
  .transform(({ location, metadata, ...patch }) => ({
    ...patch,
    ...(location !== undefined && { location: location && JSON.stringify(location) }),
    ...(metadata && { metadata: JSON.stringify(metadata) }),
  }));

/**
 * A post is 'public' unless `visibility` says otherwise. `location` is stored rounded to about 1 km unless it says
 * `exact: true`. `id` may be made by the client, so that a
 * repeated call is harmless.
 */
export type PostInput = z.input<typeof inputSchema>;
export type PostPatch = z.input<typeof patchSchema>;
export type PageRequest = { limit?: number; cursor?: string | null };

/** The posts that a session may see: visitors the public ones; users also their friends' and their own. */
export class PostReader {
  protected readonly db: Kysely<DB>;

  constructor(db: Kysely<DB>) {
    this.db = db;
  }

  /**
   * The newest posts, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items, next_cursor } = await alice.posts.feed({ limit: 50 });
   */
  async feed({ limit, cursor }: PageRequest = {}): Promise<Page<Post>> {
    return await readPage('posts.feed', selectPosts(this.db), limit, cursor);
  }

  /** The post, or undefined if there is none that this session may see. */
  async find(id: string): Promise<Post | undefined> {
    return await this.db
      .selectFrom('posts')
      .select(columns)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
  }

  /** As `find`. @throws {NotFoundError} */
  async get(id: string): Promise<Post> {
    return found(await this.find(id), 'post');
  }

  /**
   * Posts whose title or content holds every word of `term`, also as the start of a word or in another form; best first,
   * at most `limit` (1 to 100, default 20).
   */
  async search(term: string, { limit }: { limit?: number } = {}): Promise<PostSearchResult[]> {
    const { rows } = await sql<PostSearchResult>`
      select * from public.search_posts(${validate(z.string(), term, 'term')}, ${clampLimit(limit)})
    `.execute(this.db);
    return rows;
  }
}

/** Posts as a user writes, reads, likes and comments on them. */
export class PostRepository extends PostReader {
  readonly #userId: string;

  constructor(db: Kysely<DB>, userId: string) {
    super(db);
    this.#userId = userId;
  }

  /**
   * Publishes a post. Sent twice with the same `id`, it is made once and the stored row comes back.
   *
   * @throws {ValidationError} if a field is not of its form; `ForeignKeyError` if the trip is not the user's;
   *   `PermissionError` if the account is suspended.
   * @example
   * await alice.posts.create({ title: 'Camp by the river', content: '…', location: { lat: 38.5733, lng: -109.5498 }, visibility: 'friends' });
   */
  async create(input: PostInput): Promise<Post> {
    return found((await this.#insert(this.db, [validate(inputSchema, input)]))[0], 'post');
  }

  /** As `create`, all or none; the rows come back in the order of the input, and have the same `created_at`. */
  async createMany(inputs: readonly PostInput[]): Promise<Post[]> {
    const posts = validate(z.array(inputSchema), inputs);
    return await atomically(this.db, (db) => this.#insert(db, posts));
  }

  /** The user's own posts, newest first, `limit` (1 to 100, default 20) at a time. @throws {CursorError} */
  async list({ limit, cursor }: PageRequest = {}): Promise<Page<Post>> {
    return await readPage('posts.list', this.#own(this.db), limit, cursor);
  }

  /**
   * Changes the named fields of the user's own post. With `if_version`, only if nobody has changed it since that version
   * was read.
   *
   * @throws {NotFoundError} if the user has no such post; `ConflictError` if the version is another;
   *   `PermissionError` if the account is suspended; `ValidationError`, `ForeignKeyError` as `create`.
   */
  async update(id: string, patch: PostPatch, { if_version }: { if_version?: number } = {}): Promise<Post> {
    const changes: Updateable<DB['posts']> = validate(patchSchema, patch);
    const own = { user_id: this.#userId, id: validate(uuidSchema, id, 'id') };
    let query = this.db
      .updateTable('posts')
      .set(changes)
      .where('user_id', '=', own.user_id)
      .where('id', '=', own.id)
      .returning(columns);
    if (if_version !== undefined) query = query.where('version', '=', if_version);
    return (
      (await query.executeTakeFirst()) ??
      (await explainMiss('post', if_version, () => this.#own(this.db).where('id', '=', own.id).executeTakeFirst()))
    );
  }

  /** Deletes the user's own post with its likes and comments. Returns whether there was one. */
  async delete(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.db
      .deleteFrom('posts')
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  /**
   * Likes a post, once however often it is called. Returns how many people like it now.
   *
   * @throws {NotFoundError} if there is no such post for this user; `PermissionError` if the account is suspended.
   */
  async like(id: string): Promise<number> {
    const { rows } = await sql<{ likes_count: number }>`
      select public.like_post(${validate(uuidSchema, id, 'id')}) as likes_count
    `.execute(this.db);
    return found(rows[0], 'post').likes_count;
  }

  /** Takes a like back, also of a post out of sight. Returns whether there was one. @throws {PermissionError} if suspended. */
  async unlike(id: string): Promise<boolean> {
    const { rows } = await sql<{ unliked: boolean }>`
      select public.unlike_post(${validate(uuidSchema, id, 'id')}) as unliked
    `.execute(this.db);
    return found(rows[0], 'post').unliked;
  }

  /**
   * Comments on a post. Sent twice with the same `id`, it is made once and the stored comment comes back.
   *
   * @throws {NotFoundError} if there is no such post for this user; `ValidationError` unless the content is text of 1 to
   *   2000 characters; `PermissionError` if the account is suspended.
   */
  async comment(id: string, content: string, { id: comment_id }: { id?: string } = {}): Promise<PostComment> {
    const { rows } = await sql<PostComment>`
      select * from public.comment_on_post(
        ${validate(uuidSchema, id, 'id')}, ${validate(textSchema(2000), content, 'content')},
        ${validate(uuidSchema, comment_id ?? crypto.randomUUID(), 'id')}
      )
    `.execute(this.db);
    return found(rows[0], 'post');
  }

  /** The comments on a post, oldest first, `limit` (1 to 100, default 20) at a time. @throws {CursorError} */
  async comments(id: string, { limit, cursor }: PageRequest = {}): Promise<Page<PostComment>> {
    const most = clampLimit(limit);
    let query = this.db
      .selectFrom('post_comments')
      .selectAll()
      .select(sql<string>`created_at::text`.as('sort_key'))
      .where('post_id', '=', validate(uuidSchema, id, 'id'))
      .orderBy('created_at')
      .orderBy('id')
      .limit(most + 1);
    if (cursor) {
      const [createdAt, after] = decodeCursor('posts.comments', cursor, [isTimestamptz, isUuid]);
      query = query.where(sql<SqlBool>`(created_at, id) > (${createdAt}::timestamptz, ${after}::uuid)`);
    }
    return toPage(
      await query.execute(),
      most,
      (comment) => encodeCursor('posts.comments', [comment.sort_key, comment.id]),
      ({ sort_key, ...comment }) => comment,
    );
  }

  async #insert(db: Kysely<DB>, posts: z.output<typeof inputSchema>[]): Promise<Post[]> {
    const inserted = await db
      .insertInto('posts')
      .columns(['user_id', 'id', 'trip_id', 'title', 'content', 'images', 'location', 'tags', 'visibility', 'metadata'])
      .expression(
        sql`select ${this.#userId}::uuid, input.* from jsonb_to_recordset(${JSON.stringify(posts)}::jsonb) as input (
          id uuid, trip_id uuid, title text, content text, images text[], location jsonb, tags text[], visibility text,
          metadata jsonb
        )
        order by id`,
      )
      .onConflict((conflict) => conflict.doNothing())
      .returning(columns)
      .execute();
    const ids = posts.map(({ id }) => id);
    return await storedInOrder(ids, inserted, (missing) =>
      this.#own(db).where('id', '=', sql<string>`any(${missing}::uuid[])`).execute(),
    );
  }

  #own(db: Kysely<DB>) {
    return selectPosts(db).where('user_id', '=', this.#userId);
  }
}

async function readPage(
  kind: string,
  posts: ReturnType<typeof selectPosts>,
  limit: number | undefined,
  cursor: string | null | undefined,
): Promise<Page<Post>> {
  const most = clampLimit(limit);
  let query = posts
    .select(sql<string>`created_at::text`.as('sort_key'))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(most + 1);
  if (cursor) {
    const [createdAt, id] = decodeCursor(kind, cursor, [isTimestamptz, isUuid]);
    query = query.where(sql<SqlBool>`(created_at, id) < (${createdAt}::timestamptz, ${id}::uuid)`);
  }
  return toPage(
    await query.execute(),
    most,
    ({ sort_key, id }) => encodeCursor(kind, [sort_key, id]),
    ({ sort_key, ...post }) => post,
  );
}

function selectPosts(db: Kysely<DB>) {
  return db.selectFrom('posts').select(columns);
}
