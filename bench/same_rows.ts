import { isDeepStrictEqual } from 'node:util';

/** What the database makes up for each new row. */
const madeUp = new Set(['id', 'trip_id', 'version', 'created_at', 'updated_at', 'position']);

/**
 * Whether two results are the same rows, whatever each makes of a value: money and counts as text, number or decimal, days
 * and moments as text or date. Of rows that were made for the comparison, `areNew`, what the database makes up is left out.
 */
export function areSame(one: unknown, other: unknown, { areNew }: { areNew: boolean }): boolean {
  return isDeepStrictEqual(plain(one, areNew), plain(other, areNew));
}

function plain(value: unknown, areNew: boolean): unknown {
  if (Array.isArray(value)) return value.map((each) => plain(each, areNew));
  if (!isRow(value)) return value;
  const names = Object.keys(value).filter((name) => !areNew || !madeUp.has(name));
  return Object.fromEntries(names.sort().map((name) => [name, plainColumn(name, value[name])]));
}

function plainColumn(name: string, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (/^(amount|budget_|total|average|position|count)/.test(name)) return Number(value);
  if (/_at$/.test(name)) return new Date(String(value instanceof Date ? value.toISOString() : value)).toISOString();
  if (/date$/.test(name)) return value instanceof Date ? value.toISOString().slice(0, 10) : value;
  return value;
}

function isRow(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
