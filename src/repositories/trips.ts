import { type Kysely, type Selectable, type SqlBool, sql, type Updateable } from 'kysely';
import { z } from 'zod';
import { dateSchema } from '../types/calendar.ts';
import { currencySchema } from '../types/currency.ts';
import type { DB } from '../types/database.ts';
import { type TripStatus, tripStatuses } from '../types/enums.ts';
import type { TripSearchResult } from '../types/functions.ts';
import { type Destination, destinationSchema, itinerarySchema, jsonObjectSchema, routeSchema } from '../types/json.ts';
import { budgetSchema } from '../types/money.ts';
import { clampLimit, decodeCursor, encodeCursor, isTimestamptz, type Page, toPage } from '../types/page.ts';
import { textSchema } from '../types/text.ts';
import { isUuid, uuidSchema } from '../types/uuid.ts';
import { validate } from '../types/validate.ts';
import { atomically, explainMiss, found, storedInOrder } from './stored.ts';

const columns = [
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

export type Trip = Pick<Selectable<DB['trips']>, (typeof columns)[number]>;
export type TripFinancialSummary = Selectable<DB['trip_financial_summary']>;

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

const inputSchema = z
  .strictObject({ ...fields, id: uuidSchema })
  .partial()
  .required({ name: true })
  .transform(({ id = crypto.randomUUID(), ...trip }) => ({
    ...trip,
    id: id.toLowerCase(),
    status: trip.status ?? 'planning',
    destinations: trip.destinations ?? [],
    metadata: trip.metadata ?? {},
  }));

const patchSchema = z
  .strictObject(fields)
  .partial()
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), 'must change at least one field')
  .transform(({ route_data, destinations, metadata, ...patch }) => ({
    ...patch,
    ...(route_data !== undefined && { route_data: route_data && JSON.stringify(route_data) }),
    ...(destinations && { destinations: JSON.stringify(destinations) }),
    ...(metadata && { metadata: JSON.stringify(metadata) }),
  }));

const placeSchema = z.int().min(0).max(200);

/** `currency` is the budget's, by default the profile's; `id` may be made by the client, so that a repeated call is harmless. */
export type TripInput = z.input<typeof inputSchema>;
export type TripPatch = z.input<typeof patchSchema>;

/** A user's own trips. */
export class TripRepository {
  readonly #db: Kysely<DB>;
  readonly #userId: string;

  constructor(db: Kysely<DB>, userId: string) {
    this.#db = db;
    this.#userId = userId;
  }

  /**
   * Plans a trip. Sent twice with the same `id`, it is made once and the stored row comes back.
   *
   * @throws {ValidationError} if a field is not of its form; `CheckError` if the end date comes before the start date;
   *   `PermissionError` if the account is suspended.
   * @example
   * await alice.trips.create({ name: 'Big Lap', start_date: '2026-12-01', budget_total: '9000.00', currency: 'AUD' });
   */
  async create(input: TripInput): Promise<Trip> {
    return found((await this.#insert(this.#db, [validate(inputSchema, input)]))[0], 'trip');
  }

  /** As `create`, all or none; the rows come back in the order of the input, and have the same `created_at`. */
  async createMany(inputs: readonly TripInput[]): Promise<Trip[]> {
    const trips = validate(z.array(inputSchema), inputs);
    return await atomically(this.#db, (db) => this.#insert(db, trips));
  }

  /** The user's trip, or undefined. */
  async find(id: string): Promise<Trip | undefined> {
    return await this.#own(this.#db)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
  }

  /** The user's trip. @throws {NotFoundError} */
  async get(id: string): Promise<Trip> {
    return found(await this.find(id), 'trip');
  }

  /**
   * The user's trips, newest first, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * let cursor: string | null | undefined;
   * do {
   *   const page = await alice.trips.list({ status: 'completed', cursor });
   *   for (const trip of page.items) console.log(trip.name);
   *   cursor = page.next_cursor;
   * } while (cursor);
   */
  async list({
    limit,
    cursor,
    status,
  }: {
    limit?: number;
    cursor?: string | null;
    status?: TripStatus;
  } = {}): Promise<Page<Trip>> {
    const most = clampLimit(limit);
    let query = this.#own(this.#db)
      .select(sql<string>`created_at::text`.as('sort_key'))
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(most + 1);
    if (status !== undefined) query = query.where('status', '=', validate(z.enum(tripStatuses), status, 'status'));
    if (cursor) {
      const [createdAt, id] = decodeCursor('trips.list', cursor, [isTimestamptz, isUuid]);
      query = query.where(sql<SqlBool>`(created_at, id) < (${createdAt}::timestamptz, ${id}::uuid)`);
    }
    return toPage(
      await query.execute(),
      most,
      ({ sort_key, id }) => encodeCursor('trips.list', [sort_key, id]),
      ({ sort_key, ...trip }) => trip,
    );
  }

  /**
   * Changes the named fields. With `if_version`, only if nobody has changed the trip since that version was read.
   *
   * @throws {NotFoundError} if the user has no such trip; `ConflictError` if the version is another;
   *   `PermissionError` if the account is suspended; `ValidationError`, `CheckError` as `create`.
   * @example
   * await alice.trips.update(trip.id, { end_date: '2027-02-01' }, { if_version: trip.version });
   */
  async update(id: string, patch: TripPatch, { if_version }: { if_version?: number } = {}): Promise<Trip> {
    return await this.#update(id, validate(patchSchema, patch), if_version);
  }

  /** Sets the status. @throws {NotFoundError} */
  async setStatus(id: string, status: TripStatus): Promise<Trip> {
    return await this.update(id, { status });
  }

  /**
   * Adds a stop to the itinerary: at the place `at`, counted from 0, or at the end.
   *
   * @throws {NotFoundError} if the user has no such trip; `CheckError` if the itinerary has 200 stops already.
   * @example
   * await alice.trips.addDestination(trip.id, { name: 'Moab', lat: 38.5733, lng: -109.5498, arrive_on: '2026-04-02' });
   */
  async addDestination(id: string, destination: Destination, { at }: { at?: number } = {}): Promise<Trip> {
    const stop = JSON.stringify(validate(destinationSchema, destination));
    const place = validate(placeSchema, at ?? 200, 'at');
    return await this.#update(id, {
      destinations: sql<string>`jsonb_insert(destinations, array[${place}::text], ${stop}::jsonb)`,
    });
  }

  /** Moves the stop at the place `from` to the place `to`, both counted from 0. @throws {NotFoundError} if there is none. */
  async moveDestination(id: string, { from, to }: { from: number; to: number }): Promise<Trip> {
    const [source, target] = [validate(placeSchema, from, 'from'), validate(placeSchema, to, 'to')];
    return await this.#updateStop(
      id,
      source,
      sql<string>`jsonb_insert(destinations - ${source}::integer, array[${target}::text], destinations -> ${source}::integer)`,
    );
  }

