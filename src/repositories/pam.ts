import { type Kysely, type Selectable, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import type { DB } from '../types/database.ts';
import { type ConversationStatus, conversationStatuses, type MessageRole, messageRoles } from '../types/enums.ts';
import { jsonObjectSchema } from '../types/json.ts';
import { clampLimit, decodeCursor, encodeCursor, isBigint, isTimestamptz, type Page, toPage } from '../types/page.ts';
import { textSchema } from '../types/text.ts';
import { isUuid, uuidSchema } from '../types/uuid.ts';
import { validate } from '../types/validate.ts';
import { atomically, found, storedInOrder, taken } from './stored.ts';

export type Conversation = Selectable<DB['pam_conversations']>;
export type Message = Selectable<DB['pam_messages']>;
export type Feedback = Selectable<DB['pam_feedback']>;

const conversationSchema = z.strictObject({ session_id: textSchema(200), id: uuidSchema.optional() });
export type ConversationInput = z.input<typeof conversationSchema>;

const messageSchema = z
  .strictObject({
    role: z.enum(messageRoles),
    content: textSchema(100_000),
    metadata: jsonObjectSchema.optional(),
    id: uuidSchema.optional(),
  })
  .transform(({ id = crypto.randomUUID(), metadata = {}, ...message }) => ({
    ...message,
    metadata,
    id: id.toLowerCase(),
  }));

/** `id` may be made by the client, so that a repeated call is harmless. Users write messages of role 'user' only. */
export type MessageInput<Role extends MessageRole> = Omit<z.input<typeof messageSchema>, 'role'> & { role: Role };

const feedbackSchema = z
  .strictObject({
    message_id: uuidSchema,
    rating: z.int().min(1).max(5).nullable(),
    thumbs_up: z.boolean().nullable(),
    feedback_text: textSchema(5000).nullable(),
    feedback_type: z.string().regex(/^[a-z][a-z0-9_]{0,49}$/, 'must be a word such as "accuracy"'),
    metadata: jsonObjectSchema,
  })
  .partial()
  .required({ message_id: true })
  .refine(
    ({ rating, thumbs_up, feedback_text }) => rating != null || thumbs_up != null || feedback_text != null,
    'must hold a rating, a thumb or a text',
  );

/** At least one of `rating` (1 to 5), `thumbs_up` and `feedback_text`. */
export type FeedbackInput = z.input<typeof feedbackSchema>;

/**
 * A user's conversations with PAM. `Role` is what this session may write: 'user' for the user, any role for the service on
 * their behalf.
 */
export class PamRepository<Role extends MessageRole = 'user'> {
  readonly #db: Kysely<DB>;
  readonly #userId: string;

  constructor(db: Kysely<DB>, userId: string) {
    this.#db = db;
    this.#userId = userId;
  }

  /**
   * Starts the conversation of a session, or resumes it if there is one already, also from the archive.
   *
   * @throws {ValidationError} if a field is not of its form; `UniqueError` if the id is another conversation's;
   *   `PermissionError` if the account is suspended.
   * @example
   * const conversation = await alice.pam.startConversation({ session_id: 'phone-2026-11-20' });
   */
  async startConversation(input: ConversationInput): Promise<Conversation> {
    const conversation = validate(conversationSchema, input);
    const started = await this.#db
      .insertInto('pam_conversations')
      .values({ ...conversation, user_id: this.#userId })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
    if (started) return started;
    const { session_id } = conversation;
    const resumed = await this.#conversations().where('session_id', '=', session_id).executeTakeFirst();
    if (resumed?.status === 'archived') return await this.#setStatus(resumed.id, 'active');
    return resumed ?? taken();
  }

  /** The user's conversation, or undefined. */
  async find(id: string): Promise<Conversation | undefined> {
    return await this.#conversations()
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
  }

  /** The user's conversation. @throws {NotFoundError} */
  async get(id: string): Promise<Conversation> {
    return found(await this.find(id), 'conversation');
  }

  /** The user's conversations, newest first, `limit` (1 to 100, default 20) at a time. @throws {CursorError} */
  async list({
    limit,
    cursor,
    status,
  }: {
    limit?: number;
    cursor?: string | null;
    status?: ConversationStatus;
  } = {}): Promise<Page<Conversation>> {
    const most = clampLimit(limit);
    let query = this.#conversations()
      .select(sql<string>`created_at::text`.as('sort_key'))
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(most + 1);
    if (status !== undefined)
      query = query.where('status', '=', validate(z.enum(conversationStatuses), status, 'status'));
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

  /** Sets the conversation aside. @throws {NotFoundError} */
  async archive(id: string): Promise<Conversation> {
    return await this.#setStatus(validate(uuidSchema, id, 'id'), 'archived');
  }

  /** Deletes the conversation with its messages and feedback. Returns whether there was one. */
  async delete(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('pam_conversations')
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
    return numDeletedRows > 0n;
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
    return found((await this.#append(this.#db, conversationId, [validate(messageSchema, message)]))[0], 'conversation');
  }

  /** As `appendMessage`, all or none, in the order given. */
  async appendMessages(conversationId: string, inputs: readonly MessageInput<Role>[]): Promise<Message[]> {
    const messages = validate(z.array(messageSchema), inputs);
    return await atomically(this.#db, (db) => this.#append(db, conversationId, messages));
  }

  /**
   * The messages of a conversation, newest first, `limit` (1 to 100, default 20) at a time. `position` grows with time; it
   * is a bigint and so a string. A conversation that does not exist has no messages.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items } = await alice.pam.history(conversation.id, { limit: 50 });
   * const inOrder = items.toReversed();
   */
  async history(
    conversationId: string,
    { limit, cursor }: { limit?: number; cursor?: string | null } = {},
  ): Promise<Page<Message>> {
    const most = clampLimit(limit, 20);
    let query = this.#messages(this.#db)
      .where('conversation_id', '=', validate(uuidSchema, conversationId, 'conversation_id'))
      .orderBy('position', 'desc')
      .limit(most + 1);
    if (cursor) {
      const [position] = decodeCursor('pam.history', cursor, [isBigint]);
      query = query.where('position', '<', position);
    }
    return toPage(
      await query.execute(),
      most,
      ({ position }) => encodeCursor('pam.history', [position]),
      (message) => message,
    );
  }

  /**
   * What the user thinks of a message. Given again for the same message and `feedback_type` (default 'general'), it
   * replaces what was said before.
   *
   * @throws {ForeignKeyError} if there is no such message in the user's conversations; `CheckError` if thumb and rating
   *   contradict each other; `ValidationError` if a field is not of its form.
   * @example
   * await alice.pam.giveFeedback({ message_id: answer.id, thumbs_up: true, feedback_text: 'Found us a free camp.' });
   */
  async giveFeedback(input: FeedbackInput): Promise<Feedback> {
    const {
      message_id,
      rating = null,
      thumbs_up = null,
      feedback_text = null,
      ...rest
    } = validate(feedbackSchema, input);
    const { feedback_type = 'general', metadata = {} } = rest;
    return await this.#db
      .insertInto('pam_feedback')
      .values({
        user_id: this.#userId,
        message_id,
        rating,
        thumbs_up,
        feedback_text,
        feedback_type,
        metadata: JSON.stringify(metadata),
      })
      .onConflict((conflict) =>
        conflict.columns(['user_id', 'message_id', 'feedback_type']).doUpdateSet((eb) => ({
          rating: eb.ref('excluded.rating'),
          thumbs_up: eb.ref('excluded.thumbs_up'),
          feedback_text: eb.ref('excluded.feedback_text'),
          metadata: eb.ref('excluded.metadata'),
        })),
      )
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  async #append(
    db: Kysely<DB>,
    conversationId: string,
    messages: z.output<typeof messageSchema>[],
  ): Promise<Message[]> {
    const conversation = validate(uuidSchema, conversationId, 'conversation_id');
    // The lock makes concurrent appends take their positions one after the other, so that a reader who has seen a
    // position will see no smaller one appear.
    const inserted = await db
      .with('locked', (cte) =>
        cte
          .selectFrom('pam_conversations')
          .select('id')
          .where('user_id', '=', this.#userId)
          .where('id', '=', conversation)
          .forNoKeyUpdate(),
      )
      .insertInto('pam_messages')
      .columns(['user_id', 'conversation_id', 'id', 'role', 'content', 'metadata'])
      .expression(
        sql`select ${this.#userId}::uuid, ${conversation}::uuid, input.id, input.role, input.content, input.metadata
          from rows from (
            jsonb_to_recordset(${JSON.stringify(messages)}::jsonb) as (id uuid, role text, content text, metadata jsonb)
          ) with ordinality as input (id, role, content, metadata, place)
          where (select count(*) from locked) >= 0
          order by input.place`,
      )
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .execute();
    const ids = messages.map(({ id }) => id);
    return await storedInOrder(ids, inserted, (missing) =>
      this.#messages(db)
        .where('conversation_id', '=', conversation)
        .where('id', '=', sql<string>`any(${missing}::uuid[])`)
        .execute(),
    );
  }

  async #setStatus(id: string, status: ConversationStatus): Promise<Conversation> {
    const conversation = await this.#db
      .updateTable('pam_conversations')
      .set({ status })
      .where('user_id', '=', this.#userId)
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
    return found(conversation, 'conversation');
  }

  #conversations() {
    return this.#db.selectFrom('pam_conversations').selectAll().where('user_id', '=', this.#userId);
  }

  #messages(db: Kysely<DB>) {
    return db.selectFrom('pam_messages').selectAll().where('user_id', '=', this.#userId);
  }
}
