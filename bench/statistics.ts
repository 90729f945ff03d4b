/** How many times as long as the floor something takes. */
export type Ratio = {
  readonly median: number;
  /** A quarter of the rounds lies below the first, a quarter above the second. */
  readonly quartiles: readonly [number, number];
  /** Where the median of as many rounds would lie in 95 of 100 runs, by bootstrap. */
  readonly interval: readonly [number, number];
};

/**
 * The ratio of two series that were measured side by side, round by round: what slows the machine down for a while slows
 * both down, and leaves their quotient alone.
 */
export function ratioOf(times: readonly number[], floor: readonly number[]): Ratio {
  const ratios = times.map((time, round) => time / (floor[round] ?? Number.NaN));
  return {
    median: quantile(ratios, 0.5),
    quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    interval: medianInterval(ratios),
  };
}

/** The value below which `share` (0 to 1) of the values lie, interpolated. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const [below = Number.NaN, above = below] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return below + (above - below) * (place % 1);
}

const resamples = 2000;

function medianInterval(values: readonly number[]): [number, number] {
  const medians = Array.from({ length: resamples }, () => {
    const sample = values.map(() => values[Math.floor(Math.random() * values.length)] ?? Number.NaN);
    return quantile(sample, 0.5);
  });
  return [quantile(medians, 0.025), quantile(medians, 0.975)];
}
