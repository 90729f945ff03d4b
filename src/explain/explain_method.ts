import { Kysely, PostgresDialect } from 'kysely';
import { ArgumentError } from '../arguments/argument_error.ts';
import { Cursor } from '../session/cursor.ts';
import { createPool } from '../session/pool.ts';
import { scopedPool } from '../session/scoped_pool.ts';
import type { DB } from '../types/database.ts';
import { type Explained, explainingPool } from './explaining_pool.ts';
import { type Caller, methodsOf, nearest } from './methods.ts';

export type Explanation = {
  readonly statements: readonly Explained[];
  /** What the method threw, after these statements. */
  readonly error: unknown;
};

/**
 * Runs a method as its caller would, in a transaction that is rolled back, and has every statement explained before it
 * runs. Only what no rollback undoes remains: numbers that sequences gave out.
 *
 * @param method such as `trips.list`
 * @param analyze whether each statement is run for its plan too, to measure it
 * @throws {ArgumentError} if the caller's session has no such method; whatever the method throws before it sends a
 *   statement.
 * @example
 * const { statements } = await explainMethod(connectionString, callerOf(userId), 'trips.list', [{ limit: 20 }], false);
 */
export async function explainMethod(
  connectionString: string,
  caller: Caller,
  method: string,
  inputs: readonly unknown[],
  analyze: boolean,
): Promise<Explanation> {
  const statements: Explained[] = [];
  const pool = createPool({ connectionString, max: 1 });
  const kysely = new Kysely<DB>({
    dialect: new PostgresDialect({
      pool: explainingPool(scopedPool(pool, caller.context), analyze, (statement) => statements.push(statement)),
      cursor: Cursor,
    }),
  });
  try {
    const transaction = await kysely.startTransaction().execute();
    try {
      const methods = methodsOf(caller.repositories(transaction));
      const call = methods.get(method);
      if (!call) throw unknownMethod(method, methods.keys());
      await exhaust(call(...inputs));
      return { statements, error: undefined };
    } catch (error) {
      if (statements.length === 0) throw error;
      return { statements, error };
    } finally {
      await transaction.rollback().execute();
    }
  } finally {
    await pool.close(0);
  }
}

function unknownMethod(method: string, names: Iterable<string>): ArgumentError {
  return new ArgumentError(
    `There is no method "${method}" for this caller; near it: ${nearest(method, names).join(', ')}.`,
  );
}

/** Some methods give row after row. */
async function exhaust(result: unknown): Promise<void> {
  const value = await result;
  if (typeof value !== 'object' || value === null || !(Symbol.asyncIterator in value)) return;
  for await (const _ of value as AsyncIterable<unknown>);
}
