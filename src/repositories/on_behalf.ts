import type { Kysely } from 'kysely';
import type { DB } from '../types/database.ts';
import { PostRepository } from './posts.ts';
import { ProfileRepository } from './profiles.ts';

const ownPosts = [
  'create',
  'createMany',
  'list',
  'update',
  'delete',
  'exactLocation',
  'setExactLocation',
  'like',
  'unlike',
  'comment',
  'editComment',
  'deleteComment',
] as const;
const ownProfile = [
  'me',
  'update',
  'updatePreferences',
  'financialSummary',
  'activity',
  'exportData',
  'erase',
] as const;

/** A user's own posts. To read others' the service uses the user's own session: its role sees private posts, too. */
export type OwnPosts = Pick<PostRepository, (typeof ownPosts)[number]>;

/** A user's own profile. To read others' the service uses the user's own session: its role sees the blocked, too. */
export type OwnProfile = Pick<ProfileRepository, (typeof ownProfile)[number]>;

export function ownPostsOf(db: Kysely<DB>, userId: string): OwnPosts {
  return only(new PostRepository(db, userId), ownPosts);
}

export function ownProfileOf(db: Kysely<DB>, userId: string): OwnProfile {
  return only(new ProfileRepository(db, userId), ownProfile);
}

/** What the types leave out is not there at run time either. */
function only<T extends object, K extends keyof T>(repository: T, methods: readonly K[]): Pick<T, K> {
  return Object.fromEntries(methods.map((name) => [name, bound(repository, name)])) as Pick<T, K>;
}

function bound<T extends object>(repository: T, name: keyof T): unknown {
  const method = repository[name];
  return typeof method === 'function' ? method.bind(repository) : method;
}
