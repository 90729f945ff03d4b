import { type Kysely, type RawBuilder, type Selectable, type SqlBool, sql, type Updateable } from 'kysely';
import { z } from 'zod';
import type { DB } from '../types/database.ts';
import { type TripStatus, tripStatuses } from '../types/enums.ts';
import { ValidationError } from '../types/errors.ts';
import type { TripSearchResult } from '../types/functions.ts';
import { type Destination, type DestinationPatch, destinationPatchSchema, destinationSchema } from '../types/json.ts';
import type { Money } from '../types/money.ts';
import { clampLimit, type Page, type PageRequest } from '../types/page.ts';
import { uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { type IfVersion, ifVersionSchema, versionSchema } from '../types/version.ts';
import { compiledOnce } from './compiled_once.ts';
import { manyRowsSchema, rowsAsJson } from './many_rows.ts';
import { areNew, atomically, explainMiss, found, storedInOrder, taken, wasDeleted } from './stored.ts';
import { copySchema, copyTrip, type TripCopy } from './trip_copy.ts';
import { daysOf, dayWindowSchema, type TripDay } from './trip_days.ts';
import { straightLine, type TripDistance } from './trip_distance.ts';
import { pageOfTrips, type TripListRequest } from './trip_list.ts';
import { newTripSchema, type Trip, type TripInput, type TripPatch, tripChangeSchema, tripColumns } from './trip_row.ts';

const totalColumns = [
  'id',
  'name',
  'start_date',
  'end_date',
  'status',
  'currency',
  'budget_total',
  'budget_spent',
  'spent_by_currency',
  'expense_count',
] as const;

/** What a trip may cost and has cost, with its ten newest expenses. */
export type TripFinancialSummary = Selectable<DB['trip_financial_summary']>;

/**
 * A trip without its plan: what it may cost and has cost. `remaining_budget` and `used_percent`, of one decimal, are null
 * without a budget; the percentage also for a budget of zero.
 */
export type TripTotals = Pick<Trip, (typeof totalColumns)[number]> & {
  remaining_budget: Money | null;
  used_percent: number | null;
};

const placeSchema = z.int().min(0).max(200);
const moveSchema = z.strictObject({ from: placeSchema, to: placeSchema });
const additionSchema = z.strictObject({ at: placeSchema, if_version: versionSchema }).partial();
const selectTrip = compiledOnce((db, { user_id, id }: { user_id: string; id: string }) =>
  db.selectFrom('trips').select(tripColumns).where('user_id', '=', user_id).where('id', '=', id),
);

const insertTrips = compiledOnce((db, { user_id, json }: { user_id: string; json: string }) =>
  db
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
      sql`select ${user_id}::uuid, input.* from jsonb_to_recordset(${json}::jsonb) as input (
          id uuid, name text, description text, start_date date, end_date date, status text, budget_total numeric,
          currency text, route_data jsonb, destinations jsonb, metadata jsonb
        )
        order by id`,
    )
    .onConflict((conflict) => conflict.doNothing())
    .returning(tripColumns),
);

type Change = Updateable<DB['trips']> & { user_id: string; id: string; if_version?: number | undefined };

