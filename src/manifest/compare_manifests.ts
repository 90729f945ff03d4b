import type { ManifestEntry } from './read_manifest.ts';

/**
 * An object in which two manifests differ: 'missing' where only the first has it, 'unexpected' where only the second has.
 * `expected` and `found` are the lines that are in one alone, in their order.
 */
export type Difference = {
  readonly object: string;
  readonly kind: 'missing' | 'unexpected' | 'different';
  readonly expected: readonly string[];
  readonly found: readonly string[];
};

/** The order of lines does not count: that of columns says when they were added. */
export function compareManifests(expected: readonly ManifestEntry[], found: readonly ManifestEntry[]): Difference[] {
  const wanted = new Map(expected.map(({ object, lines }) => [object, lines]));
  const present = new Map(found.map(({ object, lines }) => [object, lines]));
  const differences: Difference[] = [];
  for (const object of new Set([...wanted.keys(), ...present.keys()])) {
    const [before, after] = [wanted.get(object), present.get(object)];
    const kind = after === undefined ? 'missing' : before === undefined ? 'unexpected' : 'different';
    const [missing, unexpected] = [without(before, after), without(after, before)];
    if (kind === 'different' && missing.length === 0 && unexpected.length === 0) continue;
    differences.push({ object, kind, expected: missing, found: unexpected });
  }
  return differences;
}

/** The lines of `some` that `others` does not have, as often as it does not. */
function without(some: readonly string[] = [], others: readonly string[] = []): string[] {
  const left = [...others];
  return some.filter((line) => {
    const place = left.indexOf(line);
    if (place >= 0) left.splice(place, 1);
    return place < 0;
  });
}

/** For people: a paragraph for each object, with `-` before what is expected and `+` before what was found. */
export function describeDifferences(differences: readonly Difference[]): string {
  return differences
    .map(({ object, kind, expected, found }) =>
      [`${kind}: ${object}`, ...expected.map((line) => `  - ${line}`), ...found.map((line) => `  + ${line}`)].join(
        '\n',
      ),
    )
    .join('\n\n');
}
