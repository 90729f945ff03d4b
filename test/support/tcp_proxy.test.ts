import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { startTcpProxy } from './tcp_proxy.ts';

test('a frozen client hears after a thaw that the server has gone meanwhile', async () => {
  const server = createServer();
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy = await startTcpProxy(`postgres://127.0.0.1:${port}/any`);
  const client = connect(Number(new URL(proxy.connectionString).port), '127.0.0.1').resume();
  try {
    const [session] = await accepted;
    proxy.freeze();
    session.resetAndDestroy();
    let hasHeard = false;
    const heard = once(client, 'close').then(() => {
      hasHeard = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(hasHeard).toBe(false);
    proxy.thaw();
    await heard;
  } finally {
    client.destroy();
    server.close();
    await proxy.close();
  }
});
