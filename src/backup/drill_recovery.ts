import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Client } from 'pg';
import { connect, serverVersion } from '../session/connect.ts';
import { type BackupManifest, readBackup } from './backup_manifest.ts';
import { compareContent } from './compare_content.ts';
import { type Proof, prove, proveWorking } from './drill.ts';
import { libpqEnvironment, majorOf, runProgram } from './postgres_program.ts';
import { type RecoverySource, recover } from './recover.ts';
import { restoreBackup } from './restore_backup.ts';
import {
  besideServer,
  databaseUrl,
  initialiseScratch,
  makeFolder,
  type ScratchFolder,
  scratchFolder,
  startScratch,
} from './scratch_server.ts';
import { listTables, readTable, settleSession, type TableContent } from './table_content.ts';
import type { WorkOptions } from './write_backup.ts';

export type RecoveryReport = {
  /** The name of the database that was looked at. */
  readonly database: string;
  readonly proofs: readonly Proof[];
  readonly server_version: string;
  /** From copying the base backup to taking connections, the log replayed. */
  readonly recovery_seconds: number;
  /** The commit of the last transaction that was recovered; undefined if the base backup was made after all of them. */
  readonly last_commit: string | undefined;
};

/**
 * Recovers a base backup to a moment on a scratch server and proves what works without knowing what it should hold: its
 * indexes, its pages, who may do what. How many rows each table has is for the reader to judge.
 *
 * @throws {Error} as `recover`
 */
export async function drillRecovery(source: RecoverySource, options: WorkOptions = {}): Promise<RecoveryReport> {
  return await recover(source, options, async ({ database, connectionString, recovery_seconds, last_commit }) =>
    onDatabase(connectionString, options, async (client) => {
      const tables = await readTables(client);
      const counted = tables.map(({ table, rows }) => `${table} ${rows}`).join(', ');
      return {
        database,
        proofs: [{ what: 'rows', found: counted, wrong: [] }, ...(await proveWorking(client, options))],
        server_version: await serverVersion(client),
        recovery_seconds,
        last_commit: last_commit?.toISOString(),
      };
    }),
  );
}

/**
 * Does to a scratch server with the data of a backup what a team fears: the log is archived, a base backup is taken, somebody
 * signs up, a wrong DELETE takes all accounts. Then recovers to the moment before it, and proves that all is as it was.
 *
 * @throws {Error} one line, as `restoreBackup` and `recover`, or if there is no `pg_basebackup` for the server
 */
export async function demonstrateRecovery(directory: string, options: WorkOptions = {}): Promise<RecoveryReport> {
  const { signal, progress } = options;
  const manifest = await readBackup(directory, signal);
  const folder = await scratchFolder(majorOf(manifest.server_version));
  try {
    const walArchive = await makeFolder(folder, 'archive');
    const archive_command = `test ! -f "${walArchive}/%f" && cp "%p" "${walArchive}/%f"`;
    await initialiseScratch(folder, { archive_mode: 'on', archive_command });
    const server = await startScratch(folder, signal);
    await onDatabase(server, options, (client) => client.query('create database drill'));
    const connectionString = databaseUrl(folder, 'drill');
    await restoreBackup(directory, connectionString, { ...options, createRoles: true });
    progress?.('taking a base backup');
    const baseBackup = await takeBaseBackup(folder, server, signal);
    const { before, targetLsn } = await onDatabase(connectionString, options, async (client) => {
      const undone = await doWrong(client);
      progress?.('a wrong DELETE has taken all accounts');
      await waitForArchive(client, signal);
      return undone;
    });
    return await recover({ baseBackup, walArchive, targetLsn }, options, async (recovered) => {
      const expected: BackupManifest = { ...manifest, tables: before };
      const differences = await onDatabase(recovered.connectionString, options, (client) =>
        compareContent(client, expected, options),
      );
      return {
        database: recovered.database,
        ...(await prove(recovered.connectionString, expected, differences, options)),
        recovery_seconds: recovered.recovery_seconds,
        last_commit: recovered.last_commit?.toISOString(),
      };
    });
  } finally {
    await folder.remove();
  }
}

async function onDatabase<T>(
  connectionString: string,
  { signal }: WorkOptions,
  action: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(connectionString);
  const hangUp = () => void client.end();
  signal?.addEventListener('abort', hangUp);
  try {
    return await action(client);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', hangUp);
    await client.end();
  }
}

async function takeBaseBackup({ path, cluster }: ScratchFolder, server: string, signal?: AbortSignal): Promise<string> {
  const baseBackup = join(path, 'base');
  const program = await besideServer(cluster, 'pg_basebackup');
  await runProgram(program, ['--pgdata', baseBackup, '--format=plain', '--checkpoint=fast', '--no-password'], {
    env: libpqEnvironment(server),
    signal,
  });
  return baseBackup;
}

/** What there was before the wrong DELETE, and where the log stood. */
async function doWrong(client: Client): Promise<{ before: TableContent[]; targetLsn: string }> {
  const id = randomUUID();
  // It is in the log only, not in the base backup.
  await client.query('insert into auth.users (id, email) values ($1, $2)', [id, `${id}@drill.invalid`]);
  const before = await readTables(client);
  const { rows } = await client.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn');
  await client.query('delete from auth.users');
  return { before, targetLsn: rows[0]?.lsn ?? '' };
}

async function readTables(client: Client): Promise<TableContent[]> {
  await client.query('begin isolation level repeatable read read only');
  await settleSession(client);
  const tables = [];
  for (const table of await listTables(client)) tables.push(await readTable(client, table));
  await client.query('commit');
  return tables;
}

async function waitForArchive(client: Client, signal?: AbortSignal): Promise<void> {
  const { rows } = await client.query<{ segment: string }>('select pg_walfile_name(pg_switch_wal()) as segment');
  for (;;) {
    const { rowCount } = await client.query('select from pg_stat_archiver where last_archived_wal >= $1', [
      rows[0]?.segment,
    ]);
    if (rowCount) return;
    await setTimeout(100, undefined, { signal });
  }
}
