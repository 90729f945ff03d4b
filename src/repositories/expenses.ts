import { type Insertable, type Kysely, sql, type Updateable } from 'kysely';
import { z } from 'zod';
import type { CsvSource } from '../csv/source.ts';
import type { DB } from '../types/database.ts';
import { uuidSchema } from '../types/uuid.ts';
import { validate } from '../types/validate.ts';
import { type IfVersion, ifVersionSchema } from '../types/version.ts';
import { compiledOnce } from './compiled_once.ts';
import {
  type Expense,
  type ExpenseInput,
  type ExpensePatch,
  expenseChangeSchema,
  expenseColumns,
  type NewExpense,
  newExpenseSchema,
} from './expense_fields.ts';
import { type ImportReport, importExpenses } from './expense_import.ts';
import { type Batch, type Insert, insertBatch, insertNew, lockTrips, toBatches } from './expense_insert.ts';
import { ExpenseReader } from './expense_reader.ts';
import { type ImportOptions, importOptionsSchema } from './import_options.ts';
import { areNew, atomically, explainMiss, found, storedInOrder, wasDeleted } from './stored.ts';

const moveSchema = z.strictObject({ from: uuidSchema, to: uuidSchema.nullable() });

/** One that has a new id: the server takes less time so than for a row that comes as JSON. */
const insertExpense = compiledOnce((db, expense: Insertable<DB['expenses']>) =>
  db.insertInto('expenses').values(expense).returning(expenseColumns),
);
const insertNewExpenses = compiledOnce((db, insert: Insert) => insertNew(db, insert).returning(expenseColumns));
const insertExpenses = compiledOnce((db, insert: Insert) => insertBatch(db, insert).returning(expenseColumns));

type Change = Updateable<DB['expenses']> & { user_id: string; id: string; if_version?: number | undefined };

const updateExpense = compiledOnce((db, { user_id, id, if_version, ...changes }: Change) => {
  const query = db
    .updateTable('expenses')
    .set(changes)
    .where('user_id', '=', user_id)
    .where('id', '=', id)
    .returning(expenseColumns);
  return if_version === undefined ? query : query.where('version', '=', if_version);
});

/** Always with the same columns but for those that a trigger fills: else there would be hundreds of statements to prepare. */
function toRow(user_id: string, expense: NewExpense): Insertable<DB['expenses']> {
  const { id, trip_id = null, amount, currency, category, date, tags, metadata } = expense;
  const { description = null, location = null, receipt_url = null } = expense;
  const row = { user_id, id, trip_id, amount, category, description, location, receipt_url, tags };
  return { ...row, metadata: JSON.stringify(metadata), currency, date };
}

/** A user's own expenses. */
export class ExpenseRepository extends ExpenseReader {
  /**
   * Records an expense. Sent twice with the same `id`, it is made once and the stored row comes back.
   *
   * @throws {ValidationError} if a field is not of its form; `ForeignKeyError` if the trip is not the user's;
   *   `PermissionError` if the account is suspended; `UniqueError` if the id is somebody else's.
   * @example
   * await alice.expenses.create({ trip_id: trip.id, amount: '42.50', currency: 'NZD', category: 'fuel' });
   */
  async create(input: ExpenseInput): Promise<Expense> {
    const expense = validate(newExpenseSchema, input);
    const [stored] = areNew([input])
      ? await insertExpense(this.db, toRow(this.userId, expense))
      : await this.#insert(this.db, [expense], { idsAreNew: false });
    return found(stored, 'expense');
  }

