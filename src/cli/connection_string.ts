import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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

/**
 * The database that a command works on: `DATABASE_URL`, else the one of `npm run db:start`.
 *
 * @throws {Error} one line if there is neither
 */
export async function findConnectionString(): Promise<string> {
  if (process.env.DATABASE_URL) return process.env.DATABASE_URL;
  const server = await running(await developmentDirectory());
  if (!server) throw new Error('No database: set DATABASE_URL, or run npm run db:start in another terminal.');
  return developmentDatabase(server);
}
