import type { Selectable } from 'kysely';
import { z } from 'zod';
import { dateSchema } from '../types/calendar.ts';
import { currencySchema } from '../types/currency.ts';
import type { DB } from '../types/database.ts';
import { jsonObjectSchema, tagsSchema } from '../types/json.ts';
import { amountSchema } from '../types/money.ts';
import { categorySchema, httpsUrlSchema, textSchema } from '../types/text.ts';
import { uuidSchema } from '../types/uuid.ts';

export const expenseColumns = [
  'id',
  'user_id',
  'trip_id',
  'amount',
  'currency',
  'category',
  'description',
  'date',
  'location',
  'receipt_url',
  'tags',
  'metadata',
  'version',
  'created_at',
  'updated_at',
] as const;

/** An expense as it is stored: `amount` as decimal text, `date` as a day. */
export type Expense = Pick<Selectable<DB['expenses']>, (typeof expenseColumns)[number]>;

const fields = {
  trip_id: uuidSchema.nullable(),
  amount: amountSchema,
  currency: currencySchema,
  category: categorySchema,
  description: textSchema(2000).nullable(),
  date: dateSchema,
  location: textSchema(500).nullable(),
  receipt_url: httpsUrlSchema.nullable(),
  tags: tagsSchema,
  metadata: jsonObjectSchema,
};

export const expenseInputSchema = z
  .strictObject({ ...fields, id: uuidSchema })
  .partial()
  .required({ amount: true, category: true });

export const newExpenseSchema = expenseInputSchema.transform(({ id = crypto.randomUUID(), ...expense }) => ({
  ...expense,
  id: id.toLowerCase(),
  tags: expense.tags ?? [],
  metadata: expense.metadata ?? {},
}));

export const expensePatchSchema = z
  .strictObject(fields)
  .partial()
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), 'must change at least one field');

export const expenseChangeSchema = expensePatchSchema.transform(({ metadata, ...patch }) => ({
  ...patch,
  ...(metadata && { metadata: JSON.stringify(metadata) }),
}));

/**
 * `amount` is a decimal string, above zero. `currency` is the profile's and `date` today in the profile's time zone unless
 * given. `id` may be made by the client, so that a repeated call is harmless.
 */
export type ExpenseInput = z.input<typeof expenseInputSchema>;
/** The fields to change: at least one. */
export type ExpensePatch = z.input<typeof expensePatchSchema>;

/** An expense as it is to be stored. */
export type NewExpense = z.output<typeof newExpenseSchema>;
