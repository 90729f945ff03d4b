import type { TestProject } from 'vitest/node';
import { fail } from '../../src/cli/fail.ts';
import { globalSetup, globalTeardown, serverOfTheRun } from '../../src/testing/global_setup.ts';

declare module 'vitest' {
  interface ProvidedContext {
    connectionString: string;
    template: string;
  }
}

/** One server and one migrated template database for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await globalSetup().catch(fail);
  const run = serverOfTheRun();
  if (run) {
    project.provide('connectionString', run.server.connectionString);
    project.provide('template', run.template);
  }
  return globalTeardown;
}
