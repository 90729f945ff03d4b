import type { Selectable } from 'kysely';
import { z } from 'zod';
import { dateSchema } from '../types/calendar.ts';
import { currencySchema } from '../types/currency.ts';
import type { DB } from '../types/database.ts';
import { tripStatuses } from '../types/enums.ts';
import { itinerarySchema, jsonObjectSchema, routeSchema } from '../types/json.ts';
import { budgetSchema } from '../types/money.ts';
import { textSchema } from '../types/text.ts';
import { uuidSchema } from '../types/uuid.ts';

export const tripColumns = [
  'id',
  'user_id',
  'name',
  'description',
  'start_date',
  'end_date',
  'status',
  'budget_total',
  'budget_spent',
  'spent_by_currency',
  'expense_count',
  'currency',
  'route_data',
  'destinations',
  'metadata',
  'version',
  'created_at',
  'updated_at',
] as const;

/** A trip as it is stored. What is spent is counted from its expenses: `budget_spent` in its currency, `spent_by_currency` in all. */
export type Trip = Pick<Selectable<DB['trips']>, (typeof tripColumns)[number]>;

const fields = {
  name: textSchema(200),
  description: textSchema(10_000).nullable(),
  start_date: dateSchema.nullable(),
  end_date: dateSchema.nullable(),
  status: z.enum(tripStatuses),
  budget_total: budgetSchema.nullable(),
  currency: currencySchema,
  route_data: routeSchema.nullable(),
  destinations: itinerarySchema,
  metadata: jsonObjectSchema,
};

export const tripInputSchema = z
  .strictObject({ ...fields, id: uuidSchema })
  .partial()
  .required({ name: true });

export const newTripSchema = tripInputSchema.transform(({ id = crypto.randomUUID(), ...trip }) => ({
  ...trip,
  id: id.toLowerCase(),
  status: trip.status ?? 'planning',
  destinations: trip.destinations ?? [],
  metadata: trip.metadata ?? {},
}));

export const tripPatchSchema = z
  .strictObject(fields)
  .partial()
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), 'must change at least one field');

export const tripChangeSchema = tripPatchSchema.transform(({ route_data, destinations, metadata, ...patch }) => ({
  ...patch,
  ...(route_data !== undefined && { route_data: route_data && JSON.stringify(route_data) }),
  ...(destinations && { destinations: JSON.stringify(destinations) }),
  ...(metadata && { metadata: JSON.stringify(metadata) }),
}));

/** `currency` is the budget's, by default the profile's; `id` may be made by the client, so that a repeated call is harmless. */
export type TripInput = z.input<typeof tripInputSchema>;
/** The fields to change: at least one. */
export type TripPatch = z.input<typeof tripPatchSchema>;
