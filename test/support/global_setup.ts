import type { TestProject } from 'vitest/node';
import { fail } from '../../src/cli/fail.ts';
import { createTemplateDatabase, dropTemplateDatabase, startPostgres } from '../../src/testing/index.ts';

declare module 'vitest' {
  interface ProvidedContext {
    connectionString: string;
    template: string;
  }
}

/** One server and one migrated template database for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres().catch(fail);
  try {
    const template = await createTemplateDatabase(server);
    project.provide('connectionString', server.connectionString);
    project.provide('template', template);
    return async () => {
      await dropTemplateDatabase(server, template).finally(() => server.stop());
    };
  } catch (error) {
    await server.stop();
    fail(error);
  }
}
