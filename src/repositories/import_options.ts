import { z } from 'zod';
import type { DecimalMark } from '../csv/amounts.ts';
import { type CsvField, columnsSchema } from '../csv/columns.ts';
import type { DateOrder } from '../csv/dates.ts';
import { delimiters } from '../csv/records.ts';
import { currencySchema } from '../types/currency.ts';
import { categorySchema } from '../types/text.ts';
import { uuidSchema } from '../types/uuid.ts';

export const importOptionsSchema = z
  .strictObject({
    trip_id: uuidSchema.nullable(),
    category: categorySchema,
    currency: currencySchema,
    columns: columnsSchema,
    delimiter: z.enum(delimiters),
    decimal: z.enum(['.', ',']),
    dates: z.enum(['DMY', 'MDY']),
    spent: z.enum(['negative', 'positive']),
    skip_rejected: z.boolean(),
    on_progress: z.custom<(progress: ImportProgress) => unknown>(
      (value) => typeof value === 'function',
      'must be a function',
    ),
  })
  .partial();

/** How many of the file's expenses have been sent to the database; all are saved together after the last. */
export type ImportProgress = { done: number; total: number };

/** What is not said is found out from the file. */
export type ImportOptions = {
  /** The trip of all lines, whatever the file says; null for none. */
  trip_id?: string | null;
  /** The category of lines that do not say theirs. Default 'uncategorized'. */
  category?: string;
  /** The currency of lines that do not say theirs. Default the profile's. */
  currency?: string;
  /**
   * The names of columns, or their places from 1 if the file has no line of names; null for a field that no column has:
   * `{ amount: 'Betrag', description: 'Empfänger', category: null }`. Others are known by what they are usually called.
   */
  columns?: { [Field in CsvField]?: string | number | null };
  delimiter?: (typeof delimiters)[number];
  /** The decimal mark of amounts. */
  decimal?: DecimalMark;
  /** The order of day and month where the year comes last. Years of two digits are taken only if it is said. */
  dates?: DateOrder;
  /** The sign of money spent. */
  spent?: 'negative' | 'positive';
  /** Imports the other lines if some cannot be imported. Default false: all or none. */
  skip_rejected?: boolean;
  /** Is told after each statement, and waited for. If it throws, nothing is imported. */
  on_progress?: (progress: ImportProgress) => unknown;
};

export type ValidImportOptions = z.output<typeof importOptionsSchema>;
