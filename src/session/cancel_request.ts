import { Socket } from 'node:net';
import { Client, type ClientBase, type PoolConfig } from 'pg';

/** How long the server may take to accept the request. */
const acceptMillis = 2_000;

/**
 * Asks the server to cancel what runs on the connection, over another one, as the protocol has it (Postgres manual, 54.2.9
 * "Canceling Requests in Progress"). A pooler passes it on to the server that runs the statement, which
 * `pg_cancel_backend` behind a pooler does not: `pg_backend_pid()` is another one's a moment later.
 *
 * Resolves when the server has taken the request or cannot be reached; the server says nothing of what becomes of it.
 */
export async function cancelRequest(client: ClientBase, config: PoolConfig): Promise<void> {
  const { processID, secretKey } = client;
  const { connection, host, port, ssl, sslNegotiation } = new Client(config);
  const { stream } = connection;
  const cancel = () => connection.cancel(processID, secretKey);
  const { promise: isTaken, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => stream.destroy(), acceptMillis);
  connection.on('end', resolve);
  connection.on('error', () => stream.destroy());
  connection.on('connect', () => {
    if (!ssl) cancel();
    else if (sslNegotiation !== 'direct') connection.requestSsl();
  });
  connection.on('sslconnect', cancel);
  if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`);
  // A name may stand for several servers; a certificate is for the name.
  else connection.connect({ port, host: addressOf(client) ?? host }, host);
  await isTaken;
  clearTimeout(timer);
}

function addressOf({ connection: { stream } }: ClientBase): string | undefined {
  return stream instanceof Socket ? stream.remoteAddress : undefined;
}
