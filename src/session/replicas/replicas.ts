import { CancelledError, ConnectionError } from '../../types/errors.ts';
import type { SessionContext } from '../claims.ts';
import type { ConnectionPool } from '../connection_pool.ts';
import type { Lease, Route } from '../lease.ts';
import { translateError } from '../translate_error.ts';
import { furthest, type LogPosition, parseStanding } from './log_position.ts';
import { PrimaryCluster } from './primary_cluster.ts';
import { misled } from './primary_position.ts';
import { RecentWrites } from './recent_writes.ts';
import { Replica } from './replica.ts';

/** After the primary could not be reached, reads that a replica can answer leave it alone for so long. */
const primaryRestMillis = 1_000;
/** How long one read that goes to the primary to learn a position stands for all others. */
const askAgainMillis = 1_000;

/**
 * Decides which server a session's statements go to: those of a session that may write to the primary, and of a read-only one
 * to a replica that has what it must see.
 */
export class Replicas {
  readonly list: readonly Replica[];
  readonly #primary: ConnectionPool;
  readonly #writes = new RecentWrites();
  readonly #closing = new AbortController();
  #turn = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #primaryFailedAt = Number.NEGATIVE_INFINITY;

  constructor(primary: ConnectionPool, replicas: readonly ConnectionPool[]) {
    this.#primary = primary;
    const { signal } = this.#closing;
    const cluster = new PrimaryCluster(primary, signal);
    this.list = replicas.map((pool) => new Replica(pool, cluster, signal));
  }

  /** The route of a session that may write. */
  forWriting(context: SessionContext): Route {
    const wrote = () => this.#writes.note(context);
    return async (signal) => ({ pool: this.#primary, client: await this.#primary.take(signal), wrote });
  }

  /** The route of a read-only session, which must see what was committed up to `after` too. */
  forReading(context: SessionContext, after: LogPosition | undefined): Route {
    const first = placeOf(context);
    const needed = () => {
      const known = this.#writes.neededBy(context);
      return known && (after ? furthest(known, after) : known);
    };
    return async (signal) => {
      if (needed() === undefined) return await this.#ofPrimary(signal);
      const isForPrimary = this.#isPrimaryToBeAsked();
      if (!isForPrimary) {
        const lease = await this.#ofReplica(needed, first, signal);
        return lease ?? (await this.#ofPrimary(signal));
      }
      try {
        return await this.#ofPrimary(signal);
      } catch (error) {
        // While nobody can write, the replicas lack nothing.
        if (!(translateError(error) instanceof ConnectionError)) throw error;
        this.#primaryFailedAt = performance.now();
        const lease = await this.#ofReplica(needed, first, signal);
        if (lease === undefined) throw error;
        return lease;
      }
    };
  }

  #isPrimaryToBeAsked(): boolean {
    const now = performance.now();
    if (now - this.#primaryFailedAt < primaryRestMillis) return false;
    return this.#writes.isStale || (this.#writes.isDue && now - this.#askedAt >= askAgainMillis);
  }

  async #ofReplica(
    needed: () => LogPosition | undefined,
    first: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Lease | undefined> {
    this.#turn += 1;
    for (const index of this.list.keys()) {
      const replica = this.list[((first ?? this.#turn) + index) % this.list.length];
      const position = needed();
      if (!replica || !position || !replica.isFit(position)) continue;
      try {
        const client = await replica.pool.take(signal);
        return {
          pool: replica.pool,
          client,
          ask: () => replica.ask(needed()),
          replica: {
            failed: (error, isMidway) => replica.failed(error, isMidway),
            answers: () => replica.look(),
            instead: (signal) => this.#ofPrimary(signal),
          },
        };
      } catch (error) {
        if (error instanceof CancelledError) throw error;
        replica.leaveOut();
      }
    }
    return undefined;
  }

  async #ofPrimary(signal: AbortSignal | undefined): Promise<Lease> {
    this.#askedAt = performance.now();
    const ask = () => {
      const asked = this.#writes.ask();
      return (answer: string | null) => {
        const standing = parseStanding(answer);
        if (standing?.isStandby !== false) throw misled();
        this.#writes.learn({ ...asked, position: standing.position });
      };
    };
    return { pool: this.#primary, client: await this.#primary.take(signal), ask };
  }

  /** Closes the pools of the replicas, as `ConnectionPool.close`. */
  async close(timeoutMillis: number): Promise<void> {
    await Promise.all(this.list.map(({ pool }) => pool.close(timeoutMillis)));
    this.#closing.abort();
  }
}

/** All sessions of a person begin with the same replica: what they read there does not go back and forth. */
function placeOf({ claims: { sub } }: SessionContext): number | undefined {
  return typeof sub === 'string' ? Number.parseInt(sub.slice(-8), 16) : undefined;
}