  /** Removes the stop at the place `at`, counted from 0. @throws {NotFoundError} if there is none. */
  async removeDestination(id: string, at: number): Promise<Trip> {
    const place = validate(placeSchema, at, 'at');
    return await this.#updateStop(id, place, sql<string>`destinations - ${place}::integer`);
  }

  /** Deletes the trip; its expenses and posts stay, without a trip. Returns whether there was one. */
  async delete(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('trips')
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  /**
   * The user's trips whose name or description holds every word of `term`, also as the start of a word ("yos" finds
   * Yosemite) or in another form ("drive" finds driving); best first, at most `limit` (1 to 100, default 20).
   */
  async search(
    term: string,
    { status, limit }: { status?: TripStatus; limit?: number } = {},
  ): Promise<TripSearchResult[]> {
    const words = validate(z.string(), term, 'term');
    const wanted = status === undefined ? null : validate(z.enum(tripStatuses), status, 'status');
    const { rows } = await sql<TripSearchResult>`
      select * from public.search_trips(${words}, ${this.#userId}, ${wanted}, ${clampLimit(limit)})
    `.execute(this.#db);
    return rows;
  }

  /**
   * Budget, spending in the trip's currency, what remains, all currencies, and the ten newest expenses.
   *
   * @throws {NotFoundError}
   */
  async financialSummary(id: string): Promise<TripFinancialSummary> {
    const summary = await this.#db
      .selectFrom('trip_financial_summary')
      .selectAll()
      .where('user_id', '=', this.#userId)
      .where('trip_id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
    return found(summary, 'trip');
  }

  async #insert(db: Kysely<DB>, trips: z.output<typeof inputSchema>[]): Promise<Trip[]> {
    const inserted = await db
      .insertInto('trips')
      .columns([
        'user_id',
        'id',
        'name',
        'description',
        'start_date',
        'end_date',
        'status',
        'budget_total',
        'currency',
        'route_data',
        'destinations',
        'metadata',
      ])
      .expression(
        sql`select ${this.#userId}::uuid, input.* from jsonb_to_recordset(${JSON.stringify(trips)}::jsonb) as input (
          id uuid, name text, description text, start_date date, end_date date, status text, budget_total numeric,
          currency text, route_data jsonb, destinations jsonb, metadata jsonb
        )
        order by id`,
      )
      .onConflict((conflict) => conflict.doNothing())
      .returning(columns)
      .execute();
    const ids = trips.map(({ id }) => id);
    return await storedInOrder(ids, inserted, (missing) =>
      this.#own(db).where('id', '=', sql<string>`any(${missing}::uuid[])`).execute(),
    );
  }

  #own(db: Kysely<DB>) {
    return db.selectFrom('trips').select(columns).where('user_id', '=', this.#userId);
  }

  async #update(
    id: string,
    changes: Updateable<DB['trips']> | Record<'destinations', ReturnType<typeof sql<string>>>,
    version?: number,
  ): Promise<Trip> {
    let query = this.#db
      .updateTable('trips')
      .set(changes)
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .returning(columns);
    if (version !== undefined) query = query.where('version', '=', version);
    return (await query.executeTakeFirst()) ?? (await explainMiss('trip', version, () => this.find(id)));
  }

  async #updateStop(id: string, place: number, destinations: ReturnType<typeof sql<string>>): Promise<Trip> {
    const trip = await this.#db
      .updateTable('trips')
      .set({ destinations })
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .where(sql<SqlBool>`jsonb_array_length(destinations) > ${place}`)
      .returning(columns)
      .executeTakeFirst();
    return found(trip, 'stop of the trip');
  }
}
