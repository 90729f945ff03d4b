import { currencyOf, type DecimalMark, readAmount, toDecimal } from '../csv/amounts.ts';
import { splitTags } from '../csv/cells.ts';
import type { CsvField } from '../csv/columns.ts';
import { type DateOrder, readDate, toIsoDate } from '../csv/dates.ts';
import { isUuid } from '../types/uuid.ts';
import { validate } from '../types/validate.ts';
import { type NewExpense, newExpenseSchema } from './expense_fields.ts';
import type { ValidImportOptions } from './import_options.ts';

/** The cells of a line that are not blank. */
export type Cells = Partial<Record<CsvField, string>>;

/** How a file writes what could be read in two ways. */
export type Format = { readonly mark: DecimalMark; readonly order: DateOrder; readonly spent: 'negative' | 'positive' };

/** Why a line cannot be imported. */
export class Rejection extends Error {
  readonly column: CsvField;

  constructor(column: CsvField, reason: string) {
    super(reason);
    this.column = column;
  }
}

/** An expense of a file. */
export type ExpenseLine = {
  readonly expense: NewExpense;
  /** What tells it from other lines, whatever file it stands in. */
  readonly identity: string;
  /** The id that the file gives it. */
  readonly id: string | undefined;
};

/**
 * The expense that a line tells; undefined for money received.
 *
 * @throws {Rejection} or `ValidationError` if it cannot be imported.
 */
export function toExpense(
  cells: Cells,
  format: Format,
  options: ValidImportOptions,
  headerCurrency: string | undefined,
): ExpenseLine | undefined {
  const written = spentOf(cells, format);
  if (!written) return undefined;
  const currency = saidCurrency(cells.currency, written.unit, headerCurrency);
  const tags = cells.tags && tagsOf(cells.tags);
  const said = {
    date: dateOf(cells.date, format),
    amount: written.amount,
    ...(currency && { currency }),
    ...(cells.description && { description: cells.description }),
    ...(cells.location && { location: cells.location }),
    ...(cells.receipt_url && { receipt_url: cells.receipt_url }),
    ...(tags && { tags }),
    ...(cells.metadata && { metadata: metadataOf(cells.metadata) }),
    ...(cells.category && { category: cells.category }),
    ...(cells.trip_id && { trip_id: cells.trip_id.toLowerCase() }),
  };
  const unsaid = {
    category: options.category ?? 'uncategorized',
    ...(options.currency && { currency: options.currency }),
  };
  const trip = options.trip_id === undefined ? {} : { trip_id: options.trip_id };
  const expense = validate(newExpenseSchema, { ...unsaid, ...said, ...trip });
  const id = isUuid(cells.id) ? cells.id.toLowerCase() : undefined;
  const { amount, category } = expense;
  const identity = JSON.stringify(id ? { id } : { ...said, amount, ...(said.category && { category }) });
  return { expense, identity, id };
}

type Spent = { readonly amount: string; readonly unit: string | undefined };

function spentOf(cells: Cells, format: Format): Spent | undefined {
  const debit = amountOf('debit', cells, format);
  const credit = amountOf('credit', cells, format);
  if (debit && credit) throw new Rejection('debit', 'must be empty where credit is not');
  if (debit || credit) return debit;
  const amount = amountOf('amount', cells, format, true);
  const isSpent =
    directionOf(cells.direction) ?? (amount?.isNegative === (format.spent === 'negative') || amount?.amount === '0');
  return isSpent ? amount : undefined;
}

function amountOf(column: 'amount' | 'debit' | 'credit', cells: Cells, { mark }: Format, isRequired = false) {
  const cell = cells[column];
  if (cell === undefined) {
    if (isRequired) throw new Rejection(column, 'is required');
    return undefined;
  }
  const written = readAmount(cell);
  const amount = written && toDecimal(written.digits, mark);
  if (!written || amount === undefined) {
    const other = mark === '.' ? ',' : '.';
    throw new Rejection(column, `must be an amount such as "1${other}234${mark}56"`);
  }
  const isZero = !/[1-9]/.test(amount);
  return isZero && !isRequired ? undefined : { ...written, amount: isZero ? '0' : amount };
}

/** Whether money was spent, not received. */
function directionOf(cell: string | undefined): boolean | undefined {
  if (cell === undefined) return undefined;
  if (/^(d|dr|debit|s|soll|out)$/i.test(cell)) return true;
  if (/^(c|cr|credit|h|haben|in)$/i.test(cell)) return false;
  throw new Rejection('direction', 'must be debit or credit');
}

/** What the line says of its currency: if it says so in two places, they must agree. */
function saidCurrency(
  cell: string | undefined,
  unit: string | undefined,
  header: string | undefined,
): string | undefined {
  const named = cell === undefined ? header : (currencyOf(cell.toUpperCase()) ?? cell);
  if (unit === undefined) return named;
  const code = currencyOf(unit);
  if (code === undefined && /^[A-Z]+$/.test(unit)) throw new Rejection('amount', 'must be in an ISO 4217 currency');
  if (code !== undefined && named !== undefined && named !== code) {
    throw new Rejection('currency', 'must be that of the amount');
  }
  return code ?? named;
}

function dateOf(cell: string | undefined, { order }: Format): string {
  if (cell === undefined) throw new Rejection('date', 'is required');
  const date = readDate(cell);
  if (date === undefined) throw new Rejection('date', 'must be a date such as 2026-12-31, 31.12.2026 or 12/31/2026');
  return toIsoDate(date, order);
}

function tagsOf(cell: string): string[] {
  try {
    return splitTags(cell);
  } catch {
    throw new Rejection('tags', 'must be parted by commas or semicolons');
  }
}

function metadataOf(cell: string): unknown {
  try {
    return JSON.parse(cell);
  } catch {
    throw new Rejection('metadata', 'must be a JSON object');
  }
}
