import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import { Cursor } from '../session/cursor.ts';
import { translateError } from '../session/translate_error.ts';

/** A statement as it was sent, with the plan that Postgres gave for it, or why there is none. */
export type Explained = {
  readonly sql: string;
  readonly parameters: readonly unknown[];
} & ({ readonly plan: unknown } | { readonly unexplained: string });

/**
 * A pool that has each statement explained right before it runs, under the same role and settings and on the same rows:
 * what `analyze` does is undone before the statement itself comes.
 */
export function explainingPool(
  pool: PostgresPool,
  analyze: boolean,
  tell: (statement: Explained) => void,
): PostgresPool {
  return { ...pool, connect: async () => new ExplainingClient(await pool.connect(), analyze, tell) };
}

const isExplained = /^\s*(select|insert|update|delete|merge|with|values)\b/i;

class ExplainingClient implements PostgresPoolClient {
  readonly #client: PostgresPoolClient;
  readonly #explain: string;
  readonly #tell: (statement: Explained) => void;

  constructor(client: PostgresPoolClient, analyze: boolean, tell: (statement: Explained) => void) {
    this.#client = client;
    this.#explain = `explain (format json, buffers, settings${analyze ? ', analyze' : ''})`;
    this.#tell = tell;
  }

  query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    statement: string | PostgresCursor<R>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof statement === 'string') return this.#explainAndRun<R>(statement, parameters);
    const cursor = this.#client.query(statement);
    if (!(statement instanceof Cursor)) return cursor;
    let explained: Promise<void> | undefined;
    return {
      read: async (rows) => {
        explained ??= this.#explained(statement.sql, statement.parameters);
        await explained;
        return await cursor.read(rows);
      },
      close: () => cursor.close(),
    };
  }

  async #explainAndRun<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    if (isExplained.test(sql)) await this.#explained(sql, parameters);
    return await this.#client.query<R>(sql, parameters);
  }

  async #explained(sql: string, parameters: readonly unknown[]): Promise<void> {
    await this.#client.query('savepoint wheels_explain', []);
    try {
      const { rows } = await this.#client.query<{ 'QUERY PLAN': unknown[] }>(`${this.#explain} ${sql}`, parameters);
      this.#tell({ sql, parameters, plan: rows[0]?.['QUERY PLAN'][0] });
    } catch (error) {
      // The statement itself fails the same way, and tells the method.
      this.#tell({ sql, parameters, unexplained: translateError(error).message });
    }
    await this.#client.query('rollback to savepoint wheels_explain', []);
    await this.#client.query('release savepoint wheels_explain', []);
  }

  release(): void {
    this.#client.release();
  }
}
