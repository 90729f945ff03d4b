import type { Database } from '@wheelsandwins/db';
import { Hono } from 'hono';
import type { KeySettings } from './key_settings.ts';
import type { Log } from './log.ts';
import type { Model } from './model.ts';
import { problemResponse, Refusal } from './problems.ts';
import { requestLog } from './request_log.ts';
import { changes } from './routes/changes.ts';
import { conversations } from './routes/conversations.ts';
import { demo } from './routes/demo.ts';
import { expenses } from './routes/expenses.ts';
import { feed } from './routes/feed.ts';
import { health } from './routes/health.ts';
import { page } from './routes/page.ts';
import { trips } from './routes/trips.ts';
import { signedIn } from './sessions.ts';
import { tokenVerifier } from './tokens.ts';
import type { Travellers } from './travellers.ts';

export type Parts = {
  readonly database: Database;
  /** The database by a direct connection, for the feed of changes. */
  readonly changesDatabase: Database;
  readonly keys: KeySettings;
  readonly travellers: Travellers | undefined;
  readonly model: Model;
  readonly log: Log;
  /** How long a stream of changes may be silent. */
  readonly heartbeatMillis: number;
  /** Aborted when the service begins to stop. */
  readonly closing: AbortSignal;
};

/** All routes. */
export function createApp(parts: Parts): Hono {
  const { database, changesDatabase, keys, travellers, model, log, heartbeatMillis, closing } = parts;
  const verify = tokenVerifier(keys);
  const app = new Hono();
  app.onError(problemResponse);
  app.notFound(() => problemResponse(new Refusal(404, 'There is nothing at this address.')));
  app.use(requestLog(log));
  app.use(async (c, next) => {
    await next();
    // A connection that is kept open would hold up the end.
    if (closing.aborted) c.header('connection', 'close');
  });

  app.route('/health', health(database, closing));
  app.route('/api/feed', feed(database, verify));
  for (const path of ['trips', 'expenses', 'conversations', 'changes']) {
    app.use(`/api/${path}/*`, signedIn(database, verify));
  }
  app.route('/api/trips', trips);
  app.route('/api/expenses', expenses);
  app.route('/api/conversations', conversations(database, model, log));
  app.route('/api/changes', changes(changesDatabase, closing, heartbeatMillis, log));
  if (travellers) app.route('/demo', demo(travellers, keys));
  app.route('/', page());
  return app;
}
