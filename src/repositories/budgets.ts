import { type Kysely, type Selectable, type SqlBool, sql, type Updateable } from 'kysely';
import { z } from 'zod';
import { dateSchema } from '../types/calendar.ts';
import { currencySchema } from '../types/currency.ts';
import type { DB } from '../types/database.ts';
import { budgetPeriods } from '../types/enums.ts';
import { amountSchema } from '../types/money.ts';
import {
  clampLimit,
  decodeCursor,
  encodeCursor,
  isTimestamptz,
  type Page,
  type PageRequest,
  toPage,
} from '../types/page.ts';
import { categorySchema } from '../types/text.ts';
import { isUuid, uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { type IfVersion, ifVersionSchema } from '../types/version.ts';
import { type BudgetPeriodUsage, type BudgetState, budgetStates, stateAt, withUsage } from './budget_usage.ts';
import { manyRowsSchema, rowsAsJson } from './many_rows.ts';
import { areNew, atomically, explainMiss, found, storedInOrder, wasDeleted } from './stored.ts';

const columns = [
  'id',
  'user_id',
  'trip_id',
  'category',
  'amount',
  'currency',
  'period',
  'starts_on',
  'version',
  'created_at',
  'updated_at',
] as const;

/** A budget as it is stored. */
export type Budget = Pick<Selectable<DB['budgets']>, (typeof columns)[number]>;

/** A budget and its current period. */
export type BudgetUsage = Budget & BudgetPeriodUsage & { state: BudgetState };

const fields = {
  trip_id: uuidSchema.nullable(),
  category: categorySchema.nullable(),
  amount: amountSchema,
  currency: currencySchema,
  period: z.enum(budgetPeriods),
  starts_on: dateSchema,
};

export const budgetInputSchema = z
  .strictObject({ ...fields, id: uuidSchema })
  .partial()
  .required({ amount: true, period: true });

const newBudgetSchema = budgetInputSchema.transform(({ id = crypto.randomUUID(), ...budget }) => ({
  ...budget,
  id: id.toLowerCase(),
}));

export const budgetPatchSchema = z
  .strictObject(fields)
  .partial()
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), 'must change at least one field');

export const budgetFilterSchema = z
  .strictObject({ trip_id: fields.trip_id, category: categorySchema, period: fields.period })
  .partial();

const usageSchema = z
  .strictObject({
    ...budgetFilterSchema.shape,
    as_of: dateSchema,
    threshold: z.number().positive().max(100),
    states: z.array(z.enum(budgetStates)),
  })
  .partial();

/**
 * What may be spent, above zero: on a trip as a whole (`period` 'trip', which needs a `trip_id`), or every week, month or
 * year from `starts_on`, by default today in the profile's time zone; on one category, or on all; on one trip, or on all.
 * It counts expenses in its own currency, by default the profile's. `id` may be made by the client, so that a repeated call
 * is harmless.
 */
export type BudgetInput = z.input<typeof budgetInputSchema>;
/** The fields to change: at least one. */
export type BudgetPatch = z.input<typeof budgetPatchSchema>;
/** A `trip_id` of null asks for budgets on no trip. */
export type BudgetFilter = z.input<typeof budgetFilterSchema>;
/**
 * `as_of` is the date whose periods are asked for, by default today in the profile's time zone; `threshold`, in percent,
 * is where a budget begins to be `near` its end, by default 80; `states` asks for some states only.
 */
export type BudgetUsageRequest = z.input<typeof usageSchema>;

type Cursor = string | null | undefined;

/** A user's own budgets. */
export class BudgetRepository {
  readonly #db: Kysely<DB>;
  readonly #userId: string;

  constructor(db: Kysely<DB>, userId: string) {
    this.#db = db;
    this.#userId = userId;
  }

