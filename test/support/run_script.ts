import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Runs a script of the project, such as `src/cli/wheels_db.ts`, on a database, and reports its end. */
export async function runScript(
  script: string,
  databaseUrl: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const path = fileURLToPath(new URL(`../../${script}`, import.meta.url));
  const env = { ...process.env, TEST_POSTGRES: undefined, DATABASE_URL: databaseUrl };
  return await new Promise((resolve) => {
    execFile(process.execPath, [path, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}
