import { type Kysely, type Selectable, type SqlBool, sql, type Updateable } from 'kysely';
import { z } from 'zod';
import { dateSchema, isDate } from '../types/calendar.ts';
import { currencySchema } from '../types/currency.ts';
import type { DB } from '../types/database.ts';
import { jsonObjectSchema, tagsSchema } from '../types/json.ts';
import { amountSchema, type Money } from '../types/money.ts';
import { clampLimit, decodeCursor, encodeCursor, type Page, toPage } from '../types/page.ts';
import { categorySchema, httpsUrlSchema, textSchema } from '../types/text.ts';
import { isUuid, uuidSchema } from '../types/uuid.ts';
import { validate } from '../types/validate.ts';
import { compiledOnce } from './compiled_once.ts';
import { atomically, explainMiss, found, storedInOrder } from './stored.ts';

const columns = [
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
] as const;

export type Expense = Pick<Selectable<DB['expenses']>, (typeof columns)[number]>;

/** What was spent on a category in one currency. `average` is rounded to cents. */
export type ExpenseTotal = { category: string; currency: string; total: Money; count: number; average: Money };

const fields = {
  trip_id: uuidSchema.nullable(),
  amount: amountSchema,
  currency: currencySchema,
  category: categorySchema,
  description: textSchema(2000).nullable(),
  date: dateSchema,
  location: textSchema(500).nullable(),
  receipt_url: httpsUrlSchema.nullable(),
  tags: tagsSchema,
  metadata: jsonObjectSchema,
};

const inputSchema = z
  .strictObject({ ...fields, id: uuidSchema })
  .partial()
  .required({ amount: true, category: true })
  .transform(({ id = crypto.randomUUID(), ...expense }) => ({
    ...expense,
    id: id.toLowerCase(),
    tags: expense.tags ?? [],
    metadata: expense.metadata ?? {},
  }));

const patchSchema = z
  .strictObject(fields)
  .partial()
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), 'must change at least one field')
  .transform(({ metadata, ...patch }) => ({ ...patch, ...(metadata && { metadata: JSON.stringify(metadata) }) }));

const filterSchema = z
  .strictObject({
    trip_id: uuidSchema,
    category: categorySchema,
    currency: currencySchema,
    since: dateSchema,
    until: dateSchema,
  })
  .partial();

/**
 * `amount` is a decimal string, above zero. `currency` is the profile's and `date` today in the profile's time zone unless
 * given. `id` may be made by the client, so that a repeated call is harmless.
 */
export type ExpenseInput = z.input<typeof inputSchema>;
export type ExpensePatch = z.input<typeof patchSchema>;
/** `since` and `until` are dates, both included. */
export type ExpenseFilter = z.input<typeof filterSchema>;

type Bounds = { user_id: string; last_date?: string; last_id?: string; limit: number };

const selectPage = compiledOnce(
  (db, { user_id, last_date, last_id, limit, ...filter }: z.output<typeof filterSchema> & Bounds) => {
    const { trip_id, category, currency, since, until } = filter;
    let query = db
      .selectFrom('expenses')
      .select(columns)
      .where('user_id', '=', user_id)
      .orderBy('date', 'desc')
      .orderBy('id', 'desc')
      .limit(limit);
    if (trip_id !== undefined) query = query.where('trip_id', '=', trip_id);
    if (category !== undefined) query = query.where('category', '=', category);
    if (currency !== undefined) query = query.where('currency', '=', currency);
    if (since !== undefined) query = query.where('date', '>=', since);
    if (until !== undefined) query = query.where('date', '<=', until);
    if (last_id !== undefined) query = query.where(sql<SqlBool>`(date, id) < (${last_date}::date, ${last_id}::uuid)`);
    return query;
  },
);

/** A user's own expenses. */
export class ExpenseRepository {
  readonly #db: Kysely<DB>;
  readonly #userId: string;

  constructor(db: Kysely<DB>, userId: string) {
    this.#db = db;
    this.#userId = userId;
  }

