import { execFile } from 'node:child_process';
import { chown, cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Client } from 'pg';
import { z } from 'zod';
import { ArgumentError } from '../arguments/argument_error.ts';
import { connect } from '../session/connect.ts';
import { runProgram } from './postgres_program.ts';
import {
  besideServer,
  configure,
  databaseUrl,
  type ScratchFolder,
  scratchFolder,
  startScratch,
} from './scratch_server.ts';
import { momentOf } from './target_time.ts';
import type { WorkOptions } from './write_backup.ts';

/** A base backup, the log that was archived since, and the moment to recover to: what commits then or later is left out. */
export type RecoverySource = {
  /** The folder that `pg_basebackup` made, in its plain format. */
  readonly baseBackup: string;
  /** The folder to which `archive_command` copies segments. */
  readonly walArchive: string;
  /** Needed where several databases of the server have our tables. */
  readonly database?: string | undefined;
} & (
  | { /** As Postgres reads it: `2026-12-01 14:03:00+00`. */ readonly targetTime: string; readonly targetLsn?: never }
  | { /** Such as `0/3000148`. */ readonly targetLsn: string; readonly targetTime?: never }
);

export type Recovered = {
  /** The name of the database that has our tables. */
  readonly database: string;
  readonly connectionString: string;
  /** From copying the base backup to taking connections. */
  readonly recovery_seconds: number;
  /** The commit of the last transaction that was recovered. */
  readonly last_commit: Date | undefined;
};

/**
 * Recovers a copy of a base backup on a scratch server to a moment, and calls `use` on it. Neither the base backup nor the
 * archive is written to, and the server is gone afterwards.
 *
 * @throws {ArgumentError} if a folder is not what it is to be, or which database is meant cannot be told
 * @throws {Error} one line if the base backup is damaged, a part of the log is missing, the moment is not in it or is before
 * the base backup
 */
export async function recover<T>(
  source: RecoverySource,
  options: WorkOptions,
  use: (recovered: Recovered) => Promise<T>,
): Promise<T> {
  const major = await readMajor(source.baseBackup);
  if (!(await stat(source.walArchive).catch(() => undefined))?.isDirectory())
    throw new ArgumentError(`${source.walArchive} is no folder.`);
  const folder = await scratchFolder(major, { exactly: true });
  try {
    const began = performance.now();
    await verify(folder, source.baseBackup, options);
    const taken = await readTaken(source.baseBackup);
    requireLater(source, taken);
    options.progress?.('copying the base backup');
    await copyBaseBackup(folder, source.baseBackup);
    await configureRecovery(folder, source);
    options.progress?.('replaying the log');
    const server = await startScratch(folder, options.signal).catch((error) => explain(error, source, taken));
    const recovery_seconds = Math.round(performance.now() - began) / 1000;
    const database = await findDatabase(server, folder, source.database);
    const last_commit = await lastCommit(folder);
    return await use({
      database,
      connectionString: databaseUrl(folder, database),
      recovery_seconds,
      last_commit,
    });
  } finally {
    await folder.remove();
  }
}

async function readMajor(baseBackup: string): Promise<number> {
  const text = await readFile(join(baseBackup, 'PG_VERSION'), 'utf8').catch(() => '');
  if (!text)
    throw new ArgumentError(
      `${baseBackup} is no base backup in plain format: make one with pg_basebackup --format=plain.`,
    );
  const spaces = await readdir(join(baseBackup, 'pg_tblspc'));
  if (spaces.length > 0) throw new Error(`${baseBackup} has tablespaces, which a drill does not move.`);
  return Number(text);
}

/** The log is the archive's: what of it came with the base backup is not looked at. */
async function verify(
  { cluster }: ScratchFolder,
  baseBackup: string,
  { signal, progress }: WorkOptions,
): Promise<void> {
  const program = await besideServer(cluster, 'pg_verifybackup');
  progress?.('verifying the base backup');
  await runProgram(program, ['--no-parse-wal', '--exit-on-error', resolve(baseBackup)], { signal }).catch((error) => {
    signal?.throwIfAborted();
    if (error.code === 'ENOENT')
      throw new Error('There is no pg_verifybackup on PATH: install the client programs of Postgres.');
    throw new Error(`The base backup is damaged: ${error.message}`);
  });
}

/** When the base backup was begun: its `backup_label` says so in words of the server's time zone, its manifest in GMT. */
async function readTaken(baseBackup: string): Promise<Date> {
  const manifest = backupManifest.parse(JSON.parse(await readFile(join(baseBackup, 'backup_manifest'), 'utf8')));
  const label = manifest.Files.find((file) => file.Path === 'backup_label');
  const taken = momentOf(label?.['Last-Modified'] ?? '');
  if (!taken) throw new Error(`The backup_manifest of ${baseBackup} does not say when its backup_label was written.`);
  return taken;
}

