import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { Pool } from 'pg';
import { describe, expect, test } from 'vitest';
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
