import { Client, type Pool, type PoolConfig } from 'pg';
import { ConfigurationError } from '../types/errors.ts';
import { ConnectionPool } from './connection_pool.ts';
import { getTypeParser } from './type_parsers.ts';

/**
 * A pool as sessions need it: connections that are idle for 10 s are probed, waiting for one ends after 10 s, and one that the server ends is
 * replaced instead of ending the process. Rows hold dates as "YYYY-MM-DD", numeric and bigint as text.
 *
 * @throws {ConfigurationError} if the connection string is empty or malformed.
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
  const pool = new ConnectionPool(options);
  hideConnectionString(pool);
  return pool;
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

/** A pool that is printed shows its options; `pg` hides the password there, but not the string that contains it. */
function hideConnectionString({ options }: Pool): void {
  if ('connectionString' in options) Object.defineProperty(options, 'connectionString', { enumerable: false });
}
