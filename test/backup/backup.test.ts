import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { readBackup } from '../../src/backup/backup_manifest.ts';
import { testDatabase } from '../support/database.ts';
import { fillDatabase } from './support/household.ts';
import {
  endOf,
  folderForBackups,
  lastLine,
  query,
  script,
  startWheelsDb,
  wheelsDb,
  whyNoDump,
} from './support/wheels_db.ts';

const noDump = await whyNoDump();
const source = testDatabase();
const backups = folderForBackups();

beforeAll(async () => {
  await fillDatabase(source.connectionString);
});

/** Runs while another transaction holds a table, so that neither the dump nor the hashes get past it. */
async function whileHeld(table: string, action: () => Promise<void>): Promise<void> {
  const client = await source.admin.connect();
  await client.query(`begin; lock table ${table} in access exclusive mode`);
  await action().finally(async () => {
    await client.query('rollback');
    client.release();
  });
}

/** How many sessions of a backup wait for a lock. */
async function waiting(): Promise<number> {
  const { rows } = await source.admin.query(
    "select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rows[0].waiting;
}

describe.skipIf(noDump)('wheels-db backup', () => {
  test('writes a dump and a manifest for the eyes of their owner, and says what it did', async () => {
    const folder = backups.path('first');
    const { code, stdout, stderr } = await wheelsDb(source.connectionString, ['backup', folder, '--json']);
    expect(stderr).toMatch(/^dumping public.expenses$/m);
    expect(stderr).toMatch(/^hashed public.expenses: 367 rows$/m);
    expect(code).toBe(0);
    expect((await readdir(folder)).sort()).toEqual(['dump', 'manifest.json', 'manifest.json.sha256']);
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);

    const manifest = await readBackup(folder);
    expect(manifest.tables.find(({ table }) => table === 'public.expenses')).toMatchObject({ rows: 367 });
    expect(manifest.tables.map(({ table }) => table)).toEqual(
      expect.arrayContaining(['auth.users', 'private.blocks', 'public.kysely_migration']),
    );
    expect(manifest.roles).toEqual(['anon', 'authenticated', 'service_role']);
    expect(manifest.sequences).toEqual([{ sequence: 'public.pam_messages_position_seq', last_value: '24' }]);
    expect(JSON.parse(stdout)).toMatchObject({ folder, taken_at: manifest.taken_at, bytes: manifest.dump.bytes });
    expect(Math.abs(Date.now() - Date.parse(manifest.taken_at))).toBeLessThan(60_000);
    // The sum is one that sha256sum reads.
    await promisify(execFile)('sha256sum', ['--check', 'manifest.json.sha256'], { cwd: folder });
  });

  test('has the same hashes whatever the order of rows and the settings of the role', async () => {
    const before = await readBackup(backups.path('first'));
    await query(
      source.connectionString,
      `set session_replication_role = replica;
       update public.expenses set amount = amount where category = 'fuel';
       update public.posts set title = title;`,
    );
    const url = new URL(source.connectionString);
    url.searchParams.set(
      'options',
      '-c datestyle=German,DMY -c timezone=Asia/Tokyo -c extra_float_digits=-5 -c intervalstyle=sql_standard',
    );
    const { code } = await wheelsDb(url.href, ['backup', backups.path('settings')]);
    expect(code).toBe(0);
    const after = await readBackup(backups.path('settings'));
    expect(after.tables).toEqual(before.tables);
    expect(after.schema).toEqual(before.schema);
    await query(source.connectionString, "update public.trips set name = name || '.' where name like 'Tab%'");
    await wheelsDb(source.connectionString, ['backup', backups.path('changed')]);
    const changed = (await readBackup(backups.path('changed'))).tables.filter(
      (table, place) => table.hash !== before.tables[place]?.hash,
    );
    expect(changed.map(({ table }) => table)).toEqual(['public.trips']);
  });

  test('is of one snapshot, whatever is committed meanwhile', async () => {
    const folder = backups.path('snapshot');
    const count = async () =>
      (await source.admin.query('select count(*)::int as n from public.income_entries')).rows[0].n;
    const before = await count();
    const child = await new Promise<ReturnType<typeof startWheelsDb>>((resolve, reject) => {
      whileHeld('public.expenses', async () => {
        const started = startWheelsDb(source.connectionString, ['backup', folder]);
        await expect.poll(waiting, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
        await source.admin.query(
          "insert into public.income_entries (user_id, amount, source) select id, 1, 'after the snapshot' from public.profiles",
        );
        resolve(started);
      }).catch(reject);
    });
    expect((await endOf(child)).code).toBe(0);
    expect(await count()).toBeGreaterThan(before);
    const { tables } = await readBackup(folder);
    expect(tables.find(({ table }) => table === 'public.income_entries')?.rows).toBe(before);
    const { stdout } = await promisify(execFile)('pg_restore', [
      '--data-only',
      '--table=income_entries',
      '--file=-',
      join(folder, 'dump'),
    ]);
    expect(stdout).not.toContain('after the snapshot');
  });

  test('refuses when a migration commits meanwhile', async () => {
    const folder = backups.path('migrated');
    let child: ReturnType<typeof startWheelsDb> | undefined;
    await whileHeld('public.expenses', async () => {
      child = startWheelsDb(source.connectionString, ['backup', folder]);
      await expect.poll(waiting, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
      await source.admin.query('grant execute on function private.can_write() to public');
    });
    const ended = child && (await endOf(child));
    await source.admin.query('revoke execute on function private.can_write() from public');
    expect(ended?.code).toBe(1);
    expect(ended && lastLine(ended)).toMatch(/^The schema changed while the backup was made/);
    await expect(stat(folder)).rejects.toThrow('ENOENT');
  });

  test('leaves nothing after Ctrl-C, and ends what it started', async () => {
    let ended: Awaited<ReturnType<typeof endOf>> | undefined;
    await whileHeld('public.expenses', async () => {
      const child = startWheelsDb(source.connectionString, ['backup', backups.path('stopped')]);
      await expect.poll(waiting, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
      expect((await readdir(backups.path('.'))).filter((name) => name.includes('stopped'))).toEqual([
        expect.stringMatching(/^\.stopped\.partial-/),
      ]);
      const end = endOf(child);
      child.kill('SIGINT');
      ended = await end;
      await expect.poll(waiting, { timeout: 20_000 }).toBe(0);
    });
    expect(ended).toMatchObject({ code: 130, stdout: '' });
    expect((await readdir(backups.path('.'))).filter((name) => name.includes('stopped'))).toEqual([]);
  });

  test('shows the password to nobody', async () => {
    const [role, password] = ['wheels_backup_test', 'only-for-eyes/%41'];
    await query(
      source.connectionString,
      `drop role if exists ${role}; create role ${role} superuser login password '${password}'`,
    );
    try {
      const url = new URL(source.connectionString);
      url.username = role;
      url.password = encodeURIComponent(password);
      let ended: Awaited<ReturnType<typeof endOf>> | undefined;
      await whileHeld('public.expenses', async () => {
        const child = startWheelsDb(url.href, ['backup', backups.path('password'), '--json']);
        await expect.poll(waiting, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
        const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
        expect(stdout).toMatch(/pg_dump.*--snapshot/);
        expect(stdout).not.toContain('only-for-eyes');
        const end = endOf(child);
        child.kill('SIGTERM');
        ended = await end;
      });
      expect(ended?.code).toBe(143);
      const done = await wheelsDb(url.href, ['backup', backups.path('password')]);
      expect(done.code).toBe(0);
      url.password = 'only-for-eyes-and-wrong';
      const refused = await wheelsDb(url.href, ['backup', backups.path('refused')]);
      expect(refused.code).toBe(1);
      const files = await Promise.all(
        ['dump', 'manifest.json'].map((name) => readFile(backups.path(`password/${name}`))),
      );
      for (const text of [ended, done, refused].flatMap((end) => [end?.stdout, end?.stderr])) {
        expect(text).not.toContain('only-for-eyes');
      }
      for (const bytes of files) expect(bytes.includes('only-for-eyes')).toBe(false);
    } finally {
      await query(source.connectionString, `drop role ${role}`);
    }
  });

  test('refuses a role from which row level security hides rows', async () => {
    await query(
      source.connectionString,
      `drop role if exists wheels_filtered_test; create role wheels_filtered_test login password 'filtered';
       grant usage on schema public, private, auth to wheels_filtered_test;
       grant select on all tables in schema public, private, auth to wheels_filtered_test`,
    );
    try {
      const url = new URL(source.connectionString);
      url.username = 'wheels_filtered_test';
      url.password = 'filtered';
      const ended = await wheelsDb(url.href, ['backup', backups.path('filtered')]);
      expect(ended.code).toBe(1);
      expect(lastLine(ended)).toMatch(
        /^A backup by this role would lack rows of private\.blocks, public\.budgets, .*: use a superuser, or a role with BYPASSRLS/,
      );
      await expect(stat(backups.path('filtered'))).rejects.toThrow('ENOENT');
    } finally {
      await query(source.connectionString, 'drop owned by wheels_filtered_test; drop role wheels_filtered_test');
    }
  });

  test('says that the disk is full, and leaves nothing on it', async ({ skip }) => {
    const disk = backups.path('disk');
    await mkdir(disk);
    const mounted = await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', disk]).catch(
      () => undefined,
    );
    if (!mounted) return skip('nobody but root may mount a small disk');
    try {
      const ended = await wheelsDb(source.connectionString, ['backup', join(disk, 'full')]);
      expect(ended.code).toBe(1);
      expect(lastLine(ended)).toBe(`The disk of ${disk} is full: nothing was kept.`);
      expect(await readdir(disk)).toEqual([]);
    } finally {
      await promisify(execFile)('umount', [disk]);
    }
  });

  test('says that a file may not get as large', async () => {
    const child = spawn(
      'sh',
      ['-c', 'ulimit -f 100; exec "$0" "$@"', process.execPath, script, 'backup', backups.path('limited')],
      {
        env: { ...process.env, DATABASE_URL: source.connectionString },
      },
    );
    const ended = await endOf(child);
    expect(ended.code).toBe(1);
    expect(lastLine(ended)).toMatch(/^pg_dump failed: .*(File too large|larger than this process may write)/);
    expect((await readdir(backups.path('.'))).filter((name) => name.includes('limited'))).toEqual([]);
  });

  test('refuses a folder that exists, one that cannot be made, and a database of somebody else', async () => {
    const existing = await wheelsDb(source.connectionString, ['backup', backups.path('first')]);
    expect([existing.code, lastLine(existing)]).toEqual([
      2,
      expect.stringMatching(/exists already: name a new folder\.$/),
    ]);
    const nowhere = await wheelsDb(source.connectionString, ['backup', backups.path('no/such/place')]);
    expect([nowhere.code, lastLine(nowhere)]).toEqual([
      2,
      expect.stringMatching(/no\/such\/place cannot be written \(ENOENT\): name one in a folder that is there/),
    ]);
    const url = new URL(source.connectionString);
    url.pathname = '/postgres';
    const other = await wheelsDb(url.href, ['backup', backups.path('other')]);
    expect([other.code, lastLine(other)]).toEqual([1, expect.stringMatching(/^There is no table public.profiles/)]);
  });
});

describe('wheels-db backup without a pg_dump that will do', () => {
  const client = async () => {
    const connection = new pg.Client({ connectionString: source.connectionString });
    await connection.connect();
    const { rows } = await connection.query("select current_setting('server_version_num')::int / 10000 as major");
    await connection.end();
    return rows[0].major as number;
  };

  test('names one that is missing, and what to install', async () => {
    const ended = await wheelsDb(source.connectionString, ['backup', backups.path('none')], {
      PATH: backups.path('.'),
    });
    const major = await client();
    expect([ended.code, lastLine(ended)]).toEqual([
      1,
      `There is no pg_dump on PATH: install the client programs of Postgres ${major} or newer (Debian: postgresql-client-${major}) and put their folder first on PATH.`,
    ]);
  });

  test('names one that is older than the server', async () => {
    const folder = backups.path('bin');
    await mkdir(folder);
    await writeFile(join(folder, 'pg_dump'), '#!/bin/sh\necho "pg_dump (PostgreSQL) 14.9 (Debian 14.9-1)"\n');
    await chmod(join(folder, 'pg_dump'), 0o755);
    const ended = await wheelsDb(source.connectionString, ['backup', backups.path('old')], {
      PATH: `${folder}:${process.env.PATH}`,
    });
    expect([ended.code, lastLine(ended)]).toEqual([
      1,
      expect.stringMatching(/^The pg_dump on PATH is 14\.9, older than Postgres 1\d/),
    ]);
    await expect(stat(backups.path('old'))).rejects.toThrow('ENOENT');
  });

  test.runIf(noDump?.match(/^pg_dump is \d/))('refuses the real one, which is older', async () => {
    const ended = await wheelsDb(source.connectionString, ['backup', backups.path('older')]);
    expect([ended.code, lastLine(ended)]).toEqual([
      1,
      expect.stringMatching(/^The pg_dump on PATH is \d+\.\d+, older than Postgres/),
    ]);
  });
});
