import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import GithubSlugger from 'github-slugger';
import { expect, test } from 'vitest';
import { pages, proseOf, root, textOf } from './pages.ts';

type Link = { page: string; line: number; target: string };

function linksOf(page: string, prose: string): Link[] {
  return prose
    .split('\n')
    .flatMap((text, index) =>
      [...text.matchAll(/\]\(<?([^)>\s]+)>?\)/g)].map(([, target = '']) => ({ page, line: index + 1, target })),
    );
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): Set<string> {
  const slugger = new GithubSlugger();
  const headings = [...proseOf(page).matchAll(/^#{1,6} (.+)$/gm)];
  return new Set(headings.map(([, heading = '']) => slugger.slug(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1'))));
}

/** Why a link leads nowhere, if it does not lead out of the repository. */
function brokenness({ page, line, target }: Link): string[] {
  if (/^https?:/.test(target)) return [];
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(root, file))) return [`${page}:${line}: ${target} is not there`];
  if (anchor === undefined || anchorsOf(file).has(anchor)) return [];
  return [`${page}:${line}: ${file} has no #${anchor}`];
}

const links = pages.flatMap((page) => linksOf(page, proseOf(page)));

test('every link between pages leads somewhere', () => {
  expect(links.flatMap(brokenness)).toEqual([]);
});

test('a link to a page or a heading that is not there is found', () => {
  const [missing, nowhere, fine] = linksOf(
    'README.md',
    '[a](docs/nothing.md)\n[b](docs/sessions.md#nothing) [c](docs/sessions.md#limits)',
  );
  expect([missing, nowhere, fine].flatMap((link) => (link ? brokenness(link) : []))).toEqual([
    'README.md:1: docs/nothing.md is not there',
    'README.md:2: docs/sessions.md has no #nothing',
  ]);
});

test('every page is reached from the README', () => {
  const reached = new Set(['README.md']);
  for (const page of reached) {
    for (const { target } of links.filter((link) => link.page === page)) {
      const file = normalize(join(dirname(page), target.split('#')[0] ?? ''));
      if (pages.includes(file)) reached.add(file);
    }
  }
  expect(pages.filter((page) => !reached.has(page))).toEqual([]);
});

test('every file that a page names is there', () => {
  const named = pages.flatMap((page) =>
    [...textOf(page).matchAll(/`((?:src|docs|test|migrations|bench|demo|examples)\/[\w./-]+)`/g)].map(
      ([, file = '']) => ({ page, file }),
    ),
  );
  const isThere = (page: string, file: string) =>
    [root, join(root, dirname(page))].some((folder) => existsSync(join(folder, file)));
  expect(named.filter(({ page, file }) => !isThere(page, file))).toEqual([]);
  expect(named.length).toBeGreaterThan(5);
});

test('the pages have no line of a language that nobody checks', () => {
  const languages = pages.flatMap((page) =>
    [...textOf(page).matchAll(/^ *```(\w+)/gm)].map(([, language]) => language),
  );
  expect([...new Set(languages)].sort()).toEqual(['js', 'mermaid', 'sh', 'sql', 'text', 'ts', 'typescript', 'yaml']);
});

// Of packages that are not ours, hence not checked further.
test('JavaScript is for browsers only', () => {
  const withJavaScript = pages.filter((page) => /^ *```js$/m.test(readFileSync(join(root, page), 'utf8')));
  expect(withJavaScript).toEqual(['docs/changes.md']);
});
