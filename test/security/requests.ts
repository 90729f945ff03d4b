import pg from 'pg';
import type { ApiRole, FileDatabase } from '../support/database.ts';

/** Sends one statement in a transaction of its own, as a client's request. */
export type Request = (text: string, values?: unknown[]) => Promise<pg.QueryResult>;

/**
 * Requests of a visitor, of a signed-in user, and of the service (on behalf of a user, if one is named).
 *
 * @example
 * const alice = requests(database).user(aliceId);
 * const { rows } = await alice('select id from trips');
 */
export function requests(database: FileDatabase) {
  const of =
    (role: ApiRole, sub?: string): Request =>
    (text, values) =>
      database.as(role, sub, (client) => client.query(text, values));
  return {
    anon: of('anon'),
    user: (sub: string) => of('authenticated', sub),
    service: (sub?: string) => of('service_role', sub),
  };
}

/** SQLSTATE of a refusal, by a missing privilege or by a policy: not the same as finding no rows. */
export const refused = '42501';

/** What became of a statement: the number of rows it found or wrote, or the SQLSTATE it failed with. */
export async function outcome(sent: Promise<pg.QueryResult>): Promise<number | string> {
  return await sent.then(
    (result) => result.rowCount ?? 0,
    (error) => errorFields(error).code ?? '',
  );
}

/** All that a caller can tell errors apart by. Fails if the statement does not. */
export async function failure(sent: Promise<pg.QueryResult>) {
  const error = await sent.then(() => undefined, errorFields);
  if (!error) throw new Error('The statement was expected to fail.');
  const { code, message, detail, hint, constraint, table } = error;
  return { code, message, detail, hint, constraint, table };
}

function errorFields(error: unknown): pg.DatabaseError {
  if (error instanceof pg.DatabaseError) return error;
  throw error;
}
