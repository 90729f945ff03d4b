import { createVitest } from 'vitest/node';

/** Tests of one file, all of them or those whose full name matches. */
export type Target = { readonly file: string; readonly testNamePattern?: RegExp };

/** A Vitest that stays, so that a mutant costs its tests' time and no start. */
export interface TestLane {
  /** Runs the tests on clones of a template database, up to the first that fails. */
  run(template: string, target: Target): Promise<'passed' | 'failed'>;
  /** Ends what runs, which then counts for nothing. */
  cancel(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a Vitest that runs one file at a time on the server that is given, in place of one of its own.
 *
 * @param connectionString leads to the server on which the templates are
 */
export async function openTestLane(connectionString: string): Promise<TestLane> {
  const vitest = await createVitest({
    watch: false,
    bail: 1,
    globalSetup: [],
    maxWorkers: 1,
    fileParallelism: false,
    update: 'none',
    reporters: [{}],
  });
  await vitest.standalone();
  vitest.provide('connectionString', connectionString);
  const project = vitest.getRootProject();
  return {
    async run(template, { file, testNamePattern }) {
      vitest.provide('template', template);
      const specification = project.createSpecification(`${project.config.root}/${file}`, { testNamePattern });
      const { testModules, unhandledErrors } = await vitest.runTestSpecifications([specification]);
      const ended = testModules.find(({ moduleId }) => moduleId === specification.moduleId);
      if (!ended) throw new Error(`${file} was not run.`);
      return ended.ok() && unhandledErrors.length === 0 ? 'passed' : 'failed';
    },
    cancel: () => vitest.cancelCurrentRun('test-failure'),
    close: () => vitest.close(),
  };
}
