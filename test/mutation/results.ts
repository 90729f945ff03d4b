import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import type { Mutant } from './mutants.ts';

/**
 * What became of a mutant: `failed` means that its SQL did, `equivalent` that it is listed so and the likeliest tests do not
 * contradict.
 */
export type Outcome = 'killed' | 'survived' | 'equivalent' | 'failed';

export type Result = {
  readonly id: string;
  readonly outcome: Outcome;
  /** The test file that killed it, or why its SQL failed. */
  readonly by?: string | undefined;
};

type Line = Omit<Result, 'outcome'> & { readonly outcome: Outcome | 'postponed'; readonly hash: string };

/**
 * The results so far, a line each in a file that the next run goes on with. A kill holds while the migrations, the mutant
 * and the file that killed it are the same; a survival, while the migrations and all tests are.
 */
export interface Results {
  of(mutant: Mutant): Result | undefined;
  /** The test file that killed it when it was last tried, whatever has changed since. */
  killerOf(mutant: Mutant): string | undefined;
  add(mutant: Mutant, result: Omit<Result, 'id'>): Result;
  /** Keeps in mind that the likeliest tests let it live: the others come when all mutants have met those. */
  postpone(mutant: Mutant): void;
  isPostponed(mutant: Mutant): boolean;
}

/**
 * @param file such as `.mutants.jsonl`, made when the first result is there
 * @param folder the project's
 */
export function openResults(file: string, folder: string, { fresh = false } = {}): Results {
  if (fresh) rmSync(file, { force: true });
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  const known = new Map<string, Line>();
  // A run that was killed may have left half a line.
  for (const line of lines.filter((line) => line.endsWith('}')).map((line): Line => JSON.parse(line))) {
    known.set(line.id, line);
  }

  const hashes = new Map<string, string>();
  const hashOf = (pattern: string) => {
    const hash = hashes.get(pattern) ?? hashFiles(pattern, folder);
    hashes.set(pattern, hash);
    return hash;
  };
  const hashFor = ({ sql }: Mutant, { outcome, by }: Pick<Line, 'outcome' | 'by'>) => {
    const tests = outcome === 'killed' && by ? by : 'test/{security,schema,repositories}/**/*.ts';
    return digest([hashOf('migrations/*.ts'), hashOf(tests), sql]);
  };
  const knownOf = (mutant: Mutant) => {
    const line = known.get(mutant.id);
    return line?.hash === (line && hashFor(mutant, line)) ? line : undefined;
  };
  const keep = (mutant: Mutant, result: Pick<Line, 'outcome' | 'by'>) => {
    const line = { id: mutant.id, ...result, hash: hashFor(mutant, result) };
    known.set(mutant.id, line);
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  };

  return {
    of(mutant) {
      const { outcome = 'postponed', by } = knownOf(mutant) ?? {};
      return outcome === 'postponed' ? undefined : { id: mutant.id, outcome, by };
    },
    killerOf(mutant) {
      const line = known.get(mutant.id);
      return line?.outcome === 'killed' ? line.by : undefined;
    },
    add(mutant, result) {
      keep(mutant, result);
      return { id: mutant.id, ...result };
    },
    postpone: (mutant) => keep(mutant, { outcome: 'postponed' }),
    isPostponed: (mutant) => knownOf(mutant)?.outcome === 'postponed',
  };
}

function hashFiles(pattern: string, folder: string): string {
  const files = globSync(pattern, { cwd: folder }).sort();
  return digest(files.flatMap((file) => [file, readFileSync(`${folder}/${file}`, 'utf8')]));
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 16);
}
