import { z } from 'zod';
import { dateSchema } from './calendar.ts';
import { httpsUrlSchema, isStorable, textSchema } from './text.ts';

/** What JSON can hold. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
/** An object that JSON can hold. */
export type JsonObject = { [key: string]: JsonValue };

const deepest = 100;

/**
 * The characters that are left for a value, which takes one at least, and text and names as many as they have. An object
 * that many places refer to counts in each of them, as it does in JSON.
 */
type Budget = { left: number };

function isJsonValue(value: unknown, depth: number, budget: Budget): value is JsonValue {
  budget.left -= typeof value === 'string' ? value.length + 1 : 1;
  if (budget.left < 0) return false;
  if (value === null || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'string') return isStorable(value);
  if (depth === deepest) return false;
  if (Array.isArray(value)) return value.every((item) => isJsonValue(item, depth + 1, budget));
  return isPlainObject(value) && Object.entries(value).every(([key, item]) => isMember(key, item, depth + 1, budget));
}

/** A property that is undefined is absent, as it is for JSON.stringify. */
function isMember(key: string, value: unknown, depth: number, budget: Budget): boolean {
  if (value === undefined) return true;
  budget.left -= key.length;
  return isStorable(key) && isJsonValue(value, depth, budget);
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/**
 * Whether `value` is a plain object that JSON and jsonb keep as it is: no dates, class instances, cycles, NaN or U+0000.
 * What is certainly longer than `characters` as JSON is none, and found out before it is written.
 */
export function isJsonObject(value: unknown, characters = 1_048_576): value is JsonObject {
  return isPlainObject(value) && isJsonValue(value, 0, { left: characters });
}

function fits(value: unknown, kilobytes: number): boolean {
  const bytes = kilobytes * 1024;
  return isJsonObject(value, bytes) && Buffer.byteLength(JSON.stringify(value)) <= bytes;
}

/** Preferences, metadata, context: any JSON object of at most 16 kB. */
export const jsonObjectSchema = z.custom<JsonObject>(
  (value) => fits(value, 16),
  'must be a JSON object of at most 16 kB',
);

export const latitude = z.number().min(-90).max(90);
export const longitude = z.number().min(-180).max(180);

/** A stop of an itinerary. Coordinates in degrees, both or neither. */
export const destinationSchema = z
  .strictObject({
    name: textSchema(200),
    lat: latitude.optional(),
    lng: longitude.optional(),
    arrive_on: dateSchema.optional(),
    leave_on: dateSchema.optional(),
    notes: textSchema(2000).optional(),
  })
  .refine(({ lat, lng }) => (lat === undefined) === (lng === undefined), {
    path: ['lng'],
    error: 'must be given together with lat',
  })
  .refine(({ arrive_on, leave_on }) => arrive_on === undefined || leave_on === undefined || leave_on >= arrive_on, {
    path: ['leave_on'],
    error: 'must not be before arrive_on',
  });
/** A stop of an itinerary: `lat` and `lng` in degrees, days, notes. */
export type Destination = z.output<typeof destinationSchema>;

/** New fields of a stop; null takes a field away. Coordinates in degrees, both or neither. */
export const destinationPatchSchema = z
  .strictObject({
    name: textSchema(200),
    lat: latitude.nullable(),
    lng: longitude.nullable(),
    arrive_on: dateSchema.nullable(),
    leave_on: dateSchema.nullable(),
    notes: textSchema(2000).nullable(),
  })
  .partial()
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), 'must change at least one field')
  .refine(({ lat, lng }) => (lat === undefined) === (lng === undefined) && (lat === null) === (lng === null), {
    path: ['lng'],
    error: 'must be given together with lat',
  })
  .refine(({ arrive_on, leave_on }) => !arrive_on || !leave_on || leave_on >= arrive_on, {
    path: ['leave_on'],
    error: 'must not be before arrive_on',
  });
/** The fields of a stop to change; null takes one away. */
export type DestinationPatch = z.input<typeof destinationPatchSchema>;

/** The stops of a trip in the order of travel, at most 200. */
export const itinerarySchema = z.array(destinationSchema).max(200);
/** A trip's stops, in order: at most 200. */
export type Itinerary = z.output<typeof itinerarySchema>;

/** A route of Mapbox Directions: metres, seconds, and whatever else the API sends, at most 1 MB. */
export const routeSchema = z
  .looseObject({
    distance: z.number().min(0).max(1e9),
    duration: z.number().min(0).max(1e9),
    geometry: z.union([z.string(), z.looseObject({})]).optional(),
    legs: z.array(z.looseObject({})).optional(),
  })
  .refine((route) => fits(route, 1024), 'must be JSON of at most 1 MB');
/** A route of Mapbox Directions: `distance` in metres, `duration` in seconds. */
export type Route = z.output<typeof routeSchema>;

/** A point on the map, in degrees. `exact: true` lets others see it as it is, not rounded to about 1 km. */
export const locationSchema = z.strictObject({
  lat: latitude,
  lng: longitude,
  name: textSchema(200).optional(),
  exact: z.boolean().optional(),
});
/** A place that others see: `lat` and `lng` in degrees, two decimals unless `exact`. */
export type Location = z.output<typeof locationSchema>;

/** A tag as it is stored: trimmed and in lower case. */
export const tagSchema = z.string().trim().toLowerCase().pipe(textSchema(50));

/** Trimmed, in lower case, without repetition: [" Beach", "beach"] becomes ["beach"]. At most 20, of at most 50 characters. */
export const tagsSchema = z
  .array(tagSchema)
  .transform((tags) => [...new Set(tags)])
  .pipe(z.array(z.string()).max(20));

/** At most 20 https addresses. */
export const imageUrlsSchema = z.array(httpsUrlSchema).max(20);
