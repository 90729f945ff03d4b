import { execFile } from 'node:child_process';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, inject } from 'vitest';
import { connect, serverVersion } from '../../src/session/connect.ts';
import {
  type Cluster,
  clusterOf,
  clusterOwner,
  initialise,
  start,
  stopWhenThisProcessEnds,
} from '../../src/testing/cluster.ts';
import { testServerSettings } from '../../src/testing/server_settings.ts';
import { cloneDatabase, createTemplateDatabase } from '../../src/testing/template_database.ts';

/** A server for one test file that may go away and come back. */
export type RestartableServer = {
  /** Leads to a migrated database, as the superuser. */
  readonly connectionString: string;
  /** `fast` ends all connections and what they do; after `immediate` the server recovers, as after a crash. */
  stop(mode: 'fast' | 'immediate'): Promise<void>;
  /** Resolves when the server, on the port that it had, accepts connections. */
  start(): Promise<void>;
};

/**
 * Starts it before the file's tests, embedded whatever the run's server is, of the same major, or 18 where no such binaries
 * are at hand. What it has acknowledged survives the end of the server's process, but not of the machine.
 */
export function restartableServer(): RestartableServer {
  let cluster: Cluster | undefined;
  let connectionString: string | undefined;
  let callOff = () => {};
  const started = () => {
    if (!cluster || !connectionString) throw new Error('The server exists in hooks and tests only.');
    return { cluster, connectionString };
  };

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'wheels-postgres-'));
    const owner = await clusterOwner();
    if (owner) await chown(folder, owner.uid, owner.gid);
    cluster = await clusterOf(await majorOfTheRun(), join(folder, 'data'));
    callOff = stopWhenThisProcessEnds(cluster, folder);
    await initialise(cluster, { ...testServerSettings, synchronous_commit: 'on' });
    const server = { connectionString: await start(cluster) };
    connectionString = (await cloneDatabase(server, await createTemplateDatabase(server))).connectionString;
  });

  afterAll(async () => {
    if (!cluster) return;
    await pgCtl(cluster, 'stop', '-m', 'immediate').catch(() => {});
    await rm(join(cluster.directory, '..'), { recursive: true, force: true });
    callOff();
  });

  return {
    get connectionString() {
      return started().connectionString;
    },
    async stop(mode) {
      await pgCtl(started().cluster, 'stop', '-m', mode);
    },
    async start() {
      const { cluster, connectionString } = started();
      const port = Number(new URL(connectionString).port);
      const { port: actual } = new URL(await start(cluster, port));
      if (Number(actual) !== port) throw new Error(`The port ${port} was taken meanwhile.`);
    },
  };
}

/** The major of the run's server, or 18 where no binaries of it are at hand. */
export async function majorOfTheRun(): Promise<string> {
  const client = await connect(inject('connectionString'));
  try {
    const major = (await serverVersion(client)).split('.')[0] ?? '';
    return ['15', '17', '18'].includes(major) ? major : '18';
  } finally {
    await client.end();
  }
}

async function pgCtl({ pg_ctl, directory, owner }: Cluster, ...args: string[]): Promise<void> {
  await promisify(execFile)(pg_ctl, [...args, '-w', '-D', directory], { ...owner, cwd: directory });
}
