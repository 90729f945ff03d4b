import { type Kysely, type Selectable, sql, type Updateable } from 'kysely';
import { z } from 'zod';
import { timezoneSchema } from '../types/calendar.ts';
import { currencySchema } from '../types/currency.ts';
import type { DB } from '../types/database.ts';
import type { UserActivity } from '../types/functions.ts';
import { type JsonObject, jsonObjectSchema } from '../types/json.ts';
import { clampLimit, type PageRequest } from '../types/page.ts';
import { httpsUrlSchema, textSchema } from '../types/text.ts';
import { uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { type IfVersion, ifVersionSchema } from '../types/version.ts';
import { type OwnRow, streamOwnRows } from './own_data.ts';
import { explainMiss, found, wasDeleted } from './stored.ts';

const publicColumns = ['id', 'full_name', 'avatar_url'] as const;

/** The user's own account. */
export type Profile = Selectable<DB['profiles']>;
/** What others see of a person. */
export type PublicProfile = Pick<Selectable<DB['public_profiles']>, (typeof publicColumns)[number]>;
/** Thirty days of a person, in their currency, and in each. */
export type FinancialSummary = Selectable<DB['user_financial_summary']>;

export const profilePatchSchema = z
  .strictObject({
    full_name: textSchema(200).nullable(),
    avatar_url: httpsUrlSchema.nullable(),
    region: textSchema(100),
    timezone: timezoneSchema,
    currency: currencySchema,
    preferences: jsonObjectSchema,
  })
  .partial()
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), 'must change at least one field');

/** What a user may change of their profile. `preferences` replaces the whole object; `updatePreferences` merges. */
export type ProfilePatch = z.input<typeof profilePatchSchema>;

/** What others may see of people: everybody but those blocked in either direction; for visitors, authors of public posts. */
export class PublicProfileRepository {
  protected readonly db: Kysely<DB>;

  constructor(db: Kysely<DB>) {
    this.db = db;
  }

  /**
   * The name and picture of a person, or undefined if there is nobody whom this session may see.
   *
   * @example
   * const person = await alice.profiles.find(bob.id); // { id, full_name, avatar_url } or undefined
   */
  async find(id: string): Promise<PublicProfile | undefined> {
    return await this.db
      .selectFrom('public_profiles')
      .select(publicColumns)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
  }

  /**
   * As `find`.
   *
   * @throws {NotFoundError}
   * @example
   * const { full_name } = await alice.profiles.get(bob.id);
   */
  async get(id: string): Promise<PublicProfile> {
    return found(await this.find(id), 'person');
  }

  /**
   * The names and pictures of at most 100 people in one statement, in the order asked; whom this session may not see is left
   * out.
   *
   * @example
   * const authors = await alice.profiles.findMany(comments.map(({ user_id }) => user_id));
   */
  async findMany(ids: readonly string[]): Promise<PublicProfile[]> {
    const asked = validate(z.array(uuidSchema).max(100), ids, 'ids');
    const people = await this.db
      .selectFrom('public_profiles')
      .select(publicColumns)
      .where('id', '=', sql<string>`any(${asked}::uuid[])`)
      .execute();
    const known = new Map(people.map((person) => [person.id, person]));
    return asked.flatMap((id) => known.get(id.toLowerCase()) ?? []);
  }
}

/** The user's own profile, and what they may see of others. */
export class ProfileRepository extends PublicProfileRepository {
  readonly #userId: string;

  constructor(db: Kysely<DB>, userId: string) {
    super(db);
    this.#userId = userId;
  }

