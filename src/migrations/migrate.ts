import fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Kysely, PostgresDialect } from 'kysely';
import {
  FileMigrationProvider,
  type Migration,
  type MigrationProvider,
  type MigrationResultSet,
  Migrator,
  type MigratorProps,
  NO_MIGRATIONS,
} from 'kysely/migration';
import pg from 'pg';
import { isLackOfRight, lackingRight } from '../session/lacking_right.ts';
import { ConfigurationError } from '../types/errors.ts';
import { remembered } from './remembered.ts';

/** The folder of this package's migrations. */
export const migrationFolder = fileURLToPath(new URL('../../migrations', import.meta.url));

/** Who waits for a lock on a table has everybody wait who comes after. */
export const lockTimeoutMillis = 5_000;

/** This package's migrations, for kysely-ctl or a `Migrator`. */
export const migrationProvider: MigrationProvider = providerOf(migrationFolder);

/** The migrations of a folder by their names, in the order in which they run. */
export async function migrationsOf(folder = migrationFolder): Promise<Record<string, Migration>> {
  const files = new FileMigrationProvider({ fs, path, migrationFolder: folder });
  const migrations = Object.entries(await files.getMigrations());
  return Object.fromEntries(migrations.sort(([one], [other]) => (one < other ? -1 : 1)));
}

function providerOf(folder: string): MigrationProvider {
  return {
    async getMigrations() {
      const migrations = Object.entries(await migrationsOf(folder));
      return Object.fromEntries(migrations.map(([name, migration]) => [name, remembered(name, migration)]));
    },
  };
}

/** What a `Migrator` needs to run the migrations of a folder. */
export function migratorProps(db: MigratorProps['db'], folder: string): MigratorProps {
  return { db, provider: providerOf(folder) };
}

const migrationTargets = ['latest', 'previous', 'nothing'] as const;

/** The latest migration, or the one before the last that ran, or none of them: all tables and their rows are dropped. */
export type MigrationTarget = (typeof migrationTargets)[number];

/**
 * Migrates a database to the latest migration, or down to nothing, or takes the last migration back.
 *
 * @returns the names of the migrations that ran, in their order
 * @throws {ConfigurationError} if there is no connection string or no such target; `PermissionError` if the role lacks a
 *   right, which it names; `Error` with one line if something else is wrong. All migrations run in one transaction, so
 *   nothing was changed.
 * @example
 * import { migrate } from '@wheelsandwins/db/migrations';
 * await migrate(process.env.DATABASE_URL, 'latest'); // ['0001_foundations', …], and [] the second time
 */
export async function migrate(connectionString: string | undefined, target: MigrationTarget): Promise<string[]> {
  // `pg` would go to whatever listens on this machine.
  if (!connectionString) throw new ConfigurationError('The connection string is empty: name the database to migrate.');
  if (!migrationTargets.includes(target)) {
    throw new ConfigurationError(
      `The target of a migration is one of ${migrationTargets.join(', ')}. Nothing was changed.`,
    );
  }
  const pool = new pg.Pool({ lock_timeout: lockTimeoutMillis, connectionString, max: 1 });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const result = await migrateTo(target, new Migrator(migratorProps(db, migrationFolder)));
    if (isLackOfRight(result.error)) throw lackingRight(new pg.Client({ connectionString }).user, result.error.message);
    if (result.error) throw new Error(explainMigrationError(result), { cause: result.error });
    return (result.results ?? []).map(({ migrationName }) => migrationName);
  } finally {
    await db.destroy();
  }
}

async function migrateTo(target: MigrationTarget, migrator: Migrator): Promise<MigrationResultSet> {
  if (target === 'latest') return await migrator.migrateToLatest();
  if (target === 'previous') return await migrator.migrateDown();
  return await migrator.migrateTo(NO_MIGRATIONS);
}

/** Something to be created exists already: a database, schema, table, column, function, or another object. */
const duplicateCodes = ['42P06', '42P07', '42701', '42723', '42710'];

/** What is to be dropped is not there, or something depends on it: an object that no migration made. */
const byHandCodes = /^(?:2BP01|3F000|42704|42703|42883|42P01)$/;

/** Says in one line why a migration failed and what to do, without values from rows. */
export function explainMigrationError({ error, results }: MigrationResultSet): string {
  const reason = firstLine(error);
  const missing = /previously executed migration (\S+) is missing/.exec(reason)?.[1];
  if (missing) {
    return `The database has run the migration "${missing}", which the migrations folder lacks: migrate with the version of this package that has it. Nothing was changed.`;
  }
  if (isLackOfRight(error)) return `${lackingRight(undefined, reason).message} Nothing was changed.`;
  const { migrationName: failed, direction } = results?.find((result) => result.status === 'Error') ?? {};
  if (!failed) return `Migrating failed: ${reason}. Nothing was changed.`;
  if (error instanceof pg.DatabaseError && duplicateCodes.includes(error.code ?? '')) {
    return `The database is half-migrated: "${failed}" is not listed in kysely_migration, yet ${reason}. Nothing was changed: migrate an empty database, or drop what was made outside of migrations.`;
  }
  if (error instanceof pg.DatabaseError && error.code === '55P03') {
    return `The migration "${failed}" did not get its locks: a transaction holds a table for longer than lock_timeout. Nothing was changed: end it, or run again; the connection string may say how long to wait, as ?lock_timeout=30000.`;
  }
  if (direction === 'Down' && error instanceof pg.DatabaseError && byHandCodes.test(error.code ?? '')) {
    const obstacle = error.code === '2BP01' ? (error.detail ?? reason).replaceAll('\n', ', ') : reason;
    return `The migration "${failed}" cannot be taken back, because the schema was edited by hand: ${obstacle}. Nothing was changed: wheels-db drift lists what was edited; drop what was added, make again what is missing, or restore a backup into a new database.`;
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
