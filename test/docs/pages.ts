import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A fenced block of a page. `place` is its first line, as an editor finds it: `docs/sessions.md:11`. */
export type Block = { page: string; place: string; language: string; code: string };

export const root = fileURLToPath(new URL('../..', import.meta.url));

const { exports: built }: { exports: Record<string, string | { default: string }> } = JSON.parse(
  readFileSync(`${root}/package.json`, 'utf8'),
);

/** What users import, and the file in `src` that it is built from. */
export const entries: ReadonlyMap<string, string> = new Map(
  Object.entries(built).flatMap(([entry, target]) =>
    typeof target === 'string'
      ? []
      : [
          [
            entry.replace(/^\./, '@wheelsandwins/db'),
            root + target.default.replace('./dist/', '').replace('.js', '.ts'),
          ],
        ],
  ),
);

/** Every page of the documentation, by its path in the repository. */
export const pages = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], {
  cwd: root,
  exclude: ['**/node_modules/**'],
}).sort();

export function textOf(page: string): string {
  return readFileSync(`${root}/${page}`, 'utf8');
}

/** The blocks of all pages in these languages, those in lists too. */
export function blocks(...languages: string[]): Block[] {
  return pages.flatMap((page) => blocksOf(page, textOf(page))).filter(({ language }) => languages.includes(language));
}

/** @throws {Error} if a fence is never closed. */
export function blocksOf(page: string, text: string): Block[] {
  const found: Block[] = [];
  let open: { indent: string; block: Block } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, indent = '', language = ''] = /^( *)```(\w*)\s*$/.exec(line) ?? [];
    if (!/^ *```/.test(line)) {
      if (open) open.block.code += `${line.startsWith(open.indent) ? line.slice(open.indent.length) : line}\n`;
    } else if (open) {
      found.push(open.block);
      open = undefined;
    } else open = { indent, block: { page, place: `${page}:${index + 2}`, language, code: '' } };
  }
  if (open) throw new Error(`${open.block.place}: the block never ends.`);
  return found;
}

/** The page without its blocks, whose lines stay empty. */
export function proseOf(page: string): string {
  let isOpen = false;
  return textOf(page)
    .split('\n')
    .map((line) => {
      const isFence = /^ *```/.test(line);
      if (isFence) isOpen = !isOpen;
      return isFence || isOpen ? '' : line;
    })
    .join('\n');
}
