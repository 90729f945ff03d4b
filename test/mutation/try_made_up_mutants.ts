// Runs one test file against mutants that are made up, on the template named by the argument, and prints the report.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { killMutants } from './kill_mutants.ts';
import type { Mutant } from './mutants.ts';
import { exitCodeOf, reportOf } from './report.ts';
import { openResults, type Result } from './results.ts';

const [template = '', ...wanted] = process.argv.slice(2);
const sql = {
  killed: 'drop table budgets cascade',
  survived: `comment on table budgets is 'What may be spent.'`,
  equivalent: `comment on table trips is 'Plans.'`,
  failed: 'drop table no_such_table',
};
const mutants = Object.entries(sql)
  .filter(([id]) => wanted.includes(id))
  .map(([id, sql]): Mutant => ({ id, kind: 'constraint', names: [], sql }));
const targets = () => [{ file: 'test/schema/budgets.test.ts' }];

const folder = mkdtempSync(join(tmpdir(), 'wheels_mutants_'));
const ended = new Map<Mutant, Result>();
try {
  await killMutants({
    server: { connectionString: process.env.DATABASE_URL ?? '' },
    template,
    mutants,
    tests: { first: targets, others: targets },
    results: openResults(join(folder, 'results.jsonl'), fileURLToPath(new URL('../..', import.meta.url))),
    isEquivalent: ({ id }) => id === 'equivalent',
    onUnfit: (file) => console.error(file),
    onResult: (mutant, result) => ended.set(mutant, result),
    signal: new AbortController().signal,
  });
} finally {
  rmSync(folder, { recursive: true });
}
const report = reportOf(mutants, ended, { stale: [], unfit: [] }, 0);
console.log(JSON.stringify(report));
process.exit(exitCodeOf(report));
