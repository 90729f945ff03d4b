import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { questions } from '../../src/inspect/questions.ts';

test('docs/operations.md has every question and every threshold as it is', async () => {
  const text = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [, section = ''] = text.split('\n## Inspect\n');
  const [part = ''] = section.split('\n## ');
  const first = (row: string) => /^\| `([^`]+)`/.exec(row)?.[1];
  const documented = part.split('\n').flatMap((line) => first(line) ?? []);
  const thresholds = questions.flatMap((question) => question.thresholds.map(({ name, max }) => `${name}=${max}`));
  expect(documented).toEqual([...questions.map(({ name }) => name), ...thresholds]);
});
