import type { Machine } from './machine.ts';
import type { Amount, Times } from './measure.ts';
import { quantile, type Ratio, ratioOf } from './statistics.ts';
import { titles, type WorkName } from './work.ts';

/** What `--json` prints. */
export type Report = { readonly machine: Machine; readonly stages: readonly Stage[] };

/** One work, over one network. */
export type Stage = Amount & {
  readonly work: WorkName;
  /** By how many milliseconds the network makes a round trip longer: as asked for, and as measured before and after. */
  readonly delay: number;
  readonly measuredDelay: readonly [before: number, after: number];
  readonly results: readonly Result[];
};

/** `micros` is the median; the floor's own ratio is 1. */
export type Result = { readonly contender: string; readonly micros: number; readonly ratio: Ratio };

export function resultsOf(times: readonly Times[]): Result[] {
  const floor = times[0]?.micros ?? [];
  return times.map(({ name, micros }) => ({
    contender: name,
    micros: quantile(micros, 0.5),
    ratio: ratioOf(micros, floor),
  }));
}

export function describeHeader({ cpu, cores, load, node, postgres, durable }: Machine): string {
  return [
    `${cpu}, ${cores} cores, load ${load}; Node ${node}; Postgres ${postgres}${durable ? '' : ', without fsync'}`,
    ...(load > cores / 2 ? ['The machine is busy with other things: run it again when it is quiet.'] : []),
    'Each beside the first line, which is 1: the median of the rounds, where it lies in 95 of 100 runs, and the quartiles.',
    'Everybody gives the same rows. Unscoped is what does not go through row level security.',
  ].join('\n');
}

export function describeStage({ work, delay, measuredDelay, rounds, calls, results }: Stage): string {
  const measured = measuredDelay.map((millis) => millis.toFixed(2)).join(' and ');
  const network = delay === 0 ? 'no delay' : `${delay} ms a round trip (measured ${measured} ms)`;
  const head = ['', 'median', 'ratio', '95 %', 'quartiles'];
  const lines = results.map(({ contender, micros, ratio }) => [
    contender,
    `${micros.toFixed(0)} µs`,
    ratio.median.toFixed(3),
    range(ratio.interval),
    range(ratio.quartiles),
  ]);
  return [
    `${titles[work]}; ${network}; ${rounds} rounds of ${calls}`,
    ...align([head, ...lines]).map((line) => `  ${line}`),
  ].join('\n');
}

function range([from, to]: readonly [number, number]): string {
  return `${from.toFixed(3)}–${to.toFixed(3)}`;
}

/** The first column to the left, the others to the right. */
function align(lines: readonly string[][]): string[] {
  const width = (column: number) => Math.max(...lines.map((line) => line[column]?.length ?? 0));
  return lines.map((line) =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(width(0)) : cell.padStart(width(column)))).join('  '),
  );
}
