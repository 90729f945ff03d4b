import { type Kysely, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import type { DB } from '../types/database.ts';
import { type FriendshipStatus, friendshipStatuses } from '../types/enums.ts';
import type { BlockedUser, Friendship } from '../types/functions.ts';
import { clampLimit, decodeCursor, encodeCursor, isTimestamptz, type Page, toPage } from '../types/page.ts';
import { isUuid, uuidSchema } from '../types/uuid.ts';
import { validate } from '../types/validate.ts';
import { found } from './stored.ts';

/** The other side of a friendship, as the user sees it. */
export type Friend = {
  friend_id: string;
  full_name: string | null;
  avatar_url: string | null;
  /** 'requested' by the user, 'received' from the other, or 'accepted'. */
  status: FriendshipStatus;
  created_at: Date;
};

/**
 * A user's friends, and whom they block. Somebody who blocks the user cannot be told from somebody who does not exist.
 * Every method but `list` and `blocked` throws a `PermissionError` if the account is suspended.
 */
export class FriendRepository {
  readonly #db: Kysely<DB>;
  readonly #userId: string;

  constructor(db: Kysely<DB>, userId: string) {
    this.#db = db;
    this.#userId = userId;
  }

  /**
   * Friends and open requests, newest first, `limit` (1 to 100, default 20) at a time.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const requests = await alice.friends.list({ status: 'received' });
   */
  async list({
    limit,
    cursor,
    status,
  }: {
    limit?: number;
    cursor?: string | null;
    status?: FriendshipStatus;
  } = {}): Promise<Page<Friend>> {
    const most = clampLimit(limit);
    let query = this.#db
      .selectFrom('friendships')
      .innerJoin('public_profiles', 'public_profiles.id', 'friendships.friend_id')
      .select([
        'friendships.friend_id',
        'public_profiles.full_name',
        'public_profiles.avatar_url',
        'friendships.status',
        'friendships.created_at',
        sql<string>`friendships.created_at::text`.as('sort_key'),
      ])
      .where('friendships.user_id', '=', this.#userId)
      .orderBy('friendships.created_at', 'desc')
      .orderBy('friendships.friend_id', 'desc')
      .limit(most + 1);
    if (status !== undefined) {
      query = query.where('friendships.status', '=', validate(z.enum(friendshipStatuses), status, 'status'));
    }
    if (cursor) {
      const [createdAt, id] = decodeCursor('friends.list', cursor, [isTimestamptz, isUuid]);
      query = query.where(
        sql<SqlBool>`(friendships.created_at, friendships.friend_id) < (${createdAt}::timestamptz, ${id}::uuid)`,
      );
    }
    return toPage(
      await query.execute(),
      most,
      ({ sort_key, friend_id }) => encodeCursor('friends.list', [sort_key, friend_id]),
      ({ sort_key, ...friend }) => friend,
    );
  }

  /**
   * Asks a person to be friends, once however often it is called. If they have asked already, this accepts.
   *
   * @throws {NotFoundError} if there is no such person for this user; `ValidationError` if it is the user, or somebody they block.
   */
  async request(id: string): Promise<Friendship> {
    const { rows } = await sql<Friendship>`
      select * from public.request_friend(${validate(uuidSchema, id, 'id')})
    `.execute(this.#db);
    return found(rows[0], 'person');
  }

  /** Accepts a request. @throws {NotFoundError} if this person has not asked. */
  async accept(id: string): Promise<Friendship> {
    const { rows } = await sql<Friendship>`
      select * from public.accept_friend(${validate(uuidSchema, id, 'id')})
    `.execute(this.#db);
    return found(rows[0], 'request');
  }

  /** Ends a friendship, declines a request or takes one back. Returns whether there was one. */
  async remove(id: string): Promise<boolean> {
    const { rows } = await sql<{ removed: boolean }>`
      select public.remove_friend(${validate(uuidSchema, id, 'id')}) as removed
    `.execute(this.#db);
    return found(rows[0], 'person').removed;
  }

  /** Hides two people from each other and ends their friendship. The other is not told. @throws {NotFoundError} */
  async block(id: string): Promise<void> {
    await sql`select public.block_user(${validate(uuidSchema, id, 'id')})`.execute(this.#db);
  }

  /** Takes a block back; the friendship it ended does not return. Returns whether there was one. */
  async unblock(id: string): Promise<boolean> {
    const { rows } = await sql<{ unblocked: boolean }>`
      select public.unblock_user(${validate(uuidSchema, id, 'id')}) as unblocked
    `.execute(this.#db);
    return found(rows[0], 'person').unblocked;
  }

  /** Whom the user blocks, newest first. */
  async blocked(): Promise<BlockedUser[]> {
    const { rows } = await sql<BlockedUser>`select * from public.list_blocked_users()`.execute(this.#db);
    return rows;
  }
}
