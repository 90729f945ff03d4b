import { type Kysely, type Selectable, type SqlBool, sql, type Updateable } from 'kysely';
import { z } from 'zod';
import type { DB } from '../types/database.ts';
import { placeKinds } from '../types/enums.ts';
import { locationSchema, tagsSchema } from '../types/json.ts';
import {
  clampLimit,
  decodeCursor,
  encodeCursor,
  isTimestamptz,
  type Page,
  type PageRequest,
  toPage,
} from '../types/page.ts';
import { textSchema } from '../types/text.ts';
import { isUuid, uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { type IfVersion, ifVersionSchema } from '../types/version.ts';
import { manyRowsSchema, rowsAsJson } from './many_rows.ts';
import { areNew, atomically, explainMiss, found, storedInOrder, wasDeleted } from './stored.ts';

const columns = [
  'id',
  'user_id',
  'trip_id',
  'name',
  'kind',
  'location',
  'rating',
  'notes',
  'tags',
  'version',
  'created_at',
  'updated_at',
] as const;

/** A place as it is stored. */
export type Place = Pick<Selectable<DB['places']>, (typeof columns)[number]>;

const fields = {
  trip_id: uuidSchema.nullable(),
  name: textSchema(200),
  kind: z.enum(placeKinds),
  location: locationSchema,
  rating: z.int().min(1).max(5).nullable(),
  notes: textSchema(2000).nullable(),
  tags: tagsSchema,
};

export const placeInputSchema = z
  .strictObject({ ...fields, id: uuidSchema })
  .partial()
  .required({ name: true, kind: true, location: true });

const newPlaceSchema = placeInputSchema.transform(({ id = crypto.randomUUID(), ...place }) => ({
  ...place,
  id: id.toLowerCase(),
  tags: place.tags ?? [],
}));

export const placePatchSchema = z
  .strictObject(fields)
  .partial()
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), 'must change at least one field');

const placeChangeSchema = placePatchSchema.transform(({ location, ...patch }) => ({
  ...patch,
  ...(location && { location: JSON.stringify(location) }),
}));

export const placeFilterSchema = z.strictObject({ kind: fields.kind, trip_id: fields.trip_id }).partial();

/**
 * A spot to come back to, where `location` is stored as exactly as it is given: nobody else reads it. `rating` goes from 1
 * to 5. `id` may be made by the client, so that a repeated call is harmless.
 */
export type PlaceInput = z.input<typeof placeInputSchema>;
/** The fields to change: at least one. */
export type PlacePatch = z.input<typeof placePatchSchema>;
/** A `trip_id` of null asks for places on no trip. */
export type PlaceFilter = z.input<typeof placeFilterSchema>;

/** The places that a user keeps. */
export class PlaceRepository {
  readonly #db: Kysely<DB>;
  readonly #userId: string;

  constructor(db: Kysely<DB>, userId: string) {
    this.#db = db;
    this.#userId = userId;
  }

