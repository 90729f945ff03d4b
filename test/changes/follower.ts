import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, onTestFinished } from 'vitest';
import type { ChangeFeed, PublishedTable, SeenChange, SessionChangesOptions } from '../../src/index.ts';
import { type FileSessions, type Person, testSessions } from '../repositories/sessions.ts';

/** Takes a session's changes in the background. */
export class Follower {
  /** What has come and `until` has not returned. */
  readonly changes: SeenChange[] = [];
  /** How the loop has ended: undefined if it threw nothing. */
  readonly ended: Promise<unknown>;
  #hasEnded = false;

  constructor(feed: AsyncIterable<SeenChange>, onChange: (change: SeenChange) => unknown = () => {}) {
    this.ended = this.#follow(feed, onChange).then(
      () => undefined,
      (error) => error,
    );
    void this.ended.then(() => {
      this.#hasEnded = true;
    });
  }

  /** Waits for a change of the row, and returns all that came before and it. */
  async until(id: string): Promise<SeenChange[]> {
    for (const end = performance.now() + 20_000; ; ) {
      const place = this.changes.findIndex((change) => idOf(change) === id);
      if (place >= 0) return this.changes.splice(0, place + 1);
      if (this.#hasEnded) throw (await this.ended) ?? new Error('The loop has ended before the change came.');
      if (performance.now() > end) throw new Error(`The change has not come; ${this.changes.length} others have.`);
      await sleep(5);
    }
  }

  async #follow(feed: AsyncIterable<SeenChange>, onChange: (change: SeenChange) => unknown): Promise<void> {
    for await (const change of feed) {
      this.changes.push(change);
      await onChange(change);
    }
  }
}

export function idOf({ row, old }: SeenChange): string | undefined {
  return (row ?? old)?.id;
}

/** As in `insert expenses 4b1c…`. */
export function brief(change: SeenChange): string {
  return `${change.operation} ${change.table} ${idOf(change)}`;
}

type Followed = { changes(options?: SessionChangesOptions<PublishedTable>): ChangeFeed<SeenChange> };

export type FileFollowers = FileSessions & {
  /** Resolves when the feed is ready. The loop ends with the test. */
  follow(
    session: Followed,
    options?: SessionChangesOptions<PublishedTable>,
    onChange?: (change: SeenChange) => unknown,
  ): Promise<Follower>;
  /** All that has come to each, in brief, by the time when they have seen the public post that this makes. */
  seenBy(...followers: Follower[]): Promise<string[][]>;
};

/** Sessions whose commits are streamed at once. */
export function testFollowers(): FileFollowers {
  const sessions = testSessions();
  let crier: Person | undefined;

  beforeAll(async () => {
    // A commit is streamed when it is flushed.
    const name = (await sessions.admin.query('select quote_ident(current_database()) as name')).rows[0].name;
    await sessions.admin.query(`alter database ${name} set synchronous_commit = on`);
    crier = await sessions.signUp();
  });

  return Object.assign(Object.create(sessions), {
    async follow(
      session: Followed,
      options: SessionChangesOptions<PublishedTable> = {},
      onChange?: (change: SeenChange) => unknown,
    ) {
      const over = new AbortController();
      const signal = AbortSignal.any([over.signal, ...(options.signal ? [options.signal] : [])]);
      const feed = session.changes({ ...options, signal });
      const follower = new Follower(feed, onChange);
      onTestFinished(async () => {
        over.abort();
        await follower.ended;
      });
      await feed.ready();
      return follower;
    },
    async seenBy(...followers: Follower[]) {
      if (!crier) throw new Error('The sessions exist in hooks and tests only.');
      const { id } = await crier.posts.create({ title: 'Hear', content: 'All.', visibility: 'public' });
      const seen = await Promise.all(followers.map((follower) => follower.until(id)));
      return seen.map((changes) => changes.slice(0, -1).map(brief));
    },
  });
}
