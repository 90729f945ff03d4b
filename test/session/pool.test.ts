import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { Client, type ClientBase, Pool } from 'pg';
import { describe, expect, test } from 'vitest';
import { createDatabase } from '../../src/index.ts';
import { anonContext } from '../../src/session/claims.ts';
import { createPool } from '../../src/session/pool.ts';
import { scopedPool } from '../../src/session/scoped_pool.ts';
import { ConfigurationError, ConnectionError, type DatabaseError } from '../../src/types/errors.ts';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();

/** Runs one statement on a pool made for it. */
async function read(expression: string, config = {}): Promise<unknown> {
  const pool = createPool({ connectionString: database.connectionString, max: 1, ...config });
  try {
    return (await pool.query(`select ${expression} as value`)).rows[0].value;
  } finally {
    await pool.end();
  }
}

describe('a value is read', () => {
  test.each([
    ["'2026-12-01'::date", '2026-12-01'],
    ["array['2026-12-01', null]::date[]", ['2026-12-01', null]],
    ['42.50::numeric', '42.50'],
    ['array[42.50, 1]::numeric[]', ['42.50', '1']],
    ['9007199254740993::int8', '9007199254740993'],
    ['array[9007199254740993]', ['9007199254740993']],
    ["'2026-12-01 08:30:00+00'::timestamptz", new Date('2026-12-01T08:30:00Z')],
    [`'{"a":[1]}'::jsonb`, { a: [1] }],
    ["array['a b', 'c']", ['a b', 'c']],
    ['1::int', 1],
  ])('from %s', async (expression, value) => {
    expect(await read(expression)).toEqual(value);
  });

  test('otherwise by other pools of the process', async () => {
    const other = new Pool({ connectionString: database.connectionString, max: 1 });
    const { rows } = await other.query("select '2026-12-01'::date as value");
    await other.end();
    expect(rows[0].value).toBeInstanceOf(Date);
  });
});

describe('a connection', () => {
  test('says who it is, unless told otherwise', async () => {
    const name = "current_setting('application_name')";
    expect(await read(name)).toBe('wheels-db');
    expect(await read(name, { application_name: 'api' })).toBe('api');
  });

  test('is kept alive and not waited for without end, unless told otherwise', async () => {
    const defaults = createPool({ connectionString: database.connectionString });
    expect(defaults.options).toMatchObject({ keepAlive: true, connectionTimeoutMillis: 10_000 });
    const chosen = createPool({ connectionString: database.connectionString, connectionTimeoutMillis: 500 });
    expect(chosen.options.connectionTimeoutMillis).toBe(500);
    await Promise.all([defaults.end(), chosen.end()]);
  });
});

describe('an option', () => {
  const noFunction = 'must be a function.';
  const notTaken = 'is not taken';

  test.each([
    ['max', 0, 'must be a whole number from 1 to 2147483647.'],
    ['max', -1, 'must be a whole number from 1'],
    ['max', '3', 'must be a whole number from 1'],
    ['max', Number.NaN, 'must be a whole number from 1'],
    ['max', Number.POSITIVE_INFINITY, 'must be a whole number from 1'],
    ['min', 1.5, 'must be a whole number from 0'],
    ['maxUses', 0, 'must be a whole number from 1'],
    ['maxLifetimeSeconds', 1e9, 'must be a whole number from 0 to 2147483.'],
    ['connectionTimeoutMillis', 1e10, 'must be a whole number from 0'],
    ['idleTimeoutMillis', '1s', 'must be a whole number from 0'],
    ['keepAliveInitialDelayMillis', {}, 'must be a whole number from 0'],
    ['port', 99_999, 'must be a whole number from 1 to 65535.'],
    ['pipeline', true, notTaken],
    ['Client', Client, notTaken],
    ['connection', {}, notTaken],
    ['poolSize', 3, notTaken],
    ['onConnect', 'select 1', noFunction],
    ['verify', true, noFunction],
    ['log', true, noFunction],
    ['stream', {}, noFunction],
  ])('%s: %j is refused', (name, value, reason) => {
    const refuse = () => createDatabase({ connectionString: database.connectionString, [name]: value });
    expect(refuse).toThrow(ConfigurationError);
    expect(refuse).toThrow(`${name} ${reason}`);
  });

  test('of the connection string is read as a number, and refused like another', async () => {
    const pool = createPool({ connectionString: `${database.connectionString}?max=3&connectionTimeoutMillis=500` });
    expect(pool.options).toMatchObject({ max: 3, connectionTimeoutMillis: 500 });
    await pool.end();
    for (const option of ['max=0', 'max=many', 'pipeline=true']) {
      const connectionString = `${database.connectionString}?${option}`;
      expect(() => createPool({ connectionString })).toThrow(ConfigurationError);
    }
  });

  test('that is left out, undefined or null is the default', async () => {
    const { connectionString } = database;
    const pool = createPool({ connectionString, max: undefined, idleTimeoutMillis: null, onConnect: undefined });
    expect(pool.options.max).toBe(10);
    await pool.end();
  });
});

