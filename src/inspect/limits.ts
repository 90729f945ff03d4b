import type { Question, Threshold } from './question.ts';

/** What each threshold allows, by its name. */
export type Limits = ReadonlyMap<string, number>;

/**
 * Reads `name=value`.
 *
 * @throws {Error} one line if there is no such threshold or the value is no number from 0.
 */
export function readLimit(text: string, thresholds: readonly Threshold[]): [name: string, max: number] {
  const [, name = text, value = ''] = /^([^=]*)=(.*)$/.exec(text) ?? [];
  return checked(name, value.trim() === '' ? undefined : Number(value), thresholds);
}

/**
 * Reads a JSON object of names and numbers.
 *
 * @throws {Error} one line
 */
export function readLimits(json: string, thresholds: readonly Threshold[]): Limits {
  const value = parsed(json);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('it must hold one JSON object, such as { "blocked-seconds": 10 }.');
  }
  return new Map(Object.entries(value).map(([name, max]) => checked(name, max, thresholds)));
}

export function thresholdsOf(questions: readonly Question[]): Threshold[] {
  return questions.flatMap(({ thresholds }) => thresholds);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Error('it is no JSON.');
  }
}

function checked(name: string, max: unknown, thresholds: readonly Threshold[]): [string, number] {
  if (!thresholds.some((threshold) => threshold.name === name)) {
    throw new Error(`"${name}" is no threshold: there are ${thresholds.map((known) => known.name).join(', ')}.`);
  }
  if (typeof max === 'number' && Number.isFinite(max) && max >= 0) return [name, max];
  throw new Error(`${name} must be a number from 0.`);
}
