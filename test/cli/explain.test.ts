import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { runScript } from '../support/run_script.ts';

const file = testDatabase();
let alice: string;
beforeAll(async () => {
  alice = await file.signUp();
});

const explain = (...args: string[]) => runScript('src/cli/wheels_db.ts', file.connectionString, 'explain', ...args);

describe('wheels-db explain', () => {
  test('prints statement and plan, without values', async () => {
    const { code, stdout, stderr } = await explain('trips.search', '--as', alice, '--arguments', '["secret-value"]');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^-- Statement 1\n(select|with)[\s\S]*\$1[\s\S]*\n\n-> \w+/);
    expect(stdout).not.toMatch(/secret-value|actual time/);
    expect(stdout).not.toContain(alice);
  });

  test('measures a write that leaves nothing behind', async () => {
    const inputs = ['--arguments', '[{"amount":"42.50","category":"secret-value"}]'];
    const { code, stdout } = await explain('expenses.create', '--as', alice, '--analyze', ...inputs);
    expect(code).toBe(0);
    expect(stdout).toMatch(/-> Insert on expenses {2}\(cost=\S+ rows=\d+\) \(actual time=\S+ rows=1(\.00)? loops=1\)/);
    expect(stdout).toMatch(/^Trigger count_trip_expenses_on_insert: time=[\d.]+ calls=1$/m);
    expect(stdout).not.toContain('secret-value');
    expect((await file.admin.query('select from expenses')).rowCount).toBe(0);
  });

  test('prints JSON', async () => {
    const { code, stdout } = await explain('posts.feed', '--as', 'anon', '--json', '--analyze');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      method: 'posts.feed',
      statements: [
        {
          sql: expect.stringMatching(/^select/),
          plan: expect.objectContaining({ Plan: expect.objectContaining({ 'Node Type': 'Limit', 'Actual Rows': 0 }) }),
        },
      ],
    });
  });

  test('prints the plan of a method that then fails, and says why', async () => {
    const inputs = ['--arguments', '["3f0c8f0e-8a52-4c63-9d0e-6f1f7e1d2a10"]'];
    const { code, stdout, stderr } = await explain('trips.get', '--as', alice, ...inputs);
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'No such trip.\n' });
    expect(stdout).toMatch(/\n\n-> /);
  });

  test.each([
    [['trips.list'], /required option '--as <caller>' not specified/],
    [['--as', 'anon'], /missing required argument 'repository\.method'/],
    [['trips.list', '--as', 'alice'], /It must be a user's id \(a uuid\), anon, service, or service:<user id>/],
    [['posts.fed', '--as', 'anon'], /^There is no method "posts\.fed" for this caller; near it: posts\.feed, .*\n$/],
    [['trips.list', '--as', 'service:alice'], /It must be a user's id/],
    [['trips.list', '--as', 'anon', '--arguments', '{}'], /--arguments must be a JSON array, such as/],
    [['trips.list', '--as', 'anon', '--arguments', 'SECRET{'], /--arguments must be a JSON array, such as/],
  ])('ends with 2 for %j', async (args, message) => {
    const { code, stdout, stderr } = await explain(...args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('SECRET');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});
