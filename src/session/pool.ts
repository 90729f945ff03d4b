import { Client, type PoolConfig } from 'pg';
import { parse } from 'pg-connection-string';
import { ConfigurationError } from '../types/errors.ts';
import { ConnectionPool } from './connection_pool.ts';
import { checkPoolOptions, readNumbers } from './pool_options.ts';
import { getTypeParser } from './type_parsers.ts';

/**
 * A pool as sessions need it: connections that are idle for 10 s are probed, waiting for one ends after 10 s, and one that
 * the server ends is replaced instead of ending the process. Rows hold dates as "YYYY-MM-DD", numeric and bigint as text.
 *
 * @throws {ConfigurationError} if the connection string is empty or malformed, an option is not what it must be, or a limit
 *   of the server has `pg`'s own name.
 */
export function createPool(config: PoolConfig): ConnectionPool {
  const {
    keepAlive = true,
    keepAliveInitialDelayMillis = 10_000,
    connectionTimeoutMillis = 10_000,
    fallback_application_name = 'wheels-db',
  } = config;
  const options = {
    ...config,
    keepAlive,
    keepAliveInitialDelayMillis,
    connectionTimeoutMillis,
    fallback_application_name,
    types: { getTypeParser },
    // The parsers read text.
    binary: false,
  };
  check(options);
  refuseLimits(options);
  checkPoolOptions(options);
  const { connectionString, ...rest } = options;
  if (connectionString === undefined) return new ConnectionPool(rest);
  // Parsed once: it may name certificates, which are files.
  const parsed = readNumbers(parse(connectionString));
  refuseLimits(parsed);
  checkPoolOptions(parsed);
  return new ConnectionPool({ ...rest, ...parsed });
}

const form = 'postgres://user:password@host:5432/database';

function check(config: PoolConfig): void {
  if (!('connectionString' in config)) return;
  if (!config.connectionString) throw new ConfigurationError(`The connection string is empty: set it to ${form}.`);
  if (!/^(postgres(ql)?:\/\/|socket:|\/)/.test(config.connectionString) || !isUnderstood(config)) {
    throw new ConfigurationError(
      `The connection string is malformed: write ${form}, with special characters of the password percent-encoded.`,
    );
  }
}

function isUnderstood(config: PoolConfig): boolean {
  try {
    new Client(config);
    return true;
  } catch {
    return false;
  }
}

/** `pg` sends these as it connects, where poolers refuse them and where a session's own would overrule them. */
export const limitNames = {
  statement_timeout: 'statementTimeoutMillis',
  lock_timeout: 'lockTimeoutMillis',
  idle_in_transaction_session_timeout: 'idleInTransactionTimeoutMillis',
};

function refuseLimits(config: object): void {
  for (const [name, ours] of Object.entries(limitNames)) {
    if (name in config) throw new ConfigurationError(`${name} is not taken: say ${ours}.`);
  }
}
