import { once } from 'node:events';
import pg from 'pg';

class CopyOut extends pg.Query {
  readonly chunks: Buffer[] = [];

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    // The parser reuses the memory.
    this.chunks.push(Buffer.from(chunk));
  }
}

/** What a connection does for a COPY, which the types of `pg` leave out. */
interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

class CopyIn extends pg.Query {
  data: Buffer = Buffer.alloc(0);

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(this.data);
    connection.endCopyFrom();
  }
}

/** The rows of a table as `COPY … TO STDOUT` sends them, in the text format. */
export async function copyOut(client: pg.ClientBase, table: string): Promise<Buffer> {
  const copy = new CopyOut(`copy ${table} to stdout`);
  client.query(copy);
  await once(copy, 'end');
  return Buffer.concat(copy.chunks);
}

/** Sends rows in the text format to `COPY … FROM STDIN`. */
export async function copyIn(client: pg.ClientBase, table: string, rows: Buffer): Promise<void> {
  const copy = new CopyIn(`copy ${table} from stdin`);
  copy.data = rows;
  client.query(copy);
  await once(copy, 'end');
}
