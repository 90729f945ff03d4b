import fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Kysely, PostgresDialect } from 'kysely';
import {
  FileMigrationProvider,
  type MigrationProvider,
  type MigrationResultSet,
  Migrator,
  type MigratorProps,
  NO_MIGRATIONS,
} from 'kysely/migration';
import pg from 'pg';

/** The folder of this package's migrations. */
export const migrationFolder = fileURLToPath(new URL('../../migrations', import.meta.url));

/** This package's migrations, for kysely-ctl or a `Migrator`. */
export const migrationProvider: MigrationProvider = providerOf(migrationFolder);

function providerOf(folder: string): MigrationProvider {
  return new FileMigrationProvider({ fs, path, migrationFolder: folder });
}

/** What a `Migrator` needs to run the migrations of a folder. */
export function migratorProps(db: MigratorProps['db'], folder: string): MigratorProps {
  return { db, provider: providerOf(folder) };
}

/**
 * Migrates a database to the latest migration, or down to nothing.
 *
 * @throws {Error} one line; all migrations run in one transaction, so nothing was changed
 */
export async function migrate(connectionString: string | undefined, target: 'latest' | 'nothing'): Promise<void> {
  // `pg` would go to whatever listens on this machine.
  if (!connectionString) throw new Error('The connection string is empty: name the database to migrate.');
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString, max: 1 }) }) });
  try {
    const migrator = new Migrator(migratorProps(db, migrationFolder));
    const result = await (target === 'latest' ? migrator.migrateToLatest() : migrator.migrateTo(NO_MIGRATIONS));
    if (result.error) throw new Error(explainMigrationError(result), { cause: result.error });
  } finally {
    await db.destroy();
  }
}

/** How many migrations of this package have run in a database, and how many have not. */
export async function countMigrations(connectionString: string): Promise<{ executed: number; pending: number }> {
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString, max: 1 }) }) });
  try {
    const migrations = await new Migrator(migratorProps(db, migrationFolder)).getMigrations();
    const executed = migrations.filter(({ executedAt }) => executedAt).length;
    return { executed, pending: migrations.length - executed };
  } finally {
    await db.destroy();
  }
}

/** Something to be created exists already: a database, schema, table, column, function, or another object. */
const duplicateCodes = ['42P06', '42P07', '42701', '42723', '42710'];

/** Says in one line why a migration failed and what to do, without values from rows. */
export function explainMigrationError({ error, results }: MigrationResultSet): string {
  const reason = firstLine(error);
  const missing = /previously executed migration (\S+) is missing/.exec(reason)?.[1];
  if (missing) {
    return `The database has run the migration "${missing}", which the migrations folder lacks: migrate with the version of this package that has it. Nothing was changed.`;
  }
  const failed = results?.find((result) => result.status === 'Error')?.migrationName;
  if (!failed) return `Migrating failed: ${reason}. Nothing was changed.`;
  if (error instanceof pg.DatabaseError && duplicateCodes.includes(error.code ?? '')) {
    return `The database is half-migrated: "${failed}" is not listed in kysely_migration, yet ${reason}. Nothing was changed: migrate an empty database, or drop what was made outside of migrations.`;
  }
  if (error instanceof pg.DatabaseError && error.code === '55P03') {
    return `The migration "${failed}" did not get its locks: a transaction holds a table for longer than lock_timeout. Nothing was changed: end it, or run again; DATABASE_URL may say how long to wait, as ?lock_timeout=30000.`;
  }
  return `The migration "${failed}" failed: ${reason}. Nothing was changed: a run is one transaction.`;
}

function firstLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const line = error.message.split('\n')[0] ?? '';
  // Data exceptions quote the value.
  const quotesValues = error instanceof pg.DatabaseError && error.code?.startsWith('22');
  return quotesValues ? line.replace(/".*"/g, '"…"') : line;
}
