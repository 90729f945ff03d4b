import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { CsvSource } from '../csv/source.ts';
import type { DB } from '../types/database.ts';
import { ImportError, type RejectedLine } from '../types/errors.ts';
import { insertBatch, type KeyedExpense, lockTrips, toBatches } from './expense_insert.ts';
import type { ExpenseLine } from './expense_line.ts';
import { type NumberedLine, readExpenses } from './expense_lines.ts';
import type { ValidImportOptions } from './import_options.ts';
import { atomically } from './stored.ts';

/** What became of the lines of a file, the blank ones excepted: `lines` is the sum of the others. */
export type ImportReport = {
  lines: number;
  /** Expenses that are new. */
  created: number;
  /** Expenses that were there before, and stay as they are. */
  existing: number;
  /** Lines of money received, which are left out. */
  credits: number;
  /** Lines that cannot be imported; one may have several reasons. */
  rejected: number;
  reasons: RejectedLine[];
};

/** Reads the file first: a slow upload must not keep a transaction open. */
export async function importExpenses(
  db: Kysely<DB>,
  userId: string,
  source: CsvSource,
  options: ValidImportOptions,
): Promise<ImportReport> {
  const { lines, expenses, credits, rejected } = await readExpenses(source, options);
  const strays = await linesOfUnknownTrips(db, userId, options.trip_id === undefined ? expenses : []);
  const reasons = [...rejected, ...strays].sort((a, b) => a.line - b.line);
  if (reasons.length > 0 && !options.skip_rejected) throw new ImportError(reasons);
  const strayLines = new Set(strays.map(({ line }) => line));
  const good = expenses.filter(({ line }) => !strayLines.has(line));
  const created = good.length > 0 ? await atomically(db, (tx) => save(tx, userId, good, options.on_progress)) : 0;
  const existing = good.length - created;
  return { lines, created, existing, credits, rejected: new Set(reasons.map(({ line }) => line)).size, reasons };
}

/** The lines whose trip is none of the user's. */
async function linesOfUnknownTrips(
  db: Kysely<DB>,
  userId: string,
  expenses: readonly NumberedLine[],
): Promise<RejectedLine[]> {
  const wanted = new Set(expenses.flatMap(({ expense }) => expense.trip_id ?? []));
  if (wanted.size === 0) return [];
  const trips = await db
    .selectFrom('trips')
    .select('id')
    .where('user_id', '=', userId)
    .where('id', '=', sql<string>`any(${[...wanted]}::uuid[])`)
    .execute();
  const own = new Set(trips.map(({ id }) => id));
  return expenses
    .filter(({ expense }) => expense.trip_id && !own.has(expense.trip_id))
    .map(({ line }) => ({ line, column: 'trip_id', reason: 'must be a trip of this user' }));
}

/** @returns how many are new */
async function save(
  db: Kysely<DB>,
  userId: string,
  lines: readonly ExpenseLine[],
  onProgress: ValidImportOptions['on_progress'],
): Promise<number> {
  const known = await ownIds(
    db,
    userId,
    lines.flatMap(({ id }) => id ?? []),
  );
  const others = lines.filter(({ id }) => !(id && known.has(id)));
  return await insert(db, userId, withKeys(userId, others), onProgress);
}

/** Which of the ids are expenses of the user's. */
async function ownIds(db: Kysely<DB>, userId: string, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db
    .selectFrom('expenses')
    .select('id')
    .where('user_id', '=', userId)
    .where('id', '=', sql<string>`any(${ids}::uuid[])`)
    .execute();
  return new Set(rows.map(({ id }) => id));
}

/**
 * The same line gives the same key in every file of this user, so that a file, or two that overlap, can be imported again:
 * lines that say the same are told apart by their number among each other.
 */
function withKeys(userId: string, lines: readonly ExpenseLine[]): KeyedExpense[] {
  const seen = new Map<string, number>();
  return lines.map(({ expense, identity, id }) => {
    const ordinal = (seen.get(identity) ?? 0) + 1;
    seen.set(identity, ordinal);
    // A file that names the same expense twice names one.
    return { ...expense, import_key: nameBasedUuid(userId, id ? identity : `${identity}${ordinal}`) };
  });
}

/** A uuid of version 5 (RFC 9562): of a name within the namespace that another uuid is. */
function nameBasedUuid(namespace: string, name: string): string {
  const hash = createHash('sha1').update(namespace.replaceAll('-', ''), 'hex').update(name).digest().subarray(0, 16);
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

async function insert(
  db: Kysely<DB>,
  userId: string,
  expenses: readonly KeyedExpense[],
  onProgress: ValidImportOptions['on_progress'],
): Promise<number> {
  const batches = toBatches(expenses);
  if (batches.length > 1) await lockTrips(db, userId, expenses);
  let created = 0;
  let done = 0;
  for (const batch of batches) {
    const rows = await insertBatch(db, { user_id: userId, json: batch.json }).returning('id').execute();
    created += rows.length;
    done += batch.size;
    await onProgress?.({ done, total: expenses.length });
  }
  return created;
}
