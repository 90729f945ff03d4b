import type { SessionContext } from '../session/claims.ts';
import type { ObservedStatement, Observer } from '../session/observed_client.ts';
import { ConfigurationError } from '../types/errors.ts';
import { isUuid } from '../types/uuid.ts';
import { serverName } from './server.ts';
import { shownText } from './statement_text.ts';
import { outsideOfCall } from './tracing.ts';
import { warnOfTelemetry } from './warning.ts';

/**
 * A statement that a session has sent, without what is in its rows, its parameters or the claims.
 *
 * @example
 * createDatabase({ connectionString: process.env.DATABASE_URL, onQuery: (event) => console.log(event) });
 * // { sql: 'select "id" from "trips" where "user_id" = $1 limit $2', parameters: ['uuid', 'number'],
 * //   role: 'authenticated', durationMillis: 1.8, rows: 3, server: 'db.example:5432', outcome: 'ok' }
 */
export type QueryEvent = {
  /** With `?` for its literals if it has no parameters. */
  readonly sql: string;
  /** What kind of value each is: 'null', 'boolean', 'number', 'bigint', 'uuid', 'string(12)', 'date', 'bytes(12)', 'list(12)', 'object'. */
  readonly parameters: readonly string[];
  /** The Postgres role. */
  readonly role: SessionContext['role'];
  /** How long the session waited for the server, without the wait for a connection; for all batches of a stream. */
  readonly durationMillis: number;
  /** Returned or affected. */
  readonly rows: number;
  /** Host and port of the server: the primary, or a replica. */
  readonly server: string;
  /** 'ok', or the `code` of the error: `23505`, `57014` (out of time), `CANCELLED`, `CONNECTION`. */
  readonly outcome: string;
};

/**
 * Tells `onQuery` of every statement. What that throws, or rejects with, becomes a warning of the process.
 *
 * @throws {ConfigurationError} unless it is a function.
 */
export function queryEvents(onQuery: (event: QueryEvent) => unknown): Observer {
  if (typeof onQuery !== 'function') throw new ConfigurationError('onQuery must be a function.');
  async function tell(event: QueryEvent): Promise<void> {
    try {
      await outsideOfCall(() => onQuery(event));
    } catch (error) {
      warnOfTelemetry(error);
    }
  }
  return {
    statement: (statement) => void tell(toEvent(statement)),
    unconnected() {},
  };
}

function toEvent({ sql, parameters, role, durationMillis, rows, error, pool }: ObservedStatement): QueryEvent {
  return {
    sql: shownText(sql, parameters),
    parameters: parameters.map(kindOf),
    role,
    durationMillis,
    rows,
    server: serverName(pool),
    outcome: error?.code ?? 'ok',
  };
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (isUuid(value)) return 'uuid';
  if (typeof value === 'string') return `string(${value.length})`;
  if (value instanceof Date) return 'date';
  if (value instanceof Uint8Array) return `bytes(${value.length})`;
  if (Array.isArray(value)) return `list(${value.length})`;
  return typeof value;
}
