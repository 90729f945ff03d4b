import { afterAll, beforeAll, inject } from 'vitest';
import { connect, serverVersion } from '../../../src/session/connect.ts';
import { startEmbeddedPostgres } from '../../../src/testing/embedded_postgres.ts';

/**
 * A server for one test file, embedded whatever the run's server is. Roles belong to a server, and on the run's the
 * template database and other test files hold the API roles, so tests that need them missing, or made by somebody else,
 * cannot work there. Its major is that of the run's server, or 18 where no such binaries are at hand.
 */
export function privateServer(): { readonly connectionString: string } {
  let server: Awaited<ReturnType<typeof startEmbeddedPostgres>> | undefined;

  beforeAll(async () => {
    const client = await connect(inject('connectionString'));
    const major = (await serverVersion(client)).split('.')[0] ?? '';
    await client.end();
    server = await startEmbeddedPostgres(['15', '17', '18'].includes(major) ? major : '18');
  });

  afterAll(async () => {
    await server?.stop();
  });

  return {
    get connectionString() {
      if (!server) throw new Error('The server exists in hooks and tests only, not while a file is loaded.');
      return server.connectionString;
    },
  };
}