test('a signal that is none is refused by every kind of session', async () => {
  const opened = createDatabase({ connectionString: database.connectionString });
  const signal = new AbortController() as unknown as AbortSignal;
  const [sub, refusal] = [randomUUID(), 'signal must be an AbortSignal, such as controller.signal.'];
  expect(() => opened.asUser({ sub }, { signal })).toThrow(new ConfigurationError(refusal));
  expect(() => opened.asAnon({ signal })).toThrow(refusal);
  expect(() => opened.asService({ signal })).toThrow(refusal);
  expect(() => opened.asService().onBehalfOf(sub, { signal })).toThrow(refusal);
  await opened.destroy();
});

describe('onConnect', () => {
  const onConnect = (sql: string) => async (client: ClientBase) => void (await client.query(sql));

  test.each([
    ['', onConnect('begin')],
    [', unawaited,', (client: ClientBase) => void client.query('begin')],
  ])('that leaves a transaction%s open is refused, not tried again for ever', async (_, leaveOpen) => {
    const pool = createPool({ connectionString: database.connectionString, max: 1, onConnect: leaveOpen });
    for (let i = 0; i < 3; i++) {
      const connecting = scopedPool(pool, anonContext()).connect();
      await expect(connecting).rejects.toThrow('onConnect has left a transaction open');
      await expect(connecting).rejects.toThrow(ConfigurationError);
    }
    await pool.end();
    await expect.poll(() => pool.open).toBe(0);
  });

  test.each([
    ['', onConnect("set app.name = 'api'")],
    [' without awaiting it', (client: ClientBase) => void client.query("set app.name = 'api'")],
  ])('may set up the connection%s', async (_, setUp) => {
    const pool = createPool({ connectionString: database.connectionString, max: 1, onConnect: setUp });
    const client = await scopedPool(pool, anonContext()).connect();
    expect((await client.query("select current_setting('app.name') as name", [])).rows).toEqual([{ name: 'api' }]);
    client.release();
    await pool.end();
  });
});

describe('a password that is asked for', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('s3cret');
      },
    ],
    [
      'is rejected',
      async () => {
        throw new Error('s3cret');
      },
    ],
    ['is no text', () => 12 as never],
  ])('and %s leaves no connection', async (_, password) => {
    const role = `asks_${randomUUID().slice(0, 8)}`;
    await database.admin.query(`create role ${role} login password 'x'`);
    const { hostname, port, pathname } = new URL(database.connectionString);
    const pool = createPool({ host: hostname, port: Number(port), database: pathname.slice(1), user: role, password });
    try {
      for (let i = 0; i < 3; i++) {
        const error = await scopedPool(pool, anonContext())
          .connect()
          .catch((reason: unknown) => reason);
        expect(inspect(error, { depth: null, showHidden: true })).not.toContain('s3cret');
        expect(error).toHaveProperty('code', 'DRIVER');
      }
      await expect.poll(() => pool.open).toBe(0);
    } finally {
      await pool.close(0);
    }
    await database.admin.query(`drop role ${role}`);
  });
});

describe('a connection string', () => {
  test.each([
    undefined,
    '',
    'localhost:5432/wheels',
    'mysql://user:s3cret@host/db',
    'postgres://user:s3cret#?@host:5432/db',
    'postgres://user:s3cret@host:port/db',
    'host=localhost password=s3cret',
  ])('%j is refused, without the password', (connectionString) => {
    try {
      createPool({ connectionString });
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error).toHaveProperty('message', expect.stringContaining('postgres://user:password@host:5432/database'));
      expect(inspect(error)).not.toContain('s3cret');
      return;
    }
    expect.unreachable();
  });

  test('is not shown by a pool that is printed', async () => {
    const pool = createPool({ connectionString: 'postgres://user:s3cret@127.0.0.1:1/db' });
    const scoped = scopedPool(pool, anonContext());
    expect(inspect(pool, { depth: null })).not.toContain('s3cret');
    expect(inspect(scoped, { depth: null, showHidden: true })).not.toContain('s3cret');
    await pool.end();
  });
});

describe('a server that cannot be used', () => {
  async function refusal(
    change: Partial<Pick<URL, 'port' | 'password' | 'pathname' | 'username'>>,
  ): Promise<DatabaseError> {
    const connectionString = Object.assign(new URL(database.connectionString), change).href;
    const pool = createPool({ connectionString });
    try {
      const outcome = await scopedPool(pool, anonContext())
        .connect()
        .catch((error) => error);
      expect(inspect(outcome, { depth: null, showHidden: true })).not.toContain('s3cret');
      return outcome;
    } finally {
      await pool.end();
    }
  }

  test('is told apart from one that does not answer', async () => {
    const unreachable = await refusal({ port: '1', password: 's3cret' });
    expect(unreachable).toBeInstanceOf(ConnectionError);
    expect(unreachable).toMatchObject({
      code: 'ECONNREFUSED',
      message: 'The server cannot be reached (ECONNREFUSED): check host and port of the connection string.',
    });
    const nowhere = await refusal({ pathname: '/no_such_database' });
    expect(nowhere).toBeInstanceOf(ConfigurationError);
    expect(nowhere.code).toBe('3D000');
    const nobody = await refusal({ username: `nobody_${randomUUID()}`, password: 's3cret' });
    expect(nobody).toBeInstanceOf(ConfigurationError);
  });
});
