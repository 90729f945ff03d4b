import { isDate } from './calendar.ts';
import { CursorError, ValidationError } from './errors.ts';

/** A part of a list. `next_cursor` asks for the part that follows; it is null at the end. */
export type Page<T> = { items: T[]; next_cursor: string | null };

/** `limit` is from 1 to 100, default 20; `cursor` is the `next_cursor` of the page before. */
export type PageRequest = { limit?: number | undefined; cursor?: string | null | undefined };

/**
 * The number of rows to read.
 *
 * @throws {ValidationError} unless `limit` is a whole number from 1 to 100. Absent, it is `fallback`.
 */
export function clampLimit(limit: number | undefined, fallback = 20): number {
  if (limit === undefined) return fallback;
  if (Number.isInteger(limit) && limit >= 1 && limit <= 100) return limit;
  throw new ValidationError([{ path: 'limit', reason: 'must be a whole number from 1 to 100' }]);
}

/**
 * The rows to read for a page of `limit` in the order of an index: at least one more, which tells that others follow. They
 * are to be a part of the text (`sql.lit`): of a limit that is a parameter Postgres does not know how small it is, and plans
 * the statement anew each time. There are three numbers, for the texts to be few as well.
 */
export function rowsToRead(limit: number): number {
  return limit <= 20 ? 21 : limit <= 50 ? 51 : 101;
}

/** Tells whether one value of a cursor is text that Postgres will take for its column. */
export type CursorCheck = (value: string) => boolean;

/**
 * Makes the cursor of the list `kind`, such as `expenses.list`, from the sort key of the last row that was read.
 * Values are Postgres' own text: a timestamp read as `created_at::text` keeps its microseconds, a `Date` does not.
 */
export function encodeCursor(kind: string, values: readonly string[]): string {
  return Buffer.from(JSON.stringify([kind, ...values])).toString('base64url');
}

/**
 * The values that `encodeCursor` put in, one for each check.
 *
 * @throws {CursorError} if the cursor is malformed, comes from another list, or fails a check.
 * @example
 * const [date, id] = decodeCursor('expenses.list', cursor, [isDate, isUuid]);
 */
export function decodeCursor<const Checks extends readonly CursorCheck[]>(
  kind: string,
  cursor: string,
  checks: Checks,
): { [Index in keyof Checks]: string } {
  const [owner, ...values] = parse(cursor);
  if (owner !== kind) throw new CursorError('comes from another list');
  if (values.length !== checks.length || !checks.every((check, index) => check(values[index] ?? ''))) malformed();
  return values as { [Index in keyof Checks]: string };
}

function parse(cursor: unknown): string[] {
  if (typeof cursor !== 'string' || !/^[\w-]{1,1024}$/.test(cursor)) return malformed();
  try {
    const content: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(content) && content.every((value) => typeof value === 'string')) return content;
  } catch {
    // Not JSON: malformed as well.
  }
  return malformed();
}

function malformed(): never {
  throw new CursorError('is malformed');
}

/** Whether the text is a timestamptz as Postgres writes it: "2026-12-01 08:30:00.123456+13". */
export function isTimestamptz(value: string): boolean {
  const [, date, hour, minute, second] =
    /^(\d{4}-\d\d-\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?[+-](?:0\d|1[0-5])(?::[0-5]\d){0,2}$/.exec(value) ?? [];
  return date !== undefined && isDate(date) && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
}

/** Whether the text is a bigint. */
export function isBigint(value: string): boolean {
  return /^-?\d{1,19}$/.test(value) && BigInt.asIntN(64, BigInt(value)) === BigInt(value);
}

/**
 * Makes a page of rows that were read with one more than `limit`, or several: a row too many tells that others follow, and is
 * dropped. `cursorOf` makes the cursor from the last row kept.
 */
export function toPage<Row, T>(
  rows: Row[],
  limit: number,
  cursorOf: (row: Row) => string,
  toItem: (row: Row) => T,
): Page<T> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return { items: kept.map(toItem), next_cursor: rows.length > limit && last ? cursorOf(last) : null };
}
