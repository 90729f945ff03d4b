import { inspect } from 'node:util';
import { sql } from 'kysely';
import { DatabaseError as PostgresError } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anonContext, userContext } from '../../src/session/claims.ts';
import { createPool } from '../../src/session/pool.ts';
import { scopedPool } from '../../src/session/scoped_pool.ts';
import { translateError } from '../../src/session/translate_error.ts';
import * as errors from '../../src/types/errors.ts';
import { testDatabase } from '../support/database.ts';
import { openSession } from './open_session.ts';

const database = testDatabase();
const sub = '0b0e9b1e-6b0f-4c5e-8f2a-1d2c3b4a5f60';
let pool: ReturnType<typeof createPool>;

beforeAll(async () => {
  pool = createPool({ connectionString: database.connectionString, max: 2 });
  await database.admin.query(`
    create table public.parents (id text primary key);
    create table public.things (
      id text primary key,
      parent_id text references public.parents,
      size int not null check (size < 10),
      made_on date,
      end_on date,
      constraint trips_dates_check check (end_on >= made_on)
    );
    create table public.guarded (id text);
    alter table public.guarded enable row level security;
    create table public.closed (id text);
    grant all on public.parents, public.things, public.guarded to authenticated;
    insert into public.parents values ('s3cret-parent');
    insert into public.things values ('s3cret-thing', 's3cret-parent', 1);

    create function public.complain(state text, message text, violated text) returns void language plpgsql as $$
    begin
      raise exception using errcode = state, message = message, constraint = violated, detail = 's3cret detail';
    end
    $$;
  `);
});

afterAll(async () => {
  await pool.end();
});

/** The error of one statement of a signed-in user, which must not show the value of any row, parameter or claim. */
async function failureOf(text: string, parameters: unknown[] = []): Promise<errors.DatabaseError> {
  const client = await scopedPool(pool, userContext({ sub, email: 's3cret@example.com' })).connect();
  try {
    await client.query(text, parameters);
  } catch (error) {
    expect(inspect(error, { depth: null, showHidden: true })).not.toMatch(/s3cret|12345/);
    if (error instanceof errors.DatabaseError) return error;
    throw error;
  } finally {
    client.release();
  }
  throw new Error('did not fail');
}

describe('an error of Postgres', () => {
  const insert = 'insert into things (id, parent_id, size, made_on, end_on) values ($1, $2, $3, $4, $5)';

  test.each<[string, string, unknown[], typeof errors.DatabaseError | typeof errors.ValidationError, object]>([
    [
      'a key that exists',
      insert,
      ['s3cret-thing', null, 1, null, null],
      errors.UniqueError,
      {
        code: '23505',
        table: 'things',
        constraint: 'things_pkey',
        message: 'A row with this key already exists (things_pkey).',
      },
    ],
    [
      'a reference to nothing',
      insert,
      ['x', 's3cret', 1, null, null],
      errors.ForeignKeyError,
      { code: '23503', constraint: 'things_parent_id_fkey' },
    ],
    [
      'a row that is referred to',
      'delete from parents where id = $1',
      ['s3cret-parent'],
      errors.ForeignKeyError,
      { code: '23503', constraint: 'things_parent_id_fkey' },
    ],
    [
      'a value that a check refuses',
      insert,
      ['s3cret', null, 12345, null, null],
      errors.CheckError,
      { code: '23514', constraint: 'things_size_check', message: 'A value is not allowed (things_size_check).' },
    ],
    [
      'a constraint whose meaning is known',
      insert,
      ['s3cret', null, 1, '2026-12-02', '2026-12-01'],
      errors.CheckError,
      { constraint: 'trips_dates_check', message: 'A trip that ends needs a start date, and must not end before it.' },
    ],
    [
      'a missing value',
      insert,
      ['s3cret', null, null, null, null],
      errors.NotNullError,
      { code: '23502', column: 'size', message: 'size of things must not be null.' },
    ],
    ['text for a number', insert, ['x', null, 's3cret', null, null], errors.ValidationError, { code: '22P02' }],
    ['a number out of range', insert, ['x', null, 12345678901, null, null], errors.ValidationError, { code: '22003' }],
    [
      'a day that does not exist',
      insert,
      ['s3cret', null, 1, '2026-02-30', null],
      errors.ValidationError,
      { code: '22008', message: 'Invalid input: a date or time is out of range.' },
    ],
    ['U+0000', insert, ['s3cret\0', null, 1, null, null], errors.ValidationError, { code: '22021' }],
    ['an unknown unit of time', 'select date_trunc($1, now())', ['s3cret'], errors.ValidationError, { code: '22023' }],
    [
      'a closed table',
      'select * from closed',
      [],
      errors.PermissionError,
      { code: '42501', message: 'This session has no permission for table closed.' },
    ],
    [
      'a row against the policies',
      'insert into guarded values ($1)',
      ['s3cret'],
      errors.PermissionError,
      {
        code: '42501',
        message:
          "This session may not write that row of guarded: it is somebody else's or the service's, or the account is suspended, deleted or unknown.",
      },
    ],
    [
      'a table that does not exist',
      'select * from nowhere',
      [],
      errors.DatabaseError,
      { code: '42P01', message: 'relation "nowhere" does not exist: run the migrations (SQLSTATE 42P01).' },
    ],
    [
      'a typing error',
      "select 's3cret' form things where s3cret",
      [],
      errors.DatabaseError,
      { code: '42601', message: 'Syntax error at character 22 of the SQL.' },
    ],
    ['a value that the driver cannot send', 'select $1::jsonb', [cycle()], errors.DatabaseError, { code: 'DRIVER' }],
    [
      'too few parameters',
      'select $1::text, $2::text',
      ['s3cret'],
      errors.DatabaseError,
      { code: '08P01', name: 'DatabaseError' },
    ],
  ])('for %s', async (_, text, parameters, kind, properties) => {
    const error = await failureOf(text, parameters);
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject(properties);
    expect(error.cause).toBeUndefined();
  });

  function cycle(): object {
    const value: Record<string, unknown> = { s3cret: 1 };
    value.self = value;
    return value;
  }
});

