import { type Kysely, type SqlBool, sql, type Updateable } from 'kysely';
import type { z } from 'zod';
import { isDate } from '../types/calendar.ts';
import type { DB } from '../types/database.ts';
import type { IncomeOccurrence } from '../types/functions.ts';
import { clampLimit, decodeCursor, encodeCursor, type Page, type PageRequest, toPage } from '../types/page.ts';
import { isUuid, uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { type IfVersion, ifVersionSchema } from '../types/version.ts';
import { type ExpectedIncome, expectedIncome, type MonthlyCashFlow, monthlyCashFlow } from './cash_flow.ts';
import { compiledOnce } from './compiled_once.ts';
import {
  type IncomeEntry,
  type IncomeFilter,
  type IncomeInput,
  type IncomePatch,
  type IncomePeriod,
  incomeChangeSchema,
  incomeColumns,
  incomeFilterSchema,
  incomePeriodSchema,
  type NewIncome,
  newIncomeSchema,
} from './income_fields.ts';
import { manyRowsSchema, rowsAsJson } from './many_rows.ts';
import { areNew, atomically, explainMiss, found, storedInOrder, wasDeleted } from './stored.ts';

type Bounds = { user_id: string; last_date?: string; last_id?: string; limit: number };

const selectPage = compiledOnce(
  (db, { user_id, last_date, last_id, limit, ...filter }: z.output<typeof incomeFilterSchema> & Bounds) => {
    const { type, frequency, currency, text, since, until } = filter;
    let query = db
      .selectFrom('income_entries')
      .select(incomeColumns)
      .where('user_id', '=', user_id)
      .orderBy('date', 'desc')
      .orderBy('id', 'desc')
      .limit(limit);
    if (type !== undefined) query = query.where('type', '=', type);
    if (frequency !== undefined) query = query.where('frequency', '=', frequency);
    if (currency !== undefined) query = query.where('currency', '=', currency);
    if (text !== undefined) {
      query = query.where(sql<SqlBool>`strpos(lower(concat_ws(chr(31), source, description)), lower(${text})) > 0`);
    }
    if (since !== undefined) query = query.where('date', '>=', since);
    if (until !== undefined) query = query.where('date', '<=', until);
    if (last_id !== undefined) query = query.where(sql<SqlBool>`(date, id) < (${last_date}::date, ${last_id}::uuid)`);
    return query;
  },
);

/** A user's own income. */
export class IncomeRepository {
  readonly #db: Kysely<DB>;
  readonly #userId: string;

  constructor(db: Kysely<DB>, userId: string) {
    this.#db = db;
    this.#userId = userId;
  }

  /**
   * Records an income. Sent twice with the same `id`, it is made once and the stored row comes back.
   *
   * @throws {ValidationError} if a field is not of its form; `CheckError` if type and frequency do not fit;
   *   `PermissionError` if the account is suspended.
   * @example
   * await alice.income.create({ amount: '1850.00', source: 'Retainer', type: 'recurring', frequency: 'monthly', date: '2026-01-31' });
   */
  async create(input: IncomeInput): Promise<IncomeEntry> {
    return found((await this.#insert(this.#db, [validate(newIncomeSchema, input)]))[0], 'income entry');
  }

  /**
   * As `create`, all or none; the rows come back in the order of the input.
   *
   * @throws as `create`; `ValidationError` if there are more than 10,000, or 64 MB: give them in parts.
   * @example
   * await alice.income.createMany([
   *   { amount: '250.00', source: 'Market stall', date: '2026-10-03' },
   *   { amount: '1850.00', source: 'Retainer', type: 'recurring', frequency: 'monthly', date: '2026-10-31' },
   * ]);
   */
  async createMany(inputs: readonly IncomeInput[]): Promise<IncomeEntry[]> {
    const entries = validate(manyRowsSchema(newIncomeSchema), inputs);
    return await atomically(this.#db, (db) => this.#insert(db, entries), { isOneStatement: areNew(inputs) });
  }

  /**
   * The user's income entry, or undefined.
   *
   * @example
   * const { id } = await alice.income.create({ amount: '250.00', source: 'Market stall' });
   * const found = await alice.income.find(id);
   */
  async find(id: string): Promise<IncomeEntry | undefined> {
    return await this.#own(this.#db)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
  }

  /**
   * The user's income entry.
   *
   * @throws {NotFoundError}
   * @example
   * const { id } = await alice.income.create({ amount: '250.00', source: 'Market stall' });
   * const { amount, date } = await alice.income.get(id);
   */
  async get(id: string): Promise<IncomeEntry> {
    return found(await this.find(id), 'income entry');
  }

  /**
   * The user's income entries by date, newest first, `limit` (1 to 100, default 20) at a time. A recurring entry is listed
   * once, at its first date.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list; `ValidationError` if the filter is not of
   *   its form.
   * @example
   * const { items } = await alice.income.list({ type: 'recurring', currency: 'AUD' });
   */
  async list(request: PageRequest & IncomeFilter = {}): Promise<Page<IncomeEntry>> {
    const { limit, cursor, ...filter } = requireObject(request);
    const most = clampLimit(limit);
    const [last_date, last_id] = cursor ? decodeCursor('income.list', cursor, [isDate, isUuid]) : [];
    const bounds = { user_id: this.#userId, last_date, last_id, limit: most + 1 };
    return toPage(
      await selectPage(this.#db, { ...validate(incomeFilterSchema, filter), ...bounds }),
      most,
      ({ date, id }) => encodeCursor('income.list', [date, id]),
      (entry) => entry,
    );
  }

  /**
   * Changes the named fields. With `if_version`, only if nobody has changed the entry since that version was read.
   *
   * @throws {NotFoundError} if the user has no such entry; `ConflictError` if the version is another;
   *   `PermissionError` if the account is suspended; `ValidationError`, `CheckError` as `create`.
   * @example
   * const entry = await alice.income.create({ amount: '250.00', source: 'Market stall' });
   * await alice.income.update(entry.id, { amount: '265.00' }, { if_version: entry.version });
   */
  async update(id: string, patch: IncomePatch, options: IfVersion = {}): Promise<IncomeEntry> {
    const changes: Updateable<DB['income_entries']> = validate(incomeChangeSchema, patch);
    const { if_version } = validate(ifVersionSchema, options);
    let query = this.#db
      .updateTable('income_entries')
      .set(changes)
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .returning(incomeColumns);
    if (if_version !== undefined) query = query.where('version', '=', if_version);
    return (await query.executeTakeFirst()) ?? (await explainMiss('income entry', if_version, () => this.find(id)));
  }

  /**
   * Deletes the entry, with all its occurrences. Returns whether there was one.
   *
   * @throws {PermissionError} if the account is suspended.
   * @example
   * const { id } = await alice.income.create({ amount: '250.00', source: 'Market stall' });
   * await alice.income.delete(id); // true, and false the second time
   */
  async delete(id: string): Promise<boolean> {
    const deleted = await this.#db
      .deleteFrom('income_entries')
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirstOrThrow();
    return await wasDeleted(this.#db, deleted, () => this.find(id));
  }

  /**
   * Every day between two dates, both included and at most ten years apart, on which an income is due: single entries and
   * each occurrence of the recurring ones. An entry of the 31st falls on the last day of a shorter month.
   *
   * @throws {ValidationError} if a date is not of its form, or the dates are reversed or too far apart.
   * @example
   * await alice.income.occurrences({ from: '2027-01-01', to: '2027-03-31' });
   * // 2027-01-31, 2027-02-28, 2027-03-31 for a retainer of the 31st
   */
  async occurrences(period: IncomePeriod): Promise<IncomeOccurrence[]> {
    const { first, last } = validate(incomePeriodSchema, period);
    const { rows } = await sql<IncomeOccurrence>`
      select * from public.user_income_occurrences(${this.#userId}::uuid, ${first}::date, ${last}::date)
    `.execute(this.#db);
    return rows;
  }

  /**
   * What is due between two dates, both included and at most ten years apart: the sum of `occurrences` in each currency.
   *
   * @throws {ValidationError} as `occurrences`.
   * @example
   * await alice.income.expected({ from: '2027-01-01', to: '2027-03-31' }); // [{ currency: 'AUD', total: '5550.00', count: 3 }]
   */
  async expected(period: IncomePeriod): Promise<ExpectedIncome[]> {
    return await expectedIncome(this.#db, this.#userId, validate(incomePeriodSchema, period));
  }

  /**
   * Month by month what comes in (each of its `occurrences`), what is spent, and the difference, in each currency: of the
   * days between two dates, both included and at most ten years apart. A month in which nothing moves is left out.
   *
   * @throws {ValidationError} as `occurrences`.
   * @example
   * await alice.income.cashFlow({ from: '2026-01-01', to: '2026-12-31' });
   * // [{ month: '2026-01', currency: 'AUD', income: '1850.00', expenses: '2010.40', net: '-160.40' }, …]
   */
  async cashFlow(period: IncomePeriod): Promise<MonthlyCashFlow[]> {
    return await monthlyCashFlow(this.#db, this.#userId, validate(incomePeriodSchema, period));
  }

  async #insert(db: Kysely<DB>, entries: NewIncome[]): Promise<IncomeEntry[]> {
    const insert = db
      .insertInto('income_entries')
      .columns([
        'user_id',
        'id',
        'amount',
        'currency',
        'source',
        'description',
        'date',
        'type',
        'frequency',
        'ends_on',
        'metadata',
      ])
      .expression(
        sql`select ${this.#userId}::uuid, input.* from jsonb_to_recordset(${rowsAsJson(entries)}::jsonb) as input (
          id uuid, amount numeric, currency text, source text, description text, date date, type text, frequency text,
          ends_on date, metadata jsonb
        )
        order by id`,
      )
      .onConflict((conflict) => conflict.doNothing())
      .returning(incomeColumns);
    const ids = entries.map(({ id }) => id);
    return await storedInOrder(
      ids,
      () => insert.execute(),
      (missing) => this.#own(db).where('id', '=', sql<string>`any(${missing}::uuid[])`).execute(),
    );
  }

  #own(db: Kysely<DB>) {
    return db.selectFrom('income_entries').select(incomeColumns).where('user_id', '=', this.#userId);
  }
}
