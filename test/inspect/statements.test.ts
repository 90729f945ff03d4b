import { expect, test } from 'vitest';
import { inspected } from '../../src/inspect/inspected.ts';
import { makeReport } from '../../src/inspect/report.ts';
import { connect } from '../../src/session/connect.ts';
import { restartableServer } from '../support/restartable_server.ts';
import { ask, found, rowsOf } from './inspected_database.ts';

const server = restartableServer();
const url = () => server.connectionString;

async function run(...statements: string[]): Promise<void> {
  const client = await connect(url());
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function restart(): Promise<void> {
  await server.stop('fast');
  await server.start();
}

test('without pg_stat_statements both questions say what is missing', async () => {
  const missing = { unanswered: expect.stringMatching(/^pg_stat_statements is not installed: create extension/) };
  expect(await ask(url(), 'slow-statements')).toEqual(missing);
  expect(await ask(url(), 'frequent-statements')).toEqual(missing);
  await run('create schema "Monitoring tools"', 'create extension pg_stat_statements schema "Monitoring tools"');
  expect(await ask(url(), 'slow-statements')).toEqual({
    unanswered: expect.stringMatching(/^pg_stat_statements is not loaded: add it to shared_preload_libraries/),
  });
});

test('with it, in any schema, they show the statements of this database without values', async () => {
  await run(
    `alter system set shared_preload_libraries = 'pg_stat_statements'`,
    'alter system set max_prepared_transactions = 2',
  );
  await restart();
  const often = `select name from trips where name = 'secret-value'`;
  await run(
    ...Array.from({ length: 12 }, () => often),
    ...Array.from({ length: 9 }, () => `select pg_sleep(0.05), 'secret-value' as slow`),
    `create role told login password 'secret-value'`,
  );
  const elsewhere = new URL(url());
  elsewhere.pathname = '/postgres';
  const other = await connect(elsewhere.href);
  await other.query('select 1 as in_another_database');
  await other.end();

  const frequent = await rowsOf(url(), 'frequent-statements');
  expect(frequent).toContainEqual(
    expect.objectContaining({ calls: 12, role: 'postgres', statement: 'select name from trips where name = $1' }),
  );
  expect(JSON.stringify(frequent)).not.toMatch(/secret-value|in_another_database/);
  const calls = frequent.map((row) => Number(row.calls));
  expect(calls).toEqual(calls.toSorted((a, b) => b - a));

  const slow = await rowsOf(url(), 'slow-statements');
  const times = slow.map((row) => Number(row.total_milliseconds));
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  expect(slow[0]).toMatchObject({ statement: 'select pg_sleep($1), $2 as slow', calls: 9 });
  expect(JSON.stringify(slow)).toContain('create role told');
  expect(JSON.stringify(slow)).not.toContain('secret-value');

  const max = { 'mean-statement-milliseconds': 40 };
  expect(await found(url(), 'slow-statements', max)).toEqual([]);
  await run(`select pg_sleep(0.05), 'secret-value' as slow`);
  expect(await found(url(), 'slow-statements', max)).toEqual([
    expect.stringMatching(/^mean-statement-milliseconds: 10 calls took [5-9]\d ms on average: select pg_sleep\(\$1\)/),
  ]);
  expect(await found(url(), 'slow-statements')).toEqual([]);
});

test('whoever may not read it, or not others’ statements, is told', async () => {
  await run(`create role watcher login password 'watcher'`);
  const own = new URL(url());
  own.username = own.password = 'watcher';
  expect(await ask(own.href, 'slow-statements')).toEqual({
    unanswered: expect.stringMatching(
      /^This role may not read "Monitoring tools"\.pg_stat_statements: grant it select/,
    ),
  });
  await run('grant usage on schema "Monitoring tools" to watcher');
  const answer = await ask(own.href, 'slow-statements');
  expect(answer).toMatchObject({
    note: "The texts of other roles' statements are hidden from watcher: grant it pg_read_all_stats.",
  });
  expect(JSON.stringify(answer)).not.toContain('pg_sleep');
  await run('grant pg_read_all_stats to watcher');
  expect(await ask(own.href, 'slow-statements')).toMatchObject({ note: undefined });
  expect(await rowsOf(own.href, 'slow-statements')).toContainEqual(
    expect.objectContaining({ statement: 'select pg_sleep($1), $2 as slow' }),
  );
});

test('a prepared transaction is open, and blocks', async () => {
  await run('begin', 'lock table trips in exclusive mode', `prepare transaction 'forgotten'`);
  expect(await found(url(), 'long-transactions', { 'transaction-seconds': 0 })).toEqual([
    expect.stringMatching(
      /^transaction-seconds: A transaction of postgres is open for \d s \(prepared transaction\)\.$/,
    ),
  ]);
  const waiter = await connect(url());
  const waited = waiter.query('begin; lock table trips in exclusive mode; rollback').catch(() => {});
  await expect
    .poll(() => found(url(), 'blocking', { 'blocked-seconds': 0 }))
    .toEqual([
      expect.stringMatching(/ for public\.trips, because of a prepared transaction \(no role, state unknown\)\.$/),
    ]);
  await run(`rollback prepared 'forgotten'`);
  await waited;
  await waiter.end();
  expect(await rowsOf(url(), 'long-transactions')).toEqual([]);
});

test('of a healthy server everything is answered', async () => {
  const report = await inspected(url(), (open) => makeReport(open, new Map()));
  expect(Object.entries(report.answers).filter(([, answer]) => 'unanswered' in answer)).toEqual([]);
  expect(report.findings).toEqual([]);
});