describe('an error that a function raised', () => {
  test.each<[string, typeof errors.DatabaseError | typeof errors.ValidationError, string]>([
    ['P0002', errors.NotFoundError, 'No such person.'],
    ['42501', errors.PermissionError, 'No such person.'],
    ['22023', errors.ValidationError, 'Invalid input: No such person.'],
    ['23514', errors.CheckError, 'No such person.'],
    ['40001', errors.SerializationError, 'No such person.'],
    ['P0001', errors.DatabaseError, 'Postgres refused the statement (SQLSTATE P0001).'],
  ])('with %s has its message, if its author chose a SQLSTATE', async (code, kind, message) => {
    const error = await failureOf('select complain($1, $2, $3)', [code, 'No such person.', 'some_check']);
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ code, message, constraint: 'some_check' });
  });

  test('has the message of the constraint that it names', async () => {
    const error = await failureOf('select complain($1, $2, $3)', ['23514', 's3cret', 'expenses_amount_check']);
    expect(error.message).toBe('An amount is above zero, below 100,000,000, with at most two decimals.');
  });
});

describe('a limit of the server', () => {
  test('for a statement', async () => {
    const session = openSession(pool, userContext({ sub }));
    const slow = session.transaction().execute(async (trx) => {
      await sql`set local statement_timeout = 50`.execute(trx);
      await sql`select pg_sleep(5)`.execute(trx);
    });
    await expect(slow).rejects.toThrow(errors.TimeoutError);
    await expect(slow).rejects.toMatchObject({ code: '57014' });
  });

  test('for a lock', async () => {
    const holder = await database.admin.connect();
    await holder.query('begin; lock table parents');
    const waiting = openSession(pool, userContext({ sub }))
      .transaction()
      .execute(async (trx) => {
        await sql`set local lock_timeout = 50`.execute(trx);
        await sql`select from parents`.execute(trx);
      });
    await expect(waiting).rejects.toThrow(errors.TimeoutError);
    await holder.query('rollback');
    holder.release();
  });
});

test('a result that cannot be read is an error without its values', async () => {
  const broken = createPool({ connectionString: database.connectionString, max: 1 });
  broken.on('connect', (client) => client.setTypeParser(114, (text: string) => JSON.parse(`s3cret${text}`)));
  const reading = sql`select '1'::json`.execute(openSession(broken, anonContext()));
  const error = await reading.catch((caught: unknown) => caught);
  await broken.end();
  expect(error).toMatchObject({ code: 'DRIVER' });
  expect(inspect(error, { showHidden: true })).not.toContain('s3cret');
});

test('every SQLSTATE makes an error without values', () => {
  for (const code of ['00000', '01000', '23P01', '23000', '38000', '44000', 'XX000', 'F0000', 'HV000', '57P99']) {
    const original = Object.assign(new PostgresError('s3cret message', 1, 'error'), {
      ...{ code, detail: 's3cret', hint: 's3cret', where: 's3cret', internalQuery: 's3cret' },
    });
    const error = translateError(original);
    expect(error).toBeInstanceOf(errors.DatabaseError);
    expect(error.code).toBe(code);
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('s3cret');
  }
  expect(translateError('s3cret')).toMatchObject({ code: 'DRIVER' });
});

test('an error names its kind in its stack, where loggers look', () => {
  expect(new errors.UniqueError('x').stack).toMatch(/^UniqueError: x\n/);
  expect(new errors.CursorError('x').stack).toMatch(/^CursorError: Invalid input: cursor x\.\n/);
  expect(new errors.CursorError('x')).toBeInstanceOf(errors.ValidationError);
  expect(Object.keys(new errors.NotFoundError('x'))).toEqual(['code']);
});
