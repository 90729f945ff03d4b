import { heading, isNumber, shown } from './cells.ts';
import type { Columns, Row } from './question.ts';

/** Rows under their headings, one a line, each at most `width` characters long. */
export function textTable(columns: Columns, rows: readonly Row[], width = Number.POSITIVE_INFINITY): string {
  const formats = Object.entries(columns);
  const lines = [
    formats.map(([column]) => heading(column)),
    ...rows.map((row) => formats.map(([column, format]) => printable(shown(row[column] ?? null, format)))),
  ];
  const widths = formats.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  const rule = widths.map((length) => '-'.repeat(length));
  return [lines[0] ?? [], rule, ...lines.slice(1)]
    .map((line) =>
      line
        .map((cell, index) => {
          const isRight = isNumber(formats[index]?.[1] ?? 'text');
          return isRight ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0);
        })
        .join('  ')
        .trimEnd(),
    )
    .map((line) => (line.length > width ? `${line.slice(0, width - 1)}…` : line))
    .join('\n');
}

/** A name may hold anything, also what would move a terminal's cursor. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}|\p{Cf}/gu, ' ');
}
