import { setTimeout as sleep } from 'node:timers/promises';
import { ChangesLostError, type Database, type SeenChange } from '@wheelsandwins/db';
import { Hono } from 'hono';
import { type Event, eventStream } from '../event_stream.ts';
import type { Log } from '../log.ts';
import type { SignedIn } from '../sessions.ts';

const tables = ['trips', 'expenses', 'pam_messages'] as const;
type Seen = SeenChange<(typeof tables)[number]>;

/** The longest time that a timer of Node takes, 24 days. */
const longestMillis = 2 ** 31 - 1;

/**
 * What changes in a traveller's trips, expenses and messages, as it is committed. The stream ends when their token expires,
 * when the service stops (`closing`), or when changes were lost; its last event, `end`, says which. There is no history:
 * `ready` says that from here on nothing is missed, so that a client lists anew after each `ready`.
 */
export function changes(database: Database, closing: AbortSignal, heartbeatMillis: number, log: Log) {
  return new Hono<SignedIn>().get('/', async (c) => {
    const { claims, expiresAt } = c.var.token;
    const hungUp = c.req.raw.signal;
    const millisLeft = Math.min(Math.max(expiresAt.getTime() - Date.now(), 0), longestMillis);
    const expired = AbortSignal.timeout(millisLeft);
    const signal = AbortSignal.any([hungUp, closing, expired]);
    const feed = database.asUser(claims, { signal }).changes({ tables });
    await feed.ready();

    async function* events(): AsyncGenerator<Event> {
      yield { event: 'ready', data: {} };
      try {
        for await (const change of withHeartbeats(feed[Symbol.asyncIterator](), heartbeatMillis)) {
          yield change === 'heartbeat' ? change : { event: 'change', data: shown(change) };
        }
      } catch (error) {
        if (!(error instanceof ChangesLostError)) throw error;
        return yield { event: 'end', data: { reason: 'changes_lost' } };
      }
      yield { event: 'end', data: { reason: expired.aborted ? 'token_expired' : 'shutdown' } };
    }
    return eventStream(events(), hungUp, log);
  });
}

function shown({ table, operation, row, old }: Seen): object {
  return { table, operation, row, old };
}

/** What the feed brings, and 'heartbeat' whenever it has brought nothing for so long. */
async function* withHeartbeats(
  feed: AsyncGenerator<Seen, void>,
  everyMillis: number,
): AsyncGenerator<Seen | 'heartbeat'> {
  try {
    let next = feed.next();
    for (;;) {
      const timer = new AbortController();
      const quiet = sleep(everyMillis, 'heartbeat' as const, { signal: timer.signal });
      quiet.catch(() => {});
      const first = await Promise.race([next, quiet]);
      timer.abort();
      if (first === 'heartbeat') {
        yield first;
        continue;
      }
      if (first.done) return;
      yield first.value;
      next = feed.next();
    }
  } finally {
    await feed.return();
  }
}
