import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { readBackup } from '../../src/backup/backup_manifest.ts';
import { checkIndexes } from '../../src/backup/check_indexes.ts';
import { compareContent } from '../../src/backup/compare_content.ts';
import { prove } from '../../src/backup/drill.ts';
import { connect } from '../../src/session/connect.ts';
import { type ClonedDatabase, cloneDatabase } from '../../src/testing/template_database.ts';
import { testDatabase } from '../support/database.ts';
import { fillDatabase } from './support/household.ts';
import { withOtherDump } from './support/tamper.ts';
import { endOf, folderForBackups, query, startWheelsDb, wheelsDb, whyNoDump } from './support/wheels_db.ts';

const noDump = await whyNoDump();
const source = testDatabase();
const backups = folderForBackups();

const damages: [name: string, statements: string, message: RegExp][] = [
  [
    'a policy is gone',
    'drop policy "Users can view own trips" on public.trips',
    /- policy "Users can view own trips" select/,
  ],
  [
    'a policy lets everybody in',
    'create policy open on public.trips for select to authenticated using (true)',
    /stranger: trips select: yes, not none/,
  ],
  [
    'row level security is off',
    'alter table public.expenses disable row level security',
    /stranger: expenses select: yes, not none/,
  ],
  ['a trigger is disabled', 'alter table auth.users disable trigger wheels_sign_up', /People cannot sign up and write/],
  [
    'a trigger is gone',
    'drop trigger count_post_likes_on_insert on public.post_likes',
    /- CREATE TRIGGER count_post_likes_on_insert/,
  ],
  ['a grant is gone', 'revoke select on public.posts from anon', /anon: posts select public: refused, not yes/],
  ['a grant is new', 'grant update on public.profiles to authenticated', /\+ grant .*update/],
  [
    'a table is not published',
    'alter publication supabase_realtime drop table public.trips',
    /different: publication supabase_realtime/,
  ],
  [
    'a view is another',
    'alter view public.trip_financial_summary set (security_invoker = false)',
    /different: view public\.trip_financial_summary/,
  ],
  [
    'the query of a view is another',
    "do $$ begin execute replace('create or replace view public.user_financial_summary with (security_invoker = true) as ' || pg_get_viewdef('public.user_financial_summary'), '0', '1'); end $$",
    /different: view public\.user_financial_summary/,
  ],
  [
    'the query of a function is another',
    "do $$ begin execute replace(pg_get_functiondef('private.occurrences'::regproc), 'occurrences.until', 'occurrences.since'); end $$",
    /different: function private\.occurrences/,
  ],
  ['an index is gone', 'drop index public.idx_trips_user_id', /- CREATE INDEX idx_trips_user_id/],
  [
    'a sequence is behind',
    "select setval('public.pam_messages_position_seq', 3)",
    /public\.pam_messages_position_seq stands at 3, behind 24/,
  ],
  [
    'a row is gone',
    'set session_replication_role = replica; delete from public.expenses where id = (select id from public.expenses limit 1)',
    /public\.expenses has 366 rows, not 367/,
  ],
  [
    'a cent is gone',
    'set session_replication_role = replica; update public.expenses set amount = amount - 0.01 where id = (select id from public.expenses limit 1)',
    /public\.expenses has 367 rows as expected, but with other content/,
  ],
  ['a table is gone', 'drop table public.pam_feedback', /public\.pam_feedback is missing/],
];