  /**
   * Keeps a place. Sent twice with the same `id`, it is made once and the stored row comes back.
   *
   * @throws {ValidationError} if a field is not of its form; `ForeignKeyError` if the trip is not the user's;
   *   `PermissionError` if the account is suspended.
   * @example
   * await alice.places.create({
   *   name: 'Tap behind the visitor centre',
   *   kind: 'water',
   *   location: { lat: 38.5733, lng: -109.5498 },
   *   rating: 4,
   *   notes: 'Turned off when it freezes.',
   * });
   */
  async create(input: PlaceInput): Promise<Place> {
    return found((await this.#insert(this.#db, [validate(newPlaceSchema, input)]))[0], 'place');
  }

  /**
   * As `create`, all or none; the rows come back in the order of the input.
   *
   * @throws as `create`; `ValidationError` if there are more than 10,000, or 64 MB: give them in parts.
   * @example
   * await alice.places.createMany([
   *   { name: 'Sand Flats', kind: 'campsite', location: { lat: 38.5806, lng: -109.5138 } },
   *   { name: 'Laundry on Main Street', kind: 'laundry', location: { lat: 38.5725, lng: -109.5497 } },
   * ]);
   */
  async createMany(inputs: readonly PlaceInput[]): Promise<Place[]> {
    const places = validate(manyRowsSchema(newPlaceSchema), inputs);
    return await atomically(this.#db, (db) => this.#insert(db, places), { isOneStatement: areNew(inputs) });
  }

  /**
   * The user's place, or undefined.
   *
   * @example
   * const found = await alice.places.find(place.id);
   */
  async find(id: string): Promise<Place | undefined> {
    return await this.#own(this.#db)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
  }

  /**
   * The user's place.
   *
   * @throws {NotFoundError}
   * @example
   * const { name, location } = await alice.places.get(place.id);
   */
  async get(id: string): Promise<Place> {
    return found(await this.find(id), 'place');
  }

  /**
   * The user's places, newest first, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items } = await alice.places.list({ kind: 'campsite', trip_id: trip.id });
   */
  async list(request: PageRequest & PlaceFilter = {}): Promise<Page<Place>> {
    const { limit, cursor, ...filter } = requireObject(request);
    const { kind, trip_id } = validate(placeFilterSchema, filter);
    const most = clampLimit(limit);
    let query = this.#own(this.#db)
      .select(sql<string>`created_at::text`.as('sort_key'))
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(most + 1);
    if (kind !== undefined) query = query.where('kind', '=', kind);
    if (trip_id !== undefined) query = query.where('trip_id', trip_id === null ? 'is' : '=', trip_id);
    if (cursor) {
      const [createdAt, id] = decodeCursor('places.list', cursor, [isTimestamptz, isUuid]);
      query = query.where(sql<SqlBool>`(created_at, id) < (${createdAt}::timestamptz, ${id}::uuid)`);
    }
    return toPage(
      await query.execute(),
      most,
      ({ sort_key, id }) => encodeCursor('places.list', [sort_key, id]),
      ({ sort_key, ...place }) => place,
    );
  }

  /**
   * Changes the named fields; null takes a trip, a rating or notes away. With `if_version`, only if nobody has changed the
   * place since that version was read.
   *
   * @throws {NotFoundError} if the user has no such place; `ConflictError` if the version is another;
   *   `PermissionError` if the account is suspended; `ValidationError`, `ForeignKeyError` as `create`.
   * @example
   * await alice.places.update(place.id, { rating: 5, notes: null }, { if_version: place.version });
   */
  async update(id: string, patch: PlacePatch, options: IfVersion = {}): Promise<Place> {
    const changes: Updateable<DB['places']> = validate(placeChangeSchema, patch);
    const { if_version } = validate(ifVersionSchema, options);
    let query = this.#db
      .updateTable('places')
      .set(changes)
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .returning(columns);
    if (if_version !== undefined) query = query.where('version', '=', if_version);
    return (await query.executeTakeFirst()) ?? (await explainMiss('place', if_version, () => this.find(id)));
  }

  /**
   * Deletes the place. Returns whether there was one.
   *
   * @throws {PermissionError} if the account is suspended.
   * @example
   * await alice.places.delete(place.id); // true, and false the second time
   */
  async delete(id: string): Promise<boolean> {
    const deleted = await this.#db
      .deleteFrom('places')
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirstOrThrow();
    return await wasDeleted(this.#db, deleted, () => this.find(id));
  }

  async #insert(db: Kysely<DB>, places: z.output<typeof newPlaceSchema>[]): Promise<Place[]> {
    const insert = db
      .insertInto('places')
      .columns(['user_id', 'id', 'trip_id', 'name', 'kind', 'location', 'rating', 'notes', 'tags'])
      .expression(
        sql`select ${this.#userId}::uuid, input.* from jsonb_to_recordset(${rowsAsJson(places)}::jsonb) as input (
          id uuid, trip_id uuid, name text, kind text, location jsonb, rating integer, notes text, tags text[]
        )
        order by id`,
      )
      .onConflict((conflict) => conflict.doNothing())
      .returning(columns);
    const ids = places.map(({ id }) => id);
    return await storedInOrder(
      ids,
      () => insert.execute(),
      (missing) => this.#own(db).where('id', '=', sql<string>`any(${missing}::uuid[])`).execute(),
    );
  }

  #own(db: Kysely<DB>) {
    return db.selectFrom('places').select(columns).where('user_id', '=', this.#userId);
  }
}
