import type { Kysely } from 'kysely';
import { isDate } from '../types/calendar.ts';
import type { DB } from '../types/database.ts';
import {
  clampLimit,
  decodeCursor,
  encodeCursor,
  type Page,
  type PageRequest,
  rowsToRead,
  toPage,
} from '../types/page.ts';
import { isUuid, uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { compiledOnce } from './compiled_once.ts';
import { exportExpenses } from './expense_export.ts';
import { type Expense, expenseColumns } from './expense_fields.ts';
import { type ExpenseFilter, narrowingSchema, selectExpenses } from './expense_filter.ts';
import {
  type CategoryExpenses,
  type ExpenseTotal,
  type MonthExpenses,
  type TagExpenses,
  type TotalsFilter,
  type TripExpenses,
  totalsByCategory,
  totalsByCurrency,
  totalsByMonth,
  totalsByTag,
  totalsByTrip,
} from './expense_totals.ts';
import { found } from './stored.ts';

const selectExpense = compiledOnce((db, { user_id, id }: { user_id: string; id: string }) =>
  db.selectFrom('expenses').select(expenseColumns).where('user_id', '=', user_id).where('id', '=', id),
);

/** A user's own expenses: one, lists and sums. */
export class ExpenseReader {
  protected readonly db: Kysely<DB>;
  protected readonly userId: string;

  constructor(db: Kysely<DB>, userId: string) {
    this.db = db;
    this.userId = userId;
  }

  /**
   * The user's expense, or undefined.
   *
   * @example
   * const found = await alice.expenses.find(expense.id);
   */
  async find(id: string): Promise<Expense | undefined> {
    return (await selectExpense(this.db, { user_id: this.userId, id: validate(uuidSchema, id, 'id') }))[0];
  }

  /**
   * The user's expense.
   *
   * @throws {NotFoundError}
   * @example
   * const { amount, currency } = await alice.expenses.get(expense.id);
   */
  async get(id: string): Promise<Expense> {
    return found(await this.find(id), 'expense');
  }

  /**
   * The user's expenses by date, newest first, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list; `ValidationError` if the filter is not of
   *   its form.
   * @example
   * const { items, next_cursor } = await alice.expenses.list({ trip_id: trip.id, tag: 'van', since: '2026-10-01' });
   */
  async list(request: PageRequest & ExpenseFilter = {}): Promise<Page<Expense>> {
    const { limit, cursor, ...filter } = requireObject(request);
    const most = clampLimit(limit);
    const [last_date, last_id] = cursor ? decodeCursor('expenses.list', cursor, [isDate, isUuid]) : [];
    const bounds = { user_id: this.userId, last_date, last_id, limit: rowsToRead(most) };
    return toPage(
      await selectExpenses(this.db, { ...validate(narrowingSchema, filter), ...bounds }),
      most,
      ({ date, id }) => encodeCursor('expenses.list', [date, id]),
      (expense) => expense,
    );
  }

  /**
   * The user's expenses as a CSV file, newest first, in pieces: the line of names, then up to 1,000 lines at a time, each of
   * which one statement reads. Lines end with CRLF, amounts have a decimal point. Text that a spreadsheet would take for a
   * formula (it begins with `=`, `+`, `-`, `@`, a tab or a line break) gets an apostrophe before it. `importCsv` reads the
   * file and gives the same expenses.
   *
   * Excel takes a file for UTF-8 only after "\uFEFF": write that first. For one moment's state, run it in a transaction with
   * the isolation level 'repeatable read'.
   *
   * @throws {ValidationError} if the filter is not of its form.
   * @example
   * await pipeline(alice.expenses.exportCsv({ since: '2026-01-01' }), createWriteStream('expenses.csv'));
   */
  exportCsv(filter: ExpenseFilter = {}): AsyncGenerator<string, void, undefined> {
    return exportExpenses(this.db, this.userId, validate(narrowingSchema, filter));
  }

  /**
   * Totals by category and currency, the largest first within a currency: of the days from `since` to `until`, both
   * included. Without dates, of a trip all, else the last thirty days, today where the user is included.
   *
   * @throws {ValidationError} if the filter is not of its form.
   * @example
   * await alice.expenses.totalsByCategory({ since: '2026-10-01', until: '2026-10-31' });
   * // [{ category: 'fuel', currency: 'USD', total: '412.80', count: 9, average: '45.87' }, …]
   */
  async totalsByCategory(filter: TotalsFilter = {}): Promise<CategoryExpenses[]> {
    return await totalsByCategory(this.db, this.userId, filter);
  }

  /**
   * Totals by month and currency, in the order of time; a month without expenses is left out. Without dates, of a trip all,
   * else this month and the eleven before, up to today where the user is.
   *
   * @throws {ValidationError} if the filter is not of its form.
   * @example
   * await alice.expenses.totalsByMonth({ category: 'fuel', since: '2026-01-01', until: '2026-12-31' });
   * // [{ month: '2026-01', currency: 'AUD', total: '310.00', count: 7, average: '44.29' }, …]
   */
  async totalsByMonth(filter: TotalsFilter = {}): Promise<MonthExpenses[]> {
    return await totalsByMonth(this.db, this.userId, filter);
  }

  /**
   * Totals by trip and currency, the largest first within a currency; the days are as for `totalsByCategory`.
   *
   * @throws {ValidationError} if the filter is not of its form.
   * @example
   * await alice.expenses.totalsByTrip({ since: '2026-01-01' });
   * // [{ trip_id: '66917d13-…', trip_name: 'Big Lap', currency: 'AUD', total: '7310.25', count: 212, average: '34.48' }, …]
   */
  async totalsByTrip(filter: TotalsFilter = {}): Promise<TripExpenses[]> {
    return await totalsByTrip(this.db, this.userId, filter);
  }

  /**
   * Totals by tag and currency, the largest first within a currency; the days are as for `totalsByCategory`. An expense
   * counts for each of its tags, so these totals do not add up to what was spent.
   *
   * @throws {ValidationError} if the filter is not of its form.
   * @example
   * await alice.expenses.totalsByTag({ trip_id: trip.id });
   * // [{ tag: 'van', currency: 'AUD', total: '980.10', count: 12, average: '81.68' }, …]
   */
  async totalsByTag(filter: TotalsFilter = {}): Promise<TagExpenses[]> {
    return await totalsByTag(this.db, this.userId, filter);
  }

  /**
   * Totals by currency; the days are as for `totalsByCategory`.
   *
   * @throws {ValidationError} if the filter is not of its form.
   * @example
   * await alice.expenses.totalsByCurrency({ trip_id: trip.id });
   * // [{ currency: 'AUD', total: '7310.25', count: 212, average: '34.48' }, …]
   */
  async totalsByCurrency(filter: TotalsFilter = {}): Promise<ExpenseTotal[]> {
    return await totalsByCurrency(this.db, this.userId, filter);
  }
}