describe.skipIf(noDump)('wheels-db drill', () => {
  beforeAll(async () => {
    await fillDatabase(source.connectionString);
    const { code, stderr } = await wheelsDb(source.connectionString, ['backup', backups.path('good')]);
    if (code !== 0) throw new Error(stderr);
  });

  test('proves a good backup on a server of its own, and leaves nothing of it', async () => {
    const { code, stdout } = await wheelsDb('', ['drill', backups.path('good')]);
    expect(stdout).toMatch(/^rows {7}\d{3} rows of \d\d tables, counted and hashed$/m);
    expect(stdout).toMatch(
      /^schema {5}\d+ objects, with \d+ policies, \d+ triggers, \d+ grants and 6 published tables$/m,
    );
    expect(stdout).toMatch(/^sequences {2}1 not behind$/m);
    expect(stdout).toMatch(/^amcheck {4}\d\d indexes and \d\d tables are sound$/m);
    expect(stdout).toMatch(/^access {5}\d{4} attempts ended as they should$/m);
    expect(stdout).toMatch(/^Recovery took \d+(\.\d+)? s on Postgres 1\d\.\d+\. The data was \d+(\.\d+)? s old\.$/m);
    expect(code).toBe(0);
  });

  test('reports as JSON, on a given server, which keeps no database of it', async () => {
    const server = inject('connectionString');
    const { code, stdout } = await wheelsDb('', ['drill', backups.path('good'), '--server-url', server, '--json']);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ proven: true, recovery_seconds: expect.any(Number) });
    expect(report.proofs.map(({ what, wrong }: { what: string; wrong: string[] }) => [what, wrong])).toEqual([
      ['rows', []],
      ['schema', []],
      ['sequences', []],
      ['amcheck', []],
      ['access', []],
    ]);
    expect(report.data_age_seconds).toBeGreaterThan(0);
    expect(code).toBe(0);
    const { rows } = await query(server, "select datname from pg_database where datname like 'wheels_drill%'");
    expect(rows).toEqual([]);
  });

  describe('finds out that a database is not what was backed up, because', () => {
    const made: ClonedDatabase[] = [];
    afterAll(async () => {
      for (const database of made) await database.drop();
    });

    const damaged = async (statements: string) => {
      const copy = await cloneDatabase(
        { connectionString: inject('connectionString') },
        new URL(source.connectionString).pathname.slice(1),
      );
      made.push(copy);
      await query(copy.connectionString, statements);
      return copy.connectionString;
    };

    test.each(
      damages.filter(([name]) => ['a policy is gone', 'a sequence is behind', 'a cent is gone'].includes(name)),
    )('%s, by its dump', async (name, statements, message) => {
      const other = await damaged(statements);
      const folder = await withOtherDump(backups.path('good'), backups.path(name), other);
      const { code, stdout, stderr } = await wheelsDb('', [
        'drill',
        folder,
        '--server-url',
        inject('connectionString'),
      ]);
      expect(stdout).toMatch(message);
      expect(stdout).toMatch(/WRONG/);
      expect(stderr).toMatch(/^The drill failed: \d+ things are wrong\.$/m);
      expect(code).toBe(1);
    });

    // What the command does once it has restored a dump, which takes several times as long.
    test.each(damages)('%s', async (_, statements, message) => {
      const other = await damaged(statements);
      const manifest = await readBackup(backups.path('good'));
      const client = await connect(other);
      const differences = await compareContent(client, manifest).finally(() => client.end());
      const { proofs } = await prove(other, manifest, differences, {});
      expect(proofs.flatMap(({ wrong }) => wrong).join('\n')).toMatch(message);
    });
  });

  test('ends with 130 at Ctrl-C, with no server and no folder left', async () => {
    const others = await scratch();
    const child = startWheelsDb('', ['drill', backups.path('good')]);
    const ended = endOf(child);
    await new Promise<void>((resolve) =>
      child.stderr.on('data', (bytes) => {
        if (String(bytes).includes('restoring')) resolve();
      }),
    );
    const made = (await scratch()).filter((name) => !others.includes(name));
    expect(made.length).toBeGreaterThan(0);
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    await expect
      .poll(async () => (await scratch()).filter((name) => made.includes(name)), { timeout: 10_000 })
      .toEqual([]);
  });

  async function scratch(): Promise<string[]> {
    return (await readdir(tmpdir())).filter((name) => name.startsWith('wheels-drill-'));
  }

  test.each([
    [[], /name the folder of a backup/],
    [['x', '--base-backup', 'y'], /a base backup is recovered with --pitr/],
    [['--pitr', '--base-backup', 'y'], /give --base-backup, --wal-archive, and --target-time or --target-lsn/],
    [['x', '--pitr', '--base-backup', 'y'], /name a folder or a base backup, not both/],
    [['x'], /^x is no backup: it lacks manifest\.json\.\n$/],
    [['x', '--server-url', 'y'], /^--server-url is malformed: /],
    [['x', '--pitr', '--server-url', 'y'], /cannot be used with option '--pitr'/],
    [
      [
        '--pitr',
        '--base-backup',
        'y',
        '--wal-archive',
        'z',
        '--target-lsn',
        '0/1',
        '--target-time',
        '2026-12-01 14:03:00+00',
      ],
      /cannot be used with option/,
    ],
  ])('ends with 2 for %j', async (flags, message) => {
    const { code, stderr } = await wheelsDb('', ['drill', ...flags]);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});

describe('the check of indexes', () => {
  const database = testDatabase();

  test('finds an index that lacks rows, and leaves no extension', async () => {
    await database.signUp();
    await database.admin.query(`
      update pg_index set indisready = false where indexrelid = 'public.idx_profiles_user_id'::regclass`);
    await database.signUp();
    await database.admin.query(`
      update pg_index set indisready = true where indexrelid = 'public.idx_profiles_user_id'::regclass`);
    const client = new pg.Client({ connectionString: database.connectionString });
    await client.connect();
    const { wrong, indexes } = await checkIndexes(client).finally(() => client.end());
    expect(wrong).toEqual([
      expect.stringMatching(/^public\.idx_profiles_user_id: heap tuple .* lacks matching index tuple/),
    ]);
    expect(indexes).toBeGreaterThan(60);
    const { rows } = await database.admin.query("select from pg_extension where extname = 'amcheck'");
    expect(rows).toEqual([]);
  });
});
