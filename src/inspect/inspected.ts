import { connect } from '../session/connect.ts';
import { type Server, serverOf } from './server.ts';

/** Runs `fn` on a connection of its own. @throws {Error} one line if there is no such database to connect to. */
export async function inspected<T>(connectionString: string, fn: (server: Server) => Promise<T>): Promise<T> {
  const client = await connect(connectionString);
  try {
    return await fn(await serverOf(client));
  } finally {
    await client.end();
  }
}
