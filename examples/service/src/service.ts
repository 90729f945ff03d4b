import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { createDatabase, type Database } from '@wheelsandwins/db';
import { createApp } from './app.ts';
import type { Log } from './log.ts';
import { type Model, stubModel } from './model.ts';
import type { Settings } from './settings.ts';

/** A request waits no longer than this; the name is what an operator sees in `pg_stat_activity`. */
const options = {
  application_name: 'wheels-service',
  connectionTimeoutMillis: 5_000,
  statementTimeoutMillis: 10_000,
  lockTimeoutMillis: 5_000,
};
/** What runs when the service is to stop has so long to end: less than the ten seconds that Docker gives. */
const graceMillis = 7_000;
/** A client that takes nothing for so long has gone; longer than a statement may take, and than a stream is silent. */
const silenceMillis = 60_000;

export type Service = {
  readonly url: string;
  /** Takes no new requests, ends the streams of changes, waits for what runs, and closes the database. */
  stop(): Promise<void>;
};

export type ServiceOptions = { log: Log; model?: Model; heartbeatMillis?: number };

/** Starts the service. The database is asked for when the first request needs it: `/health/ready` says whether it answers. */
export async function startService(
  { databaseUrl, changesDatabaseUrl, preparedStatements, keys, travellers, port, host }: Settings,
  { log, model = stubModel, heartbeatMillis = 15_000 }: ServiceOptions,
): Promise<Service> {
  const database = createDatabase({ connectionString: databaseUrl, preparedStatements, ...options });
  const changesDatabase =
    changesDatabaseUrl === databaseUrl
      ? database
      : createDatabase({ connectionString: changesDatabaseUrl, ...options });
  const closing = new AbortController();
  const parts = { database, changesDatabase, keys, travellers, model, log, heartbeatMillis, closing: closing.signal };
  const app = createApp(parts);
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  server.timeout = silenceMillis;
  const silent = connectionsWithoutRequest(server);
  server.listen(port, host);
  await once(server, 'listening');
  return {
    url: urlOf(server),
    async stop() {
      closing.abort();
      await end(server, silent);
      await Promise.all([database, changesDatabase].map((each: Database) => each.destroy({ timeoutMillis: 2_000 })));
    },
  };
}

/** The connections on which nothing was asked yet, as browsers open them beforehand. Node does not count them as idle. */
function connectionsWithoutRequest(server: Server): ReadonlySet<Socket> {
  const silent = new Set<Socket>();
  server.on('connection', (socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }) => silent.delete(socket));
  return silent;
}

/** Waits for the answers that are under way; at the end of their time hangs up, which cancels what runs for them. */
async function end(server: Server, silent: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const socket of silent) socket.destroy();
  // One that is kept open for a next request is idle only when its last answer has ended.
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  const grace = setTimeout(() => server.closeAllConnections(), graceMillis);
  await closed;
  clearInterval(idle);
  clearTimeout(grace);
}

function urlOf(server: Server): string {
  const { port } = server.address() as AddressInfo;
  return `http://localhost:${port}`;
}
