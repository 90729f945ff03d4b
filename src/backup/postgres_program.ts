import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { clientFor } from '../session/connect.ts';

/**
 * The version, such as `15.18`, of a program such as `pg_dump` on the PATH.
 *
 * @param major the oldest that will do
 * @throws {Error} one line if the program is missing or older
 */
export async function requireProgram(name: string, major: number): Promise<string> {
  const remedy = `install the client programs of Postgres ${major} or newer (Debian: postgresql-client-${major}) and put their folder first on PATH`;
  const version = await versionOf(name);
  if (version === undefined) throw new Error(`There is no ${name} on PATH: ${remedy}.`);
  if (majorOf(version) < major) {
    throw new Error(
      `The ${name} on PATH is ${version}, older than Postgres ${major}, which it would have to read: ${remedy}.`,
    );
  }
  return version;
}

/** The version of a program, or undefined if it is not there. */
export async function versionOf(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, ['--version']);
    return /\(PostgreSQL\) (\S+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

/** 15 of `15.18` or `15beta1`. */
export function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

/** What a program needs to find the database of a connection string; no argument, which others may read, has the password. */
export function libpqEnvironment(connectionString: string): NodeJS.ProcessEnv {
  const { host, port, user, database, password } = clientFor(connectionString);
  const { searchParams } = new URL(connectionString);
  const sslmode = searchParams.get('sslmode');
  const given = {
    PGSSLMODE: sslmode === 'no-verify' ? 'require' : sslmode,
    PGSSLROOTCERT: searchParams.get('sslrootcert'),
    PGSSLCERT: searchParams.get('sslcert'),
    PGSSLKEY: searchParams.get('sslkey'),
    PGOPTIONS: searchParams.get('options'),
    PGPASSWORD: password,
  };
  const { DATABASE_URL: _, ...environment } = process.env;
  return {
    ...environment,
    // Messages are read.
    LC_MESSAGES: 'C',
    LC_ALL: 'C',
    PGAPPNAME: 'wheels-db',
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== undefined)),
  };
}

export type ProgramOptions = {
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  /** Who runs it, if not who runs this process. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  readonly cwd?: string;
  /** Gets each line of standard error. */
  readonly onLine?: (line: string) => void;
};

export type RunningProgram = {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /**
   * @throws {Error} one line with the first error that the program printed, without values of rows
   * @throws the signal's reason, once the program has ended
   */
  readonly ended: Promise<void>;
};

/** Starts a program of Postgres. When the signal aborts, the program is told to end. */
export function startProgram(program: string, args: readonly string[], options: ProgramOptions = {}): RunningProgram {
  const { signal, onLine, owner, ...spawnOptions } = options;
  signal?.throwIfAborted();
  // A group of its own: Ctrl-C reaches this process alone, which ends the program in its turn.
  const child = spawn(program, args, { ...spawnOptions, ...owner, detached: true, stdio: 'pipe' });
  const end = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', end);
  let complaint: string | undefined;
  let lastLine = '';
  createInterface({ input: child.stderr }).on('line', (line) => {
    lastLine = line.trim() || lastLine;
    complaint ??= /\b(?:error|ERROR|FATAL|PANIC): +(.*)/.exec(line)?.[1];
    onLine?.(line);
  });
  // Of a program that has ended early, its end tells why.
  child.stdin.on('error', () => {});
  const ended = once(child, 'close').then(([code, killedBy]) => {
    signal?.removeEventListener('abort', end);
    signal?.throwIfAborted();
    if (code === 0) return;
    throw new Error(`${program.split('/').at(-1)} failed: ${reasonOf(complaint ?? lastLine, killedBy)}`);
  });
  // It may fail before anybody waits for it.
  ended.catch(() => {});
  return { stdin: child.stdin, stdout: child.stdout, ended };
}

/** Runs a program of Postgres to its end. @throws as `RunningProgram.ended` */
export async function runProgram(program: string, args: readonly string[], options?: ProgramOptions): Promise<void> {
  const { stdin, stdout, ended } = startProgram(program, args, options);
  stdin.end();
  stdout.resume();
  await ended;
}

function reasonOf(complaint: string, killedBy: NodeJS.Signals | null): string {
  if (killedBy === 'SIGXFSZ') return 'a file got larger than this process may write (ulimit -f).';
  if (killedBy) return `it was ended by ${killedBy}.`;
  const line = withoutValues(complaint);
  return /No space left on device/.test(line) ? `${line}: the disk is full.` : `${line || 'it did not say why'}.`;
}

/** Messages such as `invalid input syntax for type date: "…"` quote what a row holds; names are quoted without a colon. */
function withoutValues(message: string): string {
  return message.replace(/: ".*/, ': "…"').replace(/\.$/, '');
}
