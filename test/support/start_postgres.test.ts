import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { type PostgresServer, startPostgres } from '../../src/testing/start_postgres.ts';

const server = new URL(inject('connectionString'));

function at(change: Partial<Pick<URL, 'username' | 'password' | 'port' | 'pathname'>>): string {
  return Object.assign(new URL(server), change).href;
}

beforeEach(() => {
  for (const name of ['DATABASE_URL', 'TEST_POSTGRES', 'TEST_POSTGRES_IMAGE']) vi.stubEnv(name, undefined);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('what startPostgres says about bad settings', () => {
  test.each([
    ['an unknown major', { TEST_POSTGRES_VERSION: '16' }, 'TEST_POSTGRES_VERSION is "16": set it to 15, 17 or 18.'],
    [
      'an unknown kind of server',
      { TEST_POSTGRES: 'podman' },
      'TEST_POSTGRES is "podman": set it to url, docker or embedded.',
    ],
    [
      'no DATABASE_URL where one is asked for',
      { TEST_POSTGRES: 'url' },
      'DATABASE_URL is not set: set it to postgres://user:password@host:5432/database.',
    ],
    [
      'a malformed DATABASE_URL',
      { DATABASE_URL: 'localhost:5432/wheels' },
      'DATABASE_URL is malformed: it must look like postgres://user:password@host:5432/database, without spaces, with special characters percent-encoded.',
    ],
    [
      'a DATABASE_URL where no server listens',
      { DATABASE_URL: 'postgres://somebody:s3cret@127.0.0.1:1/wheels' },
      'No Postgres answers at 127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1): start the server, or correct DATABASE_URL.',
    ],
    [
      'a DATABASE_URL whose user the server refuses',
      { DATABASE_URL: at({ username: 'nobody_known', password: 's3cret' }) },
      `The server at ${server.host} refused the user "nobody_known": check user and password in DATABASE_URL.`,
    ],
    [
      'a DATABASE_URL whose database does not exist',
      { DATABASE_URL: at({ pathname: '/no_such_database' }) },
      `The database "no_such_database" does not exist at ${server.host}: create it, or correct DATABASE_URL.`,
    ],
  ])('%s', async (_, settings, line) => {
    for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
    const outcome: PostgresServer | Error = await startPostgres({ log: () => {} }).catch((error) => error);
    expect(outcome).toBeInstanceOf(Error);
    expect(outcome).toHaveProperty('message', line);
  });
});

describe('the server of DATABASE_URL', () => {
  test('is named with its version, without the password, and outlives stop', async () => {
    vi.stubEnv('DATABASE_URL', server.href);
    const lines: string[] = [];
    const given = await startPostgres({ log: (line) => lines.push(line) });
    expect(lines).toEqual([`Postgres ${given.version} (DATABASE_URL, ${server.host})`]);
    await given.stop();
    const client = new pg.Client({ connectionString: server.href });
    await client.connect();
    const { rows } = await client.query('show server_version');
    expect(rows[0].server_version).toContain(given.version);
    await client.end();
  });
});

describe('an embedded server', () => {
  const script = `
    import { startPostgres } from ${JSON.stringify(new URL('../../src/testing/start_postgres.ts', import.meta.url).href)};
    const server = await startPostgres({ log: () => {} });
    console.log(server.connectionString);
    setInterval(() => {}, 1000);
  `;

  async function startInAnotherProcess(): Promise<{ owner: ChildProcess; connectionString: string; data: string }> {
    const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      env: { ...process.env, TEST_POSTGRES: 'embedded' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [chunk] = await once(owner.stdout, 'data');
    const connectionString = String(chunk).trim();
    const [row] = await query(connectionString, 'show data_directory');
    return { owner, connectionString, data: row?.data_directory ?? '' };
  }

  async function query(connectionString: string, text: string): Promise<Record<string, string>[]> {
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }

  test('runs beside another and goes with the process that started it, even if that is killed', async () => {
    const [one, other] = await Promise.all([startInAnotherProcess(), startInAnotherProcess()]);
    expect(one.connectionString).not.toBe(other.connectionString);
    expect(await query(one.connectionString, 'show wal_level')).toEqual([{ wal_level: 'logical' }]);
    expect(await query(one.connectionString, 'show fsync')).toEqual([{ fsync: 'off' }]);

    one.owner.kill('SIGKILL');
    await expect.poll(() => existsSync(dirname(one.data)), { timeout: 10_000 }).toBe(false);
    await expect(query(one.connectionString, 'select 1')).rejects.toThrow('ECONNREFUSED');
    expect(await query(other.connectionString, 'select 1 as one')).toHaveLength(1);

    other.owner.kill('SIGTERM');
    await expect.poll(() => existsSync(dirname(other.data)), { timeout: 10_000 }).toBe(false);
    await expect(query(other.connectionString, 'select 1')).rejects.toThrow('ECONNREFUSED');
  });
});