  /**
   * The user's own profile.
   *
   * @throws {NotFoundError} if the account has been deleted since the token was made.
   * @example
   * const { timezone, currency } = await alice.profiles.me();
   */
  async me(): Promise<Profile> {
    return found(await this.#own(), 'profile');
  }

  /**
   * Changes the user's own profile. The currency and the time zone are defaults for what is recorded from now on;
   * amounts recorded before keep their currency. With `if_version`, only if nobody has changed the profile since that
   * version was read.
   *
   * @throws {ValidationError} if a field is not of its form; `PermissionError` if the account is suspended; `ConflictError` if
   *   the version is another; `NotFoundError` if the account has been deleted.
   * @example
   * await alice.profiles.update({ timezone: 'Pacific/Auckland', currency: 'NZD' });
   */
  async update(patch: ProfilePatch, options: IfVersion = {}): Promise<Profile> {
    const { preferences, ...rest } = validate(profilePatchSchema, patch);
    const changes: Updateable<DB['profiles']> = {
      ...rest,
      ...(preferences && { preferences: JSON.stringify(preferences) }),
    };
    const { if_version } = validate(ifVersionSchema, options);
    let query = this.db.updateTable('profiles').set(changes).where('id', '=', this.#userId).returningAll();
    if (if_version !== undefined) query = query.where('version', '=', if_version);
    return (await query.executeTakeFirst()) ?? (await explainMiss('profile', if_version, () => this.#own()));
  }

  /**
   * Merges a patch into the user's preferences (RFC 7396): what it names is replaced, objects are merged, lists are not, null
   * removes. Of patches that two devices send at once none is lost. A patch may have 16 kB, as what `update` takes; the merged
   * preferences 32 kB as Postgres writes them.
   *
   * @throws {ValidationError} unless the patch is a JSON object; `CheckError` if the preferences would become too large;
   *   `PermissionError` if the account is suspended; `NotFoundError` if it has been deleted.
   * @example
   * await alice.profiles.update({ preferences: { units: 'metric', map: { style: 'satellite', traffic: true } } });
   * const { preferences } = await alice.profiles.updatePreferences({ map: { traffic: null, zoom: 9 } });
   * // { units: 'metric', map: { style: 'satellite', zoom: 9 } }
   */
  async updatePreferences(patch: JsonObject): Promise<Profile> {
    const merged = JSON.stringify(validate(jsonObjectSchema, patch, 'patch'));
    const profile = await this.db
      .updateTable('profiles')
      .set({ preferences: sql<string>`public.jsonb_merge_patch(preferences, ${merged}::jsonb)` })
      .where('id', '=', this.#userId)
      .returningAll()
      .executeTakeFirst();
    return found(profile, 'profile');
  }

  /**
   * The last thirty days, today in the traveller's time zone included: totals in the profile's currency, all currencies in
   * `by_currency`. A recurring income counts for each of its occurrences.
   *
   * @example
   * const summary = await alice.profiles.financialSummary();
   */
  async financialSummary(): Promise<FinancialSummary> {
    const summary = await this.db
      .selectFrom('user_financial_summary')
      .selectAll()
      .where('user_id', '=', this.#userId)
      .executeTakeFirst();
    return found(summary, 'profile');
  }

  /**
   * The user's newest trips, expenses and posts, at most `limit` (1 to 100, default 10) of each.
   *
   * @example
   * const { trips, expenses, posts } = await alice.profiles.activity({ limit: 5 });
   */
  async activity(request: Omit<PageRequest, 'cursor'> = {}): Promise<UserActivity> {
    const { limit } = requireObject(request, ['limit']);
    const { rows } = await sql<{ activity: UserActivity }>`
      select public.get_user_activity(${this.#userId}, ${clampLimit(limit, 10)}) as activity
    `.execute(this.db);
    return found(rows[0], 'profile').activity;
  }

  /**
   * Everything that is the user's, row by row, table by table, as it was at one moment: also the exact places of posts, likes
   * and comments on posts that are out of sight by now, and whom they block. It reads 25 rows at a time, in a transaction that
   * ends with the loop, however the loop ends; the server gives it up when the loop stands still for longer than
   * `idleInTransactionTimeoutMillis`. The login itself and uploaded files are not in this database. Other statements in
   * the loop take a second connection; those of a transaction around it are refused until the loop is over, and there the
   * rows are of one moment only if the transaction is 'repeatable read'.
   *
   * @example
   * for await (const { table, row } of alice.profiles.exportData()) {
   *   if (!output.write(`${JSON.stringify({ table, row })}\n`)) await once(output, 'drain');
   * }
   */
  async *exportData(): AsyncGenerator<OwnRow, void, undefined> {
    if (this.db.isTransaction) return yield* streamOwnRows(this.db, this.#userId);
    const snapshot = this.db.startTransaction().setIsolationLevel('repeatable read').setAccessMode('read only');
    const tx = await snapshot.execute();
    try {
      yield* streamOwnRows(tx, this.#userId);
    } finally {
      await tx.rollback().execute();
    }
  }

  /**
   * Deletes the account and everything that is the user's, for good. What others wrote on the user's posts goes with these;
   * others' posts lose the user's likes and comments and count anew. Returns whether there was an account: called again, it
   * does nothing.
   *
   * @throws {PermissionError} if the account is suspended: then only the service erases it.
   * @example
   * const there_was_one = await alice.profiles.erase();
   */
  async erase(): Promise<boolean> {
    const deleted = await this.db.deleteFrom('profiles').where('id', '=', this.#userId).executeTakeFirstOrThrow();
    return await wasDeleted(this.db, deleted, () => this.#own());
  }

  async #own(): Promise<Profile | undefined> {
    return await this.db.selectFrom('profiles').selectAll().where('id', '=', this.#userId).executeTakeFirst();
  }
}
