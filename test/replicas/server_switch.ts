import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** An address behind which the server may change, as a load balancer's or that of a cluster which fails over. */
export type ServerSwitch = {
  readonly connectionString: string;
  /** New connections lead to the other server. */
  leadTo(connectionString: string): void;
  /** Ends all connections. */
  cut(): void;
  close(): Promise<void>;
};

export async function startServerSwitch(connectionString: string): Promise<ServerSwitch> {
  let target = new URL(connectionString);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(from);
          to.destroy();
        });
      from.pipe(to);
    }
  });
  const end = () => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    connectionString: Object.assign(new URL(connectionString), { port: String(port) }).href,
    leadTo(other) {
      target = new URL(other);
    },
    cut: end,
    async close() {
      end();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
