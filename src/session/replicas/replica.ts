import { DatabaseError as PostgresError } from 'pg';
import { ConnectionError, DatabaseError, SerializationError } from '../../types/errors.ts';
import type { ConnectionPool } from '../connection_pool.ts';
import type { Found } from '../lease.ts';
import { askStanding } from './ask_standing.ts';
import { type LogPosition, parseStanding, reaches } from './log_position.ts';
import type { PrimaryCluster } from './primary_cluster.ts';

/** How often to look at one that is too far behind, and at one that was left out. */
const lookAgainMillis = 250;
const lookAgainWhenOutMillis = 1_000;

/** A standby of the primary, and what is known of it. */
export class Replica {
  readonly pool: ConnectionPool;
  readonly #cluster: PrimaryCluster;
  readonly #closing: AbortSignal;
  /** The last that it said: it may have gone back since, as when it was restarted. */
  #position: LogPosition | undefined;
  #isLeftOut = false;
  #looking: Promise<boolean> | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(pool: ConnectionPool, cluster: PrimaryCluster, closing: AbortSignal) {
    this.pool = pool;
    this.#cluster = cluster;
    this.#closing = closing;
  }

  get isLeftOut(): boolean {
    return this.#isLeftOut;
  }

  /** Whether to read there, as far as is known. One that is not fit is looked at in the background, now and then. */
  isFit(needed: LogPosition): boolean {
    if (!this.#isLeftOut && this.#position !== undefined && reaches(this.#position, needed)) return true;
    const millis = this.#isLeftOut ? lookAgainWhenOutMillis : lookAgainMillis;
    if (performance.now() - this.#lookedAt >= millis) void this.look();
    return false;
  }

  /** Whether the server answers a new connection. If it is a standby of the primary, it is taken in again. */
  look(): Promise<boolean> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
      this.#lookedAt = performance.now();
    });
    return this.#looking;
  }

  async #look(): Promise<boolean> {
    try {
      const asking = askStanding(this.pool.loginConfig, this.#closing);
      const isIn = !this.#isLeftOut && this.#position !== undefined;
      const ofPrimary = isIn ? undefined : this.#cluster.ask();
      const { standing, cluster } = await asking;
      const isOfCluster = ofPrimary === undefined || cluster === (await ofPrimary);
      this.#isLeftOut = !standing?.isStandby || !isOfCluster;
      this.#position = standing?.position;
      return true;
    } catch (error) {
      this.leaveOut();
      // Whoever refuses the login is there; only a pooler speaks of connections, in the place of its server.
      return error instanceof PostgresError && !error.code?.startsWith('08');
    }
  }

  /**
   * Who takes in what it says of itself beside a read, and throws if what was read may lack what is needed.
   *
   * @throws {BehindError} if that is known before.
   */
  ask(needed: LogPosition | undefined): Found {
    if (!needed || !this.isFit(needed)) throw new BehindError();
    return (standing) => this.#found(standing, needed);
  }

  #found(standing: string | null, needed: LogPosition): void {
    const found = parseStanding(standing);
    if (found?.isStandby) this.#position = found.position;
    else if (found) this.leaveOut();
    if (!found?.isStandby || !reaches(found.position, needed)) throw new BehindError();
  }

  /** What ends a transaction midway would do so again when it is run anew. */
  failed(error: DatabaseError, isMidway: boolean): void {
    if (error instanceof ConnectionError || (isMidway && error instanceof SerializationError)) this.leaveOut();
  }

  /** Until a look, a while from now, finds that it answers. */
  leaveOut(): void {
    this.#isLeftOut = true;
    this.#lookedAt = performance.now();
  }
}

/** What a replica gave is dropped, and the primary asked: nobody but observers sees it. */
class BehindError extends DatabaseError {
  constructor() {
    super('The replica does not have yet what this session must see.', { code: 'BEHIND' });
  }
}
