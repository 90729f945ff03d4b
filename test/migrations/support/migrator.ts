import { Kysely, PostgresDialect } from 'kysely';
import { type Migration, type MigrationResultSet, Migrator } from 'kysely/migration';
import pg from 'pg';
import { explainMigrationError, migrationFolder, migratorProps } from '../../../src/migrations/migrate.ts';

/**
 * Runs this package's migrations, and `more` after them, with a Kysely migrator of its own.
 *
 * @returns the server's notices
 * @throws {Error} one line if a migration failed
 * @example
 * await runMigrator(database.connectionString, (migrator) => migrator.migrateDown());
 */
export async function runMigrator(
  connectionString: string,
  action: (migrator: Migrator) => Promise<MigrationResultSet>,
  more: Record<string, Migration> = {},
): Promise<string[]> {
  const notices: string[] = [];
  const pool = new pg.Pool({ connectionString, max: 1 });
  pool.on('connect', (client) => client.on('notice', ({ message = '' }) => notices.push(message)));
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const { provider, ...props } = migratorProps(db, migrationFolder);
    const migrator = new Migrator({
      ...props,
      provider: { getMigrations: async () => ({ ...(await provider.getMigrations()), ...more }) },
    });
    const result = await action(migrator);
    if (result.error) throw new Error(explainMigrationError(result), { cause: result.error });
    return notices;
  } finally {
    await db.destroy();
  }
}
