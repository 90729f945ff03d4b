import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ArgumentError } from '../arguments/argument_error.ts';
import { clientFor } from '../session/connect.ts';
import { clusterOwner, openToAll, running } from '../testing/cluster.ts';

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

/** The database of `npm run db:start`, which standard error then says, or undefined if it does not run. */
export async function runningDevelopmentDatabase(): Promise<string | undefined> {
  const server = await running(await developmentDirectory());
  if (!server) return undefined;
  console.error('DATABASE_URL is not set: this goes to the server of npm run db:start.');
  return developmentDatabase(server);
}

/**
 * The database that kysely-ctl works on: `DATABASE_URL`, else the one of `npm run db:start`.
 *
 * @throws {Error} one line if there is neither
 */
export async function findConnectionString(): Promise<string> {
  const found = process.env.DATABASE_URL || (await runningDevelopmentDatabase());
  if (!found) throw new Error('No database: set DATABASE_URL, or run npm run db:start in another terminal.');
  return found;
}

const local = ['localhost', '127.0.0.1', '::1'];

/** Where a database is, for messages: `"wheels" on localhost`. */
export function placeOf(connectionString: string): string {
  const { host, database } = clientFor(connectionString);
  return `"${database}" on ${host}`;
}

/**
 * Stops a command that would change a database which is not on this machine, unless its name is repeated.
 *
 * @param deed what the command does there, such as `wheels-db reset deletes all data of`
 * @param named the name of the database as somebody repeated it, which one on another machine needs
 * @throws {ArgumentError} if the name is missing or another's
 */
export function requireMeant(connectionString: string, deed: string, named?: string): void {
  const { host, database } = clientFor(connectionString);
  const place = placeOf(connectionString);
  if (named !== undefined && named !== database) {
    throw new ArgumentError(`--yes names "${named}", but ${deed} ${place}.`);
  }
  if (named === undefined && !local.includes(host)) {
    throw new ArgumentError(`${deed} ${place}, which is not this machine: add --yes ${database} if you mean it.`);
  }
}
