import type { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { inspected } from '../../src/inspect/inspected.ts';
import type { Format } from '../../src/inspect/question.ts';
import { questions } from '../../src/inspect/questions.ts';
import { makeReport } from '../../src/inspect/report.ts';
import { ask, found, inspectedDatabase, rowsOf } from './inspected_database.ts';

const database = inspectedDatabase();
const url = () => database.connectionString;

const typeOf: Record<Format, string> = {
  text: 'string',
  flag: 'boolean',
  count: 'number',
  bytes: 'number',
  seconds: 'number',
  milliseconds: 'number',
  percent: 'number',
};

async function pidOf(client: Client): Promise<string> {
  const { rows } = await client.query<{ pid: string }>('select pg_backend_pid()::text as pid');
  return rows[0]?.pid ?? '';
}

test('a migrated and seeded database is healthy, and every row is as its question says', async () => {
  await database.run('analyze');
  const report = await inspected(url(), (server) => makeReport(server, new Map()));
  expect(report.findings).toEqual([]);
  const unanswered = Object.entries(report.answers).flatMap(([name, answer]) => ('unanswered' in answer ? [name] : []));
  expect(unanswered).toEqual(['slow-statements', 'frequent-statements']);
  for (const { name, columns } of questions) {
    const answer = report.answers[name];
    if (answer === undefined || 'unanswered' in answer) continue;
    for (const row of answer.rows) {
      expect(Object.keys(row), name).toEqual(Object.keys(columns));
      for (const [column, format] of Object.entries(columns)) {
        if (row[column] !== null) expect(typeof row[column], `${name} ${column}`).toBe(typeOf[format]);
      }
    }
  }
  const answered = Object.values(report.answers).filter((answer) => 'rows' in answer && answer.rows.length > 0);
  expect(answered.length, 'questions that a healthy database has rows for').toBeGreaterThan(9);
});

test('names are no two questions and no two thresholds', () => {
  const names = questions.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const thresholds = questions.flatMap((question) => question.thresholds.map(({ name }) => name));
  expect(new Set(thresholds).size).toBe(thresholds.length);
});

describe('indexes', () => {
  test('an unused one that is large, of a table that is read', async () => {
    const max = { 'unused-index-megabytes': 0.1 };
    await database.run(
      'create table unused as select n, -n as m from generate_series(1, 20000) as n',
      'create index unused_n on unused (n desc)',
      'create unique index unused_key on unused (m)',
    );
    expect(await found(url(), 'unused-indexes', max)).toEqual([]);
    await database.run(`do $$ begin for i in 1..1000 loop perform from unused limit 1; end loop; end $$`);
    expect(await found(url(), 'unused-indexes', max)).toEqual([
      expect.stringMatching(/^unused-index-megabytes: Nothing was read through public\.unused_n /),
    ]);
    expect(await found(url(), 'unused-indexes')).toEqual([]);
    await database.run(
      'set enable_seqscan = off',
      'set enable_sort = off',
      'select from unused order by n desc limit 1',
    );
    expect(await rowsOf(url(), 'unused-indexes')).not.toContainEqual(
      expect.objectContaining({ index: 'public.unused_n' }),
    );
    await database.run('drop table unused');
  });

  test('one that a foreign key needs is not unused, one that it lacks is missing', async () => {
    await database.run(
      'create table parent (a int, b int, primary key (a, b))',
      'create table child (x int, a int, b int, constraint child_parent foreign key (a, b) references parent)',
    );
    expect(await found(url(), 'missing-indexes')).toEqual([
      'missing-indexes: child_parent of public.child has no index on (a, b).',
    ]);
    expect(await found(url(), 'missing-indexes', { 'missing-indexes': 1 })).toEqual([]);
    await database.run(
      'create index child_part on child (b, x, a)',
      'create index child_some on child (a, b) where x > 1',
    );
    expect(await found(url(), 'missing-indexes')).toHaveLength(1);
    await database.run('create index child_whole on child (b, a, x)');
    expect(await found(url(), 'missing-indexes')).toEqual([]);
    const unused = (await rowsOf(url(), 'unused-indexes')).map(({ index }) => index);
    expect(unused).toContain('public.child_part');
    expect(unused).not.toContain('public.child_whole');
    await database.run('drop table child, parent');
  });

  test('an invalid one, but not while it is built', async () => {
    await database.run('create table doubled as select 1 as n from generate_series(1, 2)');
    await expect(database.run('create unique index concurrently doubled_n on doubled (n)')).rejects.toThrow();
    expect(await found(url(), 'invalid-indexes')).toEqual([
      'invalid-indexes: public.doubled_n of public.doubled is invalid.',
    ]);
    await database.run('drop index doubled_n');
    const [writer, builder] = [await database.connect(), await database.connect()];
    await writer.query('begin');
    await writer.query('insert into doubled values (3)');
    const built = builder.query('create index concurrently doubled_n on doubled (n)');
    await expect
      .poll(() => rowsOf(url(), 'invalid-indexes'))
      .toEqual([{ index: 'public.doubled_n', table: 'public.doubled', in_progress: true }]);
    expect(await found(url(), 'invalid-indexes')).toEqual([]);
    await writer.query('rollback');
    await built;
    expect(await rowsOf(url(), 'invalid-indexes')).toEqual([]);
    await database.run('drop table doubled');
  });

  test('their use and size', async () => {
    const [use] = (await rowsOf(url(), 'index-usage')).filter(({ table }) => table === 'public.expenses');
    expect(use?.index_scans).toBeGreaterThan(300);
    expect(use?.through_index).toBeGreaterThan(90);
    const [result] = await database.run(`select pg_relation_size('idx_expenses_category')::float8 as bytes`);
    expect(await rowsOf(url(), 'index-sizes')).toContainEqual(
      expect.objectContaining({ index: 'public.idx_expenses_category', ...result?.rows[0] }),
    );
  });
});

describe('tables', () => {
  test('sizes add up', async () => {
    const [result] = await database.run(`select pg_total_relation_size('expenses')::float8 as bytes`);
    const [size] = (await rowsOf(url(), 'table-sizes')).filter(({ table }) => table === 'public.expenses');
    expect(size?.bytes).toBe(result?.rows[0].bytes);
    expect(Number(size?.table_bytes) + Number(size?.toast_bytes) + Number(size?.index_bytes)).toBe(size?.bytes);
  });

  test('one that is read as a whole again and again', async () => {
    const max = { 'sequential-scan-rows': 90 };
    await database.run(
      'create table scanned as select n from generate_series(1, 100) as n',
      'do $$ begin for i in 1..99 loop perform count(*) from scanned; end loop; end $$',
    );
    expect(await found(url(), 'sequential-scans', max)).toEqual([]);
    await database.run('select count(*) from scanned');
    expect(await found(url(), 'sequential-scans', max)).toEqual([
      'sequential-scan-rows: public.scanned was read as a whole 100 times, 100 rows each.',
    ]);
    expect(await found(url(), 'sequential-scans')).toEqual([]);
    await database.run('drop table scanned');
  });

  test('one that is mostly empty, and its index', async () => {
    const max = { 'bloat-megabytes': 0.2 };
    await database.run(
      `create table bloated as select n, repeat('x', 100) as text from generate_series(1, 20000) as n`,
      'create index bloated_n on bloated (n)',
      'vacuum analyze bloated',
    );
    expect(await found(url(), 'bloat', max)).toEqual([]);
    // Much, but less than half.
    await database.run('delete from bloated where n % 10 > 5', 'vacuum analyze bloated');
    expect(await found(url(), 'bloat', max)).toEqual([]);
    expect(await rowsOf(url(), 'bloat')).toContainEqual(
      expect.objectContaining({ relation: 'public.bloated', empty: expect.closeTo(40, -1) }),
    );
    await database.run('delete from bloated where n % 10 <> 0', 'vacuum analyze bloated');
    const findings = await found(url(), 'bloat', max);
    expect(findings).toEqual([
      expect.stringMatching(/^bloat-megabytes: public\.bloated is (8\d|9\d) % empty: 2 MB\.$/),
      expect.stringMatching(/^bloat-megabytes: public\.bloated_n is [789]\d % empty: 0 MB\.$/),
    ]);
    expect(await found(url(), 'bloat')).toEqual([]);
    await database.run('vacuum full analyze bloated');
    expect(await found(url(), 'bloat', max)).toEqual([]);
    await database.run('drop table bloated');
  });

  test('one whose dead rows stay', async () => {
    await database.run(
      'create table dying (n int) with (autovacuum_vacuum_threshold = 1000000)',
      'insert into dying select n from generate_series(1, 20000) as n',
      'delete from dying where n <= 9000',
    );
    expect(await found(url(), 'vacuum', { 'dead-row-percent': 10 })).toEqual([]);
    await database.run('delete from dying where n <= 12000');
    expect(await found(url(), 'vacuum')).toEqual(['dead-row-percent: public.dying has 12000 dead rows, 60 % of all.']);
    await database.run('vacuum analyze dying');
    expect(await found(url(), 'vacuum')).toEqual([]);
    expect(await rowsOf(url(), 'vacuum')).toContainEqual(
      expect.objectContaining({
        table: 'public.dying',
        rows: 8000,
        dead_rows: 0,
        autovacuum: true,
        last_vacuum: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00$/),
        last_analyze: expect.stringMatching(/^\d{4}-/),
      }),
    );
    await database.run('drop table dying');
  });

  test('one without autovacuum, or all of them', async () => {
    await database.run('create table forgotten (n int) with (autovacuum_enabled = off)');
    expect(await found(url(), 'vacuum')).toEqual([
      'tables-without-autovacuum: Autovacuum is off for public.forgotten.',
    ]);
    await database.run('drop table forgotten', 'alter system set autovacuum = off', 'select pg_reload_conf()');
    await expect
      .poll(() => found(url(), 'vacuum'))
      .toContain('tables-without-autovacuum: Autovacuum is off for public.trips.');
    await database.run('alter system reset autovacuum', 'select pg_reload_conf()');
    await expect.poll(() => found(url(), 'vacuum')).toEqual([]);
  });

  test('how far transaction numbers are', async () => {
    const [result] = await database.run(
      'select age(datfrozenxid)::float8 as age from pg_database where datname = current_database()',
    );
    const [row] = (await rowsOf(url(), 'wraparound')).filter(({ of }) => String(of).startsWith('database wheels_test'));
    const { age } = result?.rows[0] ?? {};
    expect(row?.transactions).toBeGreaterThanOrEqual(age);
    expect(row?.used).toBeCloseTo((100 * Number(row?.transactions)) / 2 ** 31, 10);
    expect(await found(url(), 'wraparound', { 'wraparound-percent': 0 })).toContainEqual(
      expect.stringMatching(
        /^wraparound-percent: The oldest transaction number in database wheels_test\w+ is 0\.0 % of/,
      ),
    );
    // A percent of 2^31 that no test can use up.
    expect(await found(url(), 'wraparound', { 'wraparound-percent': 0.1 })).toEqual([]);
  });

  test('a cache that does not hold what is read', async () => {
    await database.run(
      'create table wide (text text) with (fillfactor = 10)',
      'alter table wide alter column text set storage plain',
      `insert into wide select repeat('x', 7000) from generate_series(1, 6000)`,
      // The cache has none of what this writes.
      'vacuum full wide',
    );
    expect(await found(url(), 'cache-hit', { 'cache-miss-percent': 0 })).toEqual([]);
    // Larger than a quarter of shared_buffers, so that a scan passes through few of them.
    await database.run('do $$ begin for i in 1..20 loop perform count(*) from wide; end loop; end $$');
    expect(await found(url(), 'cache-hit')).toEqual([
      expect.stringMatching(/^cache-miss-percent: Only \d+\.\d % of what was read of tables was in memory\.$/),
    ]);
    expect(await found(url(), 'cache-hit', { 'cache-miss-percent': 99.9 })).toEqual([]);
    await database.run('drop table wide', 'select pg_stat_reset()');
  });
});

