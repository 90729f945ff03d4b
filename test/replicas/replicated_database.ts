import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import { createDatabase, type Database, type DatabaseOptions, type QueryEvent } from '../../src/index.ts';
import { type ReplicatedServer, replicatedServer } from '../support/replicated_server.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp_proxy.ts';

export type ReplicatedDatabase = {
  readonly servers: ReplicatedServer;
  /** Proxies before the primary and the replicas. */
  readonly primary: TcpProxy;
  readonly replicas: readonly TcpProxy[];
  readonly database: Database;
  /** What `onQuery` of `database` was told in this test, if it was asked for. */
  readonly events: readonly QueryEvent[];
  /** Opens another one, which this file need not close. */
  open(options?: DatabaseOptions): Database;
  /** Inserts a person on the primary, and returns their id. */
  signUp(): Promise<string>;
  /** How many exchanges `work` makes with the primary and with each replica. */
  exchanges(work: () => Promise<unknown>): Promise<number[]>;
  /** Resolves when a read of somebody who has written nothing goes to a replica, and all are taken in. */
  settle(database?: Database): Promise<void>;
};

/** A database with two replicas for one test file. */
export function replicatedDatabase(options?: DatabaseOptions): ReplicatedDatabase {
  const servers = replicatedServer();
  const proxies: TcpProxy[] = [];
  const databases: Database[] = [];
  const events: QueryEvent[] = [];
  let database: Database | undefined;

  const proxy = (index: number) => proxies[index] ?? expect.unreachable('The proxies exist in hooks and tests only.');
  const file: ReplicatedDatabase = {
    servers,
    get primary() {
      return proxy(0);
    },
    get replicas() {
      return [proxy(1), proxy(2)];
    },
    get database() {
      return database ?? expect.unreachable('The database exists in hooks and tests only.');
    },
    events,
    open(more) {
      const opened = createDatabase({
        connectionString: proxy(0).connectionString,
        replicas: file.replicas.map(({ connectionString }) => connectionString),
        ...more,
      });
      databases.push(opened);
      return opened;
    },
    async signUp() {
      const [row] = await servers.primary.query(
        "insert into auth.users (email) values (gen_random_uuid() || '@example.com') returning id",
      );
      return String(row?.id);
    },
    async exchanges(work) {
      const before = proxies.map(({ exchanges }) => exchanges);
      await work();
      return proxies.map(({ exchanges }, index) => exchanges - (before[index] ?? 0));
    },
    async settle(settled = file.database) {
      await Promise.all(servers.standbys.map((standby) => standby.catchUp()));
      const visitor = settled.asAnon({ readOnly: true });
      // One of them may go to the primary to learn how far it is.
      const read = async () => {
        for (let i = 0; i < 8; i++) await visitor.posts.feed();
      };
      await vi.waitFor(
        async () => {
          const [, ...ofReplicas] = await file.exchanges(read);
          if (Math.min(...ofReplicas) < 3) throw new Error('The replicas are not read from.');
        },
        { timeout: 20_000, interval: 50 },
      );
    },
  };

  beforeAll(async () => {
    const { primary, standbys } = servers;
    for (const { connectionString } of [primary, ...standbys]) proxies.push(await startTcpProxy(connectionString));
    database = file.open(options);
  });

  afterEach(async () => {
    events.length = 0;
    for (const other of databases.splice(1)) await other.destroy({ timeoutMillis: 0 });
  });

  afterAll(async () => {
    for (const opened of databases) await opened.destroy({ timeoutMillis: 0 });
    for (const { close } of proxies) await close();
  });

  return file;
}
