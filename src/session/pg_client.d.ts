// `pg` has these members but its types leave them out.

import type { TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';

declare module 'pg' {
  interface ClientBase {
    readonly connection: Connection;
    /** Whether nothing runs on it. */
    readonly readyForQuery: boolean;
    /** Together the key with which the protocol cancels what this connection runs, once it has connected. */
    readonly processID: number;
    readonly secretKey: number;
  }

  interface ClientConfig {
    /** A connection in replication mode. */
    replication?: 'database';
  }

  interface Client {
    readonly sslNegotiation: 'postgres' | 'direct';
  }

  interface Connection {
    readonly stream: Duplex;
    /** The first goes to the socket as it is; `host` is the name that the certificate must have. */
    connect(address: TcpNetConnectOpts, host: string): void;
    connect(path: string): void;
    requestSsl(): void;
    sendCopyFromChunk(chunk: Buffer): void;
    /** Says good-bye. */
    end(): void;
    cancel(processId: number, secretKey: number): void;
  }
}
