import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy before a Postgres server, which counts what crosses it. */
export type TcpProxy = {
  /** Leads to the same database through the proxy. */
  readonly connectionString: string;
  /** How often clients have asked the server for an answer: Sync and Query messages. */
  readonly exchanges: number;
  /** How often statements were parsed: Parse messages. */
  readonly parses: number;
  /** Milliseconds by which everything to the server is late. */
  delay: number;
  /** Ends all connections at once. */
  cut(): void;
  close(): Promise<void>;
};

/**
 * Starts a proxy on a free port of this machine.
 *
 * @example
 * const proxy = await startTcpProxy(database.connectionString);
 * const before = proxy.exchanges;
 * await work(proxy.connectionString);
 * expect(proxy.exchanges - before).toBe(1);
 */
export async function startTcpProxy(connectionString: string): Promise<TcpProxy> {
  const target = new URL(connectionString);
  const sockets = new Set<Socket>();
  const counts = new Map<string, number>();
  const count = (type: string) => counts.get(type) ?? 0;
  let delay = 0;

  const server = createServer((client) => {
    const upstream = connect(Number(target.port || 5432), target.hostname);
    const readMessages = messageReader((type) => counts.set(type, count(type) + 1));
    client.on('data', (chunk) => {
      readMessages(chunk);
      if (delay > 0) setTimeout(() => upstream.write(chunk), delay);
      else upstream.write(chunk);
    });
    upstream.on('data', (chunk) => client.write(chunk));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket.setNoDelay(true));
      socket.on('error', () => {});
      socket.on('end', () => other.end());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };

  return {
    connectionString: Object.assign(new URL(connectionString), { hostname: '127.0.0.1', port: String(port) }).href,
    get exchanges() {
      return count('S') + count('Q');
    },
    get parses() {
      return count('P');
    },
    get delay() {
      return delay;
    },
    set delay(millis) {
      delay = millis;
    },
    cut,
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Reads what a client sends: a length and a body before the login is asked for, then a type, a length and a body. */
function messageReader(onMessage: (type: string) => void): (chunk: Buffer) => void {
  const protocol3 = 196_608;
  let pending = Buffer.alloc(0);
  let hasStarted = false;
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const typeLength = hasStarted ? 1 : 0;
      if (pending.length < typeLength + 4) return;
      const length = typeLength + pending.readUInt32BE(typeLength);
      if (pending.length < length) return;
      if (hasStarted) onMessage(String.fromCharCode(pending[0] ?? 0));
      else hasStarted = pending.readUInt32BE(4) === protocol3;
      pending = pending.subarray(length);
    }
  };
}
