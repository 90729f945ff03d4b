import { type Kysely, sql, type Updateable } from 'kysely';
import { z } from 'zod';
import type { DB } from '../types/database.ts';
import { postVisibilities } from '../types/enums.ts';
import {
  imageUrlsSchema,
  jsonObjectSchema,
  type Location,
  locationSchema,
  tagSchema,
  tagsSchema,
} from '../types/json.ts';
import type { Page, PageRequest } from '../types/page.ts';
import { textSchema } from '../types/text.ts';
import { uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { type IfVersion, ifVersionSchema } from '../types/version.ts';
import { compiledOnce } from './compiled_once.ts';
import { manyRowsSchema, rowsAsJson } from './many_rows.ts';
import { type Bounds, type FeedPost, type FeedScope, feedScopes, newestPosts, pageOf, readFeed } from './post_feed.ts';
import { PostReactionRepository } from './post_reactions.ts';
import { type Post, postColumns, selectPosts } from './post_row.ts';
import { areNew, atomically, explainMiss, found, storedInOrder, wasDeleted } from './stored.ts';

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

export const postInputSchema = z
  .strictObject({ ...fields, id: uuidSchema })
  .partial()
  .required({ title: true, content: true });

const newPostSchema = postInputSchema.transform(({ id = crypto.randomUUID(), ...post }) => ({
  ...post,
  id: id.toLowerCase(),
  images: post.images ?? [],
  tags: post.tags ?? [],
  visibility: post.visibility ?? 'public',
  metadata: post.metadata ?? {},
}));

export const postPatchSchema = z
  .strictObject(fields)
  .partial()
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), 'must change at least one field');

const postChangeSchema = postPatchSchema.transform(({ location, metadata, ...patch }) => ({
  ...patch,
  ...(location !== undefined && { location: location && JSON.stringify(location) }),
  ...(metadata && { metadata: JSON.stringify(metadata) }),
}));

/**
 * A post is 'public' unless `visibility` says otherwise. `location` is stored rounded to about 1 km unless it says
 * `exact: true`. `id` may be made by the client, so that a
 * repeated call is harmless.
 */
export type PostInput = z.input<typeof postInputSchema>;
/** The fields to change: at least one. */
export type PostPatch = z.input<typeof postPatchSchema>;

export const postFilterSchema = z
  .strictObject({ visibility: z.enum(postVisibilities), trip_id: uuidSchema, tag: tagSchema })
  .partial();
/** Of the user's own posts, those of a visibility, of a trip, with a tag. */
export type PostFilter = z.input<typeof postFilterSchema>;

const scopeSchema = z.strictObject({ scope: z.enum(feedScopes) }).partial();

const pointSchema = locationSchema.omit({ exact: true });
/** A point in degrees, and what the place is called. */
export type ExactLocation = z.input<typeof pointSchema>;

type OwnPage = z.output<typeof postFilterSchema> & Bounds & { user_id: string };

const selectOwnPage = compiledOnce((db, { user_id, visibility, trip_id, tag, ...bounds }: OwnPage) => {
  const conditions = [sql`posts.user_id = ${user_id}`];
  if (visibility !== undefined) conditions.push(sql`posts.visibility = ${visibility}`);
  if (trip_id !== undefined) conditions.push(sql`posts.trip_id = ${trip_id}`);
  if (tag !== undefined) conditions.push(sql`${tag} = any(posts.tags)`);
  return db
    .selectFrom(newestPosts(conditions, bounds).as('posts'))
    .select(postColumns)
    .select(sql<string>`posts.created_at::text`.as('sort_key'))
    .orderBy('posts.created_at', 'desc')
    .orderBy('posts.id', 'desc')
    .limit(bounds.limit);
});

