import { type PostgresServer, startPostgres } from './start_postgres.ts';
import { createTemplateDatabase, dropTemplateDatabase, type ServerAddress } from './template_database.ts';

const names = { connectionString: 'WHEELS_TEST_SERVER', template: 'WHEELS_TEST_TEMPLATE' };

let started: { server: PostgresServer; template: string } | undefined;

/**
 * Starts one server with one migrated template database, from which `createTestDatabase` then makes copies in all
 * processes of a run. It is the server of `DATABASE_URL`, whose own database is not touched, else a Docker container, else
 * an embedded server; one line on standard output says which.
 *
 * @throws {ConfigurationError} if there is none of them: which package to install
 * @example
 * import { defineConfig } from 'vitest/config';
 * export default defineConfig({ test: { globalSetup: '@wheelsandwins/db/testing' } }); // vitest.config.ts
 */
export async function globalSetup(): Promise<void> {
  // Several projects of one run may ask for it.
  if (serverOfTheRun()) return;
  const server = await startPostgres();
  try {
    const template = await createTemplateDatabase(server);
    started = { server, template };
    process.env[names.connectionString] = server.connectionString;
    process.env[names.template] = template;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Takes away what `globalSetup` made, and every copy that is left. */
export async function globalTeardown(): Promise<void> {
  if (!started) return;
  const { server, template } = started;
  started = undefined;
  for (const name of Object.values(names)) delete process.env[name];
  await dropTemplateDatabase(server, template).finally(() => server.stop());
}

/** What `globalSetup` has told this process and those that it starts. */
export function serverOfTheRun(): { server: ServerAddress; template: string } | undefined {
  const { [names.connectionString]: connectionString, [names.template]: template } = process.env;
  return connectionString && template ? { server: { connectionString }, template } : undefined;
}
