export { type PostgresServer, startPostgres } from './start_postgres.ts';
export {
  cloneDatabase,
  createDemoDatabase,
  createTemplateDatabase,
  dropTemplateDatabase,
  type ServerAddress,
  type TestDatabase,
} from './template_database.ts';
