import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type ClientBase, type ClientConfig, Pool, type PoolClient, type PoolConfig } from 'pg';
import { CancelledError, ConfigurationError, ConnectionError, type DatabaseError } from '../types/errors.ts';
import { cancelRequest } from './cancel_request.ts';

/** A pool whose connections can be waited for, cancelled and given up. */
export class ConnectionPool extends Pool {
  /** Those that are being made and those that are being ended included, which the pool does not count. */
  readonly #open: ReadonlySet<ClientBase>;
  readonly #suspect = new WeakSet<ClientBase>();
  /** Nobody but `onConnect` has used them. */
  readonly #new = new WeakSet<ClientBase>();
  readonly #closing = new AbortController();
  #refusesWork = false;
  #waiting = 0;

  constructor(config: PoolConfig) {
    const open = new Set<ClientBase>();
    class PoolMember extends Client {
      constructor(clientConfig?: ClientConfig) {
        super(clientConfig);
        open.add(this);
        this.once('end', () => open.delete(this));
        // Not all of them come from the socket: a `password` that throws leaves it open.
        this.connection.on('error', () => this.connection.stream.destroy());
      }
    }
    super({ ...config, Client: PoolMember });
    this.#open = open;
    // An emitter without a listener throws its errors. The pool emits those of idle clients, which it replaces by itself.
    this.on('error', ignore);
    this.on('connect', (client) => {
      client.on('error', ignore);
      this.#new.add(client);
    });
    this.on('release', (_, client) => this.#new.delete(client));
  }

  /** How many connections there are, those included that are being made or ended. */
  get open(): number {
    return this.#open.size;
  }

  /** Whether it refuses new work. */
  get isClosed(): boolean {
    return this.#refusesWork;
  }

  /** How to connect beside the pool, as its login role. */
  get loginConfig(): ClientConfig {
    // It holds the password where a copy would not find it.
    return { ...this.options, password: this.options.password };
  }

  /** How many wait for a connection; pg-pool's `waitingCount` has those too who have left the queue. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * A connection outside of a transaction: after the commit of one that another user of the pool left inside, theirs would
   * be committed too.
   *
   * @throws {CancelledError} once `signal` is aborted; `ConnectionError` if the pool is closed; `ConfigurationError` if
   *   `onConnect` has left a transaction open; or the driver's error.
   */
  async take(signal?: AbortSignal): Promise<PoolClient> {
    for (;;) {
      if (this.#refusesWork) throw closed();
      if (signal?.aborted) throw cancelled();
      const hasIdle = this.idleCount > this.waitingCount;
      this.#waiting += 1;
      const connecting = hasIdle ? this.connect() : this.#waitForOne(signal);
      const client = await connecting.finally(() => {
        this.#waiting -= 1;
      });
      const isNew = this.#new.has(client);
      // Waits for what `onConnect` has sent and not awaited.
      if (!client.readyForQuery) await client.query('').catch(ignore);
      const isOutside = client.getTransactionStatus() === 'I';
      if (isOutside && !this.#suspect.has(client)) return client;
      client.connection.stream.destroy();
      client.release(true);
      if (isNew && !isOutside) throw leftOpen();
    }
  }

  async #waitForOne(signal: AbortSignal | undefined): Promise<PoolClient> {
    const signals = signal ? [signal, this.#closing.signal] : [this.#closing.signal];
    const connecting = this.connect();
    const { promise: refused, reject } = Promise.withResolvers<never>();
    const refuse = () => reject(signal?.aborted ? cancelled() : closed());
    for (const each of signals) each.addEventListener('abort', refuse);
    try {
      return await Promise.race([refused, connecting]);
    } catch (error) {
      connecting.then(
        (client) => client.release(),
        () => {},
      );
      throw error;
    } finally {
      for (const each of signals) each.removeEventListener('abort', refuse);
    }
  }

  /** Says whose doing an error is: of the signal, or of `destroy`. */
  explain(error: DatabaseError, isCancelled: boolean): DatabaseError {
    // Postgres has one SQLSTATE for both, and tells them apart in the language of its messages.
    if (isCancelled && (error instanceof CancelledError || error.code === '57014')) return cancelled();
    if (error instanceof ConnectionError && this.#closing.signal.aborted) return interrupted();
    return error;
  }

  /** Asks the server to cancel what runs on the connection. What comes next on it may be hit too: do not reuse it. */
  async cancel(client: ClientBase): Promise<void> {
    await cancelRequest(client, this.options);
  }

  /**
   * Ends a connection on which the server has fallen silent. As the way to the server may be gone for all of them, those that
   * are open now are not taken again: each would be waited for in vain.
   */
  abandon(client: PoolClient): void {
    for (const each of this.#open) this.#suspect.add(each);
    this.drop(client);
  }

  /** Ends a connection without a word, and what runs on it if the server can be told. */
  drop(client: PoolClient): void {
    void this.cancel(client);
    client.connection.stream.destroy();
  }

  /** Refuses new work, waits for the work that runs, then cancels what still does and closes all connections. */
  async close(timeoutMillis: number): Promise<void> {
    const end = performance.now() + timeoutMillis;
    const isInTime = () => performance.now() < end;
    this.#refusesWork = true;
    while (this.#waiting > 0 && isInTime()) await sleep(10);
    void this.end();
    while (this.totalCount + this.#open.size > 0 && isInTime()) await sleep(10);
    this.#closing.abort();
    const cancelling = [...this.#open].filter(hasConnected).map((client) => this.cancel(client));
    for (const client of this.#open) client.connection.stream.destroy();
    await Promise.all(cancelling);
  }
}

function ignore(): void {}

function hasConnected(client: ClientBase): boolean {
  return client.getTransactionStatus() !== null;
}

export function cancelled(): DatabaseError {
  return new CancelledError('The statement was cancelled: its signal is aborted.');
}

function leftOpen(): DatabaseError {
  return new ConfigurationError('onConnect has left a transaction open: commit it there.');
}

function interrupted(): DatabaseError {
  return new ConnectionError(
    'The database was closed while this ran, by destroy(): whether the statement took effect is unknown.',
  );
}

export function closed(): DatabaseError {
  return new ConnectionError('The database is closed: destroy() has been called.');
}
