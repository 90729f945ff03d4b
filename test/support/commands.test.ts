import { expect, inject, test } from 'vitest';
import { cloneDatabase } from '../../src/testing/index.ts';
import { testDatabase } from './database.ts';
import { runScript } from './run_script.ts';

const database = testDatabase();

test('db:reset leaves an empty, migrated database', async () => {
  await database.signUp();
  const url = new URL(database.connectionString);
  expect(await runScript('src/cli/reset.ts', url.href, '--force')).toEqual({
    code: 0,
    stdout: `The database "${url.pathname.slice(1)}" on ${url.hostname} is empty and migrated to the latest migration.\n`,
    stderr: '',
  });
  expect((await database.admin.query('select count(*)::int as count from auth.users')).rows).toEqual([{ count: 0 }]);
});

test('db:seed says what it added', async () => {
  const first = await runScript('src/cli/seed.ts', database.connectionString, '--force');
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toMatch(/^Added: \d+ people, .*\d+ trips, .*\d+ messages.*\.\n$/);
  await database.admin.query('delete from post_likes where ctid in (select ctid from post_likes limit 2)');
  expect(await runScript('src/cli/seed.ts', database.connectionString, '--force')).toEqual({
    code: 0,
    stdout: 'Added: 2 likes.\n',
    stderr: '',
  });
  expect(await runScript('src/cli/seed.ts', database.connectionString, '--force')).toEqual({
    code: 0,
    stdout: 'Everything was there already.\n',
    stderr: '',
  });
});

test.each([
  ['src/cli/reset.ts', /^None of our migrations has run in "wheels_\w+" on \S+, so db:reset leaves it alone: .*\n$/],
  ['src/cli/seed.ts', /^\d+ migrations have not run in "wheels_\w+" on \S+: run npx kysely migrate:latest first\.\n$/],
])('%s leaves a database alone that was never migrated, whatever its tables are called', async (script, line) => {
  const foreign = await cloneDatabase({ connectionString: inject('connectionString') }, 'template0');
  try {
    const { code, stdout, stderr } = await runScript(script, foreign.connectionString, '--force');
    expect(stderr).toMatch(line);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  } finally {
    await foreign.drop();
  }
});

test.each([
  ['src/cli/reset.ts', 'db:reset deletes all data of'],
  ['src/cli/seed.ts', 'db:seed writes invented people into'],
])('%s refuses another machine, also one that hides in a parameter', async (script, deed) => {
  for (const url of ['postgres://a:s3cret@db.example/wheels', 'postgres://a:s3cret@localhost/wheels?host=db.example']) {
    expect(await runScript(script, url)).toEqual({
      code: 1,
      stdout: '',
      stderr: `${deed} "wheels" on db.example, which is not this machine: add --force if you mean it.\n`,
    });
  }
});

test.each(['src/cli/reset.ts', 'src/cli/seed.ts', 'src/cli/generate_types.ts', 'demo/run.ts'])(
  '%s explains itself and refuses what it does not know',
  async (script) => {
    expect(await runScript(script, '', '--help')).toMatchObject({ code: 0, stderr: '' });
    const { code, stdout, stderr } = await runScript(script, '', '--chekc');
    expect(stderr).toMatch(/^Unknown option '--chekc'[^\n]*\n$/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  },
);
