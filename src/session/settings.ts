import { ConfigurationError, type DatabaseError } from '../types/errors.ts';
import type { SessionContext } from './claims.ts';
import { type Statement, toWire } from './exchange.ts';
import { standing } from './replicas/ask_standing.ts';

/** Limits that the server keeps for every statement of a session, in milliseconds; 0 is none. */
export type Limits = {
  /** How long a statement may run. Default 30 s. */
  statementTimeoutMillis?: number;
  /** How long a statement may wait for a lock. Default 10 s. */
  lockTimeoutMillis?: number;
  /** How long a transaction may stand still between two statements; the server then ends the connection. Default 60 s. */
  idleInTransactionTimeoutMillis?: number;
};

/**
 * Supabase's `auth.uid()`, `auth.role()` and `auth.jwt()` read the older settings, one a claim, before the claims. With
 * pg_temp last, a temporary table that an earlier statement left on the connection does not stand in for one of ours. One
 * number comes back instead of all that was sent.
 */
const settings = `pg_catalog.num_nulls(
  pg_catalog.set_config('role', $1, true),
  pg_catalog.set_config('request.jwt.claims', $2, true),
  pg_catalog.set_config('request.jwt.claim.sub', $3, true),
  pg_catalog.set_config('request.jwt.claim.role', $1, true),
  pg_catalog.set_config('request.jwt.claim', '', true),
  pg_catalog.set_config('search_path', 'public, extensions, pg_temp', true),
  pg_catalog.set_config('datestyle', 'ISO, MDY', true),
  pg_catalog.set_config('statement_timeout', $4, true),
  pg_catalog.set_config('lock_timeout', $5, true),
  pg_catalog.set_config('idle_in_transaction_session_timeout', $6, true)
)`;
const applySettings = `select ${settings}`;
/** The first column is what `Lease.found` is told. */
const applyReadOnlySettings = `select ${standing}, ${settings}, pg_catalog.set_config('transaction_read_only', 'on', true)`;

/** The statement that makes a transaction the session's. */
export function settingsOf({ role, claims }: SessionContext, limits: Limits, readOnly = false): Statement {
  const sub = typeof claims.sub === 'string' ? claims.sub : '';
  const values = toWire([role, JSON.stringify(claims), sub, ...limitsOf(limits)]);
  return { text: readOnly ? applyReadOnlySettings : applySettings, values };
}

/** How long an answer may take: what the server allows a statement, and 5 s for the way. 0 is for ever. */
export function answerMillisOf({ statementTimeoutMillis = defaultStatementTimeout }: Limits): number {
  return statementTimeoutMillis === 0 ? 0 : Math.min(statementTimeoutMillis + 5_000, maxMillis);
}

const defaultStatementTimeout = 30_000;
/** As much as Postgres and Node's timers take. */
const maxMillis = 2_147_483_647;

function limitsOf({
  statementTimeoutMillis = defaultStatementTimeout,
  lockTimeoutMillis = 10_000,
  idleInTransactionTimeoutMillis = 60_000,
}: Limits): number[] {
  return [statementTimeoutMillis, lockTimeoutMillis, idleInTransactionTimeoutMillis];
}

/** @throws {ConfigurationError} if a limit is not a whole number of milliseconds. */
export function checkLimits(limits: Limits): void {
  for (const [name, value] of Object.entries(limits)) {
    if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= maxMillis)) continue;
    throw new ConfigurationError(`${name} must be a whole number of milliseconds up to 2147483647, or 0 for no limit.`);
  }
}

/** Says what it means that the server refused the settings. */
export function explainRefusal(error: DatabaseError, { role }: SessionContext): DatabaseError {
  if (error.code !== '22023' && error.code !== '42501') return error;
  return new ConfigurationError(
    `The connection may not act as ${role}: run the migrations, which create the role, and grant it to the login role.`,
    { code: error.code },
  );
}