  /**
   * Sets a budget. Sent twice with the same `id`, it is made once and the stored row comes back.
   *
   * @throws {ValidationError} if a field is not of its form; `CheckError` if a budget for a trip names none;
   *   `ForeignKeyError` if the trip is not the user's; `PermissionError` if the account is suspended.
   * @example
   * await alice.budgets.create({ amount: '400.00', currency: 'AUD', category: 'fuel', period: 'monthly', starts_on: '2026-12-01' });
   * await alice.budgets.create({ amount: '9000.00', currency: 'AUD', period: 'trip', trip_id: trip.id });
   */
  async create(input: BudgetInput): Promise<Budget> {
    return found((await this.#insert(this.#db, [validate(newBudgetSchema, input)]))[0], 'budget');
  }

  /**
   * As `create`, all or none; the rows come back in the order of the input.
   *
   * @throws as `create`; `ValidationError` if there are more than 10,000, or 64 MB: give them in parts.
   * @example
   * await alice.budgets.createMany([
   *   { amount: '400.00', category: 'fuel', period: 'monthly' },
   *   { amount: '150.00', category: 'food', period: 'weekly' },
   * ]);
   */
  async createMany(inputs: readonly BudgetInput[]): Promise<Budget[]> {
    const budgets = validate(manyRowsSchema(newBudgetSchema), inputs);
    return await atomically(this.#db, (db) => this.#insert(db, budgets), { isOneStatement: areNew(inputs) });
  }

  /**
   * The user's budget, or undefined.
   *
   * @example
   * const found = await alice.budgets.find(budget.id);
   */
  async find(id: string): Promise<Budget | undefined> {
    return await this.#own(this.#db)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
  }

  /**
   * The user's budget.
   *
   * @throws {NotFoundError}
   * @example
   * const { amount, currency } = await alice.budgets.get(budget.id);
   */
  async get(id: string): Promise<Budget> {
    return found(await this.find(id), 'budget');
  }

  /**
   * The user's budgets, newest first, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items } = await alice.budgets.list({ trip_id: trip.id });
   */
  async list(request: PageRequest & BudgetFilter = {}): Promise<Page<Budget>> {
    const { limit, cursor, ...filter } = requireObject(request);
    const most = clampLimit(limit);
    const page = this.#page('budgets.list', validate(budgetFilterSchema, filter), cursor, most);
    return toPage(await page.execute(), most, cursorOf('budgets.list'), withoutKey);
  }

  /**
   * The user's budgets, newest first, each with its current period, or the first if that is to come: from when to when it
   * goes, how much of the amount is used, and whether it is `within`, `near` or `over`. Counted from the expenses as they are
   * now, those of the period's days to come included; in a transaction, with what it has written.
   *
   * @throws {CursorError} as `list`.
   * @example
   * const { items } = await alice.budgets.usage({ states: ['near', 'over'], threshold: 90 });
   * // [{ category: 'fuel', amount: '400.00', period_start: '2026-12-01', period_end: '2026-12-31', used: '368.20',
   * //    remaining: '31.80', percent: 92.1, state: 'near', … }]
   */
  async usage(asked: PageRequest & BudgetUsageRequest = {}): Promise<Page<BudgetUsage>> {
    const { limit, cursor, ...request } = requireObject(asked);
    const { as_of, threshold = 80, states, ...filter } = validate(usageSchema, request);
    const most = clampLimit(limit);
    const page = this.#page('budgets.usage', filter, cursor, most);
    const state = stateAt(threshold);
    let query = withUsage(page, this.#userId, as_of, sql`(select current.number)`).select(state.as('state'));
    if (states !== undefined) query = query.where(sql<SqlBool>`${state} = any(${states}::text[])`);
    return toPage(await query.execute(), most, cursorOf('budgets.usage'), withoutKey);
  }

  /**
   * What was used of a budget in each of its periods, by its amount of today: the current one first, then those before,
   * `limit` (1 to 100, default 20) at a time. A trip is one period.
   *
   * @throws {NotFoundError} if the user has no such budget; `CursorError` if the cursor is malformed or another budget's.
   * @example
   * const { items } = await alice.budgets.history(budget.id, { limit: 12 });
   * // [{ period_start: '2026-12-01', period_end: '2026-12-31', used: '368.20', remaining: '31.80', percent: 92.1 }, …]
   */
  async history(id: string, request: PageRequest & { as_of?: string } = {}): Promise<Page<BudgetPeriodUsage>> {
    const { limit, cursor, as_of } = requireObject(request, ['limit', 'cursor', 'as_of']);
    const key = validate(uuidSchema, id, 'id').toLowerCase();
    const day = validate(dateSchema.optional(), as_of, 'as_of');
    const most = clampLimit(limit);
    const list = `budgets.history ${key}`;
    const [last] = cursor ? decodeCursor(list, cursor, [isNumber]) : [];
    const first = last === undefined ? sql`current.number` : sql`least(current.number, ${last}::integer - 1)`;
    const numbers = sql<{ number: number }>`(
      select number from generate_series(${first}, greatest(${first} - ${most}::integer, 0), -1) as number
    )`;
    const budget = this.#db.selectFrom('budgets as b').where('b.user_id', '=', this.#userId).where('b.id', '=', key);
    const rows = await withUsage(budget, this.#userId, day, numbers)
      .select('period.number')
      .orderBy('period.number', 'desc')
      .execute();
    found(rows[0], 'budget');
    return toPage(
      rows,
      most,
      ({ number }) => encodeCursor(list, [String(number)]),
      ({ number, ...period }) => period,
    );
  }

  /**
   * Changes the named fields; null takes a trip or a category away. With `if_version`, only if nobody has changed the budget
   * since that version was read.
   *
   * @throws {NotFoundError} if the user has no such budget; `ConflictError` if the version is another;
   *   `PermissionError` if the account is suspended; `ValidationError`, `CheckError`, `ForeignKeyError` as `create`.
   * @example
   * await alice.budgets.update(budget.id, { amount: '450.00' }, { if_version: budget.version });
   */
  async update(id: string, patch: BudgetPatch, options: IfVersion = {}): Promise<Budget> {
    const changes: Updateable<DB['budgets']> = validate(budgetPatchSchema, patch);
    const { if_version } = validate(ifVersionSchema, options);
    let query = this.#db
      .updateTable('budgets')
      .set(changes)
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .returning(columns);
    if (if_version !== undefined) query = query.where('version', '=', if_version);
    return (await query.executeTakeFirst()) ?? (await explainMiss('budget', if_version, () => this.find(id)));
  }

  /**
   * Deletes the budget; the expenses stay. Returns whether there was one.
   *
   * @throws {PermissionError} if the account is suspended.
   * @example
   * await alice.budgets.delete(budget.id); // true, and false the second time
   */
  async delete(id: string): Promise<boolean> {
    const deleted = await this.#db
      .deleteFrom('budgets')
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirstOrThrow();
    return await wasDeleted(this.#db, deleted, () => this.find(id));
  }

  async #insert(db: Kysely<DB>, budgets: z.output<typeof newBudgetSchema>[]): Promise<Budget[]> {
    const insert = db
      .insertInto('budgets')
      .columns(['user_id', 'id', 'trip_id', 'category', 'amount', 'currency', 'period', 'starts_on'])
      .expression(
        sql`select ${this.#userId}::uuid, input.* from jsonb_to_recordset(${rowsAsJson(budgets)}::jsonb) as input (
          id uuid, trip_id uuid, category text, amount numeric, currency text, period text, starts_on date
        )
        order by id`,
      )
      .onConflict((conflict) => conflict.doNothing())
      .returning(columns);
    const ids = budgets.map(({ id }) => id);
    return await storedInOrder(
      ids,
      () => insert.execute(),
      (missing) => this.#own(db).where('id', '=', sql<string>`any(${missing}::uuid[])`).execute(),
    );
  }

  #own(db: Kysely<DB>) {
    return db.selectFrom('budgets').select(columns).where('user_id', '=', this.#userId);
  }

  /** Budgets as `b`, so that other tables may join them. */
  #page(
    list: string,
    { trip_id, category, period }: z.output<typeof budgetFilterSchema>,
    cursor: Cursor,
    most: number,
  ) {
    let query = this.#db
      .selectFrom('budgets as b')
      .select(columns.map((column) => `b.${column}` as const))
      .select(sql<string>`b.created_at::text`.as('sort_key'))
      .where('b.user_id', '=', this.#userId)
      .orderBy('b.created_at', 'desc')
      .orderBy('b.id', 'desc')
      .limit(most + 1);
    if (trip_id !== undefined) query = query.where('b.trip_id', trip_id === null ? 'is' : '=', trip_id);
    if (category !== undefined) query = query.where('b.category', '=', category);
    if (period !== undefined) query = query.where('b.period', '=', period);
    if (cursor) {
      const [createdAt, id] = decodeCursor(list, cursor, [isTimestamptz, isUuid]);
      query = query.where(sql<SqlBool>`(b.created_at, b.id) < (${createdAt}::timestamptz, ${id}::uuid)`);
    }
    return query;
  }
}

function cursorOf(list: string) {
  return ({ sort_key, id }: { sort_key: string; id: string }) => encodeCursor(list, [sort_key, id]);
}

function withoutKey<Row extends { sort_key: string }>({ sort_key, ...row }: Row): Omit<Row, 'sort_key'> {
  return row;
}

/** A period that was read and is not the first has a number above 0. */
function isNumber(value: string): boolean {
  return /^[1-9]\d{0,5}$/.test(value);
}
