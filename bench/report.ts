import type { ColdStart } from './cold_start.ts';
import type { Growth } from './growth.ts';
import type { Machine } from './machine.ts';
import type { Amount, Times } from './measure.ts';
import { quantile, type Ratio, ratioOf } from './statistics.ts';

/** What `--json` prints and the charts are made of. */
export type Report = {
  readonly machine: Machine;
  readonly stages: Stage[];
  /** What a call is made of, without a network delay. */
  readonly layers: Stage[];
  readonly growth: Growth[];
  readonly starts: ColdStart[];
};

/** Before anything is measured. */
export function emptyReport(machine: Machine): Report {
  return { machine, stages: [], layers: [], growth: [], starts: [] };
}

/** One work, over one network. */
export type Stage = Amount & {
  readonly work: string;
  readonly title: string;
  /** By how many milliseconds the network makes a round trip longer: as asked for, and as measured before and after. */
  readonly delay: number;
  readonly measuredDelay: readonly [before: number, after: number];
  readonly results: readonly Result[];
};

/** Microseconds; `throughput` in calls a second. The floor's own ratio is 1. */
export type Result = {
  readonly contender: string;
  readonly isScoped: boolean;
  readonly micros: number;
  readonly ratio: Ratio;
  readonly throughput: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuMicros: number;
  readonly roundTrips: number;
};

export type Known = { readonly isScoped: boolean; readonly roundTrips: number };

export function resultsOf(times: readonly Times[], known: (name: string) => Known): Result[] {
  const floor = times[0]?.micros ?? [];
  return times.map(({ name, micros, cpuMicros, latencies }) => ({
    contender: name,
    ...known(name),
    micros: quantile(micros, 0.5),
    ratio: ratioOf(micros, floor),
    throughput: 1e6 / quantile(micros, 0.5),
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    cpuMicros: quantile(cpuMicros, 0.5),
  }));
}

export function describeMachineLine({ cpu, cores, load, node, postgres, durable }: Machine): string {
  return `${cpu}, ${cores} cores, load ${load}; Node ${node}; Postgres ${postgres}${durable ? '' : ', without fsync'}`;
}

export function describeHeader(machine: Machine): string {
  return [
    describeMachineLine(machine),
    ...(machine.load > machine.cores / 2
      ? ['The machine is busy with other things: run it again when it is quiet.']
      : []),
    'The ratio is to the time of the first line: the median of the rounds, and where it lies in 95 of 100 runs.',
    'Everybody gives the same rows. Unscoped is what does not go through row level security.',
  ].join('\n');
}

export function describeStage({ title, delay, measuredDelay, results }: Stage): string {
  const measured = measuredDelay.map((millis) => millis.toFixed(2)).join(' and ');
  const network = delay === 0 ? 'no delay' : `${delay} ms a round trip (measured ${measured} ms)`;
  const head = ['', 'a second', 'ratio', '95 %', 'p50', 'p99', 'CPU', 'trips'];
  const lines = results.map(({ contender, throughput, ratio, p50, p99, cpuMicros, roundTrips }) => [
    contender,
    numberOf(throughput),
    ratio.median.toFixed(2),
    ratio.interval.map((end) => end.toFixed(2)).join('–'),
    ...[p50, p99, cpuMicros].map(durationOf),
    String(roundTrips),
  ]);
  return [`${title}; ${network}`, ...align([head, ...lines]).map((line) => `  ${line}`)].join('\n');
}

export function describeGrowth({ title, methods }: Growth): string {
  const sizes = methods[0]?.points.map(({ rows }) => rows.toLocaleString('en')) ?? [];
  const lines = methods.map(({ method, points }) => [method, ...points.map(({ micros }) => durationOf(micros))]);
  return [title, ...align([['', ...sizes], ...lines]).map((line) => `  ${line}`)].join('\n');
}

export function describeStarts(starts: readonly ColdStart[]): string {
  const head = ['', 'import', 'first row', 'in all', 'bundle', 'memory'];
  const lines = starts.map(({ contender, importMillis, firstRowMillis, totalMillis, bundleBytes, rss }) => [
    contender,
    ...[importMillis, firstRowMillis, totalMillis].map((millis) => durationOf(millis * 1000)),
    `${(bundleBytes / 1024).toFixed(0)} kB`,
    `${(rss / 1024 / 1024).toFixed(0)} MB`,
  ]);
  return ['A process that begins and reads one row', ...align([head, ...lines]).map((line) => `  ${line}`)].join('\n');
}

function numberOf(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(2);
}

/** Microseconds to read. */
export function durationOf(micros: number): string {
  if (micros < 1000) return `${micros.toFixed(0)} µs`;
  return `${(micros / 1000).toFixed(micros < 100_000 ? 1 : 0)} ms`;
}

/** The first column to the left, the others to the right. */
export function align(lines: readonly string[][]): string[] {
  const width = (column: number) => Math.max(...lines.map((line) => line[column]?.length ?? 0));
  return lines.map((line) =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(width(0)) : cell.padStart(width(column)))).join('  '),
  );
}
