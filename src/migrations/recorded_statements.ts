import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';

/**
 * The statements that a migration sends, each with a semicolon, found by running it on no server. What it decides, it must
 * decide in SQL, in a `do` block.
 *
 * @throws {Error} if it reads an answer of the database, or sends values beside the SQL
 */
export async function recordedStatements(run: (db: Kysely<unknown>) => Promise<void>): Promise<string[]> {
  const driver = new RecordingDriver();
  const db = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => driver,
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  await run(db);
  // To the letter, for the text of a function is part of the schema.
  return driver.statements.map((text) => `${text.trim().replace(/;$/, '')};`);
}

class RecordingDriver implements Driver {
  readonly statements: string[] = [];

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return {
      executeQuery: async <Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> => {
        if (parameters.length > 0) {
          throw new Error('A migration sends values beside its SQL, and cannot be rendered: write them with sql.lit.');
        }
        this.statements.push(sql);
        return unanswered();
      },
      async *streamQuery() {
        yield unanswered();
      },
    };
  }

  async beginTransaction(): Promise<void> {}
  async commitTransaction(): Promise<void> {}
  async rollbackTransaction(): Promise<void> {}
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}
}

function unanswered<Row>(): QueryResult<Row> {
  return {
    get rows(): Row[] {
      throw new Error('A migration reads from the database, and cannot be rendered: decide in a do block.');
    },
  };
}
