import { type Kysely, PostgresDialect } from 'kysely';
import { type MigrationInfo, type MigrationResultSet, Migrator } from 'kysely/migration';
import pg from 'pg';
import { explainMigrationError, lockTimeoutMillis, migratorProps } from '../migrations/migrate.ts';
import { connect } from '../session/connect.ts';
import { findConnectionString } from './connection_string.ts';
import { fail } from './fail.ts';

/**
 * The dialect for kysely-ctl, on the database of `findConnectionString`, once the server has answered and is new enough.
 * kysely-ctl prints errors with their stack; this ends the process with one line instead. A migration waits 5 s for a lock,
 * or as long as `lock_timeout` in the connection string says, in milliseconds; a second deploy waits for the first to end.
 */
export async function checkedDialect(): Promise<PostgresDialect> {
  const connectionString = await findConnectionString().catch(fail);
  const client = await connect(connectionString).catch(fail);
  await client.end();
  const pool = new pg.Pool({ lock_timeout: lockTimeoutMillis, connectionString, max: 1 });
  // A lost connection then fails the query that runs, which is reported, rather than the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return new PostgresDialect({ pool });
}

/** The migrator for kysely-ctl. It ends the process with one line when a migration fails. */
export function failingMigrator(db: Kysely<unknown>, folder: string): Migrator {
  return new FailingMigrator(migratorProps(db, folder));
}

class FailingMigrator extends Migrator {
  override async getMigrations(): Promise<readonly MigrationInfo[]> {
    return await super.getMigrations().catch((error) => fail(explainMigrationError({ error })));
  }

  override async migrateToLatest(...options: Parameters<Migrator['migrateToLatest']>): Promise<MigrationResultSet> {
    return succeeded(await super.migrateToLatest(...options));
  }

  override async migrateTo(...target: Parameters<Migrator['migrateTo']>): Promise<MigrationResultSet> {
    return succeeded(await super.migrateTo(...target));
  }

  override async migrateUp(...options: Parameters<Migrator['migrateUp']>): Promise<MigrationResultSet> {
    return succeeded(await super.migrateUp(...options));
  }

  override async migrateDown(...options: Parameters<Migrator['migrateDown']>): Promise<MigrationResultSet> {
    return succeeded(await super.migrateDown(...options));
  }
}

function succeeded(result: MigrationResultSet): MigrationResultSet {
  return result.error ? fail(explainMigrationError(result)) : result;
}
