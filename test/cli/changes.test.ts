import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { createDatabase, type Database } from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';
import { runScript } from '../support/run_script.ts';

const file = testDatabase();
let opened: Database | undefined;
const database = () => {
  opened ??= createDatabase({ connectionString: file.connectionString, max: 2 });
  return opened;
};
afterAll(async () => {
  await opened?.destroy();
});

const script = fileURLToPath(new URL('../../src/cli/wheels_db.ts', import.meta.url));

/** `wheels-db changes`, which follows once its slot is there. */
async function follow(
  ...flags: string[]
): Promise<{ process: ChildProcessWithoutNullStreams; line: () => Promise<string> }> {
  const env = { ...process.env, DATABASE_URL: file.connectionString };
  const child = spawn(process.execPath, [script, 'changes', '--follow', ...flags], { env });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  // It says so once nothing is missed from then on.
  await expect.poll(() => stderr, { timeout: 20_000 }).toContain('Following changes.');
  const late = sleep(20_000).then(() => Promise.reject(new Error(`No line has come. Standard error: ${stderr}`)));
  late.catch(() => {});
  return { process: child, line: async () => String((await Promise.race([lines.next(), late])).value) };
}

const active = 'select from pg_replication_slots where active and database = current_database()';

async function stop(child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(child, 'exit');
  child.kill(signal);
  const [code] = await ended;
  await expect.poll(async () => (await file.admin.query(active)).rowCount).toBe(0);
  return code;
}

describe('wheels-db changes', () => {
  test('prints a line for people, and ends with 130 at Ctrl-C', async () => {
    const alice = await file.signUp();
    const { process: child, line } = await follow('--tables', 'trips');
    const { id } = await database().asUser({ sub: alice }).trips.create({ name: 'Big Lap' });
    expect(await line()).toMatch(
      new RegExp(`^\\d{4}-\\d\\d-\\d\\dT\\S+Z insert {3}trips ${id} of ${alice} \\{"name":"Big Lap",`),
    );
    expect(await stop(child, 'SIGINT')).toBe(130);
  });

  test('prints JSON of what a slot kept while nobody followed, and confirms what it printed', async () => {
    const alice = database().asUser({ sub: await file.signUp() });
    const slot = `cli_${Date.now()}`;
    const first = await follow('--json', '--tables', 'expenses', '--slot', slot, '--create', 'now');
    const { id } = await alice.expenses.create({ amount: '3.50', category: 'fuel' });
    expect(JSON.parse(await first.line())).toMatchObject({
      table: 'expenses',
      operation: 'insert',
      row: { id, amount: '3.50' },
      old: null,
      ordinal: 0,
    });
    expect(await stop(first.process, 'SIGTERM')).toBe(143);
    await alice.expenses.delete(id);
    const second = await follow('--json', '--tables', 'expenses', '--slot', slot);
    expect(JSON.parse(await second.line())).toMatchObject({ operation: 'delete', row: null, old: { id } });
    expect(await stop(second.process, 'SIGINT')).toBe(130);
    await file.admin.query('select pg_drop_replication_slot($1)', [slot]);
  });

  test('shows what a user may see', async () => {
    const [alice, bob] = [await file.signUp(), await file.signUp()];
    const { process: child, line } = await follow('--json', '--as', bob);
    await database().asUser({ sub: alice }).trips.create({ name: 'Of Alice' });
    await database().asUser({ sub: bob }).trips.create({ name: 'Of Bob' });
    expect(JSON.parse(await line())).toMatchObject({ row: { name: 'Of Bob' } });
    expect(await stop(child, 'SIGINT')).toBe(130);
  });

  test.each([
    [['--tables', 'trips,profiles'], /"profiles" is not one of trips, /],
    [['--create', 'later'], /Allowed choices are snapshot, now/],
    [['--as', '3f0c8f0e-8a52-4c63-9d0e-6f1f7e1d2a10', '--slot', 'y'], /cannot be used with option '--slot/],
    [['--nothing'], /unknown option '--nothing'/],
    [['--slot', 'Not A Slot'], /slot must be 1 to 63 lower-case letters/],
    [['--create', 'now'], /--create needs --slot/],
    [['--as', 'somebody'], /It must be a user's id \(a uuid\)/],
    [['--database-url', 'mysql://x'], /^--database-url is malformed: /],
  ])('ends with 2 for %j', async (flags, message) => {
    const { code, stderr, stdout } = await runScript(
      'src/cli/wheels_db.ts',
      file.connectionString,
      'changes',
      ...flags,
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test('ends with 1 and one line for a slot that is not there', async () => {
    const flags = ['--slot', 'nowhere'];
    const { code, stderr } = await runScript('src/cli/wheels_db.ts', file.connectionString, 'changes', ...flags);
    expect(stderr).toMatch(/^The replication slot does not exist: make it with --create snapshot, .* or --create now/);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(1);
  });

  test('needs a database, and explains itself', async () => {
    const { code, stderr } = await runScript('src/cli/wheels_db.ts', '', 'changes');
    expect(stderr).toMatch(/no database: set DATABASE_URL, or give --database-url/);
    expect(code).toBe(2);
    const help = await runScript('src/cli/wheels_db.ts', '', 'changes', '--help');
    expect(help.stdout).toMatch(/Examples:\n {2}wheels-db changes --follow/);
    expect(help.code).toBe(0);
  });
});
