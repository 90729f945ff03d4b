import { z } from 'zod';
import { ValidationError } from '../types/errors.ts';

/** Far below the 256 MB that jsonb can hold, also if each character takes three bytes. */
const mostCharacters = 64_000_000;

/** The rows of one statement: at most 10,000, which are counted before the first is looked at. */
export function manyRowsSchema<Row extends z.ZodType>(row: Row) {
  return z
    .array(z.unknown())
    .max(10_000, 'must be at most 10,000 entries, which is what one statement takes: give them in parts')
    .pipe(z.array(row));
}

/**
 * The rows as the JSON text of one parameter.
 *
 * @throws {ValidationError} if they have more than 64 million characters together.
 */
export function rowsAsJson(rows: readonly object[]): string {
  let size = 0;
  const texts = rows.map((row) => {
    const text = JSON.stringify(row);
    size += text.length;
    if (size > mostCharacters) {
      throw new ValidationError([{ path: '', reason: 'must be at most 64 MB in all: give them in parts' }]);
    }
    return text;
  });
  return `[${texts.join(',')}]`;
}
