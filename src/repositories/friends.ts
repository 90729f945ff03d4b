import { type Kysely, type RawBuilder, type Selectable, sql } from 'kysely';
import { z } from 'zod';
import type { DB } from '../types/database.ts';
import { type FriendshipStatus, friendshipStatuses } from '../types/enums.ts';
import type { BlockedUser, Friendship, MutualFriend } from '../types/functions.ts';
import {
  clampLimit,
  decodeCursor,
  encodeCursor,
  isTimestamptz,
  type Page,
  type PageRequest,
  toPage,
} from '../types/page.ts';
import { isUuid, uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { compiledOnce } from './compiled_once.ts';
import { firstRows } from './first_rows.ts';
import type { Bounds } from './post_feed.ts';
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

export const friendFilterSchema = z.strictObject({ status: z.enum(friendshipStatuses) }).partial();

type FriendPage = Bounds & { user_id: string; status?: FriendshipStatus };

const selectPage = compiledOnce((db, { user_id, status, last_created_at, last_id, limit }: FriendPage) => {
  const conditions = [sql`user_id = ${user_id}`];
  if (status !== undefined) conditions.push(sql`status = ${status}`);
  if (last_id !== undefined) {
    conditions.push(sql`(created_at, friend_id) < (${last_created_at}::timestamptz, ${last_id}::uuid)`);
  }
  return selectFriends(db, firstRows('friendships', conditions, sql`created_at desc, friend_id desc`))
    .select(sql<string>`friendships.created_at::text`.as('sort_key'))
    .orderBy('friendships.created_at', 'desc')
    .orderBy('friendships.friend_id', 'desc')
    .limit(limit);
});

function selectFriends(db: Kysely<DB>, friendships: RawBuilder<Selectable<DB['friendships']>> = sql`friendships`) {
  return db
    .selectFrom(friendships.as('friendships'))
    .leftJoin('public_profiles', 'public_profiles.id', 'friendships.friend_id')
    .select([
      'friendships.friend_id',
      'public_profiles.full_name',
      'public_profiles.avatar_url',
      'friendships.status',
      'friendships.created_at',
    ]);
}

/**
 * A user's friends, and whom they block. Somebody who blocks the user cannot be told from somebody who does not exist.
 * Every method that changes something throws a `PermissionError` if the account is suspended.
 */
export class FriendRepository {
  readonly #db: Kysely<DB>;
  readonly #userId: string;

  constructor(db: Kysely<DB>, userId: string) {
    this.#db = db;
    this.#userId = userId;
  }

  /**
   * Friends and open requests, newest first, `limit` (1 to 100, default 20) at a time. The time is that of the request.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const requests = await alice.friends.list({ status: 'received' });
   */
  async list(request: PageRequest & { status?: FriendshipStatus } = {}): Promise<Page<Friend>> {
    const { limit, cursor, ...filter } = requireObject(request);
    const most = clampLimit(limit);
    const [last_created_at, last_id] = cursor ? decodeCursor('friends.list', cursor, [isTimestamptz, isUuid]) : [];
    const bounds = { user_id: this.#userId, last_created_at, last_id, limit: most + 1 };
    return toPage(
      await selectPage(this.#db, { ...validate(friendFilterSchema, filter), ...bounds }),
      most,
      ({ sort_key, friend_id }) => encodeCursor('friends.list', [sort_key, friend_id]),
      ({ sort_key, ...friend }) => friend,
    );
  }

  /**
   * How the user stands with a person, or undefined if neither has asked the other.
   *
   * @example
   * const friendship = await alice.friends.find(bob.id);
   * const may_accept = friendship?.status === 'received';
   */
  async find(id: string): Promise<Friend | undefined> {
    return await selectFriends(this.#db)
      .where('friendships.user_id', '=', this.#userId)
      .where('friendships.friend_id', '=', validate(uuidSchema, id, 'id'))
      .executeTakeFirst();
  }

  /**
   * The user's friends who are also friends of a person, by id, `limit` (1 to 100, default 20) at a time. Told of friends
   * and of who has asked to be one; of others there are none, so that nobody learns whom a stranger knows.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list or person.
   * @example
   * const { items } = await alice.friends.mutual(bob.id); // [{ friend_id, full_name, avatar_url }, …]
   */
  async mutual(id: string, request: PageRequest = {}): Promise<Page<MutualFriend>> {
    const { limit, cursor } = requireObject(request, ['limit', 'cursor']);
    const most = clampLimit(limit);
    const other = validate(uuidSchema, id, 'id').toLowerCase();
    const kind = `friends.mutual ${other}`;
    const [last_id] = cursor ? decodeCursor(kind, cursor, [isUuid]) : [];
    const { rows } = await sql<MutualFriend>`
      select * from public.mutual_friends(${other}, ${last_id ?? null}::uuid, ${most + 1})
    `.execute(this.#db);
    return toPage(
      rows,
      most,
      ({ friend_id }) => encodeCursor(kind, [friend_id]),
      (friend) => friend,
    );
  }

  /**
   * Asks a person to be friends, once however often it is called. If they have asked already, this accepts.
   *
   * @throws {NotFoundError} if there is no such person for this user; `ValidationError` if it is the user, or somebody they block.
   * @example
   * const { status } = await bob.friends.request(userId); // 'requested', or 'accepted' if they have asked already
   */
  async request(id: string): Promise<Friendship> {
    const { rows } = await sql<Friendship>`
      select * from public.request_friend(${validate(uuidSchema, id, 'id')})
    `.execute(this.#db);
    return found(rows[0], 'person');
  }

  /**
   * Accepts a request.
   *
   * @throws {NotFoundError} if this person has not asked.
   * @example
   * await alice.friends.accept(bob.id);
   */
  async accept(id: string): Promise<Friendship> {
    const { rows } = await sql<Friendship>`
      select * from public.accept_friend(${validate(uuidSchema, id, 'id')})
    `.execute(this.#db);
    return found(rows[0], 'request');
  }

  /**
   * Declines a request, of which the other is not told; a friendship stays. Returns whether there was a request.
   *
   * @throws {NotFoundError} if there is no such person for this user.
   * @example
   * await alice.friends.decline(bob.id);
   */
  async decline(id: string): Promise<boolean> {
    const { rows } = await sql<{ declined: boolean }>`
      select public.decline_friend_request(${validate(uuidSchema, id, 'id')}) as declined
    `.execute(this.#db);
    return found(rows[0], 'person').declined;
  }

  /**
   * Takes the user's own request back; a friendship stays, also if it was made the moment before. Returns whether there was
   * a request.
   *
   * @throws {NotFoundError} if there is no such person for this user.
   * @example
   * await bob.friends.cancel(userId);
   */
  async cancel(id: string): Promise<boolean> {
    const { rows } = await sql<{ cancelled: boolean }>`
      select public.cancel_friend_request(${validate(uuidSchema, id, 'id')}) as cancelled
    `.execute(this.#db);
    return found(rows[0], 'person').cancelled;
  }

  /**
   * Ends whatever there is with a person: a friendship, or a request of either. Returns whether there was one.
   *
   * @throws {NotFoundError} if there is no such person for this user.
   * @example
   * await alice.friends.remove(bob.id);
   */
  async remove(id: string): Promise<boolean> {
    const { rows } = await sql<{ removed: boolean }>`
      select public.remove_friend(${validate(uuidSchema, id, 'id')}) as removed
    `.execute(this.#db);
    return found(rows[0], 'person').removed;
  }

  /**
   * Hides two people from each other and ends their friendship. The other is not told, and may block the user as well: both
   * blocks must be lifted before they see each other again. Blocking nobody does nothing, so that this does not tell who
   * blocks the user.
   *
   * @throws {ValidationError} if it is the user.
   * @example
   * await alice.friends.block(bob.id);
   */
  async block(id: string): Promise<void> {
    await sql`select public.block_user(${validate(uuidSchema, id, 'id')})`.execute(this.#db);
  }

  /**
   * Takes a block back; the friendship it ended does not return. Returns whether `blocked` had it.
   *
   * @example
   * await alice.friends.unblock(bob.id);
   */
  async unblock(id: string): Promise<boolean> {
    const { rows } = await sql<{ unblocked: boolean }>`
      select public.unblock_user(${validate(uuidSchema, id, 'id')}) as unblocked
    `.execute(this.#db);
    return found(rows[0], 'person').unblocked;
  }

  /**
   * Whom the user blocks, newest first, `limit` (1 to 100, default 20) at a time. A person who blocked the user before is
   * not in it until they lift theirs.
   *
   * @throws {CursorError} if the cursor is malformed or comes from another list.
   * @example
   * const { items } = await alice.friends.blocked({ limit: 50 }); // [{ blocked_id, full_name, … }, …]
   */
  async blocked(request: PageRequest = {}): Promise<Page<BlockedUser>> {
    const { limit, cursor } = requireObject(request, ['limit', 'cursor']);
    const most = clampLimit(limit);
    const [created_at, id] = cursor ? decodeCursor('friends.blocked', cursor, [isTimestamptz, isUuid]) : [];
    const { rows } = await sql<BlockedUser & { sort_key: string }>`
      select *, created_at::text as sort_key
      from public.blocked_users(${created_at ?? null}::timestamptz, ${id ?? null}::uuid, ${most + 1})
    `.execute(this.#db);
    return toPage(
      rows,
      most,
      ({ sort_key, blocked_id }) => encodeCursor('friends.blocked', [sort_key, blocked_id]),
      ({ sort_key, ...blocked }) => blocked,
    );
  }
}
