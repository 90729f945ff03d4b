import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clusterOwner, openToAll, running } from '../testing/cluster.ts';
import { clientFor, connect } from '../testing/connect.ts';

/** Where `npm run db:start` keeps its data: `.postgres/`, or a temporary folder for root in a project closed to others. */
export async function developmentDirectory(): Promise<string> {
  const project = fileURLToPath(new URL('../..', import.meta.url));
  if (!(await clusterOwner()) || (await openToAll(project))) return join(project, '.postgres');
  return join(tmpdir(), `wheels-postgres-${createHash('sha256').update(project).digest('hex').slice(0, 12)}`);
}

/** The development database on the server at a connection string. */
export function developmentDatabase(server: string): string {
  const url = new URL(server);
  url.pathname = '/wheels';
  return url.href;
}

/**
 * The database that a command works on: `DATABASE_URL`, else the one of `npm run db:start`, which standard error then says.
 *
 * @throws {Error} one line if there is neither
 */
export async function findConnectionString(): Promise<string> {
  if (process.env.DATABASE_URL) return process.env.DATABASE_URL;
  const server = await running(await developmentDirectory());
  if (!server) throw new Error('No database: set DATABASE_URL, or run npm run db:start in another terminal.');
  console.error('DATABASE_URL is not set: this goes to the server of npm run db:start.');
  return developmentDatabase(server);
}

/** A database that a command is about to change. */
export interface Target {
  connectionString: string;
  /** Its name and where it is, for messages: `"wheels" on localhost`. */
  place: string;
}

const local = ['localhost', '127.0.0.1', '::1'];

/**
 * The database of `findConnectionString` once it has answered, if it is on this machine or if `force` is set.
 *
 * @param deed what the command does there, such as `db:reset deletes all data of`
 * @throws {Error} one line
 */
export async function findTarget(deed: string, force = false): Promise<Target> {
  const connectionString = await findConnectionString();
  const { host, database } = clientFor(connectionString);
  const place = `"${database}" on ${host}`;
  if (!local.includes(host) && !force) {
    throw new Error(`${deed} ${place}, which is not this machine: add --force if you mean it.`);
  }
  await (await connect(connectionString)).end();
  return { connectionString, place };
}
