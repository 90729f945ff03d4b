import { type ClientBase, type Connection, type FieldDef, DatabaseError as PostgresError, type Submittable } from 'pg';
import Result from 'pg/lib/result.js';
import utils from 'pg/lib/utils.js';
import { nameOf, type PreparedStatement, type StatementCache } from './statement_cache.ts';
import { translateError } from './translate_error.ts';

/** A statement with its parameters as the wire takes them; with `portal`, its first `rows` rows, the rest to be fetched. */
export type Statement = {
  readonly text: string;
  readonly values: readonly WireValue[];
  readonly portal?: { readonly name: string; readonly rows: number };
};

/** The next rows of a portal that an earlier exchange has opened in the same transaction. */
export type Fetch = {
  readonly text?: undefined;
  readonly portal: { readonly name: string; readonly rows: number };
  readonly fields: FieldDef[];
};

/** What the last statement gave, as `pg` reads it. */
export type Outcome = { command: string | null; rowCount: number | null; rows: unknown[]; fields: FieldDef[] };

type WireValue = Buffer | string | null;

/** Parameters as `pg` sends them. @throws {DatabaseError} for a value that has no text form, such as a cycle of objects. */
export function toWire(parameters: readonly unknown[]): WireValue[] {
  try {
    return parameters.map((parameter) => utils.prepareValue(parameter));
  } catch (error) {
    throw translateError(error);
  }
}

const isQuery = /^\s*(select|insert|update|delete|merge|with|values)\b/i;

/**
 * Statements sent together and ended by one Sync: one network round trip and, outside of a transaction block, one
 * transaction. If one fails, the server skips the rest. The rows of the last one are the result.
 *
 * Statements are prepared under names that `statements` keeps, or without a name if there is none.
 */
export class Exchange implements Submittable {
  /** How many of the statements have run to their end. */
  completed = 0;
  /** What the statement before the last one gave: the first column of its last row. */
  before: string | null = null;
  /** Whether the last one's portal may have more rows. */
  isSuspended = false;
  /** `pg` sets it if there is a `query_timeout`, to be told of the end. */
  callback: (() => void) | undefined;

  readonly #client: ClientBase;
  readonly #steps: readonly (Statement | Fetch)[];
  readonly #statements: StatementCache | undefined;
  #result: Result;
  readonly #parsing: string[] = [];
  #described: string | undefined;
  #unreadable: unknown;
  #resolve: (outcome: Outcome) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(client: ClientBase, steps: readonly (Statement | Fetch)[], statements: StatementCache | undefined) {
    this.#client = client;
    this.#steps = steps;
    this.#statements = statements;
    this.#result = new Result('', client);
  }

  /**
   * Settles when the server is ready for the next exchange, so that the transaction status is known also after an error.
   *
   * @throws {unknown} the driver's error.
   */
  send(): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#client.query(this);
    });
  }

  submit(connection: Connection): void {
    connection.stream.cork();
    try {
      for (const name of this.#statements?.takeForgotten() ?? []) connection.close({ type: 'S', name }, true);
      for (const step of this.#steps) this.#write(step, connection);
      connection.sync();
    } finally {
      connection.stream.uncork();
    }
    if (this.#parsing.length > 0) connection.on('parseComplete', this.#keepParsed);
  }

  #write(step: Statement | Fetch, connection: Connection): void {
    const portal = step.portal?.name ?? '';
    if (step.text === undefined) {
      this.#result.addFields(step.fields);
    } else {
      const prepared = this.#statements?.find(step.text);
      const statement = prepared?.name ?? this.#parse(step.text, connection);
      connection.bind({ portal, statement, values: [...step.values] }, true);
      if (step === this.#steps.at(-1)) this.#describe(step, prepared, connection);
    }
    // A number, whatever the types say.
    const rows = step.portal?.rows as string | undefined;
    connection.execute({ portal, rows }, true);
  }

  #parse(text: string, connection: Connection): string {
    const name = this.#statements ? nameOf(text) : '';
    connection.parse({ name, text, types: [] }, true);
    if (this.#statements) this.#parsing.push(text);
    return name;
  }

  #describe({ text, portal }: Statement, prepared: PreparedStatement | undefined, connection: Connection): void {
    if (prepared?.described) {
      // Inherits what `pg` has made of the columns.
      this.#result = Object.assign(Object.create(prepared.described), { rows: [] });
    } else {
      connection.describe({ type: 'P', name: portal?.name ?? '' }, true);
      this.#described = text;
    }
  }

  readonly #keepParsed = () => {
    const text = this.#parsing.shift();
    if (text !== undefined) this.#statements?.add(text);
  };

  handleRowDescription({ fields }: { fields: FieldDef[] }): void {
    this.#result.addFields(fields);
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    if (this.completed < this.#steps.length - 1) {
      this.before = fields[0] ?? null;
      return;
    }
    if (this.#unreadable !== undefined) return;
    try {
      this.#result.addRow(this.#result.parseRow(fields));
    } catch (error) {
      this.#unreadable = error;
    }
  }

  handleCommandComplete(message: { text: string }): void {
    this.completed += 1;
    if (this.completed === this.#steps.length) this.#result.addCommandComplete(message);
  }

  handleEmptyQuery(): void {
    this.completed += 1;
  }

  handlePortalSuspended(): void {
    this.completed += 1;
    this.isSuspended = true;
  }

  /** A session copies nothing. The server has taken our Sync for a part of the copy and waits for another one. */
  handleCopyInResponse(connection: Connection & { sendCopyFail(reason: string): void }): void {
    connection.sendCopyFail('COPY FROM STDIN has no input here.');
    connection.sync();
  }

  handleCopyData(): void {}

  handleReadyForQuery(connection: Connection): void {
    if (this.#described !== undefined) this.#keepDescription(this.#described);
    this.#settle(connection, () => {
      if (this.#unreadable === undefined) this.#resolve(this.#result);
      else this.#reject(this.#unreadable);
    });
  }

  /** The server fails a prepared query rather than give other columns; of a command such as `fetch` it says nothing. */
  #keepDescription(text: string): void {
    const prepared = this.#statements?.find(text);
    if (!prepared || !isQuery.test(text)) return;
    const described = new Result('', this.#client);
    described.addFields(this.#result.fields);
    prepared.described = described;
  }

  handleError(error: unknown, connection: Connection): void {
    const fail = () => {
      connection.off('readyForQuery', fail);
      connection.off('end', fail);
      this.#settle(connection, () => this.#reject(error));
    };
    if (error instanceof PostgresError) {
      // `pg` does not tell an exchange that has failed that the server is ready again.
      connection.once('readyForQuery', fail);
      connection.once('end', fail);
    } else fail();
  }

  #settle(connection: Connection, settle: () => void): void {
    connection.off('parseComplete', this.#keepParsed);
    this.callback?.();
    settle();
  }
}
