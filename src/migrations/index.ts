/**
 * The migrations of this package, for a deploy that has it from a registry: for kysely-ctl, or for a program of one's own.
 *
 * @example
 * // kysely.config.ts, for npx kysely migrate:latest
 * import { defineConfig } from 'kysely-ctl';
 * import { Pool } from 'pg';
 * import { migrationProvider } from '@wheelsandwins/db/migrations';
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 1, lock_timeout: 5000 });
 * export default defineConfig({ dialect: 'pg', dialectConfig: { pool }, migrations: { provider: migrationProvider } });
 * @example
 * import { migrate } from '@wheelsandwins/db/migrations';
 * await migrate(process.env.DATABASE_URL, 'latest');
 */
export { type MigrationTarget, migrate, migrationProvider } from './migrate.ts';
