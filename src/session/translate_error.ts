import { DatabaseError as PostgresError } from 'pg';
import { ConfigurationError, ConnectionError, DatabaseError } from '../types/errors.ts';
import { translatePostgresError } from './translate_postgres_error.ts';

/**
 * Makes an error of this package of whatever the driver threw. The original is dropped, not kept as `cause`: its `detail`,
 * `where` and often its message quote rows and parameters, and would be printed along.
 */
export function translateError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  if (error instanceof PostgresError) return translatePostgresError(error);
  return translateDriverError(error instanceof Error ? error : new Error('unknown'));
}

/** Messages of `pg` and `pg-pool`, which give their errors no codes. */
const driverMessages: [RegExp, typeof ConnectionError | typeof ConfigurationError, string][] = [
  [
    /^timeout exceeded when trying/,
    ConnectionError,
    'No connection became free in time: look for transactions that stay open, or raise max.',
  ],
  [/^timeout expired|connection timeout$/, ConnectionError, 'The server did not answer in time.'],
  [
    /^Connection terminated|^Client (has encountered|was closed)|read timeout$/,
    ConnectionError,
    'The connection was lost.',
  ],
  [/after calling end on the pool/, ConnectionError, 'The database is closed: destroy() has been called.'],
  [
    /does not support SSL/,
    ConfigurationError,
    'The server does not support SSL: correct sslmode in the connection string.',
  ],
  [/^SASL/, ConfigurationError, 'The login failed: check the password in the connection string.'],
];

function translateDriverError(error: Error): DatabaseError {
  const known = driverMessages.find(([pattern]) => pattern.test(error.message));
  if (known) {
    const [, kind, message] = known;
    return new kind(message);
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'ECONNRESET' || code === 'EPIPE') return new ConnectionError('The connection was lost.', { code });
  if (/^E(?!RR_)[A-Z_]+$/.test(code))
    return new ConnectionError(
      `The server cannot be reached (${code}): check host and port of the connection string.`,
      { code },
    );
  if (/CERT|TLS|SSL/.test(code)) {
    return new ConfigurationError(`No secure connection to the server could be made (${code}).`, { code });
  }
  return new DatabaseError('The driver could not send the parameters or read the result.', { code: 'DRIVER' });
}
