import { createHash } from 'node:crypto';
import { type Kysely, type Selectable, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import type { DB } from '../types/database.ts';
import { type ConversationStatus, conversationStatuses, type MessageRole } from '../types/enums.ts';
import { type JsonObject, jsonObjectSchema } from '../types/json.ts';
import {
  clampLimit,
  decodeCursor,
  encodeCursor,
  isBigint,
  isTimestamptz,
  type Page,
  type PageRequest,
  rowsToRead,
  toPage,
} from '../types/page.ts';
import { textSchema } from '../types/text.ts';
import { isUuid, uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { FeedbackRepository } from './feedback.ts';
import { manyRowsSchema } from './many_rows.ts';
import {
  type HistoryOrder,
  insertMessages,
  type Message,
  type MessageInput,
  messageSchema,
  selectHistory,
  selectRecent,
} from './pam_messages.ts';
import { areNew, atomically, found, taken, wasDeleted } from './stored.ts';

/** A conversation as it is stored, without its messages. */
export type Conversation = Selectable<DB['pam_conversations']>;

export const conversationInputSchema = z.strictObject({ session_id: textSchema(200), id: uuidSchema.optional() });
/** `session_id` is what the client calls it, unique for each user; `id` may be made by the client. */
export type ConversationInput = z.input<typeof conversationInputSchema>;

export const conversationFilterSchema = z
  .strictObject({ status: z.enum(conversationStatuses), updated_since: z.date() })
  .partial();

/** `updated_since`: what was started, archived, given another context or continued by a message since then. */
export type ConversationFilter = z.input<typeof conversationFilterSchema>;

const historySchema = z.strictObject({
  order: z.enum(['newest', 'oldest']).default('newest'),
  after: z.string().refine(isBigint, 'must be the position of a message').optional(),
});

const lengthSchema = z.strictObject({ max_characters: z.int().min(1).max(10_000_000) });

/**
 * A user's conversations with PAM. `Role` is what this session may write: 'user' for the user, any role for the service on
 * their behalf.
 */
export class PamRepository<Role extends MessageRole = 'user'> extends FeedbackRepository {
  /**
   * Starts the conversation of a session, or resumes it if there is one already, also from the archive.
   *
   * @throws {ValidationError} if a field is not of its form; `UniqueError` if the id is another conversation's;
   *   `PermissionError` if the account is suspended.
   * @example
   * const conversation = await alice.pam.startConversation({ session_id: 'phone-2026-11-20' });
   */
  async startConversation(input: ConversationInput): Promise<Conversation> {
    const conversation = validate(conversationInputSchema, input);
    const started = await this.db
      .insertInto('pam_conversations')
      .values({ ...conversation, user_id: this.userId })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
    if (started) return started;
    const { session_id } = conversation;
    const resumed = await this.#conversations().where('session_id', '=', session_id).executeTakeFirst();
    if (resumed?.status === 'archived') return await this.unarchive(resumed.id);
    return resumed ?? taken();
  }

  /**
   * The user's conversation, or undefined.
   *
   * @example
   * const found = await alice.pam.find(conversation.id);
   */
  async find(id: string): Promise<Conversation | undefined> {
    return await this.#conversations()
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
  }

  /**
   * The user's conversation.
   *
   * @throws {NotFoundError}
   * @example
   * const { context, status } = await alice.pam.get(conversation.id);
   */
  async get(id: string): Promise<Conversation> {
    return found(await this.find(id), 'conversation');
  }

  /**
   * The user's conversations by their start, newest first, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items } = await alice.pam.list({ status: 'active', updated_since: lastSync });
   */
  async list(request: PageRequest & ConversationFilter = {}): Promise<Page<Conversation>> {
    const { limit, cursor, ...filter } = requireObject(request);
    const most = clampLimit(limit);
    const { status, updated_since } = validate(conversationFilterSchema, filter);
    let query = this.#conversations()
      .select(sql<string>`created_at::text`.as('sort_key'))
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(most + 1);
    if (status !== undefined) query = query.where('status', '=', status);
    if (updated_since !== undefined) query = query.where('id', 'in', this.#updatedSince(updated_since));
    if (cursor) {
      const [createdAt, id] = decodeCursor('pam.list', cursor, [isTimestamptz, isUuid]);
      query = query.where(sql<SqlBool>`(created_at, id) < (${createdAt}::timestamptz, ${id}::uuid)`);
    }
    return toPage(
      await query.execute(),
      most,
      ({ sort_key, id }) => encodeCursor('pam.list', [sort_key, id]),
      ({ sort_key, ...conversation }) => conversation,
    );
  }

  /**
   * Sets the conversation aside.
   *
   * @throws {NotFoundError} `PermissionError` if the account is suspended.
   * @example
   * await alice.pam.archive(conversation.id);
   */
  async archive(id: string): Promise<Conversation> {
    return await this.#setStatus(id, 'archived');
  }

  /**
   * Takes the conversation back from the archive.
   *
   * @throws {NotFoundError} `PermissionError` if the account is suspended.
   * @example
   * await alice.pam.unarchive(conversation.id);
   */
  async unarchive(id: string): Promise<Conversation> {
    return await this.#setStatus(id, 'active');
  }

  /**
   * Deletes the conversation with its messages and feedback. Returns whether there was one.
   *
   * @throws {PermissionError} if the account is suspended.
   * @example
   * await alice.pam.delete(conversation.id); // true, and false the second time
   */
  async delete(id: string): Promise<boolean> {
    const deleted = await this.db
      .deleteFrom('pam_conversations')
      .where('user_id', '=', this.userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirstOrThrow();
    return await wasDeleted(this.db, deleted, () => this.find(id));
  }

  /**
   * Adds a message at the end, at the same cost however long the conversation is.
   *
   * @throws {ForeignKeyError} if the user has no such conversation; `PermissionError` if a user writes as another role than
   *   'user', or the account is suspended; `ValidationError` if a field is not of its form.
   * @example
   * await alice.pam.appendMessage(conversation.id, { role: 'user', content: 'How far is it to Moab?' });
   */
  async appendMessage(conversationId: string, message: MessageInput<Role>): Promise<Message> {
    const messages = [validate(messageSchema, message)];
    return found(
      (await insertMessages(this.db, this.userId, conversationOf(conversationId), messages))[0],
      'conversation',
    );
  }

  /**
   * As `appendMessage`, all or none, in the order given.
   *
   * @throws as `appendMessage`; `ValidationError` if there are more than 10,000, or 64 MB: give them in parts.
   * @example
   * await pam.appendMessages(conversation.id, [
   *   { role: 'tool', content: '{"camps": 3}' },
   *   { role: 'assistant', content: 'There are three free camps near Moab.' },
   * ]);
   */
  async appendMessages(conversationId: string, inputs: readonly MessageInput<Role>[]): Promise<Message[]> {
    const messages = validate(manyRowsSchema(messageSchema), inputs);
    const conversation = conversationOf(conversationId);
    const insert = (db: Kysely<DB>) => insertMessages(db, this.userId, conversation, messages);
    return await atomically(this.db, insert, { isOneStatement: areNew(inputs) });
  }

  /**
   * The messages of a conversation, `limit` (1 to 100, default 20) at a time: the newest first, or with `order: 'oldest'`
   * the oldest. With `after`, the position of a message, it begins with the one that follows in that order: older ones, or
   * what has been said since. `position` grows with time; it is a bigint and so a string. A conversation that does not exist
   * has no messages.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another conversation, list or order.
   * @example
   * const { items } = await alice.pam.history(conversation.id, { limit: 50 });
   * const inOrder = items.toReversed();
   * const since = await alice.pam.history(conversation.id, { order: 'oldest', after: inOrder.at(-1)?.position });
   */
  async history(
    conversationId: string,
    request: PageRequest & { order?: HistoryOrder; after?: string } = {},
  ): Promise<Page<Message>> {
    const { limit, cursor, ...beginning } = requireObject(request);
    const most = clampLimit(limit);
    const { order, after } = validate(historySchema, beginning);
    const conversation = conversationOf(conversationId).toLowerCase();
    const kind = `pam.history ${order} ${conversation}`;
    const [position] = cursor ? decodeCursor(kind, cursor, [isBigint]) : [after];
    const bounds = { order, after: position, limit: rowsToRead(most) };
    return toPage(
      await selectHistory(this.db, this.userId, conversation, bounds).execute(),
      most,
      (message) => encodeCursor(kind, [message.position]),
      (message) => message,
    );
  }

  /**
   * What fits into a model's context: the newest messages that have together at most `max_characters` (1 to 10,000,000,
   * counted as Postgres does, by code point), in the order in which they were said. Never more than that: if the newest
   * message alone is longer, there are none. It costs the same however long the conversation is.
   *
   * @throws {ValidationError} if `max_characters` is out of range.
   * @example
   * const messages = await pam.recent(conversation.id, { max_characters: 24_000 });
   * const answer = await model.chat(messages.map(({ role, content }) => ({ role, content })));
   */
  async recent(conversationId: string, length: { max_characters: number }): Promise<Message[]> {
    const { max_characters } = validate(lengthSchema, length);
    return await selectRecent(this.db, this.userId, conversationOf(conversationId), max_characters);
  }

  /**
   * The user's messages in which every word of `term` occurs, the newest first, `limit` (1 to 100, default 20) at a time: as
   * it is written, as the beginning of a word, or as another form of an English word. Of a long message the first 20,000
   * characters are searched. With `conversation_id` those of one conversation.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list, term or conversation; `ValidationError`
   *   if the term is blank or longer than 200 characters.
   * @example
   * const { items } = await alice.pam.search('free camp moab');
   */
  async search(term: string, request: PageRequest & { conversation_id?: string } = {}): Promise<Page<Message>> {
    const { limit, cursor, conversation_id } = requireObject(request, ['limit', 'cursor', 'conversation_id']);
    const most = clampLimit(limit);
    const words = validate(textSchema(200), term, 'term');
    const conversation = validate(uuidSchema.optional(), conversation_id, 'conversation_id')?.toLowerCase() ?? null;
    // A cursor may stand in a log: what was looked for does not stand in it.
    const kind = `pam.search ${createHash('sha256').update(`${conversation} ${words}`).digest('base64url')}`;
    const [position = null] = cursor ? decodeCursor(kind, cursor, [isBigint]) : [];
    const { rows } = await sql<Message>`
      select * from public.search_messages(
        ${words}, ${this.userId}, ${conversation}, ${position}, ${most + 1}
      )
    `.execute(this.db);
    return toPage(
      rows,
      most,
      (message) => encodeCursor(kind, [message.position]),
      (message) => message,
    );
  }

  /** Messages leave their conversation's row alone, so that one more does not send it to every subscriber. */
  #updatedSince(time: Date) {
    return this.db
      .selectFrom('pam_conversations')
      .select('id')
      .where('user_id', '=', this.userId)
      .where('updated_at', '>=', time)
      .union((eb) =>
        eb
          .selectFrom('pam_messages')
          .select('conversation_id as id')
          .where('user_id', '=', this.userId)
          .where('created_at', '>=', time),
      );
  }

  async #setStatus(id: string, status: ConversationStatus): Promise<Conversation> {
    const conversation = await this.db
      .updateTable('pam_conversations')
      .set({ status })
      .where('user_id', '=', this.userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .returningAll()
      .executeTakeFirst();
    return found(conversation, 'conversation');
  }

  #conversations() {
    return this.db.selectFrom('pam_conversations').selectAll().where('user_id', '=', this.userId);
  }
}

/** What the service does in a user's conversations: it writes messages of any role, and what PAM knows. */
export class ServicePamRepository extends PamRepository<MessageRole> {
  /**
   * Merges a patch into the conversation's context (RFC 7396): what it names is replaced, objects are merged, lists are
   * not, null removes. Of patches that come at once none is lost. A patch may have 16 kB, the merged
   * context 32 kB as Postgres writes it.
   *
   * @throws {NotFoundError} if the user has no such conversation; `ValidationError` unless the patch is a JSON object;
   *   `CheckError` if the context would become too large.
   * @example
   * await pam.mergeContext(conversation.id, { vehicle: { fuel: 'diesel' }, draft: null });
   */
  async mergeContext(id: string, patch: JsonObject): Promise<Conversation> {
    const merged = JSON.stringify(validate(jsonObjectSchema, patch, 'patch'));
    const conversation = await this.db
      .updateTable('pam_conversations')
      .set({ context: sql<string>`public.jsonb_merge_patch(context, ${merged}::jsonb)` })
      .where('user_id', '=', this.userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .returningAll()
      .executeTakeFirst();
    return found(conversation, 'conversation');
  }
}

function conversationOf(id: string): string {
  return validate(uuidSchema, id, 'conversation_id');
}
