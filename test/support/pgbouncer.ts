import { execFileSync, spawn } from 'node:child_process';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterOwner } from '../../src/testing/cluster.ts';

/** A PgBouncer in transaction mode before a database. */
export type PgBouncer = {
  readonly connectionString: string;
  stop(): Promise<void>;
};

/** Where PgBouncer is installed, and its version; undefined if it is not. */
export function findPgBouncer(): { path: string; version: string } | undefined {
  for (const path of ['pgbouncer', '/usr/sbin/pgbouncer']) {
    try {
      const [version = ''] = execFileSync(path, ['--version'], { encoding: 'utf8' }).split('\n');
      return { path, version };
    } catch {}
  }
  return undefined;
}

/** Starts one of at most `serverConnections` connections to the server, however many clients there are. */
export async function startPgBouncer(
  path: string,
  connectionString: string,
  serverConnections: number,
): Promise<PgBouncer> {
  const { hostname, port, pathname, username, password } = new URL(connectionString);
  const directory = await mkdtemp(join(tmpdir(), 'pgbouncer-'));
  const listenPort = await freePort();
  const config = join(directory, 'pgbouncer.ini');
  await writeFile(
    config,
    `[databases]
${pathname.slice(1)} = host=${hostname} port=${port || 5432} user=${decodeURIComponent(username)} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${serverConnections}
max_client_conn = 200
`,
    { mode: 0o600 },
  );
  // PgBouncer refuses to run as root.
  const owner = await clusterOwner();
  if (owner) {
    await chmod(directory, 0o755);
    await chown(config, owner.uid, owner.gid);
  }
  const bouncer = spawn(path, [config], { ...owner, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  bouncer.stderr.on('data', (chunk) => {
    log += chunk;
  });
  const ended = new Promise<void>((resolve) => bouncer.once('exit', () => resolve()));
  const stop = async () => {
    bouncer.kill('SIGKILL');
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  for (let attempt = 0; !(await answers(listenPort)); attempt++) {
    if (bouncer.exitCode !== null || attempt === 100) {
      await stop();
      throw new Error(`PgBouncer did not start:\n${log}`);
    }
    await sleep(50);
  }
  const url = Object.assign(new URL(connectionString), { hostname: '127.0.0.1', port: String(listenPort) });
  return { connectionString: url.href, stop };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
