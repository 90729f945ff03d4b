import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { readBackup, writeManifest } from '../../src/backup/backup_manifest.ts';
import { checkAccess } from '../../src/backup/check_access.ts';
import { connect } from '../../src/session/connect.ts';
import { type ClonedDatabase, cloneDatabase } from '../../src/testing/template_database.ts';
import { privateServer } from '../migrations/support/private_server.ts';
import { createSupabaseDatabase, createSupabaseRoles } from '../migrations/support/supabase.ts';
import { testDatabase } from '../support/database.ts';
import { fillDatabase } from './support/household.ts';
import { damage, flipOneByte, withOtherDump } from './support/tamper.ts';
import { endOf, folderForBackups, lastLine, query, startWheelsDb, wheelsDb, whyNoDump } from './support/wheels_db.ts';

const noDump = await whyNoDump();
const source = testDatabase();
const backups = folderForBackups();
const made: ClonedDatabase[] = [];

/** An empty database on the run's server, or on another. */
async function emptyDatabase(connectionString = inject('connectionString')): Promise<string> {
  const database = await cloneDatabase({ connectionString }, 'template0');
  made.push(database);
  return database.connectionString;
}

afterAll(async () => {
  for (const database of made) await database.drop().catch(() => {});
});

const restore = (database: string, ...args: string[]) => wheelsDb(database, ['restore', backups.path('good'), ...args]);

/** How many objects are in `public` and `private`. */
async function objects(database: string): Promise<number> {
  const { rows } = await query(
    database,
    `select (select count(*) from pg_class where relnamespace in (select oid from pg_namespace where nspname in ('public', 'private', 'auth')))
       + (select count(*) from pg_proc where pronamespace in (select oid from pg_namespace where nspname in ('public', 'private', 'auth'))) as objects`,
  );
  return Number(rows[0].objects);
}

async function accessOf(database: string): Promise<readonly string[]> {
  const client = await connect(database);
  const { tried, wrong } = await checkAccess(client).finally(() => client.end());
  expect(tried).toBeGreaterThan(50);
  return wrong;
}

