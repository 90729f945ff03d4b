import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import type { DB } from '../../src/types.ts';

/**
 * The first statement that a method of a repository sends, and its values, without a server.
 *
 * @example
 * const [text, values] = await sentStatement((db) => new PamRepository(db, alice).list({ status: 'active' }));
 */
export async function sentStatement(
  call: (db: Kysely<DB>) => Promise<unknown>,
): Promise<[text: string, values: unknown[]]> {
  const sent: [string, unknown[]][] = [];
  const db = new Kysely<DB>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    log: ({ query }) => void sent.push([query.sql, [...query.parameters]]),
  });
  // There are no rows, which a method may take for an error.
  const error = await call(db).catch((reason: unknown) => reason);
  const [first] = sent;
  if (!first) throw new Error('The method sends nothing.', { cause: error });
  return first;
}
