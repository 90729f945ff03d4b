import { type Compilable, type CompiledQuery, createQueryId, type Kysely } from 'kysely';
import type { DB } from '../types/database.ts';

/** Stands for a value while a query is compiled. */
class Placeholder {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** A query that calculates with a value would be compiled with the result for good. */
  [Symbol.toPrimitive](): never {
    throw new TypeError(`A query that is compiled once takes ${this.name} as it is.`);
  }
}

/**
 * A query that is built and compiled the first time only, once for each set of values that are there: that takes longer
 * than the rest of the way to the server. `build` may ask whether a value is undefined and hand it to the query, no more:
 * what it gets is a placeholder.
 *
 * @example
 * const selectTrips = compiledOnce((db, { user_id, status }: { user_id: string; status?: TripStatus }) => {
 *   const query = db.selectFrom('trips').selectAll().where('user_id', '=', user_id);
 *   return status === undefined ? query : query.where('status', '=', status);
 * });
 * const trips = await selectTrips(db, { user_id, status: 'active' });
 */
export function compiledOnce<Values extends Record<string, unknown>, Row>(
  build: (db: Kysely<DB>, values: Values) => Compilable<Row>,
): (db: Kysely<DB>, values: Values) => Promise<Row[]> {
  const known = new Map<string, CompiledQuery<Row>>();

  function compile(db: Kysely<DB>, names: readonly string[]): CompiledQuery<Row> {
    const placeholders = Object.fromEntries(names.map((name) => [name, new Placeholder(name)]));
    return build(db, placeholders as Values).compile();
  }

  return async (db, values) => {
    const names = Object.keys(values).filter((name) => values[name] !== undefined);
    // A plugin may change the text: what is known is for a Kysely without.
    const isPlain = db.getExecutor().plugins.length === 0;
    const key = names.join();
    const compiled = (isPlain ? known.get(key) : undefined) ?? compile(db, names);
    if (isPlain) known.set(key, compiled);
    const parameters = compiled.parameters.map((value) => (value instanceof Placeholder ? values[value.name] : value));
    const { rows } = await db.executeQuery<Row>({ ...compiled, parameters, queryId: createQueryId() });
    return rows;
  };
}
