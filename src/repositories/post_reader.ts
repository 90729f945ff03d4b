import { type Kysely, type Selectable, sql } from 'kysely';
import { z } from 'zod';
import type { DB } from '../types/database.ts';
import type { PostSearchResult } from '../types/functions.ts';
import { latitude, longitude, tagSchema } from '../types/json.ts';
import { clampLimit, type Page, type PageRequest } from '../types/page.ts';
import { uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { compiledOnce } from './compiled_once.ts';
import {
  after,
  type Bounds,
  type FeedPost,
  newestFirst,
  newestPosts,
  pageOf,
  readFeed,
  selectFeed,
} from './post_feed.ts';
import { type Post, selectPosts } from './post_row.ts';
import { type NearbyPost, readNearby } from './posts_nearby.ts';
import { found } from './stored.ts';

const authorFilterSchema = z.strictObject({ trip_id: uuidSchema, tag: tagSchema }).partial();
/** Of an author's posts, those of one trip, or with a tag. */
export type AuthorFilter = z.input<typeof authorFilterSchema>;

const circleSchema = z.strictObject({ lat: latitude, lng: longitude, radius_km: z.number().positive().max(20_040) });
/** A place in degrees, and how many kilometres around it; 20,040 is half way around the earth, which is everywhere. */
export type Circle = z.input<typeof circleSchema>;

type ByAuthor = z.output<typeof authorFilterSchema> & Bounds & { me?: string; author: string };
type ByTag = Bounds & { me?: string; tag: string };

const selectByAuthor = compiledOnce((db, { me, author, trip_id, tag, ...bounds }: ByAuthor) => {
  const conditions = [sql`posts.user_id = ${author}`, sql`posts.visibility <> 'private'`];
  if (trip_id !== undefined) conditions.push(sql`posts.trip_id = ${trip_id}`);
  if (tag !== undefined) conditions.push(sql`${tag} = any(posts.tags)`);
  return newestFirst(selectFeed(db, me, newestPosts(conditions, bounds)), bounds);
});

const selectByTag = compiledOnce((db, { me, tag, ...bounds }: ByTag) => {
  const tagged = sql<Selectable<DB['posts']>>`(
    select posts.* from public.tagged_posts(${tag}, ${after(bounds)}, ${bounds.limit}::integer) as tagged
    join posts on posts.id = tagged.post_id
  )`;
  return newestFirst(selectFeed(db, me, tagged), bounds);
});

/** The posts that a session may see: visitors the public ones; users also their friends' and their own. */
export class PostReader {
  protected readonly db: Kysely<DB>;
  /** The session's user, absent for a visitor. */
  readonly #me: string | undefined;

  constructor(db: Kysely<DB>, me?: string) {
    this.db = db;
    this.#me = me;
  }

  /**
   * The newest posts, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items, next_cursor } = await visitor.posts.feed({ limit: 50 });
   */
  async feed(request: PageRequest = {}): Promise<Page<FeedPost>> {
    return await readFeed(this.db, this.#me, 'visible', request);
  }

  /**
   * What an author shows, newest first: of the user's own posts all but the private ones. `trip_id` and `tag` keep to some.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list or author.
   * @example
   * const { items } = await alice.posts.byAuthor(bob.id, { tag: 'van', limit: 10 });
   */
  async byAuthor(user_id: string, request: PageRequest & AuthorFilter = {}): Promise<Page<FeedPost>> {
    const { limit, cursor, ...filter } = requireObject(request);
    const author = validate(uuidSchema, user_id, 'user_id').toLowerCase();
    const wanted = { me: this.#me, author, ...validate(authorFilterSchema, filter) };
    return await pageOf(`posts.byAuthor ${author}`, { limit, cursor }, (bounds) =>
      selectByAuthor(this.db, { ...wanted, ...bounds }),
    );
  }

  /**
   * The newest posts with a tag, in any case: " Beach" is "beach".
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list or tag.
   * @example
   * const { items } = await alice.posts.byTag('dog friendly');
   */
  async byTag(tag: string, request: PageRequest = {}): Promise<Page<FeedPost>> {
    const wanted = { me: this.#me, tag: validate(tagSchema, tag, 'tag') };
    return await pageOf(`posts.byTag ${wanted.tag}`, request, (bounds) =>
      selectByTag(this.db, { ...wanted, ...bounds }),
    );
  }

  /**
   * Posts around a place, the nearest first and of one place the newest first. Each is where its `location` says: for
   * everybody, its author included, about a kilometre off unless the author shows it exactly.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list or place.
   * @example
   * const { items } = await alice.posts.near({ lat: 38.57, lng: -109.55, radius_km: 25 });
   * items[0]?.distance_km; // 1.234
   */
  async near(request: PageRequest & Circle): Promise<Page<NearbyPost>> {
    const { limit, cursor, ...circle } = requireObject(request);
    return await readNearby(this.db, this.#me, validate(circleSchema, circle), { limit, cursor });
  }

  /**
   * The post, or undefined if there is none that this session may see.
   *
   * @example
   * const found = await visitor.posts.find(post.id);
   */
  async find(id: string): Promise<Post | undefined> {
    return await selectPosts(this.db)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
  }

  /**
   * As `find`.
   *
   * @throws {NotFoundError}
   * @example
   * const { title, content } = await visitor.posts.get(post.id);
   */
  async get(id: string): Promise<Post> {
    return found(await this.find(id), 'post');
  }

  /**
   * Posts whose title or content holds every word of `term`, also as the start of a word or in another form: of the newest
   * thousand the best, best first, at most `limit` (1 to 100, default 20).
   *
   * @example
   * const found = await visitor.posts.search('red dust', { limit: 10 });
   */
  async search(term: string, request: Omit<PageRequest, 'cursor'> = {}): Promise<PostSearchResult[]> {
    const { limit } = requireObject(request, ['limit']);
    const { rows } = await sql<PostSearchResult>`
      select * from public.search_posts(${validate(z.string(), term, 'term')}, ${clampLimit(limit)})
    `.execute(this.db);
    return rows;
  }
}