describe.skipIf(noDump)('wheels-db restore', () => {
  beforeAll(async () => {
    await fillDatabase(source.connectionString);
    const { code, stderr } = await wheelsDb(source.connectionString, ['backup', backups.path('good')]);
    if (code !== 0) throw new Error(stderr);
  });

  describe('onto a plain server that has none of the roles', () => {
    const server = privateServer();

    test('gives everything back, and it works', async () => {
      const target = await emptyDatabase(server.connectionString);
      const { code, stdout, stderr } = await restore(target, '--json');
      expect(stderr).toMatch(/^restoring public.expenses$/m);
      expect(JSON.parse(stdout)).toMatchObject({
        same: true,
        tables: 19,
        differences: { rows: [], sequences: [], schema: [] },
      });
      expect(code).toBe(0);
      expect(await wheelsDb(target, ['drift'])).toMatchObject({ code: 0, stderr: '' });
      const { rows } = await query(target, "select description from public.trips where name like 'Tab%'");
      expect(rows).toEqual([{ description: "line\r\nline\\n 'quoted' é中😀" }]);
      const next = await query(
        target,
        `insert into public.pam_messages (user_id, conversation_id, role, content)
         select user_id, id, 'user', 'Next' from public.pam_conversations limit 1 returning position::int`,
      );
      expect(next.rows).toEqual([{ position: 25 }]);
      expect(await accessOf(target)).toEqual([]);
    });
  });

  describe.each(['everything', 'nothing'] as const)(
    'onto a project of Supabase whose default privileges give %s',
    (given) => {
      const server = privateServer();

      test('gives all but the accounts’ table back, and it works', async () => {
        await createSupabaseRoles(server);
        const project = await createSupabaseDatabase(server, given);
        const migrator = project.connectionStringOf('supabase_migrator');
        const ended = await restore(migrator);
        expect(ended.stdout).toMatch(/ rows of \d+ tables as of .*, all as backed up, in /);
        expect(ended.code).toBe(0);
        expect(await accessOf(project.connectionString)).toEqual([]);
        const { rows } = await query(
          project.connectionString,
          `select relowner::regrole::text as owner, (select count(*)::int from pg_attribute where attrelid = 'auth.users'::regclass and attname = 'encrypted_password') as stays
         from pg_class where oid = 'auth.users'::regclass
         union all select relowner::regrole::text, 0 from pg_class where oid = 'public.trips'::regclass`,
        );
        expect(rows).toEqual([
          { owner: 'supabase_auth_admin', stays: 1 },
          { owner: 'supabase_migrator', stays: 0 },
        ]);

        const again = await restore(migrator);
        expect([again.code, lastLine(again)]).toEqual([
          1,
          expect.stringMatching(/ is not empty: it has .* Restore into an empty one, or add --replace/),
        ]);
        const replaced = await restore(migrator, '--replace');
        expect([replaced.code, replaced.stdout]).toEqual([0, expect.stringMatching(/all as backed up/)]);

        // And from there to a plain database, whose server has other roles.
        const folder = backups.path(`from_supabase_${given}`);
        expect((await wheelsDb(migrator, ['backup', folder])).code).toBe(0);
        const lacking = await wheelsDb(await emptyDatabase(), ['restore', folder]);
        expect([lacking.code, lastLine(lacking)]).toEqual([
          1,
          'The server lacks roles to which the backup grants something, and a dump holds none: create role "supabase_auth_admin" nologin; create role "supabase_migrator" nologin.',
        ]);
        const drill = await wheelsDb('', ['drill', folder]);
        expect([drill.code, drill.stdout]).toEqual([0, expect.stringMatching(/^rows .* counted and hashed$/m)]);
      }, 120_000);
    },
  );

  test('refuses a target that is not empty, names what is there, and replaces it when told', async () => {
    const target = await emptyDatabase();
    await query(
      target,
      `create table public.notes (id int primary key); insert into public.notes values (1);
       create function public.note() returns int language sql return 1; create domain public.note_text as text;
       create view public.all_notes as select * from public.notes; create table public.serials (id serial, note public.note_text)`,
    );
    const refused = await restore(target);
    expect([refused.code, lastLine(refused)]).toEqual([
      1,
      expect.stringMatching(
        / is not empty: it has .*public\.notes.* and \d more\. Restore into an empty one, or add --replace to lose what is there\.$/,
      ),
    ]);
    expect((await query(target, 'select * from public.notes')).rows).toEqual([{ id: 1 }]);
    const replaced = await restore(target, '--replace');
    expect(replaced.code).toBe(0);
    expect((await query(target, "select to_regclass('public.notes') as notes")).rows).toEqual([{ notes: null }]);

    await query(target, "update public.trips set name = 'Overwritten'; delete from public.posts");
    expect((await restore(target, '--replace')).stdout).toMatch(/all as backed up/);
  });

  test.each([
    [
      'a truncated dump',
      'dump',
      (bytes: Buffer) => bytes.subarray(0, bytes.length - 1000),
      /has \d+ bytes, not the \d+ that were written/,
    ],
    ['an empty dump', 'dump', () => Buffer.alloc(0), /has 0 bytes, not the \d+ that were written/],
    [
      'a flipped byte in the dump',
      'dump',
      flipOneByte,
      /dump is damaged: its SHA-256 is not the manifest's\. Restore an older backup\./,
    ],
    ['a flipped byte in the manifest', 'manifest.json', flipOneByte, /manifest\.json is damaged/],
    ['a flipped byte in its sum', 'manifest.json.sha256', flipOneByte, /manifest\.json is damaged/],
    ['no manifest', 'manifest.json', () => Buffer.alloc(0), /is no backup: it lacks manifest\.json|is damaged/],
  ])('refuses %s', async (name, file, change, message) => {
    const folder = await damage(backups.path('good'), backups.path(name), file, change);
    const target = await emptyDatabase();
    const ended = await wheelsDb(target, ['restore', folder]);
    expect([ended.code, lastLine(ended)]).toEqual([1, expect.stringMatching(message)]);
    expect(await objects(target)).toBe(0);
    const drill = await wheelsDb('', ['drill', folder]);
    expect([drill.code, lastLine(drill)]).toEqual([1, expect.stringMatching(message)]);
  });

  test('finds out that a dump was filtered by row level security', async () => {
    await query(
      source.connectionString,
      `drop role if exists wheels_filtered_dump; create role wheels_filtered_dump login password 'filtered';
       grant usage on schema public, private, auth to wheels_filtered_dump;
       grant select on all tables in schema public, private, auth to wheels_filtered_dump;
       grant select on all sequences in schema public to wheels_filtered_dump`,
    );
    try {
      const url = new URL(source.connectionString);
      url.username = 'wheels_filtered_dump';
      url.password = 'filtered';
      const folder = await withOtherDump(
        backups.path('good'),
        backups.path('filtered'),
        url.href,
        '--enable-row-security',
      );
      const target = await emptyDatabase();
      const ended = await wheelsDb(target, ['restore', folder]);
      await query(target, 'drop owned by wheels_filtered_dump');
      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(/^What was restored is not what was backed up:$/m);
      expect(ended.stderr).toMatch(/^public\.expenses has 0 rows, not 367$/m);
    } finally {
      await query(source.connectionString, 'drop owned by wheels_filtered_dump; drop role wheels_filtered_dump');
    }
  });

  test('leaves the target as it was when Postgres refuses something, and tells no row', async () => {
    const other = databaseWithALooseRow();
    const folder = await withOtherDump(backups.path('good'), backups.path('refused'), await other);
    const target = await emptyDatabase();
    const ended = await wheelsDb(target, ['restore', folder]);
    expect([ended.code, lastLine(ended)]).toEqual([
      1,
      expect.stringMatching(/^psql failed: .*violates foreign key constraint "notes_of_nobody"/),
    ]);
    expect(ended.stderr).not.toContain('11111111-1111');
    expect(await objects(target)).toBe(0);
  });

  /** A copy of the source with a row that no restore takes. */
  async function databaseWithALooseRow(): Promise<string> {
    const target = await emptyDatabase();
    expect((await restore(target)).code).toBe(0);
    await query(
      target,
      `create table public.notes (user_id uuid constraint notes_of_nobody references public.profiles (id));
       set session_replication_role = replica; insert into public.notes values ('11111111-1111-4111-8111-111111111111')`,
    );
    return target;
  }

  test('leaves the target as it was after Ctrl-C', async () => {
    const target = await emptyDatabase();
    const child = startWheelsDb(target, ['restore', backups.path('good')]);
    const ended = endOf(child);
    await new Promise<void>((resolve) =>
      child.stderr.on('data', (bytes) => {
        if (String(bytes).includes('restoring')) resolve();
      }),
    );
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    await expect.poll(() => objects(target)).toBe(0);
    expect((await readdir(tmpdir())).filter((name) => name.startsWith('wheels-restore-'))).toEqual([]);
  });

  test('refuses a server that is older than the backup’s', async () => {
    const manifest = await readBackup(backups.path('good'));
    const folder = await damage(backups.path('good'), backups.path('newer'), 'dump', (bytes) => bytes);
    for (const file of ['manifest.json', 'manifest.json.sha256']) await rm(`${folder}/${file}`);
    await writeManifest(folder, { ...manifest, server_version: '99.1' });
    const ended = await wheelsDb(await emptyDatabase(), ['restore', folder]);
    expect([ended.code, lastLine(ended)]).toEqual([
      1,
      expect.stringMatching(/older than the backup's 99\.1: restore into 99 or newer\.$/),
    ]);
  });
});
