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
 * what it gets is a placeholder. Only `limit` it gets as it is, for `sql.lit`: there is a query for each.
 *
 * @example
 * const selectTrips = compiledOnce((db, { user_id, status, limit }: { user_id: string; status?: TripStatus; limit: number }) => {
 *   const query = db.selectFrom('trips').selectAll().where('user_id', '=', user_id).limit(sql.lit(limit));
 *   return status === undefined ? query : query.where('status', '=', status);
 * });
 * const trips = await selectTrips(db, { user_id, status: 'active', limit: rowsToRead(20) });
 */
export function compiledOnce<Values extends Record<string, unknown>, Row>(
  build: (db: Kysely<DB>, values: Values) => Compilable<Row>,
): (db: Kysely<DB>, values: Values) => Promise<Row[]> {
  const known = new Map<string, CompiledQuery<Row>>();

  function compile(db: Kysely<DB>, names: readonly string[], limit: unknown): CompiledQuery<Row> {
    const placeholders = names.map((name) => [name, name === 'limit' ? limit : new Placeholder(name)]);
    return build(db, Object.fromEntries(placeholders) as Values).compile();
  }

  return async (db, values) => {
    const names = Object.keys(values).filter((name) => values[name] !== undefined);
    const { limit } = values;
    const key = `${names} ${limit}`;
    let plain = known.get(key);
    if (!plain) {
      plain = compile(db.withoutPlugins(), names, limit);
      known.set(key, plain);
    }
    const queryId = createQueryId();
    // A plugin may refuse the query, as that of a transaction does which is over, or make another one of it.
    const isPlain = db.getExecutor().transformQuery(plain.query, queryId) === plain.query;
    const compiled = isPlain ? plain : compile(db, names, limit);
    const parameters = compiled.parameters.map((value) => (value instanceof Placeholder ? values[value.name] : value));
    const { rows } = await db.executeQuery<Row>({ ...compiled, parameters, queryId });
    return rows;
  };
}
