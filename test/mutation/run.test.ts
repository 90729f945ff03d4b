import { describe, expect, inject, test } from 'vitest';
import { runScript } from '../support/run_script.ts';

const madeUp = (...ids: string[]) =>
  runScript('test/mutation/try_made_up_mutants.ts', inject('connectionString'), inject('template'), ...ids);

describe('the run', () => {
  test('tells a mutant that no test notices, and fails', async () => {
    const { code, stdout } = await madeUp('killed', 'survived', 'equivalent', 'failed');
    expect(JSON.parse(stdout)).toMatchObject({
      kinds: [{ kind: 'constraint', total: 4, killed: 1, survived: 1, equivalent: 1, failed: 1 }],
      survived: ['survived'],
      failed: ['failed: table "no_such_table" does not exist'],
    });
    expect(code).toBe(1);
  });

  test('ends well when a test has noticed every mutant', async () => {
    const { code, stdout } = await madeUp('killed', 'equivalent');
    expect(JSON.parse(stdout)).toMatchObject({ survived: [], failed: [] });
    expect(code).toBe(0);
  });
});

describe('npm run mutants', () => {
  test.each([
    [['--kind', 'nonsense'], 'There is no kind "nonsense": it is one of policy, '],
    [['--sample', 'some'], '--sample is "some": it is a number of mutants, such as 12.'],
    [['--nonsense'], "Unknown option '--nonsense'"],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await runScript('test/mutation/run.ts', inject('connectionString'), ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