describe('sessions', () => {
  test('one that blocks another', async () => {
    const [alice] = (await rowsOfTrips()).map(({ user_id }) => user_id);
    const [holder, waiter] = [await database.connect(), await database.connect()];
    const [holderPid, waiterPid] = [await pidOf(holder), await pidOf(waiter)];
    await holder.query('begin');
    await holder.query(`update trips set name = 'secret-value' where user_id = $1`, [alice]);
    const waited = waiter.query(`update trips set name = 'secret-value' where user_id = '${alice}'`).catch(() => {});
    await expect.poll(() => found(url(), 'blocking', { 'blocked-seconds': 0 })).toHaveLength(1);
    const [finding] = await found(url(), 'blocking', { 'blocked-seconds': 0 });
    expect(finding).toBe(
      `blocked-seconds: update trips of postgres (pid ${waiterPid}) has waited 0 s for transactionid, because of ${holderPid} (postgres, idle in transaction).`,
    );
    expect(await found(url(), 'blocking')).toEqual([]);
    expect(await rowsOf(url(), 'blocking')).toEqual([
      expect.objectContaining({ statement: 'update trips', blocking_statement: 'update trips', mode: 'ShareLock' }),
    ]);
    expect(await rowsOf(url(), 'locks')).toContainEqual(
      expect.objectContaining({ pid: waiterPid, object: 'transactionid', granted: false }),
    );
    const report = await inspected(url(), (server) => makeReport(server, new Map()));
    expect(JSON.stringify(report)).not.toContain('secret-value');
    expect(JSON.stringify(report)).not.toContain(alice);
    await holder.query('rollback');
    await waited;
    expect(await rowsOf(url(), 'blocking')).toEqual([]);
  });

  test('one that locks a table keeps no question waiting', async () => {
    const holder = await database.connect();
    await holder.query('begin');
    await holder.query('lock table trips');
    const startTime = performance.now();
    expect(await ask(url(), 'table-sizes')).toEqual({
      unanswered: 'A table is locked: ask again, or see wheels-db inspect blocking.',
    });
    expect(performance.now() - startTime).toBeLessThan(10_000);
    expect(await rowsOf(url(), 'locks')).toContainEqual(
      expect.objectContaining({ object: 'public.trips', mode: 'AccessExclusiveLock', granted: true, waited: null }),
    );
    await holder.query('rollback');
    expect(await rowsOf(url(), 'locks')).toEqual([]);
  });

  test('one that runs for long, unless it is a backup', async () => {
    const [sleeper, backup] = [await database.connect(), await database.connect(`${url()}?application_name=pg_dump`)];
    const pids = [await pidOf(sleeper), await pidOf(backup)];
    const ends = [sleeper, backup].map((client) =>
      client.query(`select pg_sleep(60), 'secret-value' from trips limit 1`).catch(() => {}),
    );
    await expect.poll(() => rowsOf(url(), 'long-statements')).toHaveLength(2);
    expect(await found(url(), 'long-statements', { 'statement-seconds': 0 })).toEqual([
      expect.stringMatching(/^statement-seconds: select trips of postgres has run for \d s \(pid \d+\)\.$/),
    ]);
    expect(await found(url(), 'long-statements')).toEqual([]);
    expect(await found(url(), 'long-transactions', { 'transaction-seconds': 0 })).toHaveLength(1);
    expect(await rowsOf(url(), 'long-statements')).toContainEqual(
      expect.objectContaining({ waits_for: 'Timeout: PgSleep', application: 'pg_dump', statement: 'select trips' }),
    );
    await database.run(...pids.map((pid) => `select pg_cancel_backend(${pid})`));
    await Promise.all(ends);
  });

  test('one that is idle in a transaction', async () => {
    const idle = await database.connect();
    await idle.query('begin');
    await idle.query(`select 'secret-value' from expenses limit 1`);
    expect(await found(url(), 'idle-in-transaction', { 'idle-in-transaction-seconds': 0 })).toEqual([
      expect.stringMatching(
        /^idle-in-transaction-seconds: A session of postgres is idle in a transaction for \d s, after select expenses \(pid \d+\)\.$/,
      ),
    ]);
    expect(await found(url(), 'idle-in-transaction')).toEqual([]);
    expect(await found(url(), 'long-transactions', { 'transaction-seconds': 0 })).toEqual([
      expect.stringMatching(
        /^transaction-seconds: A transaction of postgres is open for \d s \(idle in transaction, pid \d+\)\.$/,
      ),
    ]);
    expect(await found(url(), 'long-transactions')).toEqual([]);
    await idle.query('rollback');
    expect(await rowsOf(url(), 'idle-in-transaction')).toEqual([]);
  });

  test('as many as a role may have', async () => {
    await database.run(`create role limited login password 'limited' connection limit 2`);
    const own = new URL(url());
    own.username = own.password = 'limited';
    await database.connect(own.href);
    expect(await found(url(), 'connections')).toEqual([]);
    await database.connect(own.href);
    expect(await found(url(), 'connections')).toEqual(['connection-percent: limited has 2 of 2 connections.']);
    expect(await found(url(), 'connections', { 'connection-percent': 1 })).toContainEqual(
      // 200, of which 3 are the superuser's.
      expect.stringMatching(/^connection-percent: All roles together have \d of 197 connections\.$/),
    );
    expect(await rowsOf(url(), 'connections')).toContainEqual(
      expect.objectContaining({ role: 'limited', open: 2, idle: 2, active: 0, limit: 2, used: 100 }),
    );
  });

  async function rowsOfTrips(): Promise<{ user_id: string }[]> {
    const [result] = await database.run('select user_id from trips limit 1');
    return result?.rows ?? [];
  }
});

