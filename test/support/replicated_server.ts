import { execFile } from 'node:child_process';
import { appendFile, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import {
  type Cluster,
  clusterOf,
  clusterOwner,
  initialise,
  start,
  stop,
  stopWhenThisProcessEnds,
} from '../../src/testing/cluster.ts';
import { testServerSettings } from '../../src/testing/server_settings.ts';
import { cloneDatabase, createTemplateDatabase } from '../../src/testing/template_database.ts';
import { majorOfTheRun } from './restartable_server.ts';

const run = promisify(execFile);

/** One of the servers. */
export type ServerOfSet = {
  /** Leads to the migrated database, as the superuser. */
  readonly connectionString: string;
  /** Runs one statement as the superuser, on a connection of its own. */
  query(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  stop(mode: 'fast' | 'immediate'): Promise<void>;
  /** On the port that it had. Resolves when it accepts connections. */
  start(): Promise<void>;
};

export type Standby = ServerOfSet & {
  /** Replays nothing more until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Resolves when it has replayed what the primary has committed by now. */
  catchUp(): Promise<void>;
  /** Resolves when it takes writes. */
  promote(): Promise<void>;
};

/** A primary and its standbys for one test file. */
export type ReplicatedServer = { readonly primary: ServerOfSet; readonly standbys: readonly Standby[] };

const settings = {
  ...testServerSettings,
  synchronous_commit: 'on',
  wal_retrieve_retry_interval: '100ms',
  // What the primary cleans up does not wait for a standby's reads, unless a test says so.
  hot_standby_feedback: 'off',
};

/**
 * Starts the servers before the file's tests, embedded whatever the run's server is, of the same major, or 18 where no such
 * binaries are at hand. The standbys are copies of the primary's files, which stream from it.
 */
export function replicatedServer(standbyCount = 2): ReplicatedServer {
  const servers: Server[] = [];
  let folder: string | undefined;
  const callOffs: (() => void)[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wheels-replicated-'));
    const owner = await clusterOwner();
    if (owner) await chown(folder, owner.uid, owner.gid);
    const template = await clusterOf(await majorOfTheRun(), join(folder, 'primary'));
    const clusterIn = (name: string) => {
      const cluster = { ...template, directory: join(folder ?? '', name) };
      callOffs.push(stopWhenThisProcessEnds(cluster, folder));
      return cluster;
    };
    const primary = clusterIn('primary');
    await initialise(primary, settings);
    const connectionString = await start(primary);
    const server = { connectionString };
    const database = new URL((await cloneDatabase(server, await createTemplateDatabase(server))).connectionString);
    await stop(primary);
    const standbys = Array.from({ length: standbyCount }, (_, index) => clusterIn(`standby${index + 1}`));
    await Promise.all(standbys.map((standby) => copy(primary, standby, database.port)));
    servers.push(new Server(primary, database.href));
    await servers[0]?.start();
    for (const standby of standbys) {
      const { port } = new URL(await start(standby));
      servers.push(new Server(standby, Object.assign(new URL(database), { port }).href, servers[0]));
    }
  }, 60_000);

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop('immediate').catch(() => {})));
    for (const callOff of callOffs) callOff();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const at = (index: number) => {
    const server = servers[index];
    if (!server) throw new Error('The servers exist in hooks and tests only.');
    return server;
  };
  return {
    get primary() {
      return at(0);
    },
    get standbys() {
      return Array.from({ length: standbyCount }, (_, index) => at(index + 1));
    },
  };
}

async function copy(primary: Cluster, standby: Cluster, port: string): Promise<void> {
  const { owner } = primary;
  await run('cp', ['-R', '-p', primary.directory, standby.directory], { ...owner, cwd: primary.directory });
  await rm(join(standby.directory, 'server.log'), { force: true });
  const conninfo = `host=127.0.0.1 port=${port} user=postgres password=postgres`;
  await appendFile(join(standby.directory, 'postgresql.conf'), `primary_conninfo = '${conninfo}'\n`);
  const signal = join(standby.directory, 'standby.signal');
  await writeFile(signal, '');
  if (owner) await chown(signal, owner.uid, owner.gid);
}

class Server implements Standby {
  readonly connectionString: string;
  readonly #cluster: Cluster;
  readonly #primary: Server | undefined;

  constructor(cluster: Cluster, connectionString: string, primary?: Server) {
    this.#cluster = cluster;
    this.connectionString = connectionString;
    this.#primary = primary;
  }

  async query(sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.connectionString });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql, values)).rows;
    } finally {
      await client.end();
    }
  }

  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    await this.#pgCtl('stop', '-m', mode);
  }

  async start(): Promise<void> {
    const { port } = new URL(this.connectionString);
    const { port: actual } = new URL(await start(this.#cluster, Number(port)));
    if (actual !== port) throw new Error(`The port ${port} was taken meanwhile.`);
  }

  async pause(): Promise<void> {
    await this.query('select pg_wal_replay_pause()');
    await this.#wait("select pg_get_wal_replay_pause_state() = 'paused' as is_so");
  }

  async resume(): Promise<void> {
    await this.query('select pg_wal_replay_resume()');
  }

  async catchUp(): Promise<void> {
    const [row] = (await this.#primary?.query('select pg_current_wal_flush_lsn()::text as lsn')) ?? [];
    await this.#wait('select pg_last_wal_replay_lsn() >= $1::pg_lsn as is_so', [row?.lsn]);
  }

  async promote(): Promise<void> {
    await this.#pgCtl('promote');
    await this.#wait('select not pg_is_in_recovery() as is_so');
  }

  async #wait(question: string, values?: unknown[]): Promise<void> {
    for (let wait = 0; wait < 1000; wait++) {
      const [row] = await this.query(question, values);
      if (row?.is_so === true) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`It did not become so within 20 s: ${question}`);
  }

  async #pgCtl(...args: string[]): Promise<void> {
    const { pg_ctl, directory, owner } = this.#cluster;
    await run(pg_ctl, [...args, '-w', '-D', directory], { ...owner, cwd: directory });
  }
}
