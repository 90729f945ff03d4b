import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Mutant } from './mutants.ts';
import { openResults } from './results.ts';

const mutant: Mutant = { id: 'trips', kind: 'constraint', names: ['trips'], sql: 'drop table trips' };
let folder: string;
const open = () => openResults(join(folder, 'results.jsonl'), folder);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wheels_results_'));
  for (const inside of ['migrations', 'test/security']) await mkdir(join(folder, inside), { recursive: true });
  await writeFile(join(folder, 'test/security/trips.test.ts'), 'as it was');
});
afterEach(() => rm(folder, { recursive: true }));

test('a mutant that was postponed is so in the next run too, and has no result', () => {
  expect(open().isPostponed(mutant)).toBe(false);
  open().postpone(mutant);
  expect(open().isPostponed(mutant)).toBe(true);
  expect(open().of(mutant)).toBeUndefined();
});

test('it has met its likeliest tests no longer when a test is another', async () => {
  open().postpone(mutant);
  await writeFile(join(folder, 'test/security/trips.test.ts'), 'as it is');
  expect(open().isPostponed(mutant)).toBe(false);
});

test('what came of it in the end is what counts', () => {
  open().postpone(mutant);
  open().add(mutant, { outcome: 'survived' });
  expect(open().isPostponed(mutant)).toBe(false);
  expect(open().of(mutant)).toEqual({ id: 'trips', outcome: 'survived' });
});
