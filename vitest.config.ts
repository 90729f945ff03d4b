import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global_setup.ts',
    pool: 'forks',
    maxWorkers: 2,
    // What the tests start again and again, such as the command line, need not be compiled each time.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'wheels-compile-cache') },
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
