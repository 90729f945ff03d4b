import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { testDatabase } from './database.ts';

const database = testDatabase();

async function reset(
  databaseUrl: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = fileURLToPath(new URL('../../src/cli/reset.ts', import.meta.url));
  return await new Promise((resolve) => {
    execFile(
      process.execPath,
      [script, ...args],
      { env: { ...process.env, DATABASE_URL: databaseUrl } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

test('db:reset leaves an empty, migrated database', async () => {
  await database.signUp();
  const url = new URL(database.connectionString);
  expect(await reset(url.href, '--force')).toEqual({
    code: 0,
    stdout: `The database "${url.pathname.slice(1)}" on ${url.hostname} is empty and migrated to the latest migration.\n`,
    stderr: '',
  });
  expect((await database.admin.query('select count(*)::int as count from auth.users')).rows).toEqual([{ count: 0 }]);
});

test('db:reset refuses another machine, also one that hides in a parameter', async () => {
  for (const url of ['postgres://a:s3cret@db.example/wheels', 'postgres://a:s3cret@localhost/wheels?host=db.example']) {
    expect(await reset(url)).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'db:reset deletes all data of "wheels" on db.example, which is not this machine: add --force if you mean it.\n',
    });
  }
});
