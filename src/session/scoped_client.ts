import type { PostgresCursor, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import { type PoolClient, DatabaseError as PostgresError } from 'pg';
import {
  CancelledError,
  ConfigurationError,
  ConnectionError,
  DatabaseError,
  ReadOnlyError,
  SerializationError,
  TimeoutError,
} from '../types/errors.ts';
import type { SessionContext } from './claims.ts';
import { type ConnectionPool, cancelled } from './connection_pool.ts';
import { type Batch, Cursor, type CursorConnection } from './cursor.ts';
import { Exchange, type Fetch, type Outcome, type Statement, toWire } from './exchange.ts';
import type { Found, Lease, ReplicaLease } from './lease.ts';
import { noteStream } from './own_transaction.ts';
import { defaultRetries, pauseBeforeRetry } from './retry.ts';
import { explainRefusal } from './settings.ts';
import { type StatementCache, statementsOf } from './statement_cache.ts';
import { translateError } from './translate_error.ts';

/** How a session uses a connection. */
export type Scope = {
  readonly context: SessionContext;
  /** Makes a transaction the session's. */
  readonly settings: Statement;
  readonly preparedStatements: boolean;
  readonly signal: AbortSignal | undefined;
  /** How long to wait for an answer; 0 is for ever. */
  readonly answerMillis: number;
  /** Of the primary, whose transactions it may be in. */
  readonly pool: ConnectionPool;
  /** The clients of the session that Kysely may want to cancel, by `processID`. */
  readonly inUse: Map<number, ScopedClient>;
};

/** How long the server may take to cancel. */
const cancelMillis = 5_000;
/** A request that comes before its statement does nothing. */
const cancelAgainMillis = 250;
/** How often to ask a replica that has not answered whether it is there. */
const doubtMillis = 1_000;

let clients = 0;

/** A connection while a session has it: every statement runs in a transaction that has the session's settings. */
export class ScopedClient implements PostgresPoolClient {
  /** Kysely cancels by it. A process id would not do: what comes to nothing on a replica goes to another process. */
  readonly #id = ++clients;
  #lease: Lease;
  /** Told of the settings of the open transaction. */
  #found: Found | undefined;
  /** Ends the wait for a connection of the primary. */
  #handOver: AbortController | undefined;
  readonly #scope: Scope;
  /** Opens the transaction together with its first statement. */
  #begin: string | undefined;
  /** The server refused to open the transaction: as in one that has failed, nothing runs until its end. */
  #hasFailedToBegin = false;
  /** Whether the open transaction has the settings. */
  #hasSettings = false;
  #running = 0;
  #last: Promise<void> = Promise.resolve();
  #isReleased = false;
  #isGivenBack = false;
  #isEnding = false;
  #leavesTraces = false;
  #inFlight: Exchange | undefined;
  #isCancelled = false;
  #cancelling: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #doubt: NodeJS.Timeout | undefined;
  #connectionError: unknown;
  /** Whoever has left a stream open never comes back, and a lost connection is of no use to anybody. */
  readonly #keepConnectionError = (error: unknown) => {
    this.#connectionError ??= error;
    if (this.#inFlight === undefined) this.#giveBack(true);
  };

  constructor(lease: Lease, scope: Scope) {
    this.#lease = lease;
    this.#scope = scope;
    this.#attach();
  }

  get processID(): number {
    this.#scope.inUse.set(this.#id, this);
    return this.#id;
  }

  /** Where the statements go. */
  protected get pool(): ConnectionPool {
    return this.#lease.pool;
  }

  get #client(): PoolClient {
    return this.#lease.client;
  }

  /** What the connection has prepared; undefined if it is to prepare nothing. */
  get #statements(): StatementCache | undefined {
    return this.#scope.preparedStatements ? statementsOf(this.#client) : undefined;
  }

  query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    statement: string | PostgresCursor<R>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof statement === 'string') return this.#take<R>(statement, parameters);
    if (statement instanceof Cursor) {
      this.#leavesTraces ||= leavesTraces.test(statement.sql);
      return statement.readFrom(this.#forCursor());
    }
    throw new ConfigurationError('A session streams through its own cursor.');
  }

  /** A statement that arrives while its transaction ends would run after it, on its own, and be kept. */
  async #take<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    if (this.#isEnding) throw over();
    this.#leavesTraces ||= leavesTraces.test(sql);
    const isEnd = sql === 'commit' || sql === 'rollback';
    this.#isEnding = isEnd;
    try {
      return await this.#inTurn(() => this.#query<R>(sql, parameters));
    } finally {
      if (isEnd) this.#isEnding = false;
    }
  }

  release(destroy = false): void {
    const isFit = this.#connectionError === undefined && this.#status === 'I' && this.#running === 0;
    this.#giveBack(destroy || this.#leavesTraces || this.#isCancelled || !isFit);
    this.#isReleased = true;
  }

  #giveBack(destroy: boolean): void {
    if (this.#detach()) this.#client.release(destroy);
  }

  #attach(): void {
    this.#isGivenBack = false;
    this.#client.on('error', this.#keepConnectionError);
    this.#scope.signal?.addEventListener('abort', this.#abort);
  }

  /** Returns whether the connection is to be given back: it is once. */
  #detach(): boolean {
    if (this.#isGivenBack) return false;
    this.#isGivenBack = true;
    this.#scope.inUse.delete(this.#id);
    this.#client.off('error', this.#keepConnectionError);
    this.#scope.signal?.removeEventListener('abort', this.#abort);
    return true;
  }

  /** Cancels what runs, if anything does. A request may come late and hit the next statement: there will be none. */
  readonly cancel = (): void => {
    if (this.#handOver) {
      this.#isCancelled = true;
      this.#handOver.abort();
    }
    if (this.#inFlight === undefined || this.#isCancelled) return;
    this.#isCancelled = true;
    const { answerMillis } = this.#scope;
    const { pool } = this.#lease;
    const request = () => void pool.cancel(this.#client);
    request();
    this.#cancelling = setInterval(request, cancelAgainMillis);
    clearTimeout(this.#silence);
    const millis = Math.min(cancelMillis, answerMillis || cancelMillis);
    this.#silence = setTimeout(() => this.#giveUp(() => pool.drop(this.#client)), millis);
  };

  /** A process that was too busy to read the answer finds it now. */
  #giveUp(end: () => void): void {
    const exchange = this.#inFlight;
    setImmediate(() => {
      if (exchange === undefined || this.#inFlight !== exchange) return;
      this.#connectionError ??= new ConnectionError(
        'The server did not answer in time: the connection was given up, and whether the statement took effect is unknown.',
      );
      end();
    });
  }

  /** A transaction that stands still is undone at once, with its locks. */
  readonly #abort = (): void => {
    if (this.#inFlight !== undefined) this.cancel();
    else if (this.#status !== 'I') void this.#inTurn(() => this.#query('rollback', [])).catch(() => {});
  };

  async #send(exchange: Exchange) {
    const { answerMillis } = this.#scope;
    const { wrote, replica } = this.#lease;
    this.#inFlight = exchange;
    try {
      if (answerMillis > 0) this.#silence = setTimeout(() => this.#abandon(), answerMillis);
      if (replica) this.#doubt = setInterval(() => void this.#abandonUnlessThere(replica, exchange), doubtMillis);
      return await exchange.send();
    } finally {
      this.#inFlight = undefined;
      clearTimeout(this.#silence);
      clearInterval(this.#doubt);
      clearInterval(this.#cancelling);
      wrote?.();
    }
  }

  #abandon(): void {
    this.#giveUp(() => this.#lease.pool.abandon(this.#client));
  }

  async #abandonUnlessThere(replica: ReplicaLease, exchange: Exchange): Promise<void> {
    const isThere = await replica.answers();
    if (!isThere && this.#inFlight === exchange) this.#abandon();
  }

  /** 'I' outside of a transaction, 'T' inside, 'E' inside one that has failed. */
  get #status() {
    return this.#client.getTransactionStatus();
  }

  /** One after the other: what a statement needs before it depends on how the one before it ended. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#running += 1;
    const end = () => {
      this.#running -= 1;
    };
    const turn = this.#last.then(work);
    this.#last = turn.then(end, end);
    return turn;
  }

  #forCursor(): CursorConnection {
    const isInTransaction = () => this.#status !== 'I' || this.#begin !== undefined || this.#hasFailedToBegin;
    return {
      get isInTransaction() {
        return isInTransaction();
      },
      send: (sql) => this.#inTurn(() => this.#query(sql, [])),
      fetch: (step) => this.#fetchInTurn(step, isInTransaction),
      open: () => noteStream(this.#scope.pool, this.#scope.context),
    };
  }

  /** Rows that are asked for while the transaction ends would be read, or written, after it. */
  async #fetchInTurn(step: Statement | Fetch, isInTransaction: () => boolean): Promise<Batch> {
    if (this.#isEnding) throw over();
    const isExpected = isInTransaction();
    return await this.#inTurn(async () => {
      this.#refuseIfUnfit();
      this.#refuseIfAborted();
      if (isExpected && !isInTransaction()) throw over();
      return await this.#fetch(step);
    });
  }

  async #query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    const isEnd = sql === 'commit' || sql === 'rollback';
    if (sql !== 'rollback') this.#refuseIfAborted();
    if (isEnd && (this.#begin !== undefined || this.#hasFailedToBegin)) return this.#endUnbegun(sql);
    if (
      this.#begin === undefined &&
      this.#status === 'I' &&
      (sql === 'begin' || sql.startsWith('start transaction '))
    ) {
      this.#begin = sql;
      return nothing<R>('BEGIN');
    }
    if (isEnd && this.#status === 'I') return this.#endEnded(sql);
    if (this.#begin === undefined && this.#status === 'I' && mayCommitInside.test(sql)) {
      return await this.#queryInBlock(sql, parameters);
    }
    const { result } = await this.#runAgain({ text: sql, values: toWire(parameters) }, !isEnd);
    const { command, rowCount, rows } = result;
    return { ...nothing<R>(command ?? ''), rowCount: rowCount ?? 0, rows: rows as R[] };
  }

  /** Outside of a transaction nothing is left of a statement that has met a rival: it may run again. */
  async #runAgain(statement: Statement, needsSettings: boolean): Promise<Answer> {
    const isAlone = this.#begin === undefined && this.#status === 'I';
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#run(statement, needsSettings);
      } catch (error) {
        if (!isAlone || !(error instanceof SerializationError) || attempt >= defaultRetries) throw error;
        await pauseBeforeRetry(attempt, this.#scope.signal);
        this.#refuseIfAborted();
      }
    }
  }

  /** In a transaction block the server refuses the `commit` of a code block, after which it would run as the login role. */
  async #queryInBlock<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    this.#begin = 'begin';
    try {
      const result = await this.#query<R>(sql, parameters);
      await this.#query('commit', []);
      return result;
    } catch (error) {
      // If this fails too, `release` sees it.
      await this.#query('rollback', []).catch(() => {});
      throw error;
    }
  }

  #endEnded<R>(sql: 'commit' | 'rollback'): PostgresQueryResult<R> {
    this.#refuseIfUnfit();
    if (sql === 'rollback') return nothing<R>('ROLLBACK');
    throw new ConfigurationError('The transaction was ended inside of its function, by a statement of its own.');
  }

  #endUnbegun<R>(sql: 'commit' | 'rollback'): PostgresQueryResult<R> {
    const hasFailed = this.#hasFailedToBegin;
    this.#begin = undefined;
    this.#hasFailedToBegin = false;
    return nothing<R>(sql === 'commit' && !hasFailed ? 'COMMIT' : 'ROLLBACK');
  }

  async #fetch(step: Statement | Fetch): Promise<Batch> {
    const { result, isSuspended } = await this.#run(step, true);
    return { rows: result.rows, fields: result.fields, isLast: !isSuspended };
  }

  async #run(step: Statement | Fetch, needsSettings: boolean, isRepeated = false): Promise<Answer> {
    this.#refuseIfUnfit();
    const isOutside = this.#status === 'I';
    const begin = this.#begin;
    const steps = [...(needsSettings ? this.#preamble() : []), step];
    const exchange = new Exchange(this.#client, steps, this.#statements);
    try {
      if (isOutside) this.#found = this.#lease.ask?.();
      const result = await this.#send(exchange);
      if (steps.at(-2) === this.#scope.settings) this.#found?.(exchange.before);
      this.#begin = undefined;
      // `commit and chain` has opened a transaction without settings; `rollback to savepoint` looks the same.
      this.#hasSettings = this.#status !== 'I' && result.command !== 'COMMIT' && result.command !== 'ROLLBACK';
      return { result, isSuspended: exchange.isSuspended };
    } catch (error) {
      this.#hasSettings = false;
      const isStale = this.#forgetStale(error, steps);
      if (isStale && isOutside && !isRepeated) {
        if (this.#status !== 'I') await this.#send(new Exchange(this.#client, [rollback], undefined));
        this.#refuseIfAborted();
        return await this.#run(step, needsSettings, true);
      }
      if (await this.#tryPrimary(error, isOutside)) return await this.#run(step, needsSettings);
      if (begin !== undefined) this.#noteBegin(exchange);
      throw this.#translate(error, steps[exchange.completed] === this.#scope.settings);
    }
  }

  /**
   * Whether what has failed on a replica is to be sent again, to the primary, whose connection it then has. In a transaction
   * that has read from the replica it is too late: nobody decides anything from two servers.
   */
  async #tryPrimary(error: unknown, isOutside: boolean): Promise<boolean> {
    const { replica } = this.#lease;
    if (!replica) return false;
    const explained = this.#explain(error);
    replica.failed(explained, !isOutside);
    if (!isOutside || this.pool.isClosed || isSameAnywhere.some((kind) => explained instanceof kind)) return false;
    this.#refuseIfAborted();
    const isToCancel = this.#scope.inUse.has(this.#id);
    const destroy = this.#leavesTraces || explained instanceof ConnectionError;
    if (this.#detach()) void leave(this.#client, destroy);
    if (isToCancel) this.#scope.inUse.set(this.#id, this);
    const handOver = new AbortController();
    this.#handOver = handOver;
    const { signal } = this.#scope;
    try {
      this.#lease = await replica.instead(signal ? AbortSignal.any([signal, handOver.signal]) : handOver.signal);
    } catch (refusal) {
      this.#scope.inUse.delete(this.#id);
      this.#connectionError = refusal;
      throw translateError(refusal);
    } finally {
      this.#handOver = undefined;
    }
    this.#connectionError = undefined;
    this.#attach();
    this.#refuseIfAborted();
    return true;
  }

  /** The statements that must come before the next one, for it to run in a transaction that is the session's. */
  #preamble(): Statement[] {
    if (this.#status === 'E' || this.#hasSettings) return [];
    const { settings } = this.#scope;
    return this.#begin === undefined ? [settings] : [{ text: this.#begin, values: [] }, settings];
  }

  #noteBegin({ completed }: Exchange): void {
    this.#begin = undefined;
    this.#hasFailedToBegin = completed === 0;
  }

  #refuseIfAborted(): void {
    if (this.#isCancelled || this.#scope.signal?.aborted) throw cancelled();
  }

  #refuseIfUnfit(): void {
    if (this.#connectionError !== undefined)
      throw this.#lease.pool.explain(translateError(this.#connectionError), false);
    if (this.#isReleased) throw new ConfigurationError('The transaction is over: start another one.');
    if (this.#hasFailedToBegin) {
      throw new DatabaseError('The transaction could not be opened: end it.', { code: '25P02' });
    }
  }

  /**
   * Forgets prepared statements that the server does not have (somebody said `deallocate all`), or whose columns have
   * changed since. Returns whether that was what went wrong.
   */
  #forgetStale(error: unknown, steps: readonly (Statement | Fetch)[]): boolean {
    const statements = this.#statements;
    if (!statements || !(error instanceof PostgresError)) return false;
    const isMissing = error.code === '26000';
    const hasChanged = error.code === '0A000' && error.routine === 'RevalidateCachedQuery';
    if (isMissing) statements.forgetAll();
    if (hasChanged) for (const { text } of steps) if (text !== undefined) statements.forget(text);
    return isMissing || hasChanged;
  }

  #explain(error: unknown): DatabaseError {
    const reason = error instanceof PostgresError ? error : (this.#connectionError ?? error);
    return this.#lease.pool.explain(translateError(reason), this.#isCancelled);
  }

  #translate(error: unknown, isRefusal: boolean): DatabaseError {
    const translated = this.#explain(error);
    if (translated instanceof ConnectionError) this.#keepConnectionError(error);
    return isRefusal ? explainRefusal(translated, this.#scope.context) : translated;
  }
}

/**
 * What outlives a transaction: settings, temporary tables, cursors, prepared statements, advisory locks, subscriptions. It
 * is told by the text: after any statement but the ordinary ones the connection is not used again.
 */
const leavesTraces =
  /^(?!\s*\(*\s*(select|with|values|insert|update|delete|merge|savepoint|release|rollback|begin|start|commit|set\s+(local|transaction|constraints)|lock|explain|show|copy|fetch|close|table)\b)|set_config|advisory_lock|\bpg_temp\b|(?<!\b(insert|merge)\s+)\binto\b|^\s*explain\b[\s\S]*\b(create|execute|declare)\b/i;

/** `do` and `call`, alone of all, may end the transaction around them and go on; after a comment it could be either. */
const mayCommitInside = /^[\s;]*(do\b|call\b|--|\/\*)/i;

function over(): ConfigurationError {
  return new ConfigurationError('The transaction is over: await every statement in its function.');
}

const rollback: Statement = { text: 'rollback', values: [] };

/** What the primary would say too: that it takes too long, that nobody wants it any more, that it writes. */
const isSameAnywhere = [TimeoutError, CancelledError, ReadOnlyError];

/** Gives a connection back on which a transaction may be open. */
async function leave(client: PoolClient, destroy: boolean): Promise<void> {
  try {
    const isOpen = !destroy && client.getTransactionStatus() !== 'I';
    if (isOpen) await new Exchange(client, [rollback], undefined).send();
    client.release(destroy);
  } catch {
    client.release(true);
  }
}

type Answer = { readonly result: Outcome; readonly isSuspended: boolean };

function nothing<R>(command: string): PostgresQueryResult<R> {
  // Kysely's type lists the commands it looks at, and not those that count no rows.
  return { command: command as PostgresQueryResult<R>['command'], rowCount: 0, rows: [] };
}
