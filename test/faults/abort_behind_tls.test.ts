import dns from 'node:dns';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { CancelledError } from '../../src/index.ts';
import { isActive, isSleeping, testFaults } from './faults.ts';
import { errorOf } from './outcome.ts';

const faults = testFaults();

const name = 'pooler.test';

// A shared key in place of a certificate, which would have to be made first.
const shared = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const;
const psk = Buffer.alloc(32, 'k');

let server: Server;

/** Before the database on 127.0.0.1, with TLS. */
beforeAll(async () => {
  const secure = createTlsServer({ ...shared, pskCallback: () => psk }, (client) => {
    const { hostname, port } = new URL(faults.connectionString);
    const upstream = connect(Number(port), hostname);
    client.pipe(upstream).pipe(client);
    for (const each of [client, upstream]) each.on('error', () => {});
  });
  server = createServer((socket) => {
    socket.on('error', () => {});
    // The client asks whether there is TLS: there is.
    socket.once('data', () => {
      socket.write('S');
      secure.emit('connection', socket);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

afterAll(() => {
  vi.restoreAllMocks();
  server.close();
});

test('an abort reaches the server that runs the statement, of several under one name', async () => {
  let lookups = 0;
  const { lookup } = dns;
  const lookupAnew = (host: string, options: dns.LookupOptions, found: (...answer: unknown[]) => void) => {
    if (host !== name) return lookup(host, options, found);
    lookups += 1;
    const address = lookups === 1 ? '127.0.0.1' : '127.0.0.2';
    setImmediate(() => (options.all ? found(null, [{ address, family: 4 }]) : found(null, address, 4)));
  };
  vi.spyOn(dns, 'lookup').mockImplementation(lookupAnew as typeof dns.lookup);
  const verified: string[] = [];
  const { port } = server.address() as AddressInfo;
  const connectionString = Object.assign(new URL(faults.connectionString), { host: `${name}:${port}` }).href;
  const database = faults.open({
    connectionString,
    ssl: {
      ...shared,
      pskCallback: () => ({ psk, identity: 'wheels' }),
      checkServerIdentity: (hostname) => void verified.push(hostname),
    },
  });
  const controller = new AbortController();
  const { kysely } = database.asAnon({ signal: controller.signal });
  const error = errorOf(sql`select pg_sleep(30)`.execute(kysely), 10_000);
  await faults.until(isSleeping);
  controller.abort();
  expect(await error).toBeInstanceOf(CancelledError);
  await faults.until(isActive, 0);
  expect(lookups).toBe(1);
  expect(verified.length).toBeGreaterThan(1);
  expect(new Set(verified)).toEqual(new Set([name]));
});
