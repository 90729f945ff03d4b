import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import { Client, type Pool, type PoolClient, DatabaseError as PostgresError } from 'pg';
import { ConfigurationError, ConnectionError, DatabaseError } from '../types/errors.ts';
import type { SessionContext } from './claims.ts';
import { translateError } from './translate_error.ts';

/**
 * A pool for Kysely's `PostgresDialect` that runs every statement as `context.role` with `context.claims`, for one
 * transaction: a connection goes back to `pool` without a trace of the session. `end` leaves `pool` open.
 *
 * `connect` and `query` throw a `DatabaseError`, never an error of the driver; a `ConfigurationError` if the connection may
 * not act as the role, in which case the statement has not run.
 *
 * @example
 * const alice = new Kysely<DB>({ dialect: new PostgresDialect({ pool: scopedPool(pool, userContext({ sub })) }) });
 */
export function scopedPool(pool: Pool, context: SessionContext): PostgresPool {
  const settings = settingsOf(context);
  return {
    async connect() {
      return new ScopedClient(await connectIdle(pool), settings);
    },
    async end() {},
    options: {},
    // Kysely cancels a running statement over a connection of its own.
    Client: class extends Client {
      constructor() {
        super(pool.options);
        this.on('error', () => {});
      }
    },
  };
}

type Settings = [role: string, claims: string, sub: string];

function settingsOf({ role, claims }: SessionContext): Settings {
  return [role, JSON.stringify(claims), typeof claims.sub === 'string' ? claims.sub : ''];
}

/** Supabase's `auth.uid()` reads the older setting, one a claim, before the claims. */
const applySettings = `select pg_catalog.set_config('role', $1, true),
  pg_catalog.set_config('request.jwt.claims', $2, true),
  pg_catalog.set_config('request.jwt.claim.sub', $3, true)`;

/** A connection that another user of the pool left inside a transaction is not fit: our commit would commit theirs. */
async function connectIdle(pool: Pool): Promise<PoolClient> {
  try {
    const client = await pool.connect();
    if (client.getTransactionStatus() === 'I') return client;
    client.release(true);
  } catch (error) {
    throw translateError(error);
  }
  return connectIdle(pool);
}

class ScopedClient implements PostgresPoolClient {
  readonly #client: PoolClient;
  readonly #settings: Settings;
  /** Whether the next statement finds an open transaction that has the settings. */
  #hasSettings = false;
  #connectionError: unknown;
  readonly #keepConnectionError = (error: unknown) => {
    this.#connectionError ??= error;
  };

  constructor(client: PoolClient, settings: Settings) {
    this.#client = client;
    this.#settings = settings;
    client.on('error', this.#keepConnectionError);
  }

  query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    statement: string | PostgresCursor<R>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof statement !== 'string') throw new ConfigurationError('A session does not stream: read page by page.');
    if (statement === 'commit' || statement === 'rollback') return this.#end<R>(statement);
    if (this.#hasSettings || /^rollback to /i.test(statement)) return this.#runInTransaction<R>(statement, parameters);
    if (statement === 'begin' || statement.startsWith('start transaction ')) return this.#begin<R>(statement);
    return this.#runAlone<R>(statement, parameters);
  }

  release(destroy = false): void {
    this.#client.off('error', this.#keepConnectionError);
    this.#client.release(destroy || this.#connectionError !== undefined || !this.#isIdle());
  }

  #isIdle(): boolean {
    return this.#client.getTransactionStatus() === 'I';
  }

  async #runAlone<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    await this.#begin('begin');
    try {
      const result = await this.#send<R>(sql, parameters);
      await this.#end('commit');
      return result;
    } catch (error) {
      await this.#rollBack();
      throw error;
    }
  }

  async #runInTransaction<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    const result = await this.#send<R>(sql, parameters);
    // `commit and chain` has opened a transaction without settings; `rollback to savepoint` looks the same.
    if (result.command === 'COMMIT' || result.command === 'ROLLBACK') {
      this.#hasSettings = false;
      if (!this.#isIdle()) await this.#applySettings();
    }
    return result;
  }

  async #begin<R>(sql: string): Promise<PostgresQueryResult<R>> {
    const result = await this.#send<R>(sql);
    await this.#applySettings();
    return result;
  }

  async #applySettings(): Promise<void> {
    try {
      await this.#send(applySettings, this.#settings);
      this.#hasSettings = true;
    } catch (error) {
      await this.#rollBack();
      throw explain(error, this.#settings);
    }
  }

  #end<R>(sql: 'commit' | 'rollback'): Promise<PostgresQueryResult<R>> {
    this.#hasSettings = false;
    return this.#send<R>(sql);
  }

  /** If this fails too, `release` sees it. */
  async #rollBack(): Promise<void> {
    await this.#end('rollback').catch(() => {});
  }

  async #send<R>(text: string, parameters: readonly unknown[] = []): Promise<PostgresQueryResult<R>> {
    // The simple protocol would take several statements in one text, and with them `commit; reset role; …`.
    const statement = { text, values: [...parameters], queryMode: 'extended' };
    try {
      const { command, rowCount, rows } = await this.#client.query(statement);
      // Kysely's type lists the commands it looks at, and not those that count no rows.
      return { command: command as PostgresQueryResult<R>['command'], rowCount: rowCount ?? 0, rows: rows as R[] };
    } catch (error) {
      // The transaction is aborted, or over if this ended it: the server says which only after the error.
      if (error instanceof PostgresError) this.#hasSettings = false;
      const translated = translateError(this.#connectionError ?? error);
      if (translated instanceof ConnectionError) this.#keepConnectionError(error);
      throw translated;
    }
  }
}

function explain(error: unknown, [role]: Settings): unknown {
  const isRefused = error instanceof DatabaseError && (error.code === '22023' || error.code === '42501');
  if (!isRefused) return error;
  return new ConfigurationError(
    `The connection may not act as ${role}: run the migrations, which create the role, and grant it to the login role.`,
    { code: error.code },
  );
}
