import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterOf, clusterOwner, initialise, start, stop, stopWhenThisProcessEnds } from './cluster.ts';
import { serverSettings, testServerSettings } from './server_settings.ts';
import type { PostgresServer } from './start_postgres.ts';

/**
 * Starts a throw-away server from the binaries in `node_modules`, on a free port and with a data directory of its own,
 * so that any number run side by side. It is stopped and removed when this process ends, however it ends.
 *
 * @param major '15', '17' or '18'
 * @throws {Error} if the binaries are not installed, or with the last lines of the server's log
 */
export async function startEmbeddedPostgres(major: string): Promise<Omit<PostgresServer, 'version'>> {
  const folder = await mkdtemp(join(tmpdir(), 'wheels-postgres-'));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    const owner = await clusterOwner();
    if (owner) await chown(folder, owner.uid, owner.gid);
    const cluster = await clusterOf(major, join(folder, 'data'));
    const callOff = stopWhenThisProcessEnds(cluster, folder);
    await initialise(cluster, testServerSettings);
    const connectionString = await start(cluster);
    return {
      connectionString,
      description: 'embedded',
      stays: false,
      stop: async () => {
        await stop(cluster).finally(removeFolder);
        callOff();
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

/**
 * Starts a server whose data stays in a directory, which is made if it is missing, on the preferred port or the next
 * free one. The server stops with this process.
 *
 * @throws {Error} if the directory holds data of another major, else as `startEmbeddedPostgres`
 */
export async function startPersistentPostgres(
  major: string,
  directory: string,
  preferredPort: number,
): Promise<{ connectionString: string; stop(): Promise<void> }> {
  const cluster = await clusterOf(major, directory);
  const held = await readFile(join(directory, 'PG_VERSION'), 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
  if (held === undefined) {
    await initialise(cluster, serverSettings);
  } else if (held !== major) {
    throw new Error(
      `${directory} holds data of Postgres ${held}, not ${major}: set TEST_POSTGRES_VERSION=${held}, or remove the folder.`,
    );
  }
  const connectionString = await start(cluster, preferredPort);
  const callOff = stopWhenThisProcessEnds(cluster);
  return {
    connectionString,
    stop: async () => {
      await stop(cluster);
      callOff();
    },
  };
}
