import { ConfigurationError } from '../types/errors.ts';

/** As much as Node's timers take. */
const most = 2_147_483_647;

/** Smallest and largest of the numbers that `pg` takes without a look. */
const ranges = new Map<string, [min: number, max: number]>([
  ['max', [1, most]],
  ['min', [0, most]],
  ['maxUses', [1, most]],
  ['maxLifetimeSeconds', [0, Math.floor(most / 1000)]],
  ['connectionTimeoutMillis', [0, most]],
  ['idleTimeoutMillis', [0, most]],
  ['keepAliveInitialDelayMillis', [0, most]],
  ['port', [1, 65_535]],
]);

const functions = new Set(['onConnect', 'verify', 'log', 'stream']);

const refused = new Map([
  ['pipeline', 'a session sends its statements in one exchange without it'],
  ['Client', 'sessions need the pool’s own'],
  ['connection', 'every client of the pool has its own'],
  ['poolSize', 'say max'],
]);

/** What a connection string says, where all is text, with its numbers as numbers. */
export function readNumbers(parsed: object): object {
  const read = (name: string, value: unknown) => (ranges.has(name) && value !== '' ? Number(value) : value);
  return Object.fromEntries(Object.entries(parsed).map(([name, value]) => [name, read(name, value)]));
}

/**
 * Refuses what the pool would take and then wait with for ever. What is undefined, null or empty is left to `pg`.
 *
 * @throws {ConfigurationError} if there is an option that sessions cannot work with, or a value that is none.
 */
export function checkPoolOptions(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === '') continue;
    if (refused.has(name)) throw new ConfigurationError(`${name} is not taken: ${refused.get(name)}.`);
    if (functions.has(name) && typeof value !== 'function') {
      throw new ConfigurationError(`${name} must be a function.`);
    }
    const [min, max] = ranges.get(name) ?? [];
    if (min === undefined || max === undefined) continue;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) continue;
    throw new ConfigurationError(`${name} must be a whole number from ${min} to ${max}.`);
  }
}
