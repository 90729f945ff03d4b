import { type InferResult, type Kysely, sql } from 'kysely';
import type { DB } from '../types/database.ts';
import type { BlockedUser, OwnComment, OwnLike } from '../types/functions.ts';

/** Rows at a time: the largest, a trip with its route, may have some MB. */
const batch = 25;

/** Where a user's rows are, table by table. What policies hide from them, or nobody may read, comes from functions. */
const sources = {
  profiles: (db: Kysely<DB>, userId: string) => db.selectFrom('profiles').selectAll().where('id', '=', userId),
  public_profiles: (db: Kysely<DB>, userId: string) =>
    db.selectFrom('public_profiles').selectAll().where('id', '=', userId),
  trips: (db: Kysely<DB>, userId: string) => db.selectFrom('trips').selectAll().where('user_id', '=', userId),
  expenses: (db: Kysely<DB>, userId: string) => db.selectFrom('expenses').selectAll().where('user_id', '=', userId),
  income_entries: (db: Kysely<DB>, userId: string) =>
    db.selectFrom('income_entries').selectAll().where('user_id', '=', userId),
  budgets: (db: Kysely<DB>, userId: string) => db.selectFrom('budgets').selectAll().where('user_id', '=', userId),
  posts: (db: Kysely<DB>, userId: string) => db.selectFrom('posts').selectAll().where('user_id', '=', userId),
  post_locations: (db: Kysely<DB>, userId: string) =>
    db.selectFrom('post_locations').selectAll().where('user_id', '=', userId),
  post_likes: (db: Kysely<DB>) => db.selectFrom(sql<OwnLike>`public.list_own_likes()`.as('likes')).selectAll(),
  post_comments: (db: Kysely<DB>) =>
    db.selectFrom(sql<OwnComment>`public.list_own_comments()`.as('comments')).selectAll(),
  friendships: (db: Kysely<DB>, userId: string) =>
    db.selectFrom('friendships').selectAll().where('user_id', '=', userId),
  blocks: (db: Kysely<DB>) => db.selectFrom(sql<BlockedUser>`public.list_blocked_users()`.as('blocks')).selectAll(),
  pam_conversations: (db: Kysely<DB>, userId: string) =>
    db.selectFrom('pam_conversations').selectAll().where('user_id', '=', userId),
  pam_messages: (db: Kysely<DB>, userId: string) =>
    db
      .selectFrom('pam_messages')
      .selectAll()
      .where('user_id', '=', userId)
      .orderBy('conversation_id')
      .orderBy('position'),
  pam_feedback: (db: Kysely<DB>, userId: string) =>
    db.selectFrom('pam_feedback').selectAll().where('user_id', '=', userId),
};

type Sources = typeof sources;

/** One row of a user's, without the words that the search is indexed by. */
export type OwnRow = {
  [Table in keyof Sources]: { table: Table; row: Omit<InferResult<ReturnType<Sources[Table]>>[number], 'search'> };
}[keyof Sources];

export async function* streamOwnRows(db: Kysely<DB>, userId: string): AsyncGenerator<OwnRow, void, undefined> {
  for (const [table, select] of Object.entries(sources)) {
    const rows: AsyncIterable<object> = select(db, userId).stream(batch);
    for await (const row of rows) {
      const { search, ...kept } = { search: undefined, ...row };
      // A table goes with its rows, which TypeScript does not follow through a loop.
      yield { table, row: kept } as OwnRow;
    }
  }
}
