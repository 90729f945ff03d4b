import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Client } from 'pg';
import { ArgumentError } from '../arguments/argument_error.ts';
import { needsAnotherPlace } from '../arguments/needs_another_place.ts';
import { compareManifests } from '../manifest/compare_manifests.ts';
import { type ManifestEntry, readManifestWithin } from '../manifest/read_manifest.ts';
import { connect, serverVersion } from '../session/connect.ts';
import { type BackupManifest, dumpFile, sha256Of, writeManifest } from './backup_manifest.ts';
import { readRoles } from './granted_roles.ts';
import { libpqEnvironment, majorOf, requireProgram, runProgram } from './postgres_program.ts';
import {
  accountTables,
  hiddenTables,
  listTables,
  readSequences,
  readTable,
  settleSession,
  type Table,
} from './table_content.ts';

export type WorkOptions = {
  /** Ends the work, and what was begun is removed. */
  readonly signal?: AbortSignal | undefined;
  /** Gets a line when a table is done. */
  readonly progress?: (line: string) => void;
};

/**
 * Dumps a database with `pg_dump` into a new folder of three files: `dump` (custom format), `manifest.json` and
 * `manifest.json.sha256`. They are for the eyes of their owner (0600), and the folder has its name only once all of it is
 * on the disk.
 *
 * @throws {ArgumentError} if the folder exists or cannot be made
 * @throws {Error} one line if `pg_dump` is missing or older than the server, if row level security or missing grants would
 * hide rows from the role, or if the schema changes meanwhile
 */
export async function writeBackup(
  connectionString: string,
  directory: string,
  options: WorkOptions = {},
): Promise<BackupManifest> {
  const { signal } = options;
  const final = resolve(directory);
  if (await stat(final).catch(() => undefined)) {
    throw new ArgumentError(`${directory} exists already: name a new folder.`);
  }
  const client = await connect(connectionString);
  // A query that runs when the client is ended fails.
  const hangUp = () => void client.end();
  signal?.addEventListener('abort', hangUp);
  const partial = join(dirname(final), `.${basename(final)}.partial-${randomBytes(4).toString('hex')}`);
  try {
    const version = await serverVersion(client);
    const pg_dump_version = await requireProgram('pg_dump', majorOf(version));
    await requireAllRows(client);
    await mkdir(partial, { mode: 0o700 }).catch(needsAnotherPlace(directory));
    const manifest = await dumpAtOneSnapshot(connectionString, client, partial, options);
    if (compareManifests(manifest.schema, await readSchema(client)).length > 0) {
      throw new Error('The schema changed while the backup was made, perhaps by a deploy: make it again.');
    }
    const complete = { ...manifest, server_version: version, pg_dump_version };
    await writeManifest(partial, complete);
    signal?.throwIfAborted();
    await rename(partial, final);
    await syncFolder(dirname(final));
    return complete;
  } catch (error) {
    signal?.throwIfAborted();
    throw isDiskFull(error) ? new Error(`The disk of ${dirname(final)} is full: nothing was kept.`) : error;
  } finally {
    signal?.removeEventListener('abort', hangUp);
    await rm(partial, { recursive: true, force: true });
    await client.end();
  }
}

async function requireAllRows(client: Client): Promise<void> {
  const hidden = await hiddenTables(client);
  if (hidden.length > 0) {
    throw new Error(
      `A backup by this role would lack rows of ${hidden.join(', ')}, which row level security or missing grants hide from it: use a superuser, or a role with BYPASSRLS that may select from them.`,
    );
  }
}

type Dumped = Omit<BackupManifest, 'server_version' | 'pg_dump_version'>;

async function dumpAtOneSnapshot(
  connectionString: string,
  client: Client,
  directory: string,
  { signal, progress }: WorkOptions,
): Promise<Dumped> {
  await client.query('begin isolation level repeatable read read only');
  await settleSession(client);
  const { rows } = await client.query<{ snapshot: string; taken_at: Date; others: string[] }>(snapshotQuery, [
    accountTables,
  ]);
  const { snapshot = '', taken_at = new Date(), others = [] } = rows[0] ?? {};
  const found = await listTables(client);
  if (!found.some(({ table }) => table === 'public.profiles')) {
    throw new Error('There is no table public.profiles: this is not a database of Wheels & Wins.');
  }
  const sequences = await readSequences(client);

  const path = join(directory, dumpFile);
  await writeFile(path, '', { mode: 0o600 });
  const failed = new AbortController();
  // Whatever fails first ends the other.
  const endBoth = (error: unknown) => {
    failed.abort(error);
    void client.end();
  };
  const dump = runProgram(
    'pg_dump',
    ['--format=custom', ...dumpedObjects, ...others, `--snapshot=${snapshot}`, '--verbose', `--file=${path}`],
    {
      env: libpqEnvironment(connectionString),
      signal: AbortSignal.any([failed.signal, ...(signal ? [signal] : [])]),
      onLine: (line) => {
        const table = /dumping contents of table "(.*)"/.exec(line)?.[1];
        if (table) progress?.(`dumping ${table}`);
      },
    },
  );
  const content = readContent(client, found, progress);
  await Promise.allSettled([dump.catch(endBoth), content.catch(endBoth)]);
  failed.signal.throwIfAborted();
  await client.query('commit');
  const { size } = await stat(path);
  return {
    format: 1,
    taken_at: taken_at.toISOString(),
    dump: { bytes: size, sha256: await sha256Of(path, signal) },
    sequences,
    ...(await content),
  };
}

async function readSchema(client: Client): Promise<ManifestEntry[]> {
  await client.query('begin read only');
  await settleSession(client);
  const schema = await readManifestWithin(client);
  await client.query('commit');
  return schema;
}

async function readContent(
  client: Client,
  found: readonly Table[],
  progress: WorkOptions['progress'],
): Promise<Pick<BackupManifest, 'tables' | 'roles' | 'schema'>> {
  const tables = [];
  for (const table of found) {
    const content = await readTable(client, table);
    progress?.(`hashed ${content.table}: ${content.rows} rows`);
    tables.push(content);
  }
  return { tables, roles: await readRoles(client), schema: await readManifestWithin(client) };
}

/** Roles, tablespaces, large objects and subscriptions are no part of our schema. */
const dumpedObjects = ['--no-owner', '--no-blobs', '--no-subscriptions', '--no-security-labels', '--no-tablespaces'];

/**
 * The snapshot, and flags that leave out what is not ours. Naming what is ours instead would leave out the publication.
 * The quotes are for patterns of `pg_dump`.
 */
const snapshotQuery = `
  select pg_export_snapshot() as snapshot, now() as taken_at, array(
    select format('--exclude-schema="%s"', replace(nspname, '"', '""')) from pg_catalog.pg_namespace
    where nspname not in ('public', 'private', 'auth') and nspname !~ '^pg_' and nspname <> 'information_schema'
    union all
    select format('--exclude-table=auth."%s"', replace(relname, '"', '""')) from pg_catalog.pg_class
    where relnamespace = to_regnamespace('auth') and relkind in ('r', 'p', 'v', 'm', 'f') and relname <> all ($1)
  ) as others`;

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && /ENOSPC|No space left on device/.test(error.message);
}
