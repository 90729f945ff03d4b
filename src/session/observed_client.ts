import type { PostgresCursor, PostgresQueryResult } from 'kysely';
import type { Pool } from 'pg';
import { warnOfTelemetry } from '../telemetry/warning.ts';
import type { DatabaseError } from '../types/errors.ts';
import type { SessionContext } from './claims.ts';
import { Cursor } from './cursor.ts';
import type { Lease } from './lease.ts';
import { type Scope, ScopedClient } from './scoped_client.ts';
import { translateError } from './translate_error.ts';

/** A statement of a session, once it has ended. */
export type ObservedStatement = {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly role: SessionContext['role'];
  /** When the session asked for it, the wait for a connection included; in milliseconds as `performance.now()` counts. */
  readonly startTime: number;
  readonly endTime: number;
  /** How long the session waited for the server. Of a stream: for all batches, without the time between them. */
  readonly durationMillis: number;
  /** Returned or affected. */
  readonly rows: number;
  readonly error: DatabaseError | undefined;
  /** The pool of the server that has answered, or failed to. */
  readonly pool: Pool;
};

/** Who is told of the statements of all sessions. It must not throw. */
export type Observer = {
  /** A statement has ended, a stream when it was closed. What opens and ends transactions and savepoints is not told of. */
  statement(statement: ObservedStatement): void;
  /** There was no connection for what a session wanted to send; `startTime` as of `ObservedStatement`. */
  unconnected(error: DatabaseError, startTime: number): void;
};

const controlsTransaction = /^\s*(begin|start\s+transaction|commit|rollback|savepoint|release)\b/i;

/** A connection while a session has it, which tells of every statement. */
export class ObservedClient extends ScopedClient {
  readonly #role: SessionContext['role'];
  readonly #observers: readonly Observer[];
  #waitingSince: number | undefined;

  constructor(lease: Lease, scope: Scope, observers: readonly Observer[], waitingSince: number) {
    super(lease, scope);
    this.#role = scope.context.role;
    this.#observers = observers;
    this.#waitingSince = waitingSince;
  }

  override query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  override query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  override query<R>(
    statement: string | PostgresCursor<R>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    const startTime = this.#waitingSince ?? performance.now();
    this.#waitingSince = undefined;
    if (typeof statement === 'string') {
      if (controlsTransaction.test(statement)) return super.query<R>(statement, parameters);
      return this.#observe<R>(statement, parameters, startTime);
    }
    const cursor = super.query(statement);
    if (!(statement instanceof Cursor)) return cursor;
    const { sql, parameters: values } = statement;
    return new ObservedCursor(cursor, (end) => this.#tell({ sql, parameters: values, startTime, ...end }));
  }

  async #observe<R>(sql: string, parameters: readonly unknown[], startTime: number): Promise<PostgresQueryResult<R>> {
    const sentTime = performance.now();
    let rows = 0;
    let error: DatabaseError | undefined;
    try {
      const result = await super.query<R>(sql, parameters);
      rows = Math.max(result.rowCount, result.rows.length);
      return result;
    } catch (thrown) {
      error = translateError(thrown);
      throw thrown;
    } finally {
      this.#tell({ sql, parameters, startTime, durationMillis: performance.now() - sentTime, rows, error });
    }
  }

  #tell(statement: Omit<ObservedStatement, 'role' | 'endTime' | 'pool'>): void {
    const ended = { ...statement, role: this.#role, pool: this.pool, endTime: performance.now() };
    for (const observer of this.#observers) {
      try {
        observer.statement(ended);
      } catch (error) {
        // The statement has had its effect, whatever becomes of the news.
        warnOfTelemetry(error);
      }
    }
  }
}

type End = Pick<ObservedStatement, 'durationMillis' | 'rows' | 'error'>;

class ObservedCursor<Row> implements PostgresCursor<Row> {
  readonly #cursor: PostgresCursor<Row>;
  readonly #tell: (end: End) => void;
  #durationMillis = 0;
  #rows = 0;
  #error: DatabaseError | undefined;

  constructor(cursor: PostgresCursor<Row>, tell: (end: End) => void) {
    this.#cursor = cursor;
    this.#tell = tell;
  }

  async read(rows: number): Promise<Row[]> {
    const batch = await this.#observe(() => this.#cursor.read(rows));
    this.#rows += batch.length;
    return batch;
  }

  async close(): Promise<void> {
    try {
      await this.#observe(() => this.#cursor.close());
    } finally {
      this.#tell({ durationMillis: this.#durationMillis, rows: this.#rows, error: this.#error });
    }
  }

  async #observe<T>(step: () => Promise<T>): Promise<T> {
    const sentTime = performance.now();
    try {
      return await step();
    } catch (thrown) {
      this.#error ??= translateError(thrown);
      throw thrown;
    } finally {
      this.#durationMillis += performance.now() - sentTime;
    }
  }
}
