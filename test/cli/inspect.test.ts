import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { questions } from '../../src/inspect/questions.ts';
import { inspectedDatabase } from '../inspect/inspected_database.ts';
import { runScript } from '../support/run_script.ts';

const database = inspectedDatabase();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inspection-'));
});
afterAll(() => rm(folder, { recursive: true }));

const inspect = (...args: string[]) => runScript('src/cli/wheels_db.ts', database.connectionString, 'inspect', ...args);

describe('wheels-db inspect', () => {
  test('lists what can be asked, without a database', async () => {
    const { code, stdout, stderr } = await runScript('src/cli/wheels_db.ts', '', 'inspect');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const { name, asks } of questions)
      expect(stdout).toMatch(new RegExp(`^ {4}${name} +${asks.slice(0, 20)}`, 'm'));
    expect((await runScript('src/cli/wheels_db.ts', '', 'inspect', '--help')).stdout).toBe(stdout);
  });

  test('answers a question as a table', async () => {
    const { code, stdout, stderr } = await inspect('index-usage');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [head, line, ...rows] = stdout.trimEnd().split('\n');
    expect(head).toMatch(/^table +rows {2}index scans {2}sequential scans {2}through index$/);
    expect(line).toMatch(/^-+( {2}-+){4}$/);
    expect(rows).toContainEqual(expect.stringMatching(/^public\.expenses +\d+ +[\d,]+ +\d+ +\d+\.\d %$/));
  });

  test('answers as JSON, also that it cannot', async () => {
    const { stdout } = await inspect('table-sizes', '--json');
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({ question: 'table-sizes', findings: [] });
    expect(answer.rows).toContainEqual(expect.objectContaining({ table: 'public.trips' }));
    const unanswered = await inspect('slow-statements', '--json');
    expect(JSON.parse(unanswered.stdout)).toEqual({
      question: 'slow-statements',
      unanswered: expect.stringMatching(/^pg_stat_statements is not installed/),
    });
    expect(unanswered.code).toBe(0);
    expect((await inspect('slow-statements')).stdout).toMatch(/^pg_stat_statements is not installed/);
  });

  test('says that there is nothing', async () => {
    expect(await inspect('blocking')).toEqual({ code: 0, stdout: 'None.\n', stderr: '' });
  });

  test('reports a healthy database, and writes the page', async () => {
    const file = join(folder, 'healthy.html');
    const { code, stdout, stderr } = await inspect('report', '--html', file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^wheels_test\w+, Postgres \d+\.\d+, as postgres: nothing is beyond its threshold\.\n/);
    expect(await readFile(file, 'utf8')).toContain('Nothing is beyond its threshold.');
  });

  test('reports what is beyond a threshold: of the file, or of the flag before it', async () => {
    await database.run('create table unclean (n int)', 'grant select on unclean to anon');
    const byDefault = await inspect('report');
    expect(byDefault.code).toBe(1);
    expect(byDefault.stdout).toMatch(
      /: 1 finding\.\n\ncritical: public\.unclean: row level security is off, .*\n {2}Enable row level security.*\n {2}Threshold row-level-security-gaps=0\. Postgres manual: Row Security Policies\.\n/,
    );
    const file = join(folder, 'thresholds.json');
    await writeFile(file, '{ "row-level-security-gaps": 1, "wraparound-percent": 0 }');
    const byFile = await inspect('report', '--json', '--thresholds', file);
    expect(byFile.code).toBe(1);
    const { findings, answers, ...facts } = JSON.parse(byFile.stdout);
    expect(new Set(findings.map(({ threshold }: { threshold: string }) => threshold))).toEqual(
      new Set(['wraparound-percent']),
    );
    expect(findings[0]).toMatchObject({ question: 'wraparound', severity: 'critical', max: 0 });
    expect(Object.keys(answers)).toEqual(questions.map(({ name }) => name));
    expect(facts).toEqual({
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      database: expect.stringMatching(/^wheels_test/),
      server_version: expect.stringMatching(/^\d+\.\d+$/),
      role: 'postgres',
    });
    const max = ['--max', 'wraparound-percent=25', '--max', 'connection-percent=99'];
    expect((await inspect('report', '--thresholds', file, ...max)).code).toBe(0);
    await database.run('drop table unclean');
  });

  test.each([
    [['nonsense'], /"nonsense" is no question: wheels-db inspect lists them/],
    [['blocking', '--html', 'x'], /unknown option '--html'/],
    [['blocking', 'locks'], /too many arguments/],
    [['report', '--max', 'nonsense=1'], /"nonsense" is no threshold: there are mean-statement-milliseconds, /],
    [['report', '--max', 'blocked-seconds=ten'], /blocked-seconds must be a number from 0/],
    [['report', '--max', 'blocked-seconds'], /blocked-seconds must be a number from 0/],
    [['report', '--thresholds', '/nonsense.json'], /ENOENT/],
    [
      ['report', '--html', '/nowhere/x.html'],
      /^\/nowhere\/x\.html cannot be written \(ENOENT\): name one in a folder /,
    ],
    [['report', '--thresholds', 'README.md'], /it is no JSON/],
    [['report', '--thresholds', 'tsconfig.json'], /"compilerOptions" is no threshold/],
  ])('ends with 2 for %j', async (args, message) => {
    const { code, stdout, stderr } = await inspect(...args);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('needs a database, and names one that does not answer', async () => {
    const none = await runScript('src/cli/wheels_db.ts', '', 'inspect', 'report');
    expect(none.stderr).toMatch(/no database: set DATABASE_URL, or give --database-url/);
    expect(none.code).toBe(2);
    const gone = await inspect('locks', '--database-url', 'postgres://me:secret@127.0.0.1:1/x');
    expect(gone.stderr).toMatch(/^No Postgres answers at 127\.0\.0\.1:1/);
    expect(gone.stderr).not.toContain('secret');
    expect(gone.code).toBe(1);
  });

  test('explains its report', async () => {
    const { stdout, code } = await runScript('src/cli/wheels_db.ts', '', 'inspect', 'report', '--help');
    expect(code).toBe(0);
    for (const { thresholds } of questions) {
      for (const { name, max } of thresholds) expect(stdout).toContain(`${name}=${max} `);
    }
  });
});
