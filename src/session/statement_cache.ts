import { createHash } from 'node:crypto';

/** The statements that one connection has prepared: the most recently used ones, by their SQL text. */
export class StatementCache {
  readonly #names = new Map<string, string>();
  readonly #closing = new Set<string>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The name of the prepared statement, or undefined if the connection does not have it. */
  find(text: string): string | undefined {
    const name = this.#names.get(text);
    if (name === undefined) return undefined;
    this.#names.delete(text);
    this.#names.set(text, name);
    return name;
  }

  /** Call it once the server has parsed the statement under `nameOf(text)`, and not before: it skips what follows an error. */
  add(text: string): void {
    this.#names.set(text, nameOf(text));
    const [oldest] = this.#names.keys();
    if (oldest !== undefined && this.#names.size > this.#capacity) this.forget(oldest);
  }

  forget(text: string): void {
    const name = this.#names.get(text);
    if (name === undefined) return;
    this.#names.delete(text);
    this.#closing.add(name);
  }

  forgetAll(): void {
    for (const text of [...this.#names.keys()]) this.forget(text);
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