describe('replication', () => {
  test('a slot that retains log, and one that is lost', async () => {
    await database.run(
      `select pg_create_physical_replication_slot('left_behind', true)`,
      `create table written as select repeat('x', 1000) from generate_series(1, 3000)`,
    );
    expect(await found(url(), 'replication-slots', { 'retained-wal-megabytes': 1 })).toEqual([
      expect.stringMatching(
        /^retained-wal-megabytes: The slot left_behind makes the server keep \d+ MB of log, and nobody follows it\.$/,
      ),
    ]);
    expect(await found(url(), 'replication-slots')).toEqual([]);
    expect(await rowsOf(url(), 'replication-slots')).toEqual([
      expect.objectContaining({ slot: 'left_behind', type: 'physical', followed: false, status: 'reserved' }),
    ]);
    await database.run(`alter system set max_slot_wal_keep_size = '1MB'`, 'select pg_reload_conf()');
    for (let segment = 0; segment < 4; segment++) {
      await database.run('insert into written select 1', 'select pg_switch_wal()', 'checkpoint');
    }
    await expect
      .poll(() => found(url(), 'replication-slots'), { timeout: 20_000 })
      .toEqual(['lost-slots: The slot left_behind is lost: the server has removed log that it needed.']);
    await database.run(
      `select pg_drop_replication_slot('left_behind')`,
      'alter system reset max_slot_wal_keep_size',
      'select pg_reload_conf()',
      'drop table written',
    );
    expect(await rowsOf(url(), 'replication-slots')).toEqual([]);
  });
});

