import { type Kysely, type Selectable, sql } from 'kysely';
import type { DB } from '../types/database.ts';
import type { OwnBlock, OwnComment, OwnLike } from '../types/functions.ts';

type WholeTables =
  | 'profiles'
  | 'public_profiles'
  | 'trips'
  | 'expenses'
  | 'income_entries'
  | 'budgets'
  | 'places'
  | 'posts'
  | 'post_locations'
  | 'friendships'
  | 'pam_conversations'
  | 'pam_messages'
  | 'pam_feedback';

/** What rows are found by alone, made of the rest of them: words, points on the map, hashes of imported lines. */
type Key = 'search' | 'coordinates' | 'import_key';

/** A user's rows, without what they are found by. */
type OwnTables = { [Table in WholeTables]: Omit<Selectable<DB[Table]>, Key> } & {
  post_likes: OwnLike;
  post_comments: OwnComment;
  blocks: OwnBlock;
};

/** A row of a user's, and the table that it is in. */
export type OwnRow = { [Table in keyof OwnTables]: { table: Table; row: OwnTables[Table] } }[keyof OwnTables];

type Source<Row> = (db: Kysely<DB>, userId: string) => { stream(rows: number): AsyncIterable<Row> };

/** What policies hide from the user, or nobody may read, comes from functions. */
const sources: { [Table in keyof OwnTables]: Source<OwnTables[Table]> } = {
  profiles: (db, userId) => db.selectFrom('profiles').selectAll().where('id', '=', userId),
  public_profiles: (db, userId) => db.selectFrom('public_profiles').selectAll().where('id', '=', userId),
  trips: (db, userId) => db.selectFrom('trips').selectAll().where('user_id', '=', userId),
  expenses: (db, userId) => db.selectFrom('expenses').selectAll().where('user_id', '=', userId),
  income_entries: (db, userId) => db.selectFrom('income_entries').selectAll().where('user_id', '=', userId),
  budgets: (db, userId) => db.selectFrom('budgets').selectAll().where('user_id', '=', userId),
  places: (db, userId) => db.selectFrom('places').selectAll().where('user_id', '=', userId),
  posts: (db, userId) => db.selectFrom('posts').selectAll().where('user_id', '=', userId),
  post_locations: (db, userId) => db.selectFrom('post_locations').selectAll().where('user_id', '=', userId),
  post_likes: (db) => db.selectFrom(sql<OwnLike>`public.list_own_likes()`.as('likes')).selectAll(),
  post_comments: (db) => db.selectFrom(sql<OwnComment>`public.list_own_comments()`.as('comments')).selectAll(),
  friendships: (db, userId) => db.selectFrom('friendships').selectAll().where('user_id', '=', userId),
  blocks: (db) => db.selectFrom(sql<OwnBlock>`public.list_blocked_users()`.as('blocks')).selectAll(),
  pam_conversations: (db, userId) => db.selectFrom('pam_conversations').selectAll().where('user_id', '=', userId),
  pam_messages: (db, userId) =>
    db
      .selectFrom('pam_messages')
      .selectAll()
      .where('user_id', '=', userId)
      .orderBy('conversation_id')
      .orderBy('position'),
  pam_feedback: (db, userId) => db.selectFrom('pam_feedback').selectAll().where('user_id', '=', userId),
};

/** Rows at a time: the largest, a trip with its route, may have some MB. */
const batch = 25;

export async function* streamOwnRows(db: Kysely<DB>, userId: string): AsyncGenerator<OwnRow, void, undefined> {
  for (const [table, source] of Object.entries<Source<object>>(sources)) {
    for await (const stored of source(db, userId).stream(batch)) {
      const without: Partial<Record<Key, unknown>> = stored;
      const { search, coordinates, import_key, ...row } = without;
      // That a row goes with its table, TypeScript does not follow through a loop.
      yield { table, row } as OwnRow;
    }
  }
}
