import { type Kysely, type RawBuilder, type Selectable, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { dateSchema } from '../types/calendar.ts';
import type { DB } from '../types/database.ts';
import { jsonObjectSchema } from '../types/json.ts';
import {
  clampLimit,
  decodeCursor,
  encodeCursor,
  isTimestamptz,
  type Page,
  type PageRequest,
  toPage,
} from '../types/page.ts';
import { textSchema } from '../types/text.ts';
import { isUuid, uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { found, wasDeleted } from './stored.ts';

/** Feedback as it is stored. */
export type Feedback = Selectable<DB['pam_feedback']>;

const ratingSchema = z.int().min(1).max(5);
const typeSchema = z.string().regex(/^[a-z][a-z0-9_]{0,49}$/, 'must be a word such as "accuracy"');

export const feedbackInputSchema = z
  .strictObject({
    message_id: uuidSchema,
    rating: ratingSchema.nullable(),
    thumbs_up: z.boolean().nullable(),
    feedback_text: textSchema(5000).nullable(),
    feedback_type: typeSchema,
    metadata: jsonObjectSchema,
  })
  .partial()
  .required({ message_id: true })
  .refine(
    ({ rating, thumbs_up, feedback_text }) => rating != null || thumbs_up != null || feedback_text != null,
    'must hold a rating, a thumb or a text',
  );

/** At least one of `rating` (1 to 5), `thumbs_up` and `feedback_text`. */
export type FeedbackInput = z.input<typeof feedbackInputSchema>;

export const feedbackFilterSchema = z
  .strictObject({
    message_ids: z.array(uuidSchema).max(100),
    feedback_type: typeSchema,
    rating: ratingSchema,
    thumbs_up: z.boolean(),
    since: dateSchema,
    until: dateSchema,
  })
  .partial();

/** `message_ids`: at most 100. `since` and `until` are dates, both included. */
export type FeedbackFilter = z.input<typeof feedbackFilterSchema>;

const periodSchema = z.strictObject({
  since: dateSchema,
  until: dateSchema,
  period: z.enum(['day', 'week', 'month']).default('day'),
});

/** `since` and `until` are dates, both included; `period` (default 'day') is what `by_period` is made of. */
export type FeedbackPeriod = z.input<typeof periodSchema>;

/** How much feedback there is, and how good. Averages are null where nobody rated. */
export type FeedbackTotals = {
  count: number;
  /** The mean of the ratings to two decimals; null if there are none. */
  average_rating: number | null;
  /** How often each rating was given. */
  ratings: { 1: number; 2: number; 3: number; 4: number; 5: number };
  thumbs_up: number;
  thumbs_down: number;
};

/** The totals, and the same of each type and of each day, week or month. */
export type FeedbackStatistics = FeedbackTotals & {
  /** In the order of the alphabet. */
  by_type: (FeedbackTotals & { feedback_type: string })[];
  /** In the order of time; a week starts on its Monday. A period without feedback is left out. */
  by_period: (FeedbackTotals & { starts_on: string })[];
};

/** Everybody's feedback, for the service. Days are those of UTC. */
export class FeedbackReader {
  readonly #db: Kysely<DB>;

  constructor(db: Kysely<DB>) {
    this.#db = db;
  }

  /**
   * What people think of PAM's messages, newest first, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items } = await database.asService().feedback.list({ thumbs_up: false, since: '2026-11-01' });
   */
  async list(request: PageRequest & FeedbackFilter = {}): Promise<Page<Feedback>> {
    return await readPage('feedback.list', this.#db.selectFrom('pam_feedback'), utc, request);
  }

  /**
   * Counts and means between two dates: in all, by type and by day (week, month).
   *
   * @example
   * const { average_rating, by_period } = await database.asService().feedback.statistics({
   *   since: '2026-10-01', until: '2026-12-31', period: 'week',
   * });
   */
  async statistics(request: FeedbackPeriod): Promise<FeedbackStatistics> {
    return await readStatistics(this.#db, sql`true`, utc, request);
  }
}

/** What a user thinks of PAM's messages. Their days are those of the profile's time zone. */
export class FeedbackRepository {
  protected readonly db: Kysely<DB>;
  protected readonly userId: string;

  constructor(db: Kysely<DB>, userId: string) {
    this.db = db;
    this.userId = userId;
  }

  /**
   * What the user thinks of a message. Given again for the same message and `feedback_type` (default 'general'), it
   * replaces what was said before.
   *
   * @throws {ForeignKeyError} if there is no such message in the user's conversations; `CheckError` if thumb and rating
   *   contradict each other; `ValidationError` if a field is not of its form; `PermissionError` if the account is suspended.
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
    } = validate(feedbackInputSchema, input);
    const { feedback_type = 'general', metadata = {} } = rest;
    return await this.db
      .insertInto('pam_feedback')
      .values({
        user_id: this.userId,
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

  /**
   * The user's feedback, newest first, `limit` (1 to 100, default 20) at a time; with `message_ids`, what they said of the
   * messages on a screen.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items } = await alice.pam.listFeedback({ message_ids: messages.map(({ id }) => id), limit: 100 });
   */
  async listFeedback(request: PageRequest & FeedbackFilter = {}): Promise<Page<Feedback>> {
    const own = this.db.selectFrom('pam_feedback').where('user_id', '=', this.userId);
    return await readPage('pam.feedback', own, this.#zone(), request);
  }

  /**
   * Counts and means of the user's feedback between two dates: in all, by type and by day (week, month).
   *
   * @example
   * await alice.pam.feedbackStatistics({ since: '2026-11-01', until: '2026-11-30' });
   * // { count: 3, average_rating: 4.5, ratings: { 1: 0, …, 5: 1 }, thumbs_up: 1, thumbs_down: 0, by_type: […], by_period: […] }
   */
  async feedbackStatistics(request: FeedbackPeriod): Promise<FeedbackStatistics> {
    return await readStatistics(this.db, sql`user_id = ${this.userId}`, this.#zone(), request);
  }

  /**
   * Takes feedback back. Returns whether there was any.
   *
   * @throws {PermissionError} if the account is suspended.
   * @example
   * const given = await alice.pam.giveFeedback({ message_id: answer.id, thumbs_up: false });
   * await alice.pam.deleteFeedback(given.id);
   */
  async deleteFeedback(id: string): Promise<boolean> {
    const key = validate(uuidSchema, id, 'id');
    const deleted = await this.db
      .deleteFrom('pam_feedback')
      .where('user_id', '=', this.userId)
      .where('id', '=', key)
      .executeTakeFirstOrThrow();
    const own = this.db.selectFrom('pam_feedback').select('id').where('user_id', '=', this.userId);
    return await wasDeleted(this.db, deleted, () => own.where('id', '=', key).executeTakeFirst());
  }

  #zone(): Zone {
    return sql`(select timezone from public.profiles where id = ${this.userId})`;
  }
}

/** The time zone whose days are meant. */
type Zone = RawBuilder<string>;
const utc: Zone = sql`'UTC'`;

const startOf = (date: string, zone: Zone) => sql<SqlBool>`created_at >= ${date}::date::timestamp at time zone ${zone}`;
const endOf = (date: string, zone: Zone) =>
  sql<SqlBool>`created_at < (${date}::date + 1)::timestamp at time zone ${zone}`;

function selectFeedback(db: Kysely<DB>) {
  return db.selectFrom('pam_feedback');
}

async function readPage(
  kind: string,
  feedback: ReturnType<typeof selectFeedback>,
  zone: Zone,
  request: PageRequest & FeedbackFilter,
): Promise<Page<Feedback>> {
  const { limit, cursor, ...filter } = requireObject(request);
  const most = clampLimit(limit);
  const { message_ids, feedback_type, rating, thumbs_up, since, until } = validate(feedbackFilterSchema, filter);
  let query = feedback
    .selectAll()
    .select(sql<string>`created_at::text`.as('sort_key'))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(most + 1);
  if (message_ids !== undefined) query = query.where('message_id', '=', sql<string>`any(${message_ids}::uuid[])`);
  if (feedback_type !== undefined) query = query.where('feedback_type', '=', feedback_type);
  if (rating !== undefined) query = query.where('rating', '=', rating);
  if (thumbs_up !== undefined) query = query.where('thumbs_up', '=', thumbs_up);
  if (since !== undefined) query = query.where(startOf(since, zone));
  if (until !== undefined) query = query.where(endOf(until, zone));
  if (cursor) {
    const [createdAt, id] = decodeCursor(kind, cursor, [isTimestamptz, isUuid]);
    query = query.where(sql<SqlBool>`(created_at, id) < (${createdAt}::timestamptz, ${id}::uuid)`);
  }
  return toPage(
    await query.execute(),
    most,
    ({ sort_key, id }) => encodeCursor(kind, [sort_key, id]),
    ({ sort_key, ...row }) => row,
  );
}

type Totals = Omit<FeedbackTotals, 'ratings'> & { ratings: [number, number, number, number, number] };
type Group = Totals & { feedback_type: string | null; starts_on: string | null };

async function readStatistics(
  db: Kysely<DB>,
  isMeant: RawBuilder<unknown>,
  zone: Zone,
  request: FeedbackPeriod,
): Promise<FeedbackStatistics> {
  const { since, until, period } = validate(periodSchema, request);
  // Grouped by nothing, by type and by period at once: neither of the two is ever null in a row.
  const { rows } = await sql<Group>`
    select
      feedback_type, starts_on, count(*)::integer as count, round(avg(rating), 2)::double precision as average_rating,
      array[
        count(*) filter (where rating = 1)::integer, count(*) filter (where rating = 2)::integer,
        count(*) filter (where rating = 3)::integer, count(*) filter (where rating = 4)::integer,
        count(*) filter (where rating = 5)::integer
      ] as ratings,
      count(*) filter (where thumbs_up)::integer as thumbs_up,
      count(*) filter (where not thumbs_up)::integer as thumbs_down
    from (
      select feedback_type, rating, thumbs_up, date_trunc(${period}, created_at at time zone ${zone})::date as starts_on
      from public.pam_feedback
      where ${isMeant} and ${startOf(since, zone)} and ${endOf(until, zone)}
    ) as given
    group by grouping sets ((), (feedback_type), (starts_on))
    order by feedback_type, starts_on
  `.execute(db);
  return {
    ...totalsOf(
      found(
        rows.find(({ feedback_type, starts_on }) => feedback_type === null && starts_on === null),
        'statistics',
      ),
    ),
    by_type: rows.flatMap(({ feedback_type, ...group }) =>
      feedback_type === null ? [] : [{ feedback_type, ...totalsOf(group) }],
    ),
    by_period: rows.flatMap(({ starts_on, ...group }) =>
      starts_on === null ? [] : [{ starts_on, ...totalsOf(group) }],
    ),
  };
}

function totalsOf({ count, average_rating, ratings, thumbs_up, thumbs_down }: Totals): FeedbackTotals {
  const [one, two, three, four, five] = ratings;
  return { count, average_rating, ratings: { 1: one, 2: two, 3: three, 4: four, 5: five }, thumbs_up, thumbs_down };
}