  /**
   * Records an expense. Sent twice with the same `id`, it is made once and the stored row comes back.
   *
   * @throws {ValidationError} if a field is not of its form; `ForeignKeyError` if the trip is not the user's;
   *   `PermissionError` if the account is suspended.
   * @example
   * await alice.expenses.create({ trip_id: trip.id, amount: '42.50', currency: 'NZD', category: 'fuel' });
   */
  async create(input: ExpenseInput): Promise<Expense> {
    return found((await this.#insert(this.#db, [validate(inputSchema, input)]))[0], 'expense');
  }

  /** As `create`, all or none, thousands in one statement; the rows come back in the order of the input. */
  async createMany(inputs: readonly ExpenseInput[]): Promise<Expense[]> {
    const expenses = validate(z.array(inputSchema), inputs);
    return await atomically(this.#db, (db) => this.#insert(db, expenses));
  }

  /** The user's expense, or undefined. */
  async find(id: string): Promise<Expense | undefined> {
    return await this.#own(this.#db)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
  }

  /** The user's expense. @throws {NotFoundError} */
  async get(id: string): Promise<Expense> {
    return found(await this.find(id), 'expense');
  }

  /**
   * The user's expenses by date, newest first, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items, next_cursor } = await alice.expenses.list({ trip_id: trip.id, category: 'fuel', since: '2026-10-01' });
   */
  async list({
    limit,
    cursor,
    ...filter
  }: { limit?: number; cursor?: string | null } & ExpenseFilter = {}): Promise<Page<Expense>> {
    const most = clampLimit(limit);
    const [last_date, last_id] = cursor ? decodeCursor('expenses.list', cursor, [isDate, isUuid]) : [];
    const bounds = { user_id: this.#userId, last_date, last_id, limit: most + 1 };
    return toPage(
      await selectPage(this.#db, { ...validate(filterSchema, filter), ...bounds }),
      most,
      ({ date, id }) => encodeCursor('expenses.list', [date, id]),
      (expense) => expense,
    );
  }

  /**
   * Changes the named fields; the totals of the trips concerned follow. With `if_version`, only if nobody has changed the
   * expense since that version was read.
   *
   * @throws {NotFoundError} if the user has no such expense; `ConflictError` if the version is another;
   *   `PermissionError` if the account is suspended; `ValidationError`, `ForeignKeyError` as `create`.
   */
  async update(id: string, patch: ExpensePatch, { if_version }: { if_version?: number } = {}): Promise<Expense> {
    const changes: Updateable<DB['expenses']> = validate(patchSchema, patch);
    let query = this.#db
      .updateTable('expenses')
      .set(changes)
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .returning(columns);
    if (if_version !== undefined) query = query.where('version', '=', if_version);
    return (await query.executeTakeFirst()) ?? (await explainMiss('expense', if_version, () => this.find(id)));
  }

  /** Deletes the expense. Returns whether there was one. */
  async delete(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('expenses')
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  /**
   * Moves all expenses of the trip `from` to the trip `to`, or off any trip if that is null. Returns how many there were.
   *
   * @throws {ForeignKeyError} if `to` is not a trip of the user's.
   * @example
   * await alice.expenses.move({ from: trip.id, to: detour.id });
   */
  async move({ from, to }: { from: string; to: string | null }): Promise<number> {
    const { numUpdatedRows } = await this.#db
      .updateTable('expenses')
      .set({ trip_id: validate(uuidSchema.nullable(), to, 'to') })
      .where('user_id', '=', this.#userId)
      .where('trip_id', '=', validate(uuidSchema, from, 'from'))
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  /**
   * Totals by category and currency between two dates, both included; the largest first within a currency.
   *
   * @example
   * await alice.expenses.totalsByCategory({ since: '2026-10-01', until: '2026-10-31' });
   * // [{ category: 'fuel', currency: 'USD', total: '412.80', count: 9, average: '45.87' }, …]
   */
  async totalsByCategory({ since, until }: { since: string; until: string }): Promise<ExpenseTotal[]> {
    return await this.#db
      .selectFrom('expenses')
      .select((eb) => [
        'category',
        'currency',
        eb.fn.sum<Money>('amount').as('total'),
        sql<number>`count(*)::integer`.as('count'),
        sql<Money>`round(avg(amount), 2)`.as('average'),
      ])
      .where('user_id', '=', this.#userId)
      .where('date', '>=', validate(dateSchema, since, 'since'))
      .where('date', '<=', validate(dateSchema, until, 'until'))
      .groupBy(['currency', 'category'])
      .orderBy('currency')
      .orderBy('total', 'desc')
      .orderBy('category')
      .execute();
  }

  async #insert(db: Kysely<DB>, expenses: z.output<typeof inputSchema>[]): Promise<Expense[]> {
    const inserted = await db
      .insertInto('expenses')
      .columns([
        'user_id',
        'id',
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
      ])
      .expression(
        sql`select ${this.#userId}::uuid, input.* from jsonb_to_recordset(${JSON.stringify(expenses)}::jsonb) as input (
          id uuid, trip_id uuid, amount numeric, currency text, category text, description text, date date, location text,
          receipt_url text, tags text[], metadata jsonb
        )
        order by id`,
      )
      .onConflict((conflict) => conflict.doNothing())
      .returning(columns)
      .execute();
    const ids = expenses.map(({ id }) => id);
    return await storedInOrder(ids, inserted, (missing) =>
      this.#own(db).where('id', '=', sql<string>`any(${missing}::uuid[])`).execute(),
    );
  }

  #own(db: Kysely<DB>) {
    return db.selectFrom('expenses').select(columns).where('user_id', '=', this.#userId);
  }
}
