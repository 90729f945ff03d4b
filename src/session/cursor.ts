import type { PostgresCursor } from 'kysely';
import type { FieldDef } from 'pg';
import { ConfigurationError } from '../types/errors.ts';
import { type Fetch, type Statement, toWire } from './exchange.ts';

/** Some rows of a statement. */
export type Batch = { readonly rows: unknown[]; readonly fields: FieldDef[]; readonly isLast: boolean };

/** The connection that a cursor reads from. */
export type CursorConnection = {
  readonly isInTransaction: boolean;
  send(sql: 'begin' | 'commit' | 'rollback' | `close ${string}`): Promise<unknown>;
  fetch(step: Statement | Fetch): Promise<Batch>;
  /** Tells that a stream is open; what comes back tells that it is over. */
  open(): () => void;
};

let cursors = 0;

/**
 * Reads the rows of a statement batch by batch, each in one round trip. Outside of a transaction it makes its own, which
 * commits after the last row and rolls back if it is closed before. The limits of the session hold for each batch, and the
 * limit of a transaction that stands still between two.
 *
 * For Kysely's `PostgresDialect`, which makes one for a `stream()` and hands it to the connection. In a transaction Kysely
 * keeps the next statement waiting until the stream is closed: a statement inside the loop would wait for ever.
 */
export class Cursor<Row> implements PostgresCursor<Row> {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly #portal = `wheels_cursor_${++cursors}`;
  #connection: CursorConnection | undefined;
  #ownsTransaction = false;
  #end: (() => void) | undefined;
  #fields: FieldDef[] | undefined;
  #state: 'new' | 'open' | 'failed' | 'at end' = 'new';

  constructor(sql: string, parameters: readonly unknown[]) {
    this.sql = sql;
    this.parameters = parameters;
  }

  readFrom(connection: CursorConnection): this {
    this.#connection = connection;
    return this;
  }

  async read(rows: number): Promise<Row[]> {
    const connection = this.#connection;
    if (!connection) throw new ConfigurationError('A cursor reads from a connection.');
    if (this.#state === 'at end') return [];
    if (this.#state === 'new' && !connection.isInTransaction) {
      this.#ownsTransaction = true;
      await connection.send('begin');
    }
    this.#end ??= connection.open();
    const portal = { name: this.#portal, rows };
    this.#state = 'failed';
    const batch = await connection.fetch(
      this.#fields ? { portal, fields: this.#fields } : { portal, text: this.sql, values: toWire(this.parameters) },
    );
    this.#fields = batch.fields;
    this.#state = batch.isLast ? 'at end' : 'open';
    return batch.rows as Row[];
  }

  async close(): Promise<void> {
    this.#end?.();
    this.#end = undefined;
    if (this.#ownsTransaction) await this.#connection?.send(this.#state === 'at end' ? 'commit' : 'rollback');
    else if (this.#state === 'open') await this.#connection?.send(`close ${this.#portal}`);
  }
}
