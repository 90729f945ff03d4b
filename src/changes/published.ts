import type { Selectable } from 'kysely';
import type { DB } from '../types/database.ts';

/** What the publication `supabase_realtime` carries of each table (migrations/0016_realtime.ts). */
export const publishedColumns = {
  trips: [
    'id',
    'user_id',
    'name',
    'description',
    'start_date',
    'end_date',
    'status',
    'budget_total',
    'budget_spent',
    'spent_by_currency',
    'expense_count',
    'currency',
    'version',
    'created_at',
    'updated_at',
  ],
  expenses: [
    'id',
    'user_id',
    'trip_id',
    'amount',
    'currency',
    'category',
    'description',
    'date',
    'location',
    'receipt_url',
    'tags',
    'metadata',
    'version',
    'created_at',
    'updated_at',
  ],
  income_entries: [
    'id',
    'user_id',
    'amount',
    'currency',
    'source',
    'description',
    'date',
    'type',
    'frequency',
    'ends_on',
    'metadata',
    'version',
    'created_at',
    'updated_at',
  ],
  posts: [
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
  ],
  pam_conversations: ['id', 'user_id', 'session_id', 'context', 'status', 'created_at', 'updated_at'],
  pam_messages: [
    'id',
    'conversation_id',
    'user_id',
    'position',
    'role',
    'content',
    'metadata',
    'created_at',
    'updated_at',
  ],
} as const satisfies { [Table in keyof DB]?: readonly (keyof DB[Table])[] };

/** The tables whose changes can be followed. */
export type PublishedTable = keyof typeof publishedColumns;

/** A row as the publication has it: without what is large, such as a trip's route and itinerary. */
export type PublishedRow<Table extends PublishedTable> = Pick<
  Selectable<DB[Table]>,
  Extract<(typeof publishedColumns)[Table][number], keyof Selectable<DB[Table]>>
>;

export const publishedTables = Object.keys(publishedColumns).filter(isPublished);

export function isPublished(table: string): table is PublishedTable {
  return Object.hasOwn(publishedColumns, table);
}
