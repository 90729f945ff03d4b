import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { runScript } from './run_script.ts';

const server = new URL(inject('connectionString'));
const onServer = new pg.Pool({ connectionString: server.href, max: 1 });

afterAll(async () => {
  await onServer.end();
});

function demo(env: NodeJS.ProcessEnv, ...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [fileURLToPath(new URL('../../demo/run.ts', import.meta.url)), ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function printed(output: Readable, pattern: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    text += chunk;
    const found = pattern.exec(text)?.[1];
    if (found) return found;
  }
  throw new Error(`The demo did not print ${pattern}, but: ${text}`);
}

describe('the demo on a server of its own', () => {
  test('runs until Ctrl-C with --keep', async () => {
    const run = demo({ TEST_POSTGRES: 'embedded' }, '--keep');
    const ended = once(run, 'exit');
    const url = await printed(run.stdout, /Look further: psql '(.+)'\nThe server runs/);
    run.stdout.resume();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query('select count(*)::int as count from trips');
    expect(rows[0].count).toBeGreaterThan(5);
    await client.end();
    run.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    await expect(new pg.Client({ connectionString: url }).connect()).rejects.toThrow('ECONNREFUSED');
  });

  test('leaves nothing behind when it is stopped before the server has started', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'wheels-interrupted-'));
    // The server's user is another one if this one is root.
    await chmod(folder, 0o777);
    try {
      const run = demo({ TEST_POSTGRES: 'embedded', TMPDIR: folder });
      await expect
        .poll(() => readdir(folder, { recursive: true }), { timeout: 10_000, interval: 20 })
        .toContainEqual(expect.stringMatching(/password$/));
      run.kill('SIGTERM');
      expect(await once(run, 'exit')).toEqual([143, null]);
      await expect.poll(() => readdir(folder), { timeout: 10_000 }).toEqual([]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('the demo on the server of DATABASE_URL', () => {
  // A user of its own tells this file's databases from those of others.
  const user = `demo_${randomBytes(4).toString('hex')}`;
  const url = Object.assign(new URL(server), { username: user, password: 's3cret' }).href;
  const env = { TEST_POSTGRES: 'url', DATABASE_URL: url };

  beforeAll(async () => {
    await onServer.query(`create role ${user} superuser login password 's3cret'`);
  });

  afterAll(async () => {
    await onServer.query(`drop role ${user}`);
  });

  async function databases(): Promise<string[]> {
    const { rows } = await onServer.query('select datname from pg_database where pg_get_userbyid(datdba) = $1', [user]);
    return rows.map(({ datname }) => datname);
  }

  test('keeps the database with --keep, without a password, and says how to drop it', async () => {
    const { code, stdout, stderr } = await runScript('demo/run.ts', url, '--keep');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const name = /stays until you drop it: drop database (wheels_demo_kept_\w+);\n$/.exec(stdout)?.[1] ?? '';
    expect(stdout).not.toContain('s3cret');
    expect(await databases()).toEqual([name]);
    await onServer.query(`drop database ${name}`);
  });

  test('drops it when it is interrupted', async () => {
    const run = demo(env);
    await printed(run.stdout, /(Loaded)/);
    run.stdout.resume();
    run.kill('SIGINT');
    expect(await once(run, 'exit')).toEqual([130, null]);
    expect(await databases()).toEqual([]);
  });

  test('drops it and is quiet when nobody reads on', async () => {
    const run = demo(env);
    await printed(run.stdout, /(Migrating)/);
    run.stdout.destroy();
    const [[code], errors] = await Promise.all([once(run, 'exit'), run.stderr.toArray()]);
    expect(errors.join('')).toBe('');
    expect(code).toBe(141);
    expect(await databases()).toEqual([]);
  });

  test('names the user who may not create databases', async () => {
    await onServer.query(`alter role ${user} nosuperuser`);
    try {
      expect(await runScript('demo/run.ts', url)).toMatchObject({
        code: 1,
        stderr: `The user "${user}" may not create databases at ${server.host}: alter role "${user}" createdb, or name another user in DATABASE_URL.\n`,
      });
    } finally {
      await onServer.query(`alter role ${user} superuser`);
    }
  });
});
