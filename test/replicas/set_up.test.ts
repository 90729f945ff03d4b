import { execFile } from 'node:child_process';
import { appendFile, chown } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { libpqEnvironment, majorOf, runProgram, versionOf } from '../../src/backup/postgres_program.ts';
import {
  databaseUrl,
  initialiseScratch,
  type ScratchFolder,
  scratchFolder,
  startScratch,
} from '../../src/backup/scratch_server.ts';
import { createDatabase, type Database } from '../../src/index.ts';
import { migrate } from '../../src/migrations/migrate.ts';

const run = promisify(execFile);
const version = await versionOf('pg_basebackup');
const major = version === undefined ? undefined : majorOf(version);
if (!version) console.warn('Skipped: no pg_basebackup on this machine (Debian: apt-get install postgresql-client).');

/** What docs/operations.md says, with the programs that are installed. */
describe.skipIf(!version)(`a replica set up with pg_basebackup ${version ?? 'that is missing'}`, () => {
  test('serves reads, and after a fail-over follows the new primary and serves them again', async () => {
    const primary = await serverFolder();
    await initialiseScratch(primary, { hot_standby_feedback: 'on', wal_retrieve_retry_interval: '100ms' });
    await startScratch(primary);
    await query(databaseUrl(primary, 'postgres'), 'create database wheels');
    await migrate(databaseUrl(primary, 'wheels'), 'latest');
    await query(databaseUrl(primary, 'postgres'), 'create role replicator replication login');

    const one = await copyOf(primary, 'replica_1');
    const two = await copyOf(primary, 'replica_2');
    const database = open(primary, [one, two]);
    await untilServed(database);

    await runProgram(
      primary.cluster.pg_ctl,
      ['stop', '--mode=fast', `--pgdata=${primary.cluster.directory}`],
      own(primary),
    );
    await runProgram(one.cluster.pg_ctl, ['promote', '--wait', `--pgdata=${one.cluster.directory}`], own(one));
    await query(databaseUrl(one, 'postgres'), "select pg_create_physical_replication_slot('replica_2')");
    await query(databaseUrl(two, 'postgres'), `alter system set primary_conninfo = 'host=${one.path} user=replicator'`);
    await query(databaseUrl(two, 'postgres'), 'select pg_reload_conf()');

    const after = open(one, [two]);
    await query(databaseUrl(one, 'postgres'), 'checkpoint');
    await untilReplayed(one, two);
    await query(databaseUrl(two, 'postgres'), 'checkpoint');
    await untilServed(after);
  }, 180_000);
});

async function serverFolder(): Promise<ScratchFolder> {
  const folder = await scratchFolder(major ?? 0, { exactly: true });
  onTestFinished(() => folder.remove());
  return folder;
}

async function copyOf(primary: ScratchFolder, name: string): Promise<ScratchFolder> {
  const folder = await serverFolder();
  const { directory, owner, pg_ctl } = folder.cluster;
  const source = Object.assign(new URL(databaseUrl(primary, 'postgres')), { username: 'replicator' }).href;
  await runProgram(
    'pg_basebackup',
    [`--pgdata=${directory}`, '--write-recovery-conf', '--create-slot', `--slot=${name}`, '--checkpoint=fast'],
    { env: libpqEnvironment(source) },
  );
  if (owner) await run('chown', ['-R', `${owner.uid}:${owner.gid}`, directory]);
  // Both are on this machine.
  await appendFile(join(directory, 'postgresql.conf'), `unix_socket_directories = '${folder.path}'\n`);
  const paths = `hba_file = '${directory}/pg_hba.conf'\nident_file = '${directory}/pg_ident.conf'\n`;
  await appendFile(join(directory, 'postgresql.conf'), paths);
  if (owner) await chown(directory, owner.uid, owner.gid);
  await runProgram(
    pg_ctl,
    ['start', '--wait', `--pgdata=${directory}`, `--log=${folder.path}/server.log`],
    own(folder),
  );
  return folder;
}

function own({ cluster: { owner }, path }: ScratchFolder) {
  return { owner, cwd: path };
}

function open(primary: ScratchFolder, replicas: ScratchFolder[]): { database: Database; servers: Set<string> } {
  const servers = new Set<string>();
  const database = createDatabase({
    connectionString: databaseUrl(primary, 'wheels'),
    replicas: replicas.map((replica) => databaseUrl(replica, 'wheels')),
    onQuery: ({ server }) => servers.add(server),
  });
  onTestFinished(() => database.destroy({ timeoutMillis: 0 }));
  return { database, servers };
}

/** Reads until all replicas have answered. */
async function untilServed({ database, servers }: ReturnType<typeof open>): Promise<void> {
  const read = async () => {
    await database.asAnon({ readOnly: true }).posts.feed();
    return database.replicas.filter(({ server }) => !servers.has(server));
  };
  await expect.poll(read, { timeout: 30_000 }).toEqual([]);
}

async function untilReplayed(primary: ScratchFolder, replica: ScratchFolder): Promise<void> {
  const [row] = await query(databaseUrl(primary, 'postgres'), 'select pg_current_wal_flush_lsn()::text as lsn');
  for (;;) {
    const lag = `select pg_last_wal_replay_lsn() >= '${row?.lsn}' as is_there`;
    const [found] = await query(databaseUrl(replica, 'postgres'), lag);
    if (found?.is_there === true) return;
    await sleep(50);
  }
}

async function query(connectionString: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}
