import { people } from '../../../src/access/access.ts';
import type { Line } from '../../../src/access/grid.ts';

/** Lays a table out as in access.ts. */
export function writeGrid(lines: readonly Line[]): string {
  const labels = Math.max(...lines.map(({ label }) => label.length)) + 2;
  const width = Math.max(...people.map((person) => person.length));
  const line = (label: string, cells: readonly string[]) =>
    `  ${label.padEnd(labels)}${cells.map((word) => `${word.padEnd(width)} `).join('')}`.trimEnd();
  return [
    '',
    line('', people),
    ...lines.map(({ label, cells }) =>
      line(
        label,
        people.map((person) => cells[person]),
      ),
    ),
  ].join('\n');
}
