import { type Kysely, type Selectable, sql, type Updateable } from 'kysely';
import { z } from 'zod';
import { timezoneSchema } from '../types/calendar.ts';
import { currencySchema } from '../types/currency.ts';
import type { DB } from '../types/database.ts';
import type { UserActivity } from '../types/functions.ts';
import { jsonObjectSchema } from '../types/json.ts';
import { clampLimit } from '../types/page.ts';
import { httpsUrlSchema, textSchema } from '../types/text.ts';
import { uuidSchema } from '../types/uuid.ts';
import { validate } from '../types/validate.ts';
import { found } from './stored.ts';

const publicColumns = ['id', 'full_name', 'avatar_url'] as const;

export type Profile = Selectable<DB['profiles']>;
export type PublicProfile = Pick<Selectable<DB['public_profiles']>, (typeof publicColumns)[number]>;
export type FinancialSummary = Selectable<DB['user_financial_summary']>;

const patchSchema = z
  .strictObject({
    full_name: textSchema(200).nullable(),
    avatar_url: httpsUrlSchema.nullable(),
    region: textSchema(100),
    timezone: timezoneSchema,
    currency: currencySchema,
    preferences: jsonObjectSchema.transform((preferences) => JSON.stringify(preferences)),
  })
  .partial()
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), 'must change at least one field');

/** What a user may change of their profile. `preferences` replaces the whole object. */
export type ProfilePatch = z.input<typeof patchSchema>;

/** What others may see of people: everybody but those blocked in either direction; for visitors, authors of public posts. */
export class PublicProfileRepository {
  protected readonly db: Kysely<DB>;

  constructor(db: Kysely<DB>) {
    this.db = db;
  }

  /** The name and picture of a person, or undefined if there is nobody whom this session may see. */
  async find(id: string): Promise<PublicProfile | undefined> {
    return await this.db
      .selectFrom('public_profiles')
      .select(publicColumns)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
  }

  /** As `find`. @throws {NotFoundError} */
  async get(id: string): Promise<PublicProfile> {
    return found(await this.find(id), 'person');
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
   */
  async me(): Promise<Profile> {
    const profile = await this.db.selectFrom('profiles').selectAll().where('id', '=', this.#userId).executeTakeFirst();
    return found(profile, 'profile');
  }

  /**
   * Changes the user's own profile. The currency and the time zone are defaults for what is recorded from now on;
   * amounts recorded before keep their currency.
   *
   * @throws {ValidationError} if a field is not of its form; `PermissionError` if the account is suspended.
   * @example
   * await alice.profiles.update({ timezone: 'Pacific/Auckland', currency: 'NZD' });
   */
  async update(patch: ProfilePatch): Promise<Profile> {
    const changes: Updateable<DB['profiles']> = validate(patchSchema, patch);
    const profile = await this.db
      .updateTable('profiles')
      .set(changes)
      .where('id', '=', this.#userId)
      .returningAll()
      .executeTakeFirst();
    return found(profile, 'profile');
  }

  /**
   * The last thirty days, today in the traveller's time zone included: totals in the profile's currency, all currencies in
   * `by_currency`. A recurring income counts for each of its occurrences.
   */
  async financialSummary(): Promise<FinancialSummary> {
    const summary = await this.db
      .selectFrom('user_financial_summary')
      .selectAll()
      .where('user_id', '=', this.#userId)
      .executeTakeFirst();
    return found(summary, 'profile');
  }

  /** The user's newest trips, expenses and posts, at most `limit` (1 to 100, default 10) of each. */
  async activity({ limit }: { limit?: number } = {}): Promise<UserActivity> {
    const { rows } = await sql<{ activity: UserActivity }>`
      select public.get_user_activity(${this.#userId}, ${clampLimit(limit, 10)}) as activity
    `.execute(this.db);
    return found(rows[0], 'profile').activity;
  }
}
