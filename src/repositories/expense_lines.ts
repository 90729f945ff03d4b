import { setImmediate } from 'node:timers/promises';
import { type DecimalMark, isShared, markOf, readAmount, toDecimal } from '../csv/amounts.ts';
import { unguardFormula } from '../csv/cells.ts';
import { type CsvField, exportedFields } from '../csv/columns.ts';
import { type DateOrder, orderOf, readDate } from '../csv/dates.ts';
import { type CsvRecord, readRecords } from '../csv/records.ts';
import type { CsvSource } from '../csv/source.ts';
import { type RejectedLine, ValidationError } from '../types/errors.ts';
import { type Cells, type ExpenseLine, type Format, Rejection, toExpense } from './expense_line.ts';
import type { ValidImportOptions } from './import_options.ts';

export type NumberedLine = ExpenseLine & { readonly line: number };

export type ExpenseLines = {
  /** Lines that are not blank, after the line of names. */
  lines: number;
  expenses: NumberedLine[];
  /** Lines of money received. */
  credits: number;
  rejected: RejectedLine[];
};

type Row = { readonly line: number; readonly cells: Cells };

/**
 * Reads the expenses of a CSV file, all of it before the first: only then it is known how it writes dates and amounts.
 *
 * @throws {ValidationError} if the file cannot be read, or what is not said cannot be told from it.
 */
export async function readExpenses(source: CsvSource, options: ValidImportOptions): Promise<ExpenseLines> {
  const { columns, header, records } = await readRecords(source, options.columns ?? {}, options.delimiter);
  const isOwn = header?.join() === exportedFields.join();
  const rejected: RejectedLine[] = [];
  const rows: Row[] = [];
  for await (const record of records) {
    if (record.cells.slice(columns.width).some((cell) => cell.trim() !== '')) {
      const reason = `must have ${columns.width} cells, and has ${record.cells.length}`;
      rejected.push({ line: record.line, column: null, reason });
    } else rows.push(pick(record, columns.places, isOwn));
  }
  const format = formatOf(rows, columns.currency, options);
  const expenses: NumberedLine[] = [];
  let credits = 0;
  for (const [index, row] of rows.entries()) {
    // A large file must not keep everybody else waiting.
    if (index % 500 === 499) await setImmediate();
    try {
      const expense = toExpense(row.cells, format, options, columns.currency);
      if (expense) expenses.push({ ...expense, line: row.line });
      else credits += 1;
    } catch (error) {
      rejected.push(...rejectionsOf(row.line, error));
    }
  }
  const badLines = new Set(rejected.map(({ line }) => line)).size;
  return { lines: expenses.length + credits + badLines, expenses, credits, rejected };
}

/** The cells that count: without those that are blank. Our own export keeps spaces, and apostrophes against formulas. */
function pick({ line, cells }: CsvRecord, places: ReadonlyMap<CsvField, number>, isOwn: boolean): Row {
  const picked: Cells = {};
  for (const [field, place] of places) {
    const cell = cells[place] ?? '';
    const text = isOwn ? unguardFormula(cell) : cell.trim();
    if (text.trim() !== '') picked[field] = text;
  }
  return { line, cells: picked };
}

function rejectionsOf(line: number, error: unknown): RejectedLine[] {
  if (error instanceof Rejection) return [{ line, column: error.column, reason: error.message }];
  if (!(error instanceof ValidationError)) throw error;
  return error.issues.map(({ path, reason }) => ({ line, column: path.split('.')[0] ?? null, reason }));
}

function formatOf(rows: readonly Row[], header: string | undefined, options: ValidImportOptions): Format {
  const marks = new Set<DecimalMark | 'either' | undefined>();
  const orders = new Set<DateOrder | 'either' | undefined>();
  let negative = 0;
  let positive = 0;
  for (const { cells } of rows) {
    const amount = cells.amount ? readAmount(cells.amount) : undefined;
    const written = [amount, readAmount(cells.debit ?? ''), readAmount(cells.credit ?? '')];
    for (const { digits, unit } of written.filter((each) => each !== undefined)) {
      const mark = markOf(digits);
      // What is no amount in either way tells nothing.
      if (mark === 'either' || (mark && toDecimal(digits, mark) !== undefined)) marks.add(mark);
      if (unit && isShared(unit) && !(cells.currency ?? header ?? options.currency)) {
        refuse('currency', 'cannot be told from the sign of the amounts: say it');
      }
    }
    if (amount && cells.direction === undefined && /[1-9]/.test(amount.digits))
      amount.isNegative ? negative++ : positive++;
    const date = cells.date ? readDate(cells.date) : undefined;
    if (date) orders.add(date.year.length === 2 ? 'either' : orderOf(date));
  }
  return {
    mark: options.decimal ?? decide(marks, ['.', ','], 'decimal'),
    order: options.dates ?? decide(orders, ['DMY', 'MDY'], 'dates'),
    spent: options.spent ?? signOf(negative, positive),
  };
}

function decide<T extends string>(
  seen: ReadonlySet<T | 'either' | undefined>,
  [one, other]: readonly [T, T],
  option: string,
): T {
  const isOne = seen.has(one);
  if (isOne !== seen.has(other)) return isOne ? one : other;
  if (!isOne && !seen.has('either')) return one;
  return refuse(option, `cannot be told from the file: say "${one}" or "${other}"`);
}

/** Of an account most lines are debits, with a sign; of a list of expenses, or of a credit card, most have none. */
function signOf(negative: number, positive: number): 'negative' | 'positive' {
  if (negative === 0) return 'positive';
  if (negative > positive) return 'negative';
  return refuse('spent', 'cannot be told from the file, where few amounts are negative: say "negative" or "positive"');
}

function refuse(option: string, reason: string): never {
  throw new ValidationError([{ path: option, reason }]);
}
