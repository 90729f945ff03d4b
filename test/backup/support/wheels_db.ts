import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, inject } from 'vitest';
import { majorOf, versionOf } from '../../../src/backup/postgres_program.ts';
import { connect, serverVersion } from '../../../src/session/connect.ts';

export const script = fileURLToPath(new URL('../../../src/cli/wheels_db.ts', import.meta.url));

export type Ended = { code: number | null; stdout: string; stderr: string };

/** Starts `wheels-db` with arguments, on a database, with further variables of the environment. */
export function startWheelsDb(
  databaseUrl: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [script, ...args], { env: { ...process.env, DATABASE_URL: databaseUrl, ...env } });
}

/** Runs `wheels-db` to its end. */
export async function wheelsDb(databaseUrl: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return await endOf(startWheelsDb(databaseUrl, args, env));
}

export async function endOf(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code, stdout, stderr };
}

/** What an error says beside the progress before it. */
export function lastLine({ stderr }: Ended): string {
  return stderr.trimEnd().split('\n').at(-1) ?? '';
}

/** A folder for a test file's backups. */
export function folderForBackups(): { path(name: string): string } {
  let folder: string | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wheels-backups-'));
  });
  afterAll(async () => {
    if (folder) await rm(folder, { recursive: true, force: true });
  });
  return {
    path(name) {
      if (!folder) throw new Error('The folder exists in hooks and tests only.');
      return join(folder, name);
    },
  };
}

/** Why `pg_dump` cannot dump from the run's server, if it cannot. */
export async function whyNoDump(): Promise<string | undefined> {
  const client = await connect(inject('connectionString'));
  const server = await serverVersion(client);
  await client.end();
  const found = await versionOf('pg_dump');
  if (found && majorOf(found) >= majorOf(server)) return undefined;
  const reason = `pg_dump is ${found ?? 'missing'}, the server ${server}`;
  console.warn(`Left out: ${reason}.`);
  return reason;
}

/** Runs statements as the superuser of a database. */
export async function query(connectionString: string, statements: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return await client.query(statements).finally(() => client.end());
}
