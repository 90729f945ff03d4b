import { once } from 'node:events';
import { Client, type ClientConfig } from 'pg';
import { cancelRequest } from '../session/cancel_request.ts';
import { ConnectionError } from '../types/errors.ts';
import type { Change } from './change.ts';
import { type Decoder, Progress, publication } from './decoder.ts';
import { explainReplicationError, requireReplication } from './explain_replication_error.ts';

/** How often what was confirmed since is told to the server. */
const confirmMillis = 200;
/** The server gives up a client that is silent for `wal_sender_timeout`: its own questions wait in a socket that is left alone. */
const silentMillis = 1_000;
/** We give up a server that answers none of three questions. */
const questionMillis = 10_000;
const questionsUnanswered = 3;
/** What may be received and not yet taken, before the socket is left alone. */
const maxBytes = 1 << 20;
/** How long the server may take to close. */
const closeMillis = 2_000;

/** A connection in replication mode (Postgres manual, 55.4 "Streaming Replication Protocol"): it takes simple queries and streams a slot. */
export class ReplicationClient {
  readonly #client: Client;
  readonly #config: ClientConfig;
  readonly #signal: AbortSignal;
  #received: (Change | Progress)[] = [];
  #taken = 0;
  #bytes = 0;
  #confirmed = 0n;
  #told = 0n;
  #toldAt = 0;
  #askedAt = 0;
  #hasReceived = true;
  #questions = 0;
  #failure: unknown;
  #ending: Promise<void> | undefined;
  readonly #closed = Promise.withResolvers<void>();
  #wake: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  private constructor(config: ClientConfig, signal: AbortSignal) {
    this.#client = new Client({ ...config, replication: 'database' });
    this.#config = config;
    this.#signal = signal;
    this.#client.on('error', (error) => this.#fail(error));
    this.#client.on('end', () => this.#fail(new ConnectionError('The connection was lost.')));
    signal.addEventListener('abort', this.#abort);
  }

