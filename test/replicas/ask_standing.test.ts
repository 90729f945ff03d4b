import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { askStanding } from '../../src/session/replicas/ask_standing.ts';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();

test('its connection is gone afterwards, even if the other side never hangs up', async () => {
  const target = new URL(database.connectionString);
  const sockets: Socket[] = [];
  let isGone = false;
  const relay = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect(Number(target.port), target.hostname);
    sockets.push(client, upstream);
    client.on('data', (data) => upstream.write(data));
    upstream.on('data', (data) => client.write(data));
    upstream.on('error', () => {});
    // Whoever has closed only their half of it would take this.
    client.on('end', () => setInterval(() => client.write('?'), 20).unref());
    client.on('error', () => {
      isGone = true;
    });
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    relay.close();
  });
  const { port } = relay.address() as AddressInfo;
  const connectionString = Object.assign(new URL(target), { hostname: '127.0.0.1', port: String(port) }).href;
  const { standing, cluster } = await askStanding({ connectionString }, new AbortController().signal);
  expect(standing?.isStandby).toBe(false);
  expect(cluster).toMatch(/^\d+$/);
  await expect.poll(() => isGone).toBe(true);
});
