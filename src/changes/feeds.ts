import { type ConnectionPool, closed } from '../session/connection_pool.ts';
import { checkSignal } from '../session/scoped_pool.ts';
import { ValidationError } from '../types/errors.ts';
import type { Change, SeenChange } from './change.ts';
import { ChangeFeed, type opened } from './change_feed.ts';
import { type Following, followLive, followSlot } from './follow_slot.ts';
import { isPublished, type PublishedTable, publishedTables } from './published.ts';
import { ReplicationClient } from './replication_client.ts';
import type { Viewer } from './seen_rows.ts';
import { SessionFeed } from './session_feed.ts';
import { SharedFeed } from './shared_feed.ts';

/** What a session follows, and until when. */
export type SessionChangesOptions<Table extends PublishedTable> = {
  /** Default all that are published. */
  tables?: readonly Table[];
  /** Ends the loop. */
  signal?: AbortSignal;
};

/** What a service follows, from where on, and until when. */
export type ChangesOptions<Table extends PublishedTable> = SessionChangesOptions<Table> & (SlotOptions | NoSlot);

type SlotOptions = {
  /**
   * A replication slot, which keeps what was committed while nobody followed: at most 63 lower-case letters, digits and
   * underscores. One consumer each. Without it the feed begins now.
   */
  slot: string;
  /**
   * What to do if there is no such slot: 'now' makes it, 'snapshot' makes it and hands over all rows that are there, as
   * changes with the operation 'snapshot', before what comes after them.
   */
  create?: 'snapshot' | 'now';
};

type NoSlot = { slot?: undefined; create?: undefined };

/** Opens the feeds of one database. */
export class Feeds {
  readonly #pool: ConnectionPool;
  readonly #connections = new Set<ReplicationClient>();
  readonly #closing = new AbortController();
  readonly #shared: SharedFeed;

  constructor(pool: ConnectionPool) {
    this.#pool = pool;
    this.#shared = new SharedFeed((signal) => followLive(this.#following(publishedTables, signal)));
  }

  database<Table extends PublishedTable>({
    tables,
    signal,
    slot,
    create,
  }: ChangesOptions<Table>): ChangeFeed<Change<Table>> {
    checkSlot(slot, create);
    const chosen = this.#check(tables, signal);
    return new ChangeFeed((leaving) => {
      const following = this.#following(chosen, leaving, signal);
      const changes = slot === undefined ? followLive(following) : followSlot(slot, create, following);
      // Of the tables that were chosen.
      return changes as AsyncGenerator<Change<Table> | typeof opened, void>;
    });
  }

  session<Table extends PublishedTable>(
    viewer: Viewer,
    { tables, signal }: SessionChangesOptions<Table>,
    sessionSignal: AbortSignal | undefined,
  ): ChangeFeed<SeenChange<Table>> {
    const chosen = this.#check(tables, signal);
    return new ChangeFeed((leaving) => {
      const feed = new SessionFeed(viewer, chosen);
      const changes = feed.follow(this.#shared, this.#until(leaving, signal, sessionSignal));
      // Of the tables that were chosen.
      return changes as AsyncGenerator<SeenChange<Table> | typeof opened, void>;
    });
  }

  /** Ends all loops and their connections. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(Array.from(this.#connections, (connection) => connection.end()));
  }

  #check(tables: readonly string[] | undefined, signal: unknown): readonly PublishedTable[] {
    const chosen = checkTables(tables);
    checkSignal(signal);
    if (this.#closing.signal.aborted) throw closed();
    return chosen;
  }

  #following(tables: readonly PublishedTable[], ...signals: (AbortSignal | undefined)[]): Following {
    const signal = this.#until(...signals);
    return { tables, signal, connect: () => this.#connect(signal) };
  }

  async #connect(signal: AbortSignal): Promise<ReplicationClient> {
    const client = await ReplicationClient.connect(this.#pool.loginConfig, signal);
    this.#connections.add(client);
    void client.closed.then(() => this.#connections.delete(client));
    return client;
  }

  #until(...signals: (AbortSignal | undefined)[]): AbortSignal {
    return AbortSignal.any([this.#closing.signal, ...signals.filter((signal) => signal !== undefined)]);
  }
}

function checkTables(tables: readonly string[] | undefined): readonly PublishedTable[] {
  if (tables === undefined) return publishedTables;
  if (!Array.isArray(tables) || tables.length === 0) refuse('tables', 'must be an array of table names');
  const unknown = tables.findIndex((table) => !isPublished(table));
  if (unknown >= 0) refuse(`tables.${unknown}`, `must be one of ${publishedTables.join(', ')}`);
  return tables.filter(isPublished);
}

function checkSlot(slot: unknown, create: unknown): void {
  if (slot !== undefined && (typeof slot !== 'string' || !/^[a-z0-9_]{1,63}$/.test(slot))) {
    refuse('slot', 'must be 1 to 63 lower-case letters, digits and underscores');
  }
  if (create === undefined) return;
  if (create !== 'snapshot' && create !== 'now') refuse('create', "must be 'snapshot' or 'now'");
  if (slot === undefined) refuse('create', 'needs a slot');
}

function refuse(path: string, reason: string): never {
  throw new ValidationError([{ path, reason }]);
}
