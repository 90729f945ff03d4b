import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';

/** A statement that a connection has prepared. */
export type PreparedStatement = {
  readonly name: string;
  /** One of `pg`'s results without rows, once the server has described them. */
  described?: object;
};

/** The statements that one connection has prepared: the most recently used ones, by their SQL text. */
export class StatementCache {
  readonly #prepared = new Map<string, PreparedStatement>();
  readonly #closing = new Set<string>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The prepared statement, or undefined if the connection does not have it. */
  find(text: string): PreparedStatement | undefined {
    const statement = this.#prepared.get(text);
    if (statement === undefined) return undefined;
    this.#prepared.delete(text);
    this.#prepared.set(text, statement);
    return statement;
  }

  /** Call it once the server has parsed the statement under `nameOf(text)`, and not before: it skips what follows an error. */
  add(text: string): void {
    this.#prepared.set(text, { name: nameOf(text) });
    const [oldest] = this.#prepared.keys();
    if (oldest !== undefined && this.#prepared.size > this.#capacity) this.forget(oldest);
  }

  forget(text: string): void {
    const statement = this.#prepared.get(text);
    if (statement === undefined) return;
    this.#prepared.delete(text);
    this.#closing.add(statement.name);
  }

  forgetAll(): void {
    for (const text of [...this.#prepared.keys()]) this.forget(text);
  }

  /** The names of forgotten statements, each once: whoever takes them closes them. */
  takeForgotten(): string[] {
    const names = [...this.#closing];
    this.#closing.clear();
    return names;
  }
}

/** Names a statement by its text, within the 63 bytes of a Postgres name. */
export function nameOf(text: string): string {
  return `wheels_${createHash('sha256').update(text).digest('hex').slice(0, 40)}`;
}

const maxPrepared = 200;
const prepared = new WeakMap<ClientBase, StatementCache>();

/** What the connection has prepared: the 200 used last. */
export function statementsOf(client: ClientBase): StatementCache {
  const known = prepared.get(client);
  if (known) return known;
  const statements = new StatementCache(maxPrepared);
  prepared.set(client, statements);
  return statements;
}
