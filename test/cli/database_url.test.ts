import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connect } from '../../src/session/connect.ts';
import { runScript } from '../support/run_script.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wheels-url-'));
});
afterAll(() => rm(folder, { recursive: true }));

const wheelsDb = (databaseUrl: string, ...args: string[]) => runScript('src/cli/wheels_db.ts', databaseUrl, ...args);
const inThis = (parts: Partial<URL>) => Object.assign(new URL(inject('connectionString')), parts).href;

test('every command says the same of a server that does not answer', { timeout: 120_000 }, async () => {
  const commands = [
    ['backup', join(folder, 'new')],
    ['changes'],
    ['explain', 'posts.feed', '--as', 'anon'],
    ['inspect', 'locks'],
    ['migrate', 'latest'],
    ['prune', 'feedback', '--older-than', '9d'],
    ['reset'],
  ];
  const ends = await Promise.all(
    commands.map((command) => wheelsDb('postgres://me:s3cret@127.0.0.1:1/wheels', ...command)),
  );
  expect(new Set(ends.map((end) => JSON.stringify(end)))).toEqual(
    new Set([
      JSON.stringify({
        code: 1,
        stdout: '',
        stderr:
          'No Postgres answers at 127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1): start the server, or correct DATABASE_URL.\n',
      }),
    ]),
  );
});

test('what is wrong is named by the option that it came by', { timeout: 60_000 }, async () => {
  const { host } = new URL(inject('connectionString'));
  const nowhere = 'postgres://me:s3cret@127.0.0.1:1/wheels';
  const named = (url: string) => wheelsDb(inThis({}), 'migrate', 'status', '--database-url', url);
  const ends = await Promise.all([
    named(nowhere),
    named(inThis({ pathname: '/no_such_database' })),
    named(inThis({ username: 'nobody_known', password: 's3cret' })),
    wheelsDb('', 'drill', folder, '--server-url', nowhere),
    wheelsDb('localhost:s3cret', 'migrate', 'status'),
  ]);
  const gone = 'No Postgres answers at 127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1): start the server, or correct';
  expect(ends.map(({ code, stderr }) => `${code} ${stderr}`)).toEqual([
    `1 ${gone} --database-url.\n`,
    `1 The database "no_such_database" does not exist at ${host}: create it, or correct --database-url.\n`,
    `1 The server at ${host} refused the user "nobody_known": check user and password in --database-url.\n`,
    `1 ${gone} --server-url.\n`,
    '2 DATABASE_URL is malformed: it must look like postgres://user:password@host:5432/database, without spaces, with special characters percent-encoded.\n',
  ]);
});

test('a server that is full is not said to be gone', async () => {
  const { host } = new URL(inject('connectionString'));
  const client = await connect(inject('connectionString'));
  const role = `full_${randomBytes(4).toString('hex')}`;
  try {
    await client.query(`create role ${role} login password 's3cret' connection limit 0`);
    const { code, stderr } = await wheelsDb(inThis({ username: role, password: 's3cret' }), 'inspect', 'locks');
    expect(stderr).toBe(
      `The server at ${host} takes no connection now (too many connections for role "${role}"): try again later.\n`,
    );
    expect(code).toBe(1);
  } finally {
    await client.query(`drop role ${role}`);
    await client.end();
  }
});
