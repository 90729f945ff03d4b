import type { Kysely, Selectable } from 'kysely';
import type { DB } from '../types/database.ts';

/** What repositories read of a post: all but what the database makes of it for its searches. */
export const postColumns = [
  'posts.id',
  'posts.user_id',
  'posts.trip_id',
  'posts.title',
  'posts.content',
  'posts.images',
  'posts.location',
  'posts.tags',
  'posts.likes_count',
  'posts.comments_count',
  'posts.visibility',
  'posts.metadata',
  'posts.version',
  'posts.created_at',
  'posts.updated_at',
] as const;

type Name<Column> = Column extends `posts.${infer Name}` ? Name : never;

/** A post as it is stored; `location` is coarse unless it says `exact`. */
export type Post = Pick<Selectable<DB['posts']>, Name<(typeof postColumns)[number]>>;

export function selectPosts(db: Kysely<DB>) {
  return db.selectFrom('posts').select(postColumns);
}
