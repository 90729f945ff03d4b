import { kinds, type Mutant } from './mutants.ts';
import type { Outcome, Result } from './results.ts';

export type Report = {
  readonly seconds: number;
  readonly kinds: readonly ({ readonly kind: string; readonly total: number } & Readonly<Record<Outcome, number>>)[];
  readonly survived: readonly string[];
  /** Mutants whose SQL failed, and with what. */
  readonly failed: readonly string[];
  /** What of equivalent.ts no longer holds: it matches no mutant, or a test kills one that it does. */
  readonly stale: readonly string[];
  /** Test files that fail on the schema as it is. */
  readonly unfit: readonly string[];
};

export function reportOf(
  mutants: readonly Mutant[],
  ended: ReadonlyMap<Mutant, Result>,
  { stale, unfit }: Pick<Report, 'stale' | 'unfit'>,
  milliseconds: number,
): Report {
  const count = (some: readonly Mutant[], outcome: Outcome) =>
    some.filter((mutant) => ended.get(mutant)?.outcome === outcome).length;
  const listed = (outcome: Outcome) =>
    mutants.flatMap((mutant) => {
      const result = ended.get(mutant);
      return result?.outcome === outcome ? [outcome === 'failed' ? `${mutant.id}: ${result.by}` : mutant.id] : [];
    });
  return {
    seconds: Math.round(milliseconds / 1000),
    kinds: kinds.flatMap((kind) => {
      const some = mutants.filter((mutant) => mutant.kind === kind);
      return some.length === 0
        ? []
        : [
            {
              kind,
              total: some.length,
              killed: count(some, 'killed'),
              survived: count(some, 'survived'),
              equivalent: count(some, 'equivalent'),
              failed: count(some, 'failed'),
            },
          ];
    }),
    survived: listed('survived'),
    failed: listed('failed'),
    stale,
    unfit,
  };
}

/** 0 if the tests kill what they should. */
export function exitCodeOf({ survived, failed, stale, unfit }: Report): 0 | 1 {
  return survived.length + failed.length + stale.length + unfit.length === 0 ? 0 : 1;
}

/** A line for a survivor and for every 25 mutants. */
export function describeProgress(
  ended: ReadonlyMap<Mutant, Result>,
  total: number,
  milliseconds: number,
): string | undefined {
  const last = [...ended.values()].at(-1);
  const notable = last && (last.outcome === 'survived' || last.outcome === 'failed');
  if (!notable && ended.size % 25 !== 0 && ended.size !== total) return undefined;
  const left = Math.ceil((milliseconds / 60_000 / ended.size) * (total - ended.size));
  const survived = [...ended.values()].filter(({ outcome }) => outcome === 'survived').length;
  const counts = `${ended.size} of ${total}, ${survived} survived, about ${left} min left`;
  return notable ? `${last.outcome}: ${last.id}\n${counts}` : counts;
}

export function describeReport(report: Report): string {
  const columns = ['total', 'killed', 'survived', 'equivalent', 'failed'] as const;
  const rows = report.kinds.map((row) => [row.kind, ...columns.map((column) => String(row[column]))]);
  const sums = columns.map((column) => String(report.kinds.reduce((sum, row) => sum + row[column], 0)));
  const table = [['kind', ...columns], ...rows, ['all', ...sums]].map(([kind = '', ...cells]) =>
    [kind.padEnd(20), ...cells.map((cell) => cell.padStart(12))].join(''),
  );
  const lists = [
    ['Survived: write the test that notices, or drop the piece', report.survived],
    ['Their SQL failed', report.failed],
    ['Stale in test/mutation/equivalent.ts', report.stale],
    ['Fail on the schema as it is, so that they tell nothing', report.unfit],
  ] as const;
  return [
    ...table,
    ...lists.filter(([, list]) => list.length > 0).map(([title, list]) => `\n${title}:\n  ${list.join('\n  ')}`),
    `\nIn ${report.seconds} s.`,
  ].join('\n');
}
