import { z } from 'zod';

const unstorable = /\0|\p{Surrogate}/u;

/** Postgres stores neither U+0000 nor half of a surrogate pair. */
export function isStorable(value: string): boolean {
  return !unstorable.test(value);
}

/** Counted as Postgres does: by code point, of which some are two units of JavaScript's. */
export function isAtMost(longest: number, value: string): boolean {
  return value.length <= longest || (value.length <= 2 * longest && [...value].length <= longest);
}

/** Text that is not blank, of at most `longest` characters. */
export function textSchema(longest: number) {
  return z
    .string()
    .refine((value) => /\S/.test(value) && isAtMost(longest, value), {
      error: `must be text of 1 to ${longest} characters`,
    })
    .refine(isStorable, 'must not contain U+0000 or a lone surrogate');
}

/** An address that starts with https://. */
export const httpsUrlSchema = z
  .string()
  .refine(
    (url) => isAtMost(2048, url) && /^https:\/\/\S+$/.test(url) && URL.canParse(url) && isStorable(url),
    'must be an https address of at most 2048 characters',
  );

/** A category as it is stored: trimmed and in lower case, so that "Fuel" and " fuel" are one. */
export const categorySchema = z.string().trim().toLowerCase().pipe(textSchema(100));
