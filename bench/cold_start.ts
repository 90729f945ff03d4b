import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { People } from './fixture.ts';
import { quantile } from './statistics.ts';

/** What a process reports of its start: milliseconds, and bytes of memory. */
export type Started = { readonly importMillis: number; readonly firstRowMillis: number; readonly rss: number };

/** The start of a contender: medians. `totalMillis` is from the start of the process to the first row. */
export type ColdStart = Started & {
  readonly contender: string;
  readonly bundleBytes: number;
  readonly totalMillis: number;
  readonly totalQuartiles: readonly [number, number];
};

const entries = [
  ['pg, prepared, unscoped', 'contenders/pg_unscoped.ts', 'floor'],
  ['this package', 'contenders/wheels.ts', 'wheels'],
  ['pg, prepared, RLS by hand', 'contenders/pg_scoped_by_hand.ts', 'pgScopedByHand'],
  ['Kysely, RLS by hand', 'contenders/kysely_by_hand.ts', 'kyselyByHand'],
  ['postgres.js, RLS by hand', 'peers/postgres_js.ts', 'contender'],
  ['Drizzle, its RLS helper', 'peers/drizzle.ts', 'contender'],
  ['Prisma, its RLS extension', 'peers/prisma.ts', 'contender'],
  ['Knex, RLS by hand', 'peers/knex.ts', 'contender'],
  ['TypeORM, RLS by hand', 'peers/typeorm.ts', 'contender'],
] as const;

type Run = Started & { readonly total: number };
type Bundled = { contender: string; file: string; bundleBytes: number; runs: Run[] };

type Bundle = (entry: string, outfile: string) => Promise<number>;

/** Starts a process for each contender in turns, `rounds` times, from a bundle that is made of it. */
export async function measureColdStarts(
  connectionString: string,
  { reader }: People,
  rounds: number,
  signal: AbortSignal,
): Promise<ColdStart[]> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  try {
    const { bundle }: { bundle: Bundle } = await import(new URL('peers/bundle.ts', import.meta.url).href);
    const here = fileURLToPath(new URL('.', import.meta.url));
    const bundled: Bundled[] = [];
    for (const [index, [contender, path, name]] of entries.entries()) {
      const [entry, file] = [join(here, `.entry_${index}.ts`), join(folder, `${index}.mjs`)];
      try {
        await writeFile(entry, `export { ${name} as contender } from './${path}';\n`);
        bundled.push({
          contender,
          file,
          bundleBytes: await bundle(entry, file),
          runs: [] as (Started & { total: number })[],
        });
      } finally {
        await rm(entry, { force: true });
      }
    }
    for (let round = -1; round < rounds; round++) {
      for (const { file, runs } of bundled) {
        signal.throwIfAborted();
        const run = await startOnce([file, connectionString, reader.id, reader.newest]);
        if (round >= 0) runs.push(run);
      }
      bundled.reverse();
    }
    return entries.flatMap(([name]) =>
      bundled
        .filter(({ contender }) => contender === name)
        .map(({ contender, bundleBytes, runs }) => {
          const median = (of: (run: Run) => number) => quantile(runs.map(of), 0.5);
          const totals = runs.map(({ total }) => total);
          return {
            contender,
            bundleBytes,
            importMillis: median((run) => run.importMillis),
            firstRowMillis: median((run) => run.firstRowMillis),
            rss: median((run) => run.rss),
            totalMillis: quantile(totals, 0.5),
            totalQuartiles: [quantile(totals, 0.25), quantile(totals, 0.75)],
          };
        }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function startOnce(args: string[]): Promise<Run> {
  const script = fileURLToPath(new URL('first_row.ts', import.meta.url));
  const start = performance.now();
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let total = Number.NaN;
  child.stdout.once('data', () => {
    total = performance.now() - start;
  });
  const output = await text(child.stdout);
  const [code] = await exit;
  if (code !== 0) throw new Error(`${args[0]} has ended with code ${code}: its reason stands above.`);
  const started: Started = JSON.parse(output);
  return { ...started, total };
}