  /** @throws {ConfigurationError} if this is no direct connection, or its role may not replicate; `ConnectionError`. */
  static async connect(config: ClientConfig, signal: AbortSignal): Promise<ReplicationClient> {
    const client = new ReplicationClient(config, signal);
    try {
      await client.#client.connect();
      await requireReplication((text) => client.#client.query(text));
      return client;
    } catch (error) {
      await client.end();
      throw explainReplicationError(error);
    }
  }

  /** Runs one statement, or a command of the replication protocol: it takes no parameters. */
  async query(text: string): Promise<Record<string, unknown>[]> {
    try {
      const { rows } = await this.#client.query<Record<string, unknown>>(text);
      return rows;
    } catch (error) {
      throw explainReplicationError(error);
    }
  }

  /** Starts to stream the slot from where it was last confirmed. */
  async start(slot: string, decoder: Decoder): Promise<void> {
    const { connection } = this.#client;
    const { promise: hasStarted, resolve, reject } = Promise.withResolvers<void>();
    connection.once('replicationStart', resolve);
    const receive = ({ chunk }: { chunk: Buffer }) => this.#receive(chunk, decoder);
    connection.on('copyData', receive);
    const command = `START_REPLICATION SLOT "${slot}" LOGICAL 0/0 (proto_version '1', publication_names '${publication}')`;
    // Settles when the stream ends, or at once if the slot cannot be had: then the connection is as it was.
    this.#client.query(command).then(
      () => this.#fail(new ConnectionError('The server has ended the stream.')),
      (error) => (this.#timer === undefined ? reject(error) : this.#fail(error)),
    );
    try {
      await hasStarted;
    } catch (error) {
      connection.off('replicationStart', resolve);
      connection.off('copyData', receive);
      throw explainReplicationError(error);
    }
    if (this.#ending !== undefined) throw new ConnectionError('The connection is closed.');
    this.#timer = setInterval(this.#tell, confirmMillis);
  }

  /** What has come and has not been taken, if anything. */
  take(): Change | Progress | undefined {
    const received = this.#received[this.#taken];
    if (received !== undefined) {
      this.#taken += 1;
      return received;
    }
    if (this.#taken > 0) {
      this.#received = [];
      this.#taken = 0;
    }
    this.#bytes = 0;
    if (this.#client.connection.stream.isPaused()) this.#client.connection.stream.resume();
    return undefined;
  }

  /** Waits until there is something to take. @throws {DatabaseError} if nothing will come. */
  async wait(): Promise<void> {
    while (this.#taken === this.#received.length) {
      if (this.#failure !== undefined) throw explainReplicationError(this.#failure);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  /** The server may forget everything before this place. */
  confirm(lsn: bigint): void {
    if (lsn > this.#confirmed) this.#confirmed = lsn;
  }

  /** Resolves when it has been ended. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Tells the server what is confirmed and closes. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    clearInterval(this.#timer);
    this.#signal.removeEventListener('abort', this.#abort);
    const { connection } = this.#client;
    if (this.#failure === undefined && this.#timer !== undefined) this.#sendStatus(false);
    this.#failure ??= new ConnectionError('The connection is closed.');
    this.#wake();
    // A slot that is being made waits for the transactions that write, and would be kept until they end.
    const isWaiting = this.#timer === undefined && this.#client.processID && !this.#client.readyForQuery;
    if (isWaiting) await cancelRequest(this.#client, this.#config);
    // What still comes must be read, or the server never sees the end.
    connection.stream.resume();
    connection.end();
    const giveUp = setTimeout(() => connection.stream.destroy(), closeMillis);
    if (!connection.stream.closed) await once(connection.stream, 'close').catch(() => {});
    clearTimeout(giveUp);
    this.#closed.resolve();
  }

  readonly #abort = () => void this.end();

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake();
  }

  #receive(chunk: Buffer, decoder: Decoder): void {
    this.#hasReceived = true;
    if (this.#failure !== undefined) return;
    try {
      const isData = chunk[0] === 0x77;
      if (isData) decoder.decode(chunk.subarray(25), this.#keep);
      else if (chunk[0] === 0x6b) this.#receiveKeepalive(chunk, decoder);
      this.#bytes += chunk.length;
    } catch (error) {
      this.#fail(error);
    }
    if (this.#bytes > maxBytes) this.#client.connection.stream.pause();
    if (this.#taken < this.#received.length) this.#wake();
  }

  #receiveKeepalive(chunk: Buffer, decoder: Decoder): void {
    // What it names may lie before the commit that is just being sent, never after.
    if (!decoder.isInside) this.#keep(new Progress(chunk.readBigUInt64BE(1)));
    if (chunk[17] === 1) this.#sendStatus(false);
  }

  readonly #keep = (received: Change | Progress) => {
    const last = this.#received.length - 1;
    if (received instanceof Progress && last >= this.#taken && this.#received[last] instanceof Progress) {
      this.#received[last] = received;
    } else this.#received.push(received);
  };

  readonly #tell = () => {
    const now = performance.now();
    if (now - this.#askedAt < questionMillis) {
      if (this.#confirmed > this.#told || now - this.#toldAt >= silentMillis) this.#sendStatus(false);
      return;
    }
    this.#askedAt = now;
    // While the socket is left alone, an answer would not be read.
    const mayAsk = !this.#client.connection.stream.isPaused();
    this.#questions = this.#hasReceived || !mayAsk ? 0 : this.#questions + 1;
    this.#hasReceived = false;
    if (this.#questions >= questionsUnanswered) this.#client.connection.stream.destroy();
    else this.#sendStatus(mayAsk);
  };

  #sendStatus(asksForAnswer: boolean): void {
    const status = Buffer.alloc(34);
    status.write('r', 'latin1');
    // Written, flushed and applied: the second is what the slot keeps, unless it is 0.
    for (const offset of [1, 9, 17]) status.writeBigUInt64BE(this.#confirmed, offset);
    status.writeBigInt64BE((BigInt(Date.now()) - postgresEpochMillis) * 1_000n, 25);
    status.writeUInt8(asksForAnswer ? 1 : 0, 33);
    this.#client.connection.sendCopyFromChunk(status);
    this.#told = this.#confirmed;
    this.#toldAt = performance.now();
  }
}

const postgresEpochMillis = BigInt(Date.UTC(2000, 0, 1));
