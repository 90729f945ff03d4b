import type { Database } from '@wheelsandwins/db';
import { Hono } from 'hono';
import { Refusal } from '../problems.ts';

/**
 * `live`: the process answers. `ready`: so does the database, to a visitor's statement, so that the login role and the
 * migrations are as they must be; and the service is not about to stop.
 */
export function health(database: Database, closing: AbortSignal) {
  return new Hono()
    .get('/live', (c) => c.json({ status: 'live' }))
    .get('/ready', async (c) => {
      if (closing.aborted) throw new Refusal(503, 'The service is stopping.');
      await database.asAnon({ signal: AbortSignal.timeout(2_000) }).posts.feed({ limit: 1 });
      return c.json({ status: 'ready' });
    });
}
