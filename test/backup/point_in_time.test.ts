import { spawn } from 'node:child_process';
import { chmod, chown, cp, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { majorOf, versionOf } from '../../src/backup/postgres_program.ts';
import {
  databaseUrl,
  initialiseScratch,
  makeFolder,
  type ScratchFolder,
  scratchFolder,
  startScratch,
} from '../../src/backup/scratch_server.ts';
import { migrate } from '../../src/migrations/migrate.ts';
import { fillDatabase } from './support/household.ts';
import { damage, flipOneByte } from './support/tamper.ts';
import { type Ended, endOf, lastLine, query, script, wheelsDb } from './support/wheels_db.ts';

const found = await versionOf('pg_basebackup');
if (!found) console.warn('Left out: there is no pg_basebackup.');

const guide = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
const section = `${guide}\n## `.split('## Back up, restore, drill\n')[1]?.split('\n## ')[0] ?? '';
const blocks = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands = '']) => commands);

describe.skipIf(!found)('docs/operations.md, Back up, restore, drill', () => {
  let server: ScratchFolder;
  let env: NodeJS.ProcessEnv;
  let lost: number;

  beforeAll(async () => {
    server = await scratchFolder(majorOf(found ?? ''), { exactly: true });
    await initialiseScratch(server, {});
    const url = await startScratch(server);
    for (const name of ['wheels', 'target']) await query(url, `create database ${name}`);
    await migrate(databaseUrl(server, 'wheels'), 'latest');
    await fillDatabase(databaseUrl(server, 'wheels'));
    const programs = await makeFolder(server, 'bin');
    await writeFile(join(programs, 'wheels-db'), `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`);
    await chmod(join(programs, 'wheels-db'), 0o755);
    await mkdir(join(server.path, 'backups'));
    env = {
      ...process.env,
      PATH: `${programs}:${dirname(await realpath(server.cluster.pg_ctl))}:${process.env.PATH}`,
      DATABASE_URL: databaseUrl(server, 'wheels'),
      TARGET_URL: databaseUrl(server, 'target'),
      RECOVERED_URL: databaseUrl(server, 'wheels').replace('@localhost', '@localhost:5433'),
      BACKUPS: join(server.path, 'backups'),
      PGHOST: server.path,
      PGUSER: 'postgres',
      PGDATABASE: 'wheels',
      PGDATA: server.cluster.directory,
      ARCHIVE: join(server.path, 'archive'),
      BASE: join(server.path, 'base'),
      RECOVERED: join(server.path, 'recovered'),
    };
  }, 120_000);

  afterAll(async () => {
    if (!server) return;
    await run('pg_ctl stop --wait --mode=immediate --pgdata="$RECOVERED" || true', true);
    await server.remove();
  });

  /** As the user who runs Postgres, or as who runs the tests. */
  async function run(commands: string, asOwner: boolean): Promise<Ended> {
    const owner = asOwner ? server.cluster.owner : undefined;
    return await endOf(spawn('bash', ['-euo', 'pipefail', '-c', commands], { ...owner, env, cwd: server.path }));
  }

  async function countAccounts(url = databaseUrl(server, 'wheels')): Promise<number> {
    return (await query(url, 'select count(*)::int as n from auth.users')).rows[0].n;
  }

  /** What the guide is for: somebody signs up, then a DELETE without a WHERE, then life goes on. */
  async function doWrong(): Promise<void> {
    const url = databaseUrl(server, 'wheels');
    await query(url, "insert into auth.users (email) values ('last@example.com')");
    lost = await countAccounts();
    env.MOMENT = (await query(url, 'select pg_sleep(0.05), clock_timestamp()::text as moment')).rows[0].moment;
    await query(url, 'delete from auth.users');
    await query(url, "insert into auth.users (email) values ('later@example.com')");
  }

  async function waitForArchive(): Promise<void> {
    await expect
      .poll(
        async () =>
          (await query(databaseUrl(server, 'wheels'), 'select archived_count::int as n from pg_stat_archiver')).rows[0]
            .n,
        { timeout: 20_000 },
      )
      .toBeGreaterThan(2);
  }

  test('has no command that fails, and they bring back what a wrong DELETE took', async () => {
    expect(blocks.length).toBeGreaterThan(8);
    for (const commands of blocks) {
      if (commands.includes('pg_switch_wal')) await doWrong();
      const ended = await run(commands, !commands.includes('wheels-db'));
      expect(ended.code, `${commands}\n${ended.stdout}\n${ended.stderr}`).toBe(0);
      if (commands.includes('pg_switch_wal')) await waitForArchive();
      if (commands.includes('--target-time'))
        expect(ended.stdout).toMatch(new RegExp(`^database   wheels\nrows +auth\\.users ${lost}, `, 'm'));
      if (commands.includes('wheels-db drill "$BACKUPS/$(date +%F)" --pitr')) {
        expect(ended.stdout).toMatch(/^rows +\d+ rows of \d+ tables, counted and hashed$/m);
        expect(ended.stdout).toMatch(/^Recovery took .* The last commit was at \d{4}-/m);
      }
    }
    expect(await countAccounts()).toBe(lost);
    const { rows } = await query(
      databaseUrl(server, 'wheels'),
      "select email from auth.users where email like '%@example.com' and email ~ '^la(st|ter)'",
    );
    expect(rows).toEqual([{ email: 'last@example.com' }]);
  }, 240_000);

  const drill = (...flags: string[]) => wheelsDb('', ['drill', '--pitr', ...flags]);

  test('wheels-db drill --pitr reports as JSON', async () => {
    const ended = await drill(
      '--base-backup',
      `${env.BASE}`,
      '--wal-archive',
      `${env.ARCHIVE}`,
      '--target-time',
      `${env.MOMENT}`,
      '--database',
      'wheels',
      '--json',
    );
    const report = JSON.parse(ended.stdout);
    expect(report).toMatchObject({
      proven: true,
      database: 'wheels',
      recovery_seconds: expect.any(Number),
      last_commit: expect.stringMatching(/Z$/),
    });
    expect(Date.parse(report.last_commit)).toBeLessThan(
      Date.parse(`${env.MOMENT}`.replace(' ', 'T').replace('+00', 'Z')),
    );
  });

  const ofBase = (...flags: string[]) =>
    drill('--base-backup', `${env.BASE}`, '--wal-archive', `${env.ARCHIVE}`, ...flags);

  test.each([
    ['no time', ['--target-time', 'yesterday'], /'yesterday' is invalid\. It must be a moment/],
    ['a day that is not', ['--target-time', '2026-02-30 14:03:00+00'], /'2026-02-30 14:03:00\+00' is invalid/],
    [
      'a time in no zone',
      ['--target-time', '2026-12-01 14:03:00'],
      /is invalid\. It must be a moment with its time zone/,
    ],
  ])('wheels-db drill --pitr ends with 2 for %s', async (_, flags, message) => {
    const ended = await ofBase(...flags);
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  test('wheels-db drill --pitr names a moment before the base backup, by time or by place in the log', async () => {
    for (const [target, moment] of [
      ['--target-time', '2026-01-01 00:00:00+00'],
      ['--target-lsn', '0/1000028'],
    ] as const) {
      const ended = await ofBase(target, moment);
      expect([ended.code, lastLine(ended)]).toEqual([
        1,
        expect.stringMatching(/ is before this base backup \(taken \d{4}-\S+Z\): use an older one\.$/),
      ]);
      expect(lastLine(ended)).toContain(moment);
    }
  });

  test('wheels-db drill --pitr wants to know which of several databases is meant: the guide has restored a second', async () => {
    const unnamed = await ofBase('--target-time', `${env.MOMENT}`);
    expect([unnamed.code, lastLine(unnamed)]).toEqual([
      2,
      'Several databases of the base backup have a table public.profiles: name one of "wheels", "target" with --database.',
    ]);
    const unknown = await ofBase('--target-time', `${env.MOMENT}`, '--database', 'nowhere');
    expect([unknown.code, lastLine(unknown)]).toEqual([
      2,
      'The base backup has no database "nowhere" with a table public.profiles, but "wheels", "target".',
    ]);
  }, 120_000);

  test('wheels-db drill --pitr says what is missing or damaged', async () => {
    const archive = `${env.ARCHIVE}`;
    const future = await drill(
      '--base-backup',
      `${env.BASE}`,
      '--wal-archive',
      archive,
      '--target-time',
      '2999-01-01 00:00:00+00',
    );
    expect([future.code, lastLine(future)]).toEqual([
      1,
      expect.stringMatching(/^The log ends before the moment to recover to/),
    ]);

    const empty = await makeFolder(server, 'empty');
    const gone = await drill('--base-backup', `${env.BASE}`, '--wal-archive', empty, '--target-time', `${env.MOMENT}`);
    expect([gone.code, lastLine(gone)]).toEqual([
      1,
      expect.stringMatching(/^The log ends before the moment to recover to/),
    ]);

    const damaged = await damage(`${env.BASE}`, join(server.path, 'damaged'), 'global/pg_control', flipOneByte);
    const refused = await drill('--base-backup', damaged, '--wal-archive', archive, '--target-time', `${env.MOMENT}`);
    expect([refused.code, lastLine(refused)]).toEqual([
      1,
      expect.stringMatching(
        /^The base backup is damaged: pg_verifybackup failed: checksum mismatch for file "…"|^The base backup is damaged: pg_verifybackup failed: .*pg_control/,
      ),
    ]);

    const nothing = await drill('--base-backup', empty, '--wal-archive', archive, '--target-lsn', '0/3000000');
    expect([nothing.code, lastLine(nothing)]).toEqual([2, expect.stringMatching(/is no base backup in plain format/)]);
    const nowhere = await drill(
      '--base-backup',
      `${env.BASE}`,
      '--wal-archive',
      join(archive, 'nowhere'),
      '--target-lsn',
      '0/3000000',
    );
    expect([nowhere.code, lastLine(nowhere)]).toEqual([2, expect.stringMatching(/nowhere is no folder\.$/)]);

    const holed = join(server.path, 'holed');
    await cp(archive, holed, { recursive: true });
    const history = (await readdir(holed)).find((name) => name.endsWith('.backup'));
    const [, lastNeeded = ''] =
      /^STOP WAL LOCATION: .*file (\w+)/m.exec(await readFile(join(holed, `${history}`), 'utf8')) ?? [];
    const later = (await readdir(holed)).filter((name) => /^[0-9A-F]{24}$/.test(name) && name > lastNeeded);
    expect(later.length).toBeGreaterThan(0);
    for (const segment of later) await rm(join(holed, segment));
    const { owner } = server.cluster;
    if (owner)
      for (const path of [holed, ...(await readdir(holed)).map((name) => join(holed, name))])
        await chown(path, owner.uid, owner.gid);
    const hole = await drill('--base-backup', `${env.BASE}`, '--wal-archive', holed, '--target-time', `${env.MOMENT}`);
    expect([hole.code, lastLine(hole)]).toEqual([
      1,
      expect.stringMatching(/^The log ends before the moment to recover to/),
    ]);
  }, 240_000);
});