const updateTrip = compiledOnce((db, { user_id, id, if_version, ...changes }: Change) => {
  const query = db
    .updateTable('trips')
    .set(changes)
    .where('user_id', '=', user_id)
    .where('id', '=', id)
    .returning(tripColumns);
  return if_version === undefined ? query : query.where('version', '=', if_version);
});

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
    return found((await this.#insert(this.#db, [validate(newTripSchema, input)]))[0], 'trip');
  }

  /**
   * As `create`, all or none; the rows come back in the order of the input, and have the same `created_at`.
   *
   * @throws as `create`; `ValidationError` if there are more than 10,000, or 64 MB: give them in parts.
   * @example
   * const [lap, detour] = await alice.trips.createMany([{ name: 'Big Lap' }, { name: 'Detour' }]);
   */
  async createMany(inputs: readonly TripInput[]): Promise<Trip[]> {
    const trips = validate(manyRowsSchema(newTripSchema), inputs);
    return await atomically(this.#db, (db) => this.#insert(db, trips), { isOneStatement: areNew(inputs) });
  }

  /**
   * The user's trip, or undefined.
   *
   * @example
   * const found = await alice.trips.find(trip.id);
   */
  async find(id: string): Promise<Trip | undefined> {
    return (await selectTrip(this.#db, { user_id: this.#userId, id: validate(uuidSchema, id, 'id') }))[0];
  }

  /**
   * The user's trip.
   *
   * @throws {NotFoundError}
   * @example
   * const { destinations, version } = await alice.trips.get(trip.id);
   */
  async get(id: string): Promise<Trip> {
    return found(await this.find(id), 'trip');
  }

  /**
   * The user's trips, `limit` (1 to 100, default 20) at a time: newest first, or, if asked for by date, the latest start
   * first; upcoming ones in the order in which they start.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list or order.
   * @example
   * let cursor: string | null | undefined;
   * do {
   *   const page = await alice.trips.list({ status: 'completed', cursor });
   *   for (const trip of page.items) console.log(trip.name);
   *   cursor = page.next_cursor;
   * } while (cursor);
   * const [next] = (await alice.trips.list({ when: 'upcoming', limit: 1 })).items;
   */
  async list(request: TripListRequest = {}): Promise<Page<Trip>> {
    return await pageOfTrips(this.#db.selectFrom('trips').select(tripColumns), this.#userId, 'trips.list', request);
  }

  /**
   * What each trip costs, with the filters, the order and the pages of `list`: without route, itinerary and description,
   * and without reading an expense.
   *
   * @throws {CursorError} as `list`.
   * @example
   * const { items } = await alice.trips.listWithTotals({ when: 'current' });
   * // [{ name: 'Big Lap', budget_total: '9000.00', budget_spent: '7650.00', remaining_budget: '1350.00', used_percent: 85, … }]
   */
  async listWithTotals(request: TripListRequest = {}): Promise<Page<TripTotals>> {
    const query = this.#db
      .selectFrom('trips')
      .select(totalColumns)
      .select([
        sql<Money | null>`budget_total - budget_spent`.as('remaining_budget'),
        sql<number | null>`round(100 * budget_spent / nullif(budget_total, 0), 1)::float8`.as('used_percent'),
      ]);
    return await pageOfTrips(query, this.#userId, 'trips.listWithTotals', request);
  }

  /**
   * Changes the named fields. With `if_version`, only if nobody has changed the trip since that version was read.
   *
   * @throws {NotFoundError} if the user has no such trip; `ConflictError` if the version is another;
   *   `PermissionError` if the account is suspended; `ValidationError`, `CheckError` as `create`.
   * @example
   * await alice.trips.update(trip.id, { end_date: '2027-02-01' }, { if_version: trip.version });
   */
  async update(id: string, patch: TripPatch, options: IfVersion = {}): Promise<Trip> {
    const changes = validate(tripChangeSchema, patch);
    const { if_version } = validate(ifVersionSchema, options);
    const own = { user_id: this.#userId, id: validate(uuidSchema, id, 'id') };
    const [trip] = await updateTrip(this.#db, { ...changes, ...own, if_version });
    return trip ?? (await explainMiss('trip', if_version, () => this.find(id)));
  }

  /**
   * Sets the status.
   *
   * @throws {NotFoundError} if the user has no such trip; others as `update`.
   * @example
   * await alice.trips.setStatus(trip.id, 'active');
   */
  async setStatus(id: string, status: TripStatus, options: IfVersion = {}): Promise<Trip> {
    return await this.update(id, { status }, options);
  }

  /**
   * Plans a trip once more, under a new id, with its plan, itinerary, budget and metadata, but as `planning` and with
   * nothing spent. With a `start_date` all dates move by as many days: as the trip's start or, if it has none, as the first
   * date of its stops. Sent twice with the same new `id`, it is made once and the stored row comes back.
   *
   * @throws {NotFoundError} if the user has no such trip; `ValidationError` if a field is not of its form; `CheckError` if a
   *   date would lie outside of the years 1900 to 2999; `UniqueError` if the new id is somebody else's;
   *   `PermissionError` if the account is suspended.
   * @example
   * await alice.trips.duplicate(trip.id, { name: 'Big Lap 2028', start_date: '2028-12-01', budgets: true });
   */
  async duplicate(id: string, copy: TripCopy = {}): Promise<Trip> {
    const source = validate(uuidSchema, id, 'id').toLowerCase();
    const given = validate(copySchema, copy);
    if (given.id === source) throw new ValidationError([{ path: 'id', reason: 'must be another than the trip has' }]);
    const made = await copyTrip(this.#db, this.#userId, source, given);
    if (made) return made;
    const rows = await this.#own(this.#db)
      .where('id', '=', sql<string>`any(${[source, given.id]}::uuid[])`)
      .execute();
    const stored = rows.find((trip) => trip.id === given.id);
    if (stored) return stored;
    found(rows[0], 'trip');
    return taken();
  }

  /**
   * Adds a stop to the itinerary: at the place `at`, counted from 0, or at the end. As for all that names a place, use
   * `if_version` where another device may have moved the stops.
   *
   * @throws {NotFoundError} if the user has no such trip; `CheckError` if the itinerary has 200 stops already; others as
   *   `update`.
   * @example
   * await alice.trips.addDestination(trip.id, { name: 'Moab', lat: 38.5733, lng: -109.5498, arrive_on: '2026-04-02' });
   */
  async addDestination(id: string, destination: Destination, options: IfVersion & { at?: number } = {}): Promise<Trip> {
    const stop = JSON.stringify(validate(destinationSchema, destination));
    const { at = 200, if_version } = validate(additionSchema, options);
    const destinations = sql<string>`jsonb_insert(destinations, array[${at}::text], ${stop}::jsonb)`;
    return await this.#setDestinations(id, destinations, { if_version });
  }

  /**
   * Changes the named fields of the stop at the place `at`, counted from 0; null takes a field away.
   *
   * @throws {NotFoundError} if there is none; `CheckError` if the stop would leave before it arrives; others as `update`.
   * @example
   * await alice.trips.updateDestination(trip.id, 0, { leave_on: '2026-04-05', notes: null });
   */
  async updateDestination(id: string, at: number, patch: DestinationPatch, options: IfVersion = {}): Promise<Trip> {
    const stop = validate(placeSchema, at, 'at');
    const changes = JSON.stringify(validate(destinationPatchSchema, patch));
    const changed = sql`jsonb_strip_nulls((destinations -> ${stop}::integer) || ${changes}::jsonb)`;
    return await this.#setDestinations(id, sql<string>`jsonb_set(destinations, array[${stop}::text], ${changed})`, {
      ...validate(ifVersionSchema, options),
      stop,
    });
  }

  /**
   * Moves the stop at the place `from` to the place `to`, both counted from 0.
   *
   * @throws {NotFoundError} if there is none; others as `update`.
   * @example
   * await alice.trips.moveDestination(trip.id, { from: 2, to: 0 }, { if_version: trip.version });
   */
  async moveDestination(id: string, move: { from: number; to: number }, options: IfVersion = {}): Promise<Trip> {
    const { from: stop, to: place } = validate(moveSchema, move);
    const others = sql`destinations - ${stop}::integer`;
    return await this.#setDestinations(
      id,
      sql<string>`jsonb_insert(${others}, array[${place}::text], destinations -> ${stop}::integer)`,
      { ...validate(ifVersionSchema, options), stop },
    );
  }

  /**
   * Removes the stop at the place `at`, counted from 0.
   *
   * @throws {NotFoundError} if there is none; others as `update`.
   * @example
   * await alice.trips.removeDestination(trip.id, 1, { if_version: trip.version });
   */
  async removeDestination(id: string, at: number, options: IfVersion = {}): Promise<Trip> {
    const stop = validate(placeSchema, at, 'at');
    return await this.#setDestinations(id, sql<string>`destinations - ${stop}::integer`, {
      ...validate(ifVersionSchema, options),
      stop,
    });
  }

  /**
   * The days of a trip, from the first date that it or a stop has to the last, each with the stops where one is that day; of
   * these the ones between `from` and `to`, both included. Where a stop has only one of its dates, one stays until the next
   * stop, or comes from the one before. A trip without any date has no days.
   *
   * @throws {NotFoundError} if the user has no such trip; `ValidationError` if there are more than 1100 days: ask for some.
   * @example
   * await alice.trips.days(trip.id, { from: '2026-04-01', to: '2026-04-30' });
   * // [{ date: '2026-04-02', day: 1, stops: [{ at: 0, name: 'Moab' }] }, …]
   */
  async days(id: string, window: { from?: string; to?: string } = {}): Promise<TripDay[]> {
    const asked = validate(dayWindowSchema, window);
    const trip = await this.#part(id).select(['start_date', 'end_date', 'destinations']).executeTakeFirst();
    return daysOf(found(trip, 'trip'), asked);
  }

  /**
   * How long the trip is, in metres, and how many seconds its route takes.
   *
   * @throws {NotFoundError}
   * @example
   * const { route_metres, straight_line_metres } = await alice.trips.distance(trip.id);
   * const kilometres = (route_metres ?? straight_line_metres ?? 0) / 1000;
   */
  async distance(id: string): Promise<TripDistance> {
    const trip = await this.#part(id)
      .select([
        'destinations',
        sql<number | null>`(route_data -> 'distance')::float8`.as('route_metres'),
        sql<number | null>`(route_data -> 'duration')::float8`.as('route_seconds'),
      ])
      .executeTakeFirst();
    const { destinations, ...route } = found(trip, 'trip');
    return { ...route, straight_line_metres: straightLine(destinations) };
  }

  /**
   * Deletes the trip; its expenses and posts stay, without a trip. Returns whether there was one.
   *
   * @throws {PermissionError} if the account is suspended.
   * @example
   * await alice.trips.delete(trip.id); // true, and false the second time
   */
  async delete(id: string): Promise<boolean> {
    const deleted = await this.#db
      .deleteFrom('trips')
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirstOrThrow();
    return await wasDeleted(this.#db, deleted, () => this.find(id));
  }

  /**
   * The user's trips whose name or description holds every word of `term`, also as the start of a word ("yos" finds
   * Yosemite) or in another form ("drive" finds driving); best first, at most `limit` (1 to 100, default 20).
   *
   * @example
   * const [best] = await alice.trips.search('red cent', { status: 'completed' });
   */
  async search(
    term: string,
    request: Omit<PageRequest, 'cursor'> & { status?: TripStatus | undefined } = {},
  ): Promise<TripSearchResult[]> {
    const { status, limit } = requireObject(request, ['status', 'limit']);
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
   * @example
   * const { actual_spent, remaining_budget, recent_expenses } = await alice.trips.financialSummary(trip.id);
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

  async #insert(db: Kysely<DB>, trips: z.output<typeof newTripSchema>[]): Promise<Trip[]> {
    const ids = trips.map(({ id }) => id);
    return await storedInOrder(
      ids,
      () => insertTrips(db, { user_id: this.#userId, json: rowsAsJson(trips) }),
      (missing) => this.#own(db).where('id', '=', sql<string>`any(${missing}::uuid[])`).execute(),
    );
  }

  #own(db: Kysely<DB>) {
    return db.selectFrom('trips').select(tripColumns).where('user_id', '=', this.#userId);
  }

  /** The user's trip, of which the caller selects what it needs: a route may be large. */
  #part(id: string) {
    return this.#db
      .selectFrom('trips')
      .where('user_id', '=', this.#userId)
      .where('id', '=', validate(uuidSchema, id, 'id'));
  }

  /** With `stop`, only if the itinerary has a stop at that place. */
  async #setDestinations(
    id: string,
    destinations: RawBuilder<string>,
    { if_version, stop }: IfVersion & { stop?: number },
  ): Promise<Trip> {
    const key = validate(uuidSchema, id, 'id');
    let query = this.#db
      .updateTable('trips')
      .set({ destinations })
      .where('user_id', '=', this.#userId)
      .where('id', '=', key)
      .returning(tripColumns);
    if (if_version !== undefined) query = query.where('version', '=', if_version);
    if (stop !== undefined) query = query.where(sql<SqlBool>`jsonb_array_length(destinations) > ${stop}`);
    const what = stop === undefined ? 'trip' : 'trip with this stop';
    return (await query.executeTakeFirst()) ?? (await explainMiss(what, if_version, () => this.find(key)));
  }
}
