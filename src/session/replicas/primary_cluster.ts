import type { ConnectionPool } from '../connection_pool.ts';
import { askStanding } from './ask_standing.ts';

/** Which cluster the primary is of: the log of another one has positions too, which say nothing. */
export class PrimaryCluster {
  readonly #primary: ConnectionPool;
  readonly #closing: AbortSignal;
  #last: string | undefined;

  constructor(primary: ConnectionPool, closing: AbortSignal) {
    this.#primary = primary;
    this.#closing = closing;
  }

  /** As the primary says, on a connection of its own, or last said if it does not answer; undefined if it never has. */
  async ask(): Promise<string | undefined> {
    try {
      this.#last = (await askStanding(this.#primary.loginConfig, this.#closing)).cluster;
    } catch {
      // While it is gone, its replicas may come back.
    }
    return this.#last;
  }
}
