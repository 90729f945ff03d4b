import type { Selectable } from 'kysely';
import { z } from 'zod';
import { dateSchema } from '../types/calendar.ts';
import { currencySchema } from '../types/currency.ts';
import type { DB } from '../types/database.ts';
import { incomeFrequencies, incomeTypes } from '../types/enums.ts';
import { jsonObjectSchema } from '../types/json.ts';
import { amountSchema } from '../types/money.ts';
import { textSchema } from '../types/text.ts';
import { uuidSchema } from '../types/uuid.ts';
import type { Period } from './cash_flow.ts';

export const incomeColumns = [
  'id',
  'user_id',
  'amount',
  'currency',
  'source',
  'description',
  'date',
  'type',
  'frequency',
  'ends_on',
  'metadata',
  'version',
  'created_at',
  'updated_at',
] as const;

/** An income entry as it is stored; a recurring one stands for all its occurrences. */
export type IncomeEntry = Pick<Selectable<DB['income_entries']>, (typeof incomeColumns)[number]>;

const fields = {
  amount: amountSchema,
  currency: currencySchema,
  source: textSchema(200),
  description: textSchema(2000).nullable(),
  date: dateSchema,
  type: z.enum(incomeTypes),
  frequency: z.enum(incomeFrequencies).nullable(),
  ends_on: dateSchema.nullable(),
  metadata: jsonObjectSchema,
};

export const incomeInputSchema = z
  .strictObject({ ...fields, id: uuidSchema })
  .partial()
  .required({ amount: true, source: true });

export const newIncomeSchema = incomeInputSchema.transform(({ id = crypto.randomUUID(), ...entry }) => ({
  ...entry,
  id: id.toLowerCase(),
  type: entry.type ?? 'one_time',
  metadata: entry.metadata ?? {},
}));

export const incomePatchSchema = z
  .strictObject(fields)
  .partial()
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), 'must change at least one field');

export const incomeChangeSchema = incomePatchSchema.transform(({ metadata, ...patch }) => ({
  ...patch,
  ...(metadata && { metadata: JSON.stringify(metadata) }),
}));

export const incomeFilterSchema = z
  .strictObject({
    type: z.enum(incomeTypes),
    frequency: z.enum(incomeFrequencies),
    currency: currencySchema,
    text: z.string().trim().pipe(textSchema(200)),
    since: dateSchema,
    until: dateSchema,
  })
  .partial();

export const incomePeriodSchema = z
  .strictObject({ from: dateSchema, to: dateSchema })
  .refine(({ from, to }) => from <= to && Date.parse(to) - Date.parse(from) <= 3660 * 86_400_000, {
    path: ['to'],
    error: 'must not be before from, and at most ten years after it',
  })
  .transform(({ from, to }): Period => ({ first: from, last: to }));

/**
 * `amount` is a decimal string, above zero. `currency` is the profile's and `date` today in the profile's time zone unless
 * given. A `type` of 'recurring' needs a `frequency`, and no other type takes one: the entry then stands for every
 * occurrence from `date` to `ends_on`, or for good. `id` may be made by the client, so that a repeated call is harmless.
 */
export type IncomeInput = z.input<typeof incomeInputSchema>;
/** The fields to change: at least one. */
export type IncomePatch = z.input<typeof incomePatchSchema>;
/**
 * `since` and `until` are dates, both included, between which an entry's first date lies. `text` is looked for in source and
 * description, whatever the case.
 */
export type IncomeFilter = z.input<typeof incomeFilterSchema>;
/** Two dates, both included, at most ten years apart. */
export type IncomePeriod = z.input<typeof incomePeriodSchema>;

/** An entry as it is to be stored. */
export type NewIncome = z.output<typeof newIncomeSchema>;