/** Posts as a user reads, writes, likes and comments on them. */
export class PostRepository extends PostReactionRepository {
  /**
   * The newest posts, `limit` (1 to 100, default 20) at a time: all that the user may see, or, by `scope`, the 'public' ones
   * or what their 'friends' show. `list` has the user's own.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list or scope.
   * @example
   * const { items, next_cursor } = await alice.posts.feed({ scope: 'friends', limit: 50 });
   */
  override async feed(request: PageRequest & { scope?: FeedScope } = {}): Promise<Page<FeedPost>> {
    const { limit, cursor, ...given } = requireObject(request);
    const { scope = 'visible' } = validate(scopeSchema, given);
    return await readFeed(this.db, this.userId, scope, { limit, cursor });
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
    return found((await this.#insert(this.db, [validate(newPostSchema, input)]))[0], 'post');
  }

  /**
   * As `create`, all or none; the rows come back in the order of the input, and have the same `created_at`.
   *
   * @throws as `create`; `ValidationError` if there are more than 10,000, or 64 MB: give them in parts.
   * @example
   * await alice.posts.createMany([
   *   { title: 'Day one', content: 'Off we go.' },
   *   { title: 'Notes', content: 'For myself.', visibility: 'private' },
   * ]);
   */
  async createMany(inputs: readonly PostInput[]): Promise<Post[]> {
    const posts = validate(manyRowsSchema(newPostSchema), inputs);
    return await atomically(this.db, (db) => this.#insert(db, posts), { isOneStatement: areNew(inputs) });
  }

  /**
   * The user's own posts, newest first, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items } = await alice.posts.list({ visibility: 'private', tag: 'draft' });
   */
  async list(request: PageRequest & PostFilter = {}): Promise<Page<Post>> {
    const { limit, cursor, ...filter } = requireObject(request);
    const wanted = { user_id: this.userId, ...validate(postFilterSchema, filter) };
    return await pageOf('posts.list', { limit, cursor }, (bounds) => selectOwnPage(this.db, { ...wanted, ...bounds }));
  }

  /**
   * Changes the named fields of the user's own post, such as who sees it. With `if_version`, only if nobody has changed it since that version
   * was read.
   *
   * @throws {NotFoundError} if the user has no such post; `ConflictError` if the version is another;
   *   `PermissionError` if the account is suspended; `ValidationError`, `ForeignKeyError` as `create`.
   * @example
   * await alice.posts.update(post.id, { visibility: 'friends' }, { if_version: post.version });
   */
  async update(id: string, patch: PostPatch, options: IfVersion = {}): Promise<Post> {
    const { if_version } = validate(ifVersionSchema, options);
    const changes: Updateable<DB['posts']> = validate(postChangeSchema, patch);
    const own = { user_id: this.userId, id: validate(uuidSchema, id, 'id') };
    let query = this.db
      .updateTable('posts')
      .set(changes)
      .where('user_id', '=', own.user_id)
      .where('id', '=', own.id)
      .returning(postColumns);
    if (if_version !== undefined) query = query.where('version', '=', if_version);
    return (
      (await query.executeTakeFirst()) ??
      (await explainMiss('post', if_version, () => this.#own(this.db).where('id', '=', own.id).executeTakeFirst()))
    );
  }

  /**
   * Deletes the user's own post with its likes and comments. Returns whether there was one.
   *
   * @throws {PermissionError} if the account is suspended.
   * @example
   * await alice.posts.delete(post.id); // true, and false the second time
   */
  async delete(id: string): Promise<boolean> {
    const deleted = await this.db
      .deleteFrom('posts')
      .where('user_id', '=', this.userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirstOrThrow();
    return await wasDeleted(this.db, deleted, () => this.#own(this.db).where('id', '=', id).executeTakeFirst());
  }

  /**
   * The exact point of the user's own post, which nobody else sees, or undefined if none is kept.
   *
   * @example
   * const point = await alice.posts.exactLocation(post.id); // { lat, lng, name? } or undefined
   */
  async exactLocation(id: string): Promise<Location | undefined> {
    const kept = await this.db
      .selectFrom('post_locations')
      .select('location')
      .where('user_id', '=', this.userId)
      .where('post_id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
    return kept?.location;
  }

  /**
   * Keeps the exact point of the user's own post for themselves, or, if it is null, no longer. The post's `location`, which
   * others see, stays as it is.
   *
   * @throws {ForeignKeyError} if the user has no such post; `ValidationError` if the point is not of its form;
   *   `PermissionError` if the account is suspended.
   * @example
   * await alice.posts.setExactLocation(post.id, { lat: 38.57331, lng: -109.54984, name: 'Behind the dunes' });
   */
  async setExactLocation(id: string, location: ExactLocation | null): Promise<void> {
    const post_id = validate(uuidSchema, id, 'id');
    const point = validate(pointSchema.nullable(), location, 'location');
    if (point === null) {
      const deleted = await this.db
        .deleteFrom('post_locations')
        .where('user_id', '=', this.userId)
        .where('post_id', '=', post_id)
        .executeTakeFirstOrThrow();
      await wasDeleted(this.db, deleted, () => this.exactLocation(post_id));
    } else {
      await this.db
        .insertInto('post_locations')
        .values({ user_id: this.userId, post_id, location: JSON.stringify(point) })
        .onConflict((kept) =>
          kept.columns(['user_id', 'post_id']).doUpdateSet(({ ref }) => ({ location: ref('excluded.location') })),
        )
        .execute();
    }
  }

  async #insert(db: Kysely<DB>, posts: z.output<typeof newPostSchema>[]): Promise<Post[]> {
    const insert = db
      .insertInto('posts')
      .columns(['user_id', 'id', 'trip_id', 'title', 'content', 'images', 'location', 'tags', 'visibility', 'metadata'])
      .expression(
        sql`select ${this.userId}::uuid, input.* from jsonb_to_recordset(${rowsAsJson(posts)}::jsonb) as input (
          id uuid, trip_id uuid, title text, content text, images text[], location jsonb, tags text[], visibility text,
          metadata jsonb
        )
        order by id`,
      )
      .onConflict((conflict) => conflict.doNothing())
      .returning(postColumns);
    const ids = posts.map(({ id }) => id);
    return await storedInOrder(
      ids,
      () => insert.execute(),
      (missing) => this.#own(db).where('id', '=', sql<string>`any(${missing}::uuid[])`).execute(),
    );
  }

  #own(db: Kysely<DB>) {
    return selectPosts(db).where('user_id', '=', this.userId);
  }
}
