import type { ManifestEntry } from './read_manifest.ts';

/** A paragraph for each object, its lines indented under its name. */
export function toText(manifest: readonly ManifestEntry[]): string {
  return `${manifest.map(({ object, lines }) => [object, ...lines.map(indent)].join('\n')).join('\n\n')}\n`;
}

/** Reads what `toText` wrote. */
export function parseText(text: string): ManifestEntry[] {
  return text
    .trimEnd()
    .split(/\n\n(?! )/)
    .map((paragraph) => {
      const [object = '', ...lines] = paragraph.split('\n');
      return { object, lines: lines.map((line) => line.slice(2)) };
    });
}

function indent(line: string): string {
  return line && `  ${line}`;
}
