import { type DeleteResult, type Kysely, sql } from 'kysely';
import { runTransaction } from '../session/transaction.ts';
import type { DB } from '../types/database.ts';
import { ConflictError, NotFoundError, PermissionError, UniqueError } from '../types/errors.ts';

/**
 * Runs several statements as one: in a transaction of their own, which a single statement does without, or in the one that
 * `db` is. If one fails there, or what was made of them, nothing of that transaction is saved, as after any statement that
 * fails: who catches the error and goes on is told so by 25P02. A savepoint would also undo what runs beside it.
 */
export async function atomically<T>(
  db: Kysely<DB>,
  work: (db: Kysely<DB>) => Promise<T>,
  { isOneStatement = false }: { isOneStatement?: boolean } = {},
): Promise<T> {
  if (!db.isTransaction) return isOneStatement ? await work(db) : await runTransaction(db, work);
  try {
    return await work(db);
  } catch (error) {
    // There is no such savepoint, and so Postgres goes no further in this transaction than to its end.
    await sql`rollback to savepoint wheels_saves_nothing`.execute(db).catch(() => {});
    throw error;
  }
}

/** Whether an idempotent insert of these makes all or none by itself: nobody has the ids that are made here. */
export function areNew(inputs: readonly { id?: string | undefined }[]): boolean {
  return inputs.every(({ id }) => id === undefined);
}

/**
 * The rows of an idempotent insert in the order of its input. The insert itself goes in the order of ids, so that two that
 * share ids wait for each other and not in a circle. Rows that were there before are read by `readExisting`, in a
 * statement of its own: the insert's snapshot may be older than a rival's commit.
 *
 * @throws {UniqueError} if one of the ids belongs to somebody else's row.
 */
export async function storedInOrder<Row extends { id: string }>(
  ids: string[],
  insert: () => Promise<Row[]>,
  readExisting: (ids: string[]) => Promise<Row[]>,
): Promise<Row[]> {
  const rows = new Map<string, Row>();
  const missing = () => ids.filter((id) => !rows.has(id));
  const keep = (stored: Row[]) => {
    for (const row of stored) rows.set(row.id, row);
  };
  // Once more, because what was in the way of the insert may have been deleted before it was read.
  for (let time = 0; time < 2 && missing().length > 0; time++) {
    keep(await insert());
    if (missing().length > 0) keep(await readExisting(missing()));
  }
  return ids.map((id) => rows.get(id) ?? taken());
}

/** @throws {UniqueError} always. */
export function taken(): never {
  throw new UniqueError('This id is already in use: make another.', { code: '23505' });
}

/** @throws {NotFoundError} if the row is undefined. */
export function found<Row>(row: Row | undefined, what: string): Row {
  if (row === undefined) throw new NotFoundError(`No such ${what}.`);
  return row;
}

/**
 * Says why an update has changed no row.
 *
 * @throws {ConflictError} if the row is there, in another version than the one that was asked for; `NotFoundError` if it is not.
 */
export async function explainMiss(
  what: string,
  version: number | undefined,
  find: () => Promise<{ version: number } | undefined>,
): Promise<never> {
  const stored = version === undefined ? undefined : await find();
  if (stored !== undefined && stored.version !== version) {
    throw new ConflictError(`The ${what} has changed since it was read: read it again.`);
  }
  throw new NotFoundError(`No such ${what}.`);
}

/**
 * Whether a delete has found its row. A suspended user's deletes find none: `find` reads whether there is one.
 *
 * @throws {PermissionError} if there is.
 */
export async function wasDeleted(
  db: Kysely<DB>,
  { numDeletedRows }: DeleteResult,
  find: () => Promise<unknown>,
): Promise<boolean> {
  if (numDeletedRows > 0n) return true;
  // Else the row is one that somebody has made since.
  if (!(await isSuspended(db)) || (await find()) === undefined) return false;
  throw new PermissionError('The account is suspended: it reads, and deletes nothing.', { code: '42501' });
}

async function isSuspended(db: Kysely<DB>): Promise<boolean> {
  const suspended = db
    .selectFrom('profiles')
    .select('id')
    .where('id', '=', sql<string>`(select auth.uid())`)
    .where('status', '=', 'suspended');
  return (await suspended.executeTakeFirst()) !== undefined;
}
