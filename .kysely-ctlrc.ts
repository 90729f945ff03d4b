import { defineConfig } from 'kysely-ctl';
import { checkedDialect, failingMigrator } from './src/cli/migration_entry.ts';
import { migrationFolder } from './src/testing/migrate.ts';

export default defineConfig({
  dialect: checkedDialect,
  migrations: { migrator: (db) => failingMigrator(db, migrationFolder) },
});
