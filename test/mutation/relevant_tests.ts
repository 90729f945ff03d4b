import { globSync, readFileSync } from 'node:fs';
import type { Kind, Mutant } from './mutants.ts';
import type { Target } from './test_lane.ts';

const plans = ['test/schema/plans.test.ts', 'test/schema/community_plans.test.ts'];

/**
 * They compare the catalog, or the text of statements, with a list: any change of the schema fails them, whether it matters
 * or not.
 */
const lists = [
  'test/schema/structure.test.ts',
  'test/security/grants.test.ts',
  'test/security/policies.test.ts',
  'test/security/lint/findings.test.ts',
  'test/repositories/statements.test.ts',
  'test/repositories/compiled_once.test.ts',
];

/** A list too, but for many functions' attributes there is nothing that they do differently. */
const attributes = 'test/security/functions.test.ts';
const takeover = 'test/security/takeover.test.ts';
const matrix = 'test/security/matrix/matrix.test.ts';
const privileges = 'test/security/privileges.test.ts';
/** A list of findings, which is empty: an index that only a foreign key needs is missed by nothing else. */
const lint = { file: 'test/security/lint/findings.test.ts', testNamePattern: /^the schema has nothing/ };

const nearest: Readonly<Record<Kind, string>> = {
  policy: 'test/security/',
  'row level security': 'test/security/',
  grant: 'test/security/',
  function: 'test/security/',
  view: 'test/security/',
  publication: 'test/security/',
  trigger: 'test/schema/',
  constraint: 'test/schema/',
  default: 'test/schema/',
  index: 'test/schema/',
};

type Source = { readonly file: string; readonly words: ReadonlyMap<string, number> };

/** The tests of behaviour that may kill a mutant, the likeliest first. */
export interface RelevantTests {
  /** A few that take a second or two. */
  first(mutant: Mutant): Target[];
  /** All others, for what has survived those. */
  others(mutant: Mutant): Target[];
}

/** @param folder the project's */
export function relevantTests(folder: string): RelevantTests {
  const leftOut = [...plans, ...lists, attributes, matrix];
  const sources = globSync('test/{security,schema,repositories}/**/*.test.ts', { cwd: folder })
    .filter((file) => !leftOut.includes(file))
    .sort()
    .map((file): Source => ({ file, words: countWords(readFileSync(`${folder}/${file}`, 'utf8')) }));

  const few = 2;
  /** Those that do not take long, too: the repositories' may. */
  const nearby = ({ kind }: Mutant) => sources.filter(({ file }) => file.startsWith(nearest[kind]));

  function first(mutant: Mutant): Target[] {
    if (mutant.kind === 'index') return plans.map((file) => ({ file }));
    if (mutant.id.endsWith(': search_path removed')) return [{ file: takeover }];
    return [...cells(mutant), ...likeliest(nearby(mutant), mutant).slice(0, few)];
  }

  function others(mutant: Mutant): Target[] {
    const tried = first(mutant).map(({ file }) => file);
    const named = likeliest(sources, mutant).filter(({ file }) => !tried.includes(file));
    // Only a unique index does more than save time.
    if (mutant.kind === 'index') return mutant.id.startsWith('index unique') ? [lint, ...named] : [lint];
    const unnamed = sources
      .map(({ file }) => ({ file }))
      .filter(({ file }) => !tried.includes(file) && !named.some((one) => one.file === file));
    const ofTheSchema = [...named, { file: matrix, testNamePattern: /plain SQL/ }, ...unnamed].filter(isOfTheSchema);
    const rest = [...ofTheSchema, ...[...named, ...unnamed].filter((target) => !isOfTheSchema(target))];
    if (/: (search_path|security) /.test(mutant.id)) return [{ file: attributes }, ...rest];
    return /_key: dropped$/.test(mutant.id) ? [...rest, ...plans.map((file) => ({ file }))] : rest;
  }

  return { first, others };
}

/** They are quicker, and nearer, than those of the repositories. */
function isOfTheSchema({ file }: Target): boolean {
  return !file.startsWith('test/repositories/');
}

/** The tests that try every piece of a kind, and of these the part about the mutant's table. */
function cells({ kind, id, names }: Mutant): Target[] {
  if (/: not null dropped$|_pkey: dropped/.test(id)) {
    return [{ file: 'test/schema/keys_and_nulls.test.ts', testNamePattern: new RegExp(`\\b${names.at(-1)}: `) }];
  }
  if (/_fkey: /.test(id)) return [{ file: 'test/security/account_deletion.test.ts' }];
  if (!['policy', 'row level security', 'grant', 'function', 'view'].includes(kind)) return [];
  const ofFunctions = kind === 'function' || id.startsWith('grant function');
  if (kind === 'grant' && / granted to (anon|authenticated)$/.test(id)) {
    return [
      { file: privileges, testNamePattern: ofFunctions ? /^a visitor may not call/ : new RegExp(` ${names.at(-1)}$`) },
    ];
  }
  const name = ofFunctions ? `(${['functions', ...names.slice(1)].join('|')})` : (names.at(-1) ?? '');
  const cell = / (private\.|schema )/.test(id) && !ofFunctions ? 'the schema private' : name;
  return [{ file: matrix, testNamePattern: new RegExp(`plain SQL.* ${cell}$`) }];
}

/** The files that use one of the mutant's names, above all the rare ones. */
function likeliest(sources: readonly Source[], { names }: Mutant): Target[] {
  const scored = sources.map(({ file, words }) => {
    let score = 0;
    for (const name of new Set(names)) {
      const count = words.get(name) ?? 0;
      const using = sources.filter((source) => source.words.has(name)).length;
      if (count > 0) score += Math.log(1 + sources.length / using) * (1 + Math.log(count));
    }
    return { file, score };
  });
  return scored
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score)
    .map(({ file }) => ({ file }));
}

function countWords(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [word] of text.matchAll(/\w+/g)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
