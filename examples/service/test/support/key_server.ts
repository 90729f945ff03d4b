import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JWK } from 'jose';

/** Publishes keys as Supabase Auth does. `answers` may be set to false, as if it were down. */
export type KeyServer = { readonly url: string; answers: boolean; stop(): Promise<void> };

export async function startKeyServer(keys: JWK[]): Promise<KeyServer> {
  const server = createServer((_, response) => {
    if (keyServer.answers) response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
    else response.writeHead(500).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const keyServer: KeyServer = {
    url: `http://127.0.0.1:${port}/auth/v1/.well-known/jwks.json`,
    answers: true,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return keyServer;
}
