import { type Kysely, type Selectable, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import type { DB } from '../types/database.ts';
import { type ProfileRole, type ProfileStatus, profileRoles, profileStatuses } from '../types/enums.ts';
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
import { found } from './stored.ts';

/** A person's profile as the service sees it, with role and status. */
export type Account = Selectable<DB['profiles']>;

const emailSchema = z.string().trim().pipe(textSchema(255));
const roleSchema = z.enum(profileRoles);
const statusSchema = z.enum(profileStatuses);
const filterSchema = z.strictObject({ role: roleSchema, status: statusSchema }).partial();

/** Which accounts: all of a role, of a status, or both. */
export type AccountFilter = z.input<typeof filterSchema>;

/** Everybody's accounts, for the service. Accounts are made by signing up. */
export class AccountRepository {
  readonly #db: Kysely<DB>;

  constructor(db: Kysely<DB>) {
    this.#db = db;
  }

  /**
   * The account, or undefined.
   *
   * @example
   * const account = await database.asService().accounts.find(userId); // { role: 'user', status: 'active', … }
   */
  async find(id: string): Promise<Account | undefined> {
    return await this.#accounts()
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
  }

  /**
   * The account.
   *
   * @throws {NotFoundError}
   * @example
   * const { status } = await database.asService().accounts.get(userId);
   */
  async get(id: string): Promise<Account> {
    return found(await this.find(id), 'account');
  }

  /**
   * The account with this email address, in whatever case it is written, or undefined.
   *
   * @example
   * const account = await database.asService().accounts.findByEmail('Sam@example.com');
   */
  async findByEmail(email: string): Promise<Account | undefined> {
    return await this.#accounts()
      .where('email', '=', sql<string>`lower(${validate(emailSchema, email, 'email')})`)
      .executeTakeFirst();
  }

  /**
   * Accounts by the time of their sign-up, newest first, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items, next_cursor } = await database.asService().accounts.list({ status: 'suspended' });
   */
  async list(request: PageRequest & AccountFilter = {}): Promise<Page<Account>> {
    const { limit, cursor, ...filter } = requireObject(request);
    const most = clampLimit(limit);
    const { role, status } = validate(filterSchema, filter);
    let query = this.#accounts()
      .select(sql<string>`created_at::text`.as('sort_key'))
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(most + 1);
    // Written out: for a parameter Postgres may settle on a plan that reads everybody to find the few.
    if (role !== undefined) query = query.where('role', '=', sql.lit(role));
    if (status !== undefined) query = query.where('status', '=', sql.lit(status));
    if (cursor) {
      const [createdAt, id] = decodeCursor('accounts.list', cursor, [isTimestamptz, isUuid]);
      query = query.where(sql<SqlBool>`(created_at, id) < (${createdAt}::timestamptz, ${id}::uuid)`);
    }
    return toPage(
      await query.execute(),
      most,
      ({ sort_key, id }) => encodeCursor('accounts.list', [sort_key, id]),
      ({ sort_key, ...account }) => account,
    );
  }

  /**
   * Makes the person a moderator, an admin, or a mere user again, from their next statement on.
   *
   * @throws {NotFoundError} if there is no such account; `ValidationError` if there is no such role.
   * @example
   * await database.asService().accounts.setRole(bob.id, 'moderator');
   */
  async setRole(id: string, role: ProfileRole): Promise<Account> {
    return await this.#change(id, { role: validate(roleSchema, role, 'role') });
  }

  /**
   * Suspends the account, which from its next statement on reads and no longer writes, or takes that back.
   *
   * @throws {NotFoundError} if there is no such account; `ValidationError` if there is no such status.
   * @example
   * await database.asService().accounts.setStatus(bob.id, 'suspended');
   */
  async setStatus(id: string, status: ProfileStatus): Promise<Account> {
    return await this.#change(id, { status: validate(statusSchema, status, 'status') });
  }

  /**
   * Deletes the account and everything that is the person's, for good, suspended or not. What others wrote on their posts goes
   * with these; others' posts lose the person's likes and comments and count anew. Returns whether there was one.
   *
   * @example
   * const there_was_one = await database.asService().accounts.erase(bob.id);
   */
  async erase(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('profiles')
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  async #change(id: string, change: { role: ProfileRole } | { status: ProfileStatus }): Promise<Account> {
    const account = await this.#db
      .updateTable('profiles')
      .set(change)
      .where('id', '=', validate(uuidSchema, id, 'id'))
      .returningAll()
      .executeTakeFirst();
    return found(account, 'account');
  }

  #accounts() {
    return this.#db.selectFrom('profiles').selectAll();
  }
}