  /**
   * As `create`, all or none, however many: 10,000 a statement, in one transaction. The rows come back in the order of the
   * input.
   *
   * @throws as `create`; the path of an issue begins with the place in the input: `3.amount`.
   * @example
   * await alice.expenses.createMany(receipts.map(({ total }) => ({ amount: total, category: 'food' })));
   */
  async createMany(inputs: readonly ExpenseInput[]): Promise<Expense[]> {
    const expenses = validate(z.array(newExpenseSchema), inputs);
    const batches = toBatches(expenses);
    const given = { idsAreNew: areNew(inputs), batches };
    const isOneStatement = batches.length <= 1 && given.idsAreNew;
    return await atomically(this.db, (db) => this.#insert(db, expenses, given), { isOneStatement });
  }

  /**
   * Changes the named fields; the totals of the trips concerned follow. With `if_version`, only if nobody has changed the
   * expense since that version was read.
   *
   * @throws {NotFoundError} if the user has no such expense; `ConflictError` if the version is another;
   *   `PermissionError` if the account is suspended; `ValidationError`, `ForeignKeyError` as `create`.
   * @example
   * await alice.expenses.update(expense.id, { category: 'repairs' }, { if_version: expense.version });
   */
  async update(id: string, patch: ExpensePatch, options: IfVersion = {}): Promise<Expense> {
    const changes = validate(expenseChangeSchema, patch);
    const { if_version } = validate(ifVersionSchema, options);
    const own = { user_id: this.userId, id: validate(uuidSchema, id, 'id') };
    const [expense] = await updateExpense(this.db, { ...changes, ...own, if_version });
    return expense ?? (await explainMiss('expense', if_version, () => this.find(id)));
  }

  /**
   * Deletes the expense. Returns whether there was one.
   *
   * @throws {PermissionError} if the account is suspended.
   * @example
   * await alice.expenses.delete(expense.id); // true, and false the second time
   */
  async delete(id: string): Promise<boolean> {
    const deleted = await this.db
      .deleteFrom('expenses')
      .where('user_id', '=', this.userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirstOrThrow();
    return await wasDeleted(this.db, deleted, () => this.find(id));
  }

  /**
   * Moves all expenses of the trip `from` to the trip `to`, or off any trip if that is null. Returns how many there were.
   *
   * @throws {ForeignKeyError} if `to` is not a trip of the user's; `PermissionError` if the account is suspended.
   * @example
   * await alice.expenses.move({ from: trip.id, to: detour.id });
   */
  async move(trips: { from: string; to: string | null }): Promise<number> {
    const { from, to } = validate(moveSchema, trips);
    const { numUpdatedRows } = await this.db
      .updateTable('expenses')
      .set({ trip_id: to })
      .where('user_id', '=', this.userId)
      .where('trip_id', '=', from)
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  /**
   * Imports the expenses of a CSV file (UTF-8) as a bank or a spreadsheet gives it, or as `exportCsv` does: all lines or
   * none, or, with `skip_rejected`, those that can be. Delimiter, columns, decimal mark, order of dates and the sign of money
   * spent are found out from the whole file; what could be read in two ways is refused until an option says it.
   *
   * A file can be imported again, as can one that overlaps with it: a line is known by what it says, and by its number among
   * lines that say the same, so that it makes one expense for good. One that was changed since stays as it is; one that was
   * deleted comes back.
   *
   * The whole file is read before the first statement, which takes about 1 kB of memory a line.
   *
   * @throws {ImportError} if lines cannot be imported and none was: `reasons` has their numbers, columns and what is
   *   expected there, never what stands in them; `ValidationError` if the file is not CSV, or what the path names must be said (`dates`,
   *   `decimal`, `spent`, `columns`); `ForeignKeyError`, `PermissionError` as `create`; what `source` throws.
   * @example
   * const report = await alice.expenses.importCsv(createReadStream('statement.csv'), { trip_id: trip.id, currency: 'AUD' });
   * // { lines: 214, created: 198, existing: 0, credits: 16, rejected: 0, reasons: [] }
   */
  async importCsv(source: CsvSource, options: ImportOptions = {}): Promise<ImportReport> {
    return await importExpenses(this.db, this.userId, source, validate(importOptionsSchema, options));
  }

  async #insert(
    db: Kysely<DB>,
    expenses: NewExpense[],
    { idsAreNew, batches = toBatches(expenses) }: { idsAreNew: boolean; batches?: Batch[] },
  ): Promise<Expense[]> {
    const insertBatchOf = idsAreNew ? insertNewExpenses : insertExpenses;
    const insert = async () => {
      if (batches.length > 1) await lockTrips(db, this.userId, expenses);
      const inserted: Expense[] = [];
      for (const batch of batches) {
        const rows = await insertBatchOf(db, { user_id: this.userId, json: batch.json });
        for (const row of rows) inserted.push(row);
      }
      return inserted;
    };
    const ids = expenses.map(({ id }) => id);
    return await storedInOrder(ids, insert, (missing) =>
      db
        .selectFrom('expenses')
        .select(expenseColumns)
        .where('user_id', '=', this.userId)
        .where('id', '=', sql<string>`any(${missing}::uuid[])`)
        .execute(),
    );
  }
}
