import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { type Fate, type Network, ProxiedConnection } from './proxied_connection.ts';

/** A TCP proxy before a Postgres server, which counts what crosses it and can be a bad network. */
export type TcpProxy = {
  /** Leads to the same database through the proxy. */
  readonly connectionString: string;
  /** How often clients have asked the server for an answer: Sync and Query messages. */
  readonly exchanges: number;
  /** How often statements were parsed: Parse messages. */
  readonly parses: number;
  /** How often a client has logged in. */
  readonly logins: number;
  /** How often a client has asked the server to cancel a statement: CancelRequest, on a connection of its own. */
  readonly cancels: number;
  /** How many clients are connected. */
  readonly open: number;
  /** Milliseconds by which everything to the server is late. */
  delay: number;
  /** Milliseconds by which everything from the server is late. */
  answerDelay: number;
  /** Ends all connections at once: the clients are told, the server when it has finished what it is doing. */
  cut(): void;
  /** Ends all connections at once with an RST to both sides. */
  reset(): void;
  /**
   * Cuts one connection: the first on which the client asks the server for an answer. Either the server does not hear the
   * request, or it does what it is asked for and the client hears only the first bytes of the answer. With undefined, none
   * is cut after all.
   */
  loseNext(what: 'request' | { answerAfterBytes: number } | undefined): void;
  /** The connections that are open stay so, but nothing crosses them: the other side has gone without a word. */
  freeze(): void;
  /** As `freeze`, for connections to come as well: they are accepted, and hear nothing. */
  silence(): void;
  /** Ends `freeze` and `silence`: what has not crossed does now. */
  thaw(): void;
  /** Refuses new connections. */
  refuse(): void;
  /** Takes new connections again, on the same port. */
  accept(): Promise<void>;
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
  const connections = new Set<ProxiedConnection>();
  const counts = new Map<string, number>();
  const count = (type: string) => counts.get(type) ?? 0;
  let toLose: 'request' | { answerAfterBytes: number } | undefined;
  let isSilent = false;

  const fateOf = (message: string): Fate => {
    if (toLose === undefined || (message !== 'S' && message !== 'Q')) return 'passed';
    const lost = toLose;
    toLose = undefined;
    return lost === 'request' ? 'lost' : lost.answerAfterBytes;
  };
  const network: Network = {
    delay: 0,
    answerDelay: 0,
    onMessage(message) {
      counts.set(message, count(message) + 1);
      return fateOf(message);
    },
  };

  const listen = async (port: number): Promise<Server> => {
    const server = createServer((client) => {
      const upstream = connect(Number(target.port || 5432), target.hostname);
      const connection = new ProxiedConnection(client, upstream, network);
      if (isSilent) connection.freeze();
      connections.add(connection);
      // A frozen client is still to be told of a server that has gone meanwhile.
      const forget = () => client.destroyed && upstream.destroyed && connections.delete(connection);
      for (const socket of [client, upstream]) socket.on('close', forget);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return server;
  };
  let server = await listen(0);
  const { port } = server.address() as AddressInfo;
  const cut = () => {
    for (const connection of connections) connection.cut();
  };
  const reset = () => {
    for (const connection of connections) connection.reset();
  };
  const freeze = () => {
    for (const connection of connections) connection.freeze();
  };

  return {
    connectionString: Object.assign(new URL(connectionString), { hostname: '127.0.0.1', port: String(port) }).href,
    get exchanges() {
      return count('S') + count('Q');
    },
    get parses() {
      return count('P');
    },
    get logins() {
      return count('Startup');
    },
    get cancels() {
      return count('Cancel');
    },
    get open() {
      return [...connections].filter(({ isOpen }) => isOpen).length;
    },
    get delay() {
      return network.delay;
    },
    set delay(millis) {
      network.delay = millis;
    },
    get answerDelay() {
      return network.answerDelay;
    },
    set answerDelay(millis) {
      network.answerDelay = millis;
    },
    cut,
    reset,
    loseNext(what) {
      toLose = what;
    },
    freeze,
    silence() {
      isSilent = true;
      freeze();
    },
    thaw() {
      isSilent = false;
      for (const connection of connections) connection.thaw();
    },
    refuse() {
      server.close();
    },
    async accept() {
      server = await listen(port);
    },
    async close() {
      server.close();
      for (const connection of connections) connection.destroy();
      while (connections.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    },
  };
}
