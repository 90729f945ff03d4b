import { type Kysely, type RawBuilder, type Selectable, sql } from 'kysely';
import { z } from 'zod';
import type { DB } from '../types/database.ts';
import { type MessageRole, messageRoles } from '../types/enums.ts';
import { jsonObjectSchema } from '../types/json.ts';
import { textSchema } from '../types/text.ts';
import { uuidSchema } from '../types/uuid.ts';
import { compiledOnce } from './compiled_once.ts';
import { rowsAsJson } from './many_rows.ts';
import { storedInOrder } from './stored.ts';

/** A message as it is stored; `position` is its order. */
export type Message = Selectable<DB['pam_messages']>;

export const messageInputSchema = z.strictObject({
  role: z.enum(messageRoles),
  content: textSchema(100_000),
  metadata: jsonObjectSchema.optional(),
  id: uuidSchema.optional(),
});

/** What users may say themselves. */
export const userMessageInputSchema = messageInputSchema.extend({ role: z.literal('user') });

export const messageSchema = messageInputSchema.transform(
  ({ id = crypto.randomUUID(), metadata = {}, ...message }) => ({
    ...message,
    metadata,
    id: id.toLowerCase(),
  }),
);

/** `id` may be made by the client, so that a repeated call is harmless. Users write messages of role 'user' only. */
export type MessageInput<Role extends MessageRole> = Omit<z.input<typeof messageSchema>, 'role'> & { role: Role };

/** The order in which a history is read, and its first page. */
export type HistoryOrder = 'newest' | 'oldest';

type Insert = { user_id: string; conversation_id: string; json: string };

const insert = compiledOnce((db, { user_id, conversation_id, json }: Insert) =>
  // The lock makes concurrent appends take their positions one after the other, so that a reader who has seen a
  // position will see no smaller one appear.
  db
    .with('locked', (cte) =>
      cte
        .selectFrom('pam_conversations')
        .select('id')
        .where('user_id', '=', user_id)
        .where('id', '=', conversation_id)
        .forNoKeyUpdate(),
    )
    .insertInto('pam_messages')
    .columns(['user_id', 'conversation_id', 'id', 'role', 'content', 'metadata'])
    .expression(
      sql`select ${user_id}::uuid, ${conversation_id}::uuid, input.id, input.role, input.content, input.metadata
        from rows from (
          jsonb_to_recordset(${json}::jsonb) as (id uuid, role text, content text, metadata jsonb)
        ) with ordinality as input (id, role, content, metadata, place)
        where (select count(*) from locked) >= 0
        order by input.place`,
    )
    .onConflict((conflict) => conflict.doNothing())
    .returningAll(),
);

export async function insertMessages(
  db: Kysely<DB>,
  user_id: string,
  conversation_id: string,
  messages: z.output<typeof messageSchema>[],
): Promise<Message[]> {
  const ids = messages.map(({ id }) => id);
  return await storedInOrder(
    ids,
    () => insert(db, { user_id, conversation_id, json: rowsAsJson(messages) }),
    (missing) =>
      selectMessages(db, user_id, conversation_id).where('id', '=', sql<string>`any(${missing}::uuid[])`).execute(),
  );
}

/** Whatever of the conversation lies beyond a position, in the order given. */
export function selectHistory(
  db: Kysely<DB>,
  userId: string,
  conversationId: string,
  { order, after, limit }: { order: HistoryOrder; after: string | undefined; limit: number },
) {
  const query = selectMessages(db, userId, conversationId)
    .orderBy('position', order === 'newest' ? 'desc' : 'asc')
    .limit(sql.lit(limit));
  return after === undefined ? query : query.where('position', order === 'newest' ? '<' : '>', after);
}

/**
 * The newest messages of the conversation that have together at most `max_characters` code points, in the order in which
 * they were said. Each is found from the one after it, through the index: what is older than the answer is not read.
 */
export async function selectRecent(
  db: Kysely<DB>,
  userId: string,
  conversationId: string,
  max_characters: number,
): Promise<Message[]> {
  const lastBefore = (bound: RawBuilder<unknown>) => sql`
    select m as message from public.pam_messages as m
    where m.user_id = ${userId} and m.conversation_id = ${conversationId} ${bound}
    order by m.position desc
    limit 1`;
  const { rows } = await sql<Message>`
    with recursive newest as (
      select message, char_length((message).content) as characters from (${lastBefore(sql``)}) as last
      union all
      select older.message, newest.characters + char_length((older.message).content)
      from newest
      cross join lateral (${lastBefore(sql`and m.position < (newest.message).position`)}) as older
      where newest.characters + char_length((older.message).content) <= ${max_characters}
    )
    select (message).* from newest where characters <= ${max_characters} order by (message).position
  `.execute(db);
  return rows;
}

function selectMessages(db: Kysely<DB>, userId: string, conversationId: string) {
  return db
    .selectFrom('pam_messages')
    .selectAll()
    .where('user_id', '=', userId)
    .where('conversation_id', '=', conversationId);
}