const backupManifest = z.object({
  Files: z.array(z.object({ Path: z.string().optional(), 'Last-Modified': z.string() })),
});

/** If nothing was committed while the base backup was made, Postgres would recover to its end. */
function requireLater({ targetTime }: RecoverySource, taken: Date): void {
  if (targetTime === undefined) return;
  const moment = momentOf(targetTime);
  if (!moment) throw new Error(`"${targetTime}" is no moment such as 2026-12-01 14:03:00+00.`);
  if (moment < taken) throw tooEarly(targetTime, taken);
}

function tooEarly(moment: string, taken: Date): Error {
  return new Error(`${moment} is before this base backup (taken ${taken.toISOString()}): use an older one.`);
}

async function copyBaseBackup({ cluster }: ScratchFolder, baseBackup: string): Promise<void> {
  const { directory, owner } = cluster;
  await cp(baseBackup, directory, { recursive: true });
  if (owner) await promisify(execFile)('chown', ['-R', `${owner.uid}:${owner.gid}`, directory]);
  await promisify(execFile)('chmod', ['-R', 'u+rwX,go-rwx', directory]);
  for (const name of ['standby.signal', 'postmaster.pid', 'backup_label.old'])
    await rm(join(directory, name), { force: true });
  const signalFile = join(directory, 'recovery.signal');
  await writeFile(signalFile, '');
  if (owner) await chown(signalFile, owner.uid, owner.gid);
}

async function configureRecovery(
  folder: ScratchFolder,
  { walArchive, targetTime, targetLsn }: RecoverySource,
): Promise<void> {
  await configure(folder, {
    restore_command: `cp ${quoted(resolve(walArchive))}/%f "%p"`,
    ...(targetTime === undefined ? { recovery_target_lsn: targetLsn } : { recovery_target_time: targetTime }),
    recovery_target_inclusive: 'off',
    recovery_target_action: 'promote',
    // Else the settings of the server that was copied would have to be matched.
    hot_standby: 'off',
    archive_mode: 'off',
  });
}

/** For a shell, in a command in which `%` has a meaning. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''").replaceAll('%', '%%')}'`;
}

function explain(error: Error, { targetTime, targetLsn }: RecoverySource, taken: Date): never {
  if (/requested recovery stop point is before consistent recovery point/.test(error.message)) {
    throw tooEarly(targetTime ?? targetLsn, taken);
  }
  if (/recovery ended before configured recovery target was reached/.test(error.message)) {
    throw new Error(
      'The log ends before the moment to recover to: a segment is missing from the archive or cannot be read by who runs the server, or the moment is not past.',
    );
  }
  throw error;
}

async function findDatabase(server: string, folder: ScratchFolder, wanted: string | undefined): Promise<string> {
  const names = await onServer(server, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'select datname from pg_catalog.pg_database where datallowconn and not datistemplate order by oid',
    );
    return rows.map(({ datname }) => datname);
  });
  const ours: string[] = [];
  for (const name of names) {
    const found = await onServer(databaseUrl(folder, name), async (client) => {
      const { rows } = await client.query<{ ours: boolean }>(
        "select to_regclass('public.profiles') is not null as ours",
      );
      return rows[0]?.ours;
    });
    if (found) ours.push(name);
  }
  const [first, second] = wanted === undefined ? ours : ours.filter((name) => name === wanted);
  if (first !== undefined && second === undefined) return first;
  if (ours.length === 0) throw new Error('No database of the base backup has a table public.profiles.');
  const known = ours.map((name) => `"${name}"`).join(', ');
  throw new ArgumentError(
    wanted === undefined
      ? `Several databases of the base backup have a table public.profiles: name one of ${known} with --database.`
      : `The base backup has no database "${wanted}" with a table public.profiles, but ${known}.`,
  );
}

async function onServer<T>(connectionString: string, action: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(connectionString);
  return await action(client).finally(() => client.end());
}

/** `recovery stopping before commit of transaction 742, time …` names what is left out; the last one applied stands below it. */
async function lastCommit({ path }: ScratchFolder): Promise<Date | undefined> {
  const log = await readFile(join(path, 'server.log'), 'utf8');
  const time = /last completed transaction was at log time (.*)/.exec(log)?.[1];
  return time === undefined ? undefined : new Date(time);
}
