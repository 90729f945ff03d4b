import type { z } from 'zod';
import { ValidationError, type ValidationIssue } from './errors.ts';

/**
 * Runs a schema and returns what it makes of the input; `name` is what the input itself is called in messages.
 *
 * @throws {ValidationError} with one issue for every place that is wrong. Reasons say what is expected and never quote what
 * was given.
 * @example
 * validate(z.strictObject({ amount: amountSchema }), { amount: 42.5 }); // { amount: '42.50' }
 */
export function validate<Schema extends z.ZodType>(schema: Schema, input: unknown, name?: string): z.output<Schema> {
  const result = schema.safeParse(input, { error: reason });
  if (result.success) return result.data;
  const issues = result.error.issues.flatMap(toIssues);
  throw new ValidationError(issues.map((issue) => (name && issue.path === '' ? { ...issue, path: name } : issue)));
}

/**
 * What a method is about to take apart, as it is: from null JavaScript takes nothing, with an error of its own. With `known`
 * it has no other fields: one that is misspelt would be left out without a word.
 *
 * @throws {ValidationError} unless it is an object; for a field that is not known.
 * @example
 * const { limit, cursor } = requireObject(request, ['limit', 'cursor']);
 */
export function requireObject<T extends object>(value: T, known?: readonly (keyof T & string)[]): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ValidationError([{ path: '', reason: 'must be an object' }]);
  }
  const names: readonly string[] = known ?? Object.keys(value);
  const unknown = Object.keys(value).filter((name) => !names.includes(name));
  if (unknown.length === 0) return value;
  throw new ValidationError(unknown.map((name) => ({ path: toPath([name]), reason: 'is not a known field' })));
}

function toIssues(issue: z.core.$ZodIssue): ValidationIssue[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: toPath(issue.path), reason: issue.message }];
  return issue.keys.map((key) => ({ path: toPath([...issue.path, key]), reason: issue.message }));
}

/** A key that does not look like a field's name may be somebody's data. */
function toPath(path: readonly PropertyKey[]): string {
  return path.map((key) => (/^\w{1,63}$/.test(String(key)) ? String(key) : '*')).join('.');
}

const nouns: Record<string, string> = { string: 'text', int: 'a whole number', array: 'a list', object: 'an object' };

/** The reason in our own words: an application may have given zod messages that quote the input. */
function reason(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${nouns[issue.expected] ?? `a ${issue.expected}`}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `must be ${size(issue.inclusive ? 'at least' : 'more than', issue.minimum, issue.origin)}`;
    case 'too_big':
      return `must be ${size(issue.inclusive ? 'at most' : 'less than', issue.maximum, issue.origin)}`;
    case 'unrecognized_keys':
      return 'is not a known field';
    default:
      return issue.input === undefined ? 'is required' : 'has the wrong form';
  }
}

const units: Record<string, string> = { string: ' characters long', array: ' entries long' };

function size(comparison: string, limit: number | bigint, origin: string): string {
  return `${comparison} ${limit}${units[origin] ?? ''}`;
}
