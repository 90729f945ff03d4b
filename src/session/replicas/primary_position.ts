import { type Kysely, sql } from 'kysely';
import { ConnectionError } from '../../types/errors.ts';
import { standing } from './ask_standing.ts';
import { formatPosition, parseStanding } from './log_position.ts';

/** Up to where the primary has written its log: what was committed before the call is no further. */
export async function primaryPosition<DB>(kysely: Kysely<DB>): Promise<string> {
  const { rows } = await sql<{ standing: string | null }>`select ${sql.raw(standing)} as standing`.execute(kysely);
  const found = parseStanding(rows[0]?.standing ?? null);
  if (found?.isStandby !== false) throw misled();
  return formatPosition(found.position);
}

export function misled(): ConnectionError {
  return new ConnectionError('The server of the connection string is a standby: it must be the primary.');
}
