/** What an error tells besides its message: names from the schema, never values from a row. */
export type ErrorDetails = {
  /** A SQLSTATE such as `23505`, or a word of this package's own such as `NOT_FOUND`. */
  code?: string;
  schema?: string;
  table?: string;
  column?: string;
  constraint?: string;
  /** The function inside Postgres that raised the error: two errors may share a SQLSTATE. */
  routine?: string;
};

/**
 * The root of every error that this package throws. The message is one line for people; neither it nor any property holds
 * row values, claims, passwords or the driver's own error, so an error can be logged as it is.
 *
 * @example
 * try {
 *   await alice.trips.update(trip.id, { end_date: '2026-01-01' });
 * } catch (error) {
 *   if (error instanceof CheckError && error.constraint === 'trips_dates_check') askForOtherDates();
 *   else throw error;
 * }
 */
export class DatabaseError extends Error {
  static {
    DatabaseError.prototype.name = 'DatabaseError';
  }
  readonly code: string;
  declare readonly schema?: string;
  declare readonly table?: string;
  declare readonly column?: string;
  declare readonly constraint?: string;
  declare readonly routine?: string;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message);
    const { code = 'DATABASE', ...names } = details;
    this.code = code;
    Object.assign(this, names);
  }
}

/** The row does not exist, or this session may not see it: the two cannot be told apart on purpose. */
export class NotFoundError extends DatabaseError {
  static {
    NotFoundError.prototype.name = 'NotFoundError';
  }

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: 'NOT_FOUND', ...details });
  }
}

/** `path` leads to the offending input (`destinations.2.lat`, '' if it is the whole or unknown); `reason` says what is expected. */
export type ValidationIssue = { path: string; reason: string };

/** The input is not what the method takes. */
export class ValidationError extends DatabaseError {
  static {
    ValidationError.prototype.name = 'ValidationError';
  }
  readonly issues: readonly ValidationIssue[];

  constructor(issues: readonly ValidationIssue[], details: ErrorDetails = {}) {
    const reasons = issues.slice(0, 10).map(({ path, reason }) => (path === '' ? reason : `${path} ${reason}`));
    if (issues.length > 10) reasons.push(`and ${issues.length - 10} more`);
    super(`Invalid input: ${reasons.join('; ')}.`, { code: 'VALIDATION', ...details });
    this.issues = issues;
  }
}

/**
 * A line of a file that cannot be imported: its number, counted from 1, what its cell is called if it is one that is wrong,
 * and what is expected.
 */
export type RejectedLine = { line: number; column: string | null; reason: string };

/** Nothing was imported, because some lines of the file cannot be: `reasons` names them all, and why. */
export class ImportError extends ValidationError {
  static {
    ImportError.prototype.name = 'ImportError';
  }
  readonly reasons: readonly RejectedLine[];

  constructor(reasons: readonly RejectedLine[]) {
    const path = ({ line, column }: RejectedLine) => (column === null ? `lines.${line}` : `lines.${line}.${column}`);
    super(
      reasons.map((line) => ({ path: path(line), reason: line.reason })),
      { code: 'IMPORT' },
    );
    this.reasons = reasons;
  }
}

/** The cursor is malformed or comes from another list: start again without one. */
export class CursorError extends ValidationError {
  static {
    CursorError.prototype.name = 'CursorError';
  }

  constructor(reason: string) {
    super([{ path: 'cursor', reason }], { code: 'CURSOR' });
  }
}

/** Another row already has this key. */
export class UniqueError extends DatabaseError {
  static {
    UniqueError.prototype.name = 'UniqueError';
  }
}

/** The row refers to one that does not exist, or others still refer to it. */
export class ForeignKeyError extends DatabaseError {
  static {
    ForeignKeyError.prototype.name = 'ForeignKeyError';
  }
}

/** A value is outside of what the column or the row allows. */
export class CheckError extends DatabaseError {
  static {
    CheckError.prototype.name = 'CheckError';
  }
}

/** A required column has no value. */
export class NotNullError extends DatabaseError {
  static {
    NotNullError.prototype.name = 'NotNullError';
  }
}

/** This kind of session, or this account, may not do that. */
export class PermissionError extends DatabaseError {
  static {
    PermissionError.prototype.name = 'PermissionError';
  }
}

/** The session or the transaction only reads, or the connection leads to a standby: write in a session without `readOnly`. */
export class ReadOnlyError extends DatabaseError {
  static {
    ReadOnlyError.prototype.name = 'ReadOnlyError';
  }
}

/** The row has changed since it was read: read it again and decide anew. */
export class ConflictError extends DatabaseError {
  static {
    ConflictError.prototype.name = 'ConflictError';
  }

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: 'CONFLICT', ...details });
  }
}

/** Concurrent transactions stood in each other's way (40001, 40P01): the same transaction may succeed if it is run again. */
export class SerializationError extends DatabaseError {
  static {
    SerializationError.prototype.name = 'SerializationError';
  }
}

/** A time limit of the server was reached: for a statement, a lock or a transaction. */
export class TimeoutError extends DatabaseError {
  static {
    TimeoutError.prototype.name = 'TimeoutError';
  }
}

/** The session's signal is aborted, or somebody cancelled the statement on the server. */
export class CancelledError extends DatabaseError {
  static {
    CancelledError.prototype.name = 'CancelledError';
  }

  constructor(message: string, details: ErrorDetails = {}) {
    // Postgres has one SQLSTATE for this and for statement_timeout.
    super(message, { ...details, code: 'CANCELLED' });
  }
}

/** The server cannot be reached or the connection was lost. Whether the last statement took effect is unknown. */
export class ConnectionError extends DatabaseError {
  static {
    ConnectionError.prototype.name = 'ConnectionError';
  }

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: 'CONNECTION', ...details });
  }
}

/** The connection string, the server or the schema is not set up as this package needs it. */
export class ConfigurationError extends DatabaseError {
  static {
    ConfigurationError.prototype.name = 'ConfigurationError';
  }

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: 'CONFIGURATION', ...details });
  }
}

/**
 * The transaction is committed: do not run it again. `errors` is what functions registered with `afterCommit` threw, each as
 * it is, in the order of registration.
 */
export class AfterCommitError extends DatabaseError {
  static {
    AfterCommitError.prototype.name = 'AfterCommitError';
  }
  readonly errors: readonly unknown[];

  constructor(errors: readonly unknown[]) {
    super('The transaction is saved, but what was to be done after its commit failed: see errors.', {
      code: 'AFTER_COMMIT',
    });
    this.errors = errors;
  }
}

/**
 * Changes were committed that this feed cannot bring any more: read anew what you keep, and follow from there. The message
 * says how.
 */
export class ChangesLostError extends DatabaseError {
  static {
    ChangesLostError.prototype.name = 'ChangesLostError';
  }

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { code: 'CHANGES_LOST', ...details });
  }
}
