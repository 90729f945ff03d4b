import type { DatabaseError as PostgresError } from 'pg';
import {
  CancelledError,
  CheckError,
  ConfigurationError,
  ConnectionError,
  DatabaseError,
  type ErrorDetails,
  ForeignKeyError,
  NotFoundError,
  NotNullError,
  PermissionError,
  ReadOnlyError,
  SerializationError,
  TimeoutError,
  UniqueError,
  ValidationError,
} from '../types/errors.ts';
import { constraintMessages } from './constraint_messages.ts';

type ErrorClass = new (message: string, details: ErrorDetails) => DatabaseError;
type Translation = (error: PostgresError) => [kind: ErrorClass, message: string];

/** Maps an error message of the server to this package's errors by SQLSTATE, without the values it may quote. */
export function translatePostgresError(error: PostgresError): DatabaseError {
  const code = error.code ?? 'XX000';
  const translate = bySqlState[code] ?? byClass[code.slice(0, 2)] ?? refused;
  const [kind, message] = translate(error);
  return new kind(messageForPeople(error, code) ?? message, detailsOf(error, code));
}

/** A value that Postgres does not take; it does not say for which parameter. */
class DataError extends ValidationError {
  constructor(message: string, details: ErrorDetails) {
    super([{ path: '', reason: message.replace(/\.$/, '') }], details);
  }
}

const to =
  (kind: ErrorClass, message: string): Translation =>
  () => [kind, message];

const violation =
  (kind: ErrorClass, what: string): Translation =>
  ({ constraint }) => [kind, `${what} (${constraint}).`];

const refused: Translation = ({ code }) => [DatabaseError, `Postgres refused the statement (SQLSTATE ${code}).`];

/** For SQLSTATE classes whose messages speak of the statement, the schema or the server, not of values. */
const quoted: Translation = ({ message, code }) => [DatabaseError, `${message} (SQLSTATE ${code}).`];

const lost = to(ConnectionError, 'The connection to the server was lost.');

const byClass: Record<string, Translation> = {
  '08': lost,
  '0A': quoted,
  '21': quoted,
  '22': to(DataError, 'a value is not valid for its type'),
  '25': quoted,
  // Without a position the name was no part of the SQL: it came in a value, as in `$1::regclass`.
  '42': (error) => (error.position === undefined ? refused(error) : quoted(error)),
  '53': quoted,
  '54': quoted,
  '55': quoted,
};

const bySqlState: Record<string, Translation> = {
  // From a pooler, which names no routine, it is a lost connection; from Postgres, a wrong number of parameters.
  '08P01': (error) => (error.routine === undefined ? lost(error) : quoted(error)),
  '22001': to(DataError, 'a text is too long'),
  '22003': to(DataError, 'a number is out of range'),
  '22007': to(DataError, 'a date or time is malformed'),
  '22008': to(DataError, 'a date or time is out of range'),
  '22021': to(DataError, 'a text contains a character that Postgres does not store'),
  '22012': quoted,
  '22P05': to(DataError, 'a text contains a character that Postgres does not store'),
  '23502': ({ table, column }) => [NotNullError, `${column} of ${table} must not be null.`],
  '23503': violation(ForeignKeyError, 'What this row refers to is missing, or other rows still refer to this one'),
  '23505': violation(UniqueError, 'A row with this key already exists'),
  '23514': violation(CheckError, 'A value is not allowed'),
  '25006': to(
    ReadOnlyError,
    'Nothing can be written here: the session or its transaction only reads, or the connection leads to a standby. Write in a session without readOnly.',
  ),
  '25P03': to(
    TimeoutError,
    'The transaction was idle for longer than idleInTransactionTimeoutMillis allows: do slow work outside of it.',
  ),
  '25P02': to(
    DatabaseError,
    'A statement of this transaction has failed, so nothing more runs in it: let its error leave the function, or give what may fail to tx.transaction.',
  ),
  '25P04': to(TimeoutError, 'The transaction was open for longer than the server allows.'),
  '28000': to(ConfigurationError, 'The server refused the login: check the user of the connection.'),
  '28P01': to(ConfigurationError, 'The server refused the login: check the password of the connection.'),
  '3D000': to(ConfigurationError, 'The database does not exist on the server: check its name in the connection.'),
  '40001': to(SerializationError, 'A concurrent transaction changed the same rows: run this one again.'),
  '40P01': to(SerializationError, 'Two transactions waited for each other: run this one again.'),
  '42501': ({ message }) => [PermissionError, deniedObject(message)],
  '42P01': (error) =>
    error.position === undefined
      ? refused(error)
      : [DatabaseError, `${error.message}: run the migrations (SQLSTATE 42P01).`],
  '42601': (error) =>
    error.position === undefined
      ? refused(error)
      : [DatabaseError, `Syntax error at character ${error.position} of the SQL.`],
  '53300': to(ConnectionError, 'The server has no connection left: lower max, or use a pooler.'),
  '55P03': to(
    TimeoutError,
    'Another transaction holds a lock that this statement needs: try again, or raise lockTimeoutMillis.',
  ),
  '57014': ({ message }) =>
    message.includes('user request')
      ? [CancelledError, 'The statement was cancelled.']
      : [
          TimeoutError,
          'The statement took longer than statementTimeoutMillis allows: make it faster, or raise the limit.',
        ],
  '57P01': to(ConnectionError, 'The server ended the connection.'),
  '57P02': to(ConnectionError, 'The server crashed and is restarting.'),
  '57P03': to(ConnectionError, 'The server does not accept connections at the moment.'),
  '57P04': to(ConnectionError, 'The database has been dropped.'),
  '57P05': to(ConnectionError, 'The server ended a connection that was idle for too long.'),
  P0002: to(NotFoundError, 'Not found.'),
};

/**
 * The sentence that belongs to the constraint, or that a function of ours raised: those hold no values. P0001 is what a
 * `raise` gets whose author thought of no SQLSTATE, so its message is nobody's promise.
 */
function messageForPeople({ constraint, routine, message }: PostgresError, code: string): string | undefined {
  if (constraint !== undefined && Object.hasOwn(constraintMessages, constraint)) return constraintMessages[constraint];
  return routine === 'exec_stmt_raise' && code !== 'P0001' ? message : undefined;
}

/** Postgres names the object in its message only. */
function deniedObject(message: string): string {
  const [, object] = /^permission denied for ([a-z ]+ \w+)$/.exec(message) ?? [];
  if (object !== undefined) return `This session has no permission for ${object}.`;
  const [, table] = /row-level security policy .*for table "(\w+)"$/.exec(message) ?? [];
  if (table !== undefined)
    return `This session may not write that row of ${table}: it is somebody else's or the service's, or the account is suspended, deleted or unknown.`;
  return 'This session may not do that.';
}

function detailsOf(error: PostgresError, code: string): ErrorDetails {
  const { schema, table, column, constraint, routine } = error;
  const names = Object.entries({ schema, table, column, constraint, routine });
  return { code, ...Object.fromEntries(names.filter(([, name]) => name !== undefined)) };
}
