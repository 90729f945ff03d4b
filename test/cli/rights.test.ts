import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../src/migrations/migrate.ts';
import { PermissionError } from '../../src/types/errors.ts';
import { testDatabase } from '../support/database.ts';
import { runScript } from '../support/run_script.ts';

const database = testDatabase();
const role = 'wheels_rightless_test';
const password = 'only-for-eyes';
let url: string;
let name: string;

beforeAll(async () => {
  await database.admin.query(`drop role if exists ${role}; create role ${role} login password '${password}'`);
  const login = new URL(database.connectionString);
  [login.username, login.password, name] = [role, password, login.pathname.slice(1)];
  url = login.href;
});
afterAll(async () => {
  await database.admin.query(`drop owned by ${role}; drop role ${role}`);
});

/** What each ends with, and that nothing of it is a secret. */
async function ends(...commands: string[][]): Promise<{ code: number; stdout: string; stderr: string }[]> {
  const ended = await Promise.all(commands.map((command) => runScript('src/cli/wheels_db.ts', url, ...command)));
  for (const { stderr } of ended) expect(stderr).not.toContain(password);
  return ended;
}

const refusal = (what: string) => ({
  code: 1,
  stdout: '',
  stderr: `The role "${role}" lacks a right: ${what}. Use the connection string of the role that owns the tables, or have the right granted.\n`,
});

test('a role without grants is named, and what it lacks', { timeout: 60_000 }, async () => {
  const meant = ['--yes', name];
  const [latest, ...others] = await ends(
    ['migrate', 'latest'],
    ['migrate', 'status'],
    ['drift'],
    ['reset', ...meant],
    ['seed', ...meant],
  );
  expect(latest).toEqual(refusal('permission denied for table kysely_migration_lock'));
  for (const ended of others) expect(ended).toEqual(refusal('permission denied for table kysely_migration'));
  await expect(migrate(url, 'latest')).rejects.toThrow(PermissionError);
});

test('a role that may read which migrations have run, but not its rows, is not told that none has', async () => {
  await database.admin.query(`grant select on kysely_migration to ${role}`);
  expect(await ends(['migrate', 'status'])).toEqual([
    refusal('row level security hides the rows of kysely_migration from it'),
  ]);
});

test('a role that owns nothing takes nothing back', async () => {
  await database.admin.query(`
    grant select on kysely_migration to ${role}; grant select, update on kysely_migration_lock to ${role};
    alter role ${role} bypassrls`);
  expect(await ends(['reset', '--yes', name])).toEqual([
    { ...refusal(''), stderr: expect.stringMatching(`^The role "${role}" lacks a right: must be owner of [^\n]*\n$`) },
  ]);
});

test('a role that may not connect', async () => {
  await database.admin.query(`revoke connect on database ${name} from public`);
  expect(await ends(['types'])).toEqual([refusal(`permission denied for database "${name}"`)]);
});
