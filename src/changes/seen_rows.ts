import { type Kysely, sql } from 'kysely';
import type { SessionContext } from '../session/claims.ts';
import type { DB } from '../types/database.ts';
import { PermissionError } from '../types/errors.ts';
import { type PublishedTable, publishedColumns } from './published.ts';

/** Through whose eyes rows are read. */
export type Viewer = {
  readonly kysely: Kysely<DB>;
  /** Restricts a session that bypasses RLS to one user's rows. */
  readonly onlyOf: string | undefined;
  /** Whether a row of this user, once it is deleted, was the session's own to see. */
  readonly owns: (userId: string) => boolean;
};

/** A user sees through their policies, the service everything, and on behalf of a user what is theirs. */
export function viewerOf(kysely: Kysely<DB>, { role, claims }: SessionContext): Viewer {
  const userId = typeof claims.sub === 'string' ? claims.sub.toLowerCase() : undefined;
  const isService = role === 'service_role';
  return {
    kysely,
    onlyOf: isService ? userId : undefined,
    owns: (id) => id === userId || (isService && userId === undefined),
  };
}

/** Which of the tables the session has the privilege to read. @throws {PermissionError} if it is none of them. */
export async function readableOf(
  { kysely }: Viewer,
  tables: ReadonlySet<PublishedTable>,
): Promise<ReadonlySet<PublishedTable>> {
  const { rows } = await sql<{ name: PublishedTable }>`
    select name from unnest(${Array.from(tables)}::text[]) as name
    where has_any_column_privilege('public.' || name, 'select')
  `.execute(kysely);
  if (rows.length > 0) return new Set(rows.map(({ name }) => name));
  throw new PermissionError(`This session has no permission for ${Array.from(tables).join(', ')}.`);
}

/** Rows as the session reads them at one moment, by id, and which transactions had ended by then. */
export type SeenRows = {
  readonly rows: ReadonlyMap<string, Record<string, unknown>>;
  readonly hasEnded: (transaction: number) => boolean;
};

/**
 * Reads rows by id, under the session's policies. The stream may bring a commit a moment before the server shows it to
 * others, as it flushes, and waits for a synchronous standby, in between: the snapshot that comes along tells.
 */
export async function readSeenRows(
  { kysely, onlyOf }: Viewer,
  table: PublishedTable,
  ids: readonly string[],
): Promise<SeenRows> {
  const columns = sql.join(publishedColumns[table].map((column) => sql.ref(column)));
  const ofUser = onlyOf === undefined ? sql`` : sql` and user_id = ${onlyOf}`;
  const { rows } = await sql<{ snapshot: string; id: string | null }>`
    select now.snapshot, seen.*
    from (select pg_current_snapshot()::text as snapshot) as now
    left join (select ${columns} from public.${sql.table(table)} where id = any(${ids})${ofUser}) as seen on true
  `.execute(kysely);
  const seen = new Map<string, Record<string, unknown>>();
  for (const { snapshot, id, ...row } of rows) if (id !== null) seen.set(id, { id, ...row });
  return { rows: seen, hasEnded: endedBefore(rows[0]?.snapshot ?? '0:0:') };
}

/** Reads `xmin:xmax:xip,…` (Postgres manual, 9.27.13 "Transaction ID and Snapshot Information Functions"). */
export function endedBefore(snapshot: string): (transaction: number) => boolean {
  // The stream has the lower half of an id.
  const [xmin, xmax, ...xip] = snapshot.split(/[:,]/).map((id) => Number(BigInt(id) & 0xffffffffn));
  const running = new Set(xip);
  // Ids go round: the difference says which is the older one.
  const isBefore = (one: number, other = 0) => ((one - other) | 0) < 0;
  return (transaction) => isBefore(transaction, xmin) || (isBefore(transaction, xmax) && !running.has(transaction));
}
