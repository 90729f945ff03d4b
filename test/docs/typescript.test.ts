import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DatabaseError } from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';
import { typeErrors } from './check_types.ts';
import { type ExampleNames, exampleNames } from './example_names.ts';
import { blocks } from './pages.ts';
import { runBlock } from './run_block.ts';

const examples = blocks('ts');
const file = testDatabase();
const project = process.cwd();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'examples-'));
  await writeFile(
    join(folder, 'statement.csv'),
    'Date,Description,Amount\n2026-10-13,Fuel,-61.20\n2026-10-14,Camp,-15.00\n',
  );
  process.chdir(folder);
  process.env.DATABASE_URL = file.connectionString;
  await file.admin.query('create table feed_position (slot text primary key, lsn pg_lsn, ordinal integer)');
});

afterAll(async () => {
  process.chdir(project);
  delete process.env.DATABASE_URL;
  await rm(folder, { recursive: true });
});

/** `stop` ends loops that follow changes, which are endless: what they throw then is no mistake of the example's. */
type End = { signal: AbortSignal; stop(): void; close(): Promise<void> };

async function namesOfOne(): Promise<End & { names: ExampleNames }> {
  const [aliceId, bobId] = [await file.signUp(), await file.signUp()];
  const end = new AbortController();
  const { signal } = end;
  const names = await exampleNames({ connectionString: file.connectionString, aliceId, bobId, signal });
  const stop = () => {
    end.abort();
    names.database.destroy({ timeoutMillis: 0 });
  };
  const close = async () => {
    names.output.end();
    await Promise.all([names.database.destroy(), names.warehouse.destroy()]);
    await file.admin.query(
      'select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database() and not active',
    );
  };
  return { names, signal, stop, close };
}

test('every example in TypeScript has the types that it needs', { timeout: 120_000 }, async () => {
  const { names, close } = await namesOfOne();
  await close();
  expect(typeErrors(examples, Object.keys(names))).toEqual([]);
});

test('an example that is wrong is found, at its line', () => {
  const wrong = {
    page: 'x.md',
    place: 'x.md:10',
    language: 'ts',
    code: 'const one = 1;\nawait alice.trips.remove(one);\n',
  };
  expect(typeErrors([wrong], ['alice'])).toEqual([
    expect.stringMatching(/^x\.md:11: Property 'remove' does not exist/),
  ]);
});

// Whole test files, which start servers: test/testing runs such.
const isRun = ({ page }: { page: string }) => !/\btesting\.md$/.test(page);

test.each(examples.filter(isRun))('$place runs', { timeout: 60_000 }, async (example) => {
  const { names, signal, stop, close } = await namesOfOne();
  const timer = /\bchanges\(/.test(example.code) ? setTimeout(stop, 1500) : undefined;
  try {
    await runBlock(example, names);
  } catch (error) {
    if (!signal.aborted || !(error instanceof DatabaseError)) throw error;
  } finally {
    clearTimeout(timer);
    await close();
  }
});
