import { defineConfig } from 'kysely-ctl';
import { checkedDialect, failingMigrator } from './src/cli/migration_entry.ts';
import { migrationFolder } from './src/migrations/migrate.ts';

export default defineConfig({
  dialect: checkedDialect,
  migrations: { migrator: (db) => failingMigrator(db, migrationFolder) },
});
