// `pg` has these members but its types leave them out.

import type { Duplex } from 'node:stream';

declare module 'pg' {
  interface ClientBase {
    readonly connection: Connection;
    /** Together the key with which the protocol cancels what this connection runs, once it has connected. */
    readonly processID: number;
    readonly secretKey: number;
  }

  interface Client {
    readonly sslNegotiation: 'postgres' | 'direct';
  }

  interface Connection {
    readonly stream: Duplex;
    connect(port: number, host: string): void;
    connect(path: string): void;
    requestSsl(): void;
    cancel(processId: number, secretKey: number): void;
  }
}
