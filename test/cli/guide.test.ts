import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { cloneDatabase } from '../../src/testing/template_database.ts';
import { endOf, query, script } from '../backup/support/wheels_db.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const guide = await readFile(join(root, 'docs/operations.md'), 'utf8');

type Section = { readonly title: string; readonly blocks: readonly string[] };

const sections: Section[] = `\n${guide}`
  .split('\n## ')
  .slice(1)
  .map((text) => ({
    title: text.split('\n')[0] ?? '',
    blocks: [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands = '']) => commands),
  }))
  .filter(({ blocks }) => blocks.length > 0);

/** These need a project on Supabase, and its command line. */
const isForSupabase = (commands: string) => commands.startsWith('supabase ');

/** Which file runs the commands of which section. */
const runBy: Readonly<Record<string, string>> = {
  'Migrate and develop': 'here',
  'Back up, restore, drill': 'test/backup/point_in_time.test.ts',
  Retention: 'here',
  Inspect: 'here',
  'Explain a method': 'here',
  Replicas: 'test/replicas/set_up.test.ts',
};

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wheels-guide-'));
  await writeFile(join(folder, 'wheels-db'), `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`);
  await chmod(join(folder, 'wheels-db'), 0o755);
  await mkdir(join(folder, 'migrations'));
  await mkdir(join(folder, 'src'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
});
afterAll(() => rm(folder, { recursive: true }));

test('every section with commands is run by a test, but for what needs Supabase', () => {
  expect(sections.map(({ title }) => title)).toEqual(Object.keys(runBy));
  const leftOut = sections.flatMap(({ blocks }) => blocks.filter(isForSupabase)).map((text) => text.split(' -')[0]);
  expect(leftOut).toEqual(['supabase db push', 'supabase migration repair']);
});

test.each(sections.filter(({ title }) => runBy[title] === 'here'))(
  '$title: has no command that fails',
  { timeout: 240_000 },
  async ({ blocks }) => {
    const database = await cloneDatabase({ connectionString: inject('connectionString') }, inject('template'));
    const { rows } = await query(
      database.connectionString,
      "insert into auth.users (email) values ('alice@example.com') returning id",
    );
    const env = {
      ...process.env,
      PATH: `${folder}:${process.env.PATH}`,
      DATABASE_URL: database.connectionString,
      USER_ID: rows[0].id,
    };
    try {
      for (const commands of blocks.filter((text) => !isForSupabase(text))) {
        if (commands.includes('wheels-db types')) {
          await query(database.connectionString, 'create table bookings (id uuid primary key)');
        }
        const ended = await endOf(spawn('bash', ['-euo', 'pipefail', '-c', commands], { env, cwd: folder }));
        expect(ended.code, `${commands}\n${ended.stdout}\n${ended.stderr}`).toBe(0);
      }
    } finally {
      await database.drop();
    }
  },
);

test('what the commands write is there afterwards', async () => {
  expect(await readdir(join(folder, 'migrations'))).toEqual(['0001_trip_photos.ts']);
  expect(await readdir(join(folder, 'src'))).toEqual(['own_tables.ts']);
  expect((await readdir(join(folder, 'supabase/migrations')))[0]).toBe('20260101000001_0001_platform.sql');
  expect(await readdir(folder)).toContain('inspection.html');
});
