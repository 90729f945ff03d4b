import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** What `kysely-codegen` said; `tables` is how many it found, of which it says nothing when it only compares. */
export type Generated = {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tables: number | undefined;
};

/**
 * Runs the `kysely-codegen` of a project on a database.
 *
 * @throws {Error} one line if the project has none
 */
export function runCodegen(project: string, connectionString: string, flags: readonly string[]): Generated {
  const { status, stdout, stderr } = spawnSync(process.execPath, [programOf(project), ...flags], {
    cwd: project,
    env: { ...process.env, DATABASE_URL: connectionString },
    encoding: 'utf8',
  });
  const tables = / (\d+) tables?\b/.exec(stdout)?.[1];
  return { status, stdout, stderr, tables: tables === undefined ? undefined : Number(tables) };
}

function programOf(project: string): string {
  try {
    const main = createRequire(join(project, 'package.json')).resolve('kysely-codegen');
    return join(dirname(main), 'cli', 'bin.js');
  } catch {
    throw new Error(`${project} has no kysely-codegen: npm install --save-dev kysely-codegen typescript@6.`);
  }
}
