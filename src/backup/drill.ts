import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import pg from 'pg';
import { connect, serverVersion } from '../session/connect.ts';
import { type BackupManifest, readBackup } from './backup_manifest.ts';
import { checkAccess } from './check_access.ts';
import { checkIndexes } from './check_indexes.ts';
import type { ContentDifferences } from './compare_content.ts';
import { majorOf } from './postgres_program.ts';
import { restoreBackup } from './restore_backup.ts';
import { databaseUrl, initialiseScratch, scratchFolder, startScratch } from './scratch_server.ts';
import type { WorkOptions } from './write_backup.ts';

/** One thing that a drill looks at. */
export type Proof = {
  readonly what: string;
  /** What was counted, when all is well. */
  readonly found: string;
  /** What is wrong, a line each. */
  readonly wrong: readonly string[];
};

export type DrillReport = {
  readonly proofs: readonly Proof[];
  readonly server_version: string;
  /** From the start of a server, or of making a database on a given one, to the last row, index and grant. */
  readonly recovery_seconds: number;
  /** The age of the data when the drill began: what a loss at that moment would have cost. */
  readonly data_age_seconds: number;
};

export type DrillOptions = WorkOptions & {
  /** A server on which to make a scratch database, dropped afterwards, instead of starting one. */
  readonly serverUrl?: string | undefined;
};

/**
 * Restores a backup on a scratch server and proves it.
 *
 * @throws {Error} one line if it cannot be restored at all
 */
export async function drill(directory: string, options: DrillOptions = {}): Promise<DrillReport> {
  const began = Date.now();
  const manifest = await readBackup(directory, options.signal);
  const data_age_seconds = (began - Date.parse(manifest.taken_at)) / 1000;
  const recovering = performance.now();
  const restored = async (connectionString: string) => {
    const { differences, restored_at } = await restoreBackup(directory, connectionString, {
      ...options,
      createRoles: true,
    });
    const recovery_seconds = Math.round(restored_at - recovering) / 1000;
    return { ...(await prove(connectionString, manifest, differences, options)), recovery_seconds, data_age_seconds };
  };
  const { serverUrl, signal } = options;
  if (serverUrl) return await withScratchDatabase(serverUrl, restored);

  const folder = await scratchFolder(majorOf(manifest.server_version));
  try {
    await initialiseScratch(folder, {});
    const server = await startScratch(folder, signal);
    await onServer(server, (client) => client.query('create database drill'));
    return await restored(databaseUrl(folder, 'drill'));
  } finally {
    await folder.remove();
  }
}

async function withScratchDatabase<T>(serverUrl: string, use: (connectionString: string) => Promise<T>): Promise<T> {
  const name = `wheels_drill_${randomBytes(6).toString('hex')}`;
  await onServer(serverUrl, (client) => client.query(`create database ${name} template template0`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  try {
    return await use(url.href);
  } finally {
    await onServer(serverUrl, (client) => client.query(`drop database ${name} with (force)`));
  }
}

async function onServer(connectionString: string, action: (client: Client) => Promise<unknown>): Promise<void> {
  const client = await connect(connectionString);
  await action(client).finally(() => client.end());
}

/** Adds to what a comparison has found what can be proven without a manifest. */
export async function prove(
  connectionString: string,
  manifest: BackupManifest,
  differences: ContentDifferences,
  options: WorkOptions,
): Promise<Pick<DrillReport, 'proofs' | 'server_version'>> {
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  const ofContent: Proof[] = [
    {
      what: 'rows',
      found: `${rows} rows of ${manifest.tables.length} tables, counted and hashed`,
      wrong: differences.rows,
    },
    { what: 'schema', found: countSchema(manifest), wrong: differences.schema },
    { what: 'sequences', found: `${manifest.sequences.length} not behind`, wrong: differences.sequences },
  ];
  const client = await connect(connectionString);
  const hangUp = () => void client.end();
  options.signal?.addEventListener('abort', hangUp);
  try {
    return {
      proofs: [...ofContent, ...(await proveWorking(client, options))],
      server_version: await serverVersion(client),
    };
  } finally {
    options.signal?.removeEventListener('abort', hangUp);
    await client.end();
  }
}

/** What can be proven of a database without knowing what it should hold. */
export async function proveWorking(client: Client, options: Pick<WorkOptions, 'progress'>): Promise<Proof[]> {
  const pages = await checkIndexes(client, options).catch((error) => {
    if (!(error instanceof pg.DatabaseError)) throw error;
    return { indexes: 0, tables: 0, wrong: [`amcheck cannot be used on this server: ${error.message}`] };
  });
  const access = await checkAccess(client);
  return [
    { what: 'amcheck', found: `${pages.indexes} indexes and ${pages.tables} tables are sound`, wrong: pages.wrong },
    { what: 'access', found: `${access.tried} attempts ended as they should`, wrong: access.wrong },
  ];
}

function countSchema({ schema }: BackupManifest): string {
  const lines = schema.flatMap((entry) => entry.lines);
  const count = (start: RegExp) => lines.filter((line) => start.test(line)).length;
  const published = schema.filter(({ object }) => object.startsWith('publication ')).flatMap((entry) => entry.lines);
  return `${schema.length} objects, with ${count(/^policy /)} policies, ${count(/^CREATE (CONSTRAINT )?TRIGGER /)} triggers, ${count(/^grant /)} grants and ${published.length} published tables`;
}