describe('row level security', () => {
  test('what requests reach past the policies', async () => {
    await database.run(
      'create table open (n int)',
      'grant select on open to anon, authenticated',
      'create table column_open (n int, m int)',
      'grant update (m) on column_open to authenticated',
      'create table unguarded (n int)',
      'create policy guard on unguarded using (false)',
      'create view owned as select 1 as n',
      'grant select on owned to anon',
      'create materialized view stored as select 1 as n',
      'grant select on stored to public',
      // These are as they should be.
      'create table closed (n int)',
      'create table guarded (n int)',
      'alter table guarded enable row level security',
      'grant select on guarded to anon',
      'create view invoked with (security_invoker) as select n from guarded',
      'grant select on invoked to anon',
      'create schema internal',
      'create table internal.hidden (n int)',
      'grant select on internal.hidden to anon',
    );
    expect(await found(url(), 'row-level-security')).toEqual(
      [
        'public.column_open: row level security is off, and it is open to authenticated.',
        'public.open: row level security is off, and it is open to anon, authenticated.',
        'public.owned: the view reads with the rights of its owner, and it is open to anon.',
        'public.stored: a materialized view has no policies, and it is open to anon, authenticated.',
        'public.unguarded: row level security is off, and its policies do nothing.',
      ].map((what) => `row-level-security-gaps: ${what}`),
    );
    expect(await found(url(), 'row-level-security', { 'row-level-security-gaps': 5 })).toEqual([]);
    await database.run(
      'drop view invoked, owned',
      'drop materialized view stored',
      'drop table open, column_open, unguarded, closed, guarded, internal.hidden',
      'drop schema internal',
    );
    expect(await rowsOf(url(), 'row-level-security')).toEqual([]);
  });
});
