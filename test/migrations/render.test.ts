import { mkdir, mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { migrate } from '../../src/migrations/migrate.ts';
import { migrationStatus } from '../../src/migrations/migration_status.ts';
import { recordedStatements } from '../../src/migrations/recorded_statements.ts';
import { type RenderedMigration, renderMigrations, writeRendered } from '../../src/migrations/render_migrations.ts';
import { type ClonedDatabase, cloneDatabase } from '../../src/testing/template_database.ts';
import { catalogOf } from './support/catalog.ts';
import { privateServer } from './support/private_server.ts';
import { createSupabaseDatabase, createSupabaseRoles, type SupabaseDatabase } from './support/supabase.ts';

const server = { connectionString: inject('connectionString') };
const rendered = await renderMigrations();

/** How a file is sent: as one text, or statement by statement, as Supabase's command line does it. */
type Way = (client: pg.Client, text: string) => Promise<unknown>;

const asOneText: Way = (client, text) => client.query(text);

const statementByStatement: Way = async (client, text) => {
  await client.query('begin');
  // A named one is sent by the extended protocol, which takes no two at once.
  for (const [place, statement] of split(text).entries()) {
    await client.query({ name: `${text.length}_${place}`, text: statement });
  }
  await client.query('commit');
};

/** At each semicolon outside of comments, quotes, dollar quotes and parentheses; of `begin atomic` it knows nothing. */
function split(text: string): string[] {
  const statements = [''];
  let depth = 0;
  for (const [token] of text.matchAll(/--.*|\/\*.*?\*\/|'(?:[^']|'')*'|"[^"]*"|\$(\w*)\$[\s\S]*?\$\1\$|[\s\S]/g)) {
    if (token === '(') depth += 1;
    if (token === ')') depth -= 1;
    statements.push(token === ';' && depth === 0 ? '' : `${statements.pop()}${token}`);
  }
  return statements.filter((statement) => statement.trim() !== '');
}

async function run(connectionString: string, way: Way, files: readonly RenderedMigration[]): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    for (const { text } of files) await way(client, text);
  } finally {
    await client.end();
  }
}

async function expectNothingLeft(connectionString: string): Promise<void> {
  expect((await migrationStatus(connectionString)).map(({ state }) => state)).toEqual(rendered.map(() => 'executed'));
  expect(await migrate(connectionString, 'latest')).toEqual([]);
}

describe('on a bare Postgres', () => {
  const databases: ClonedDatabase[] = [];
  const empty = async () => {
    const database = await cloneDatabase(server, 'template0');
    databases.push(database);
    return database.connectionString;
  };

  afterEach(async () => {
    for (const database of databases.splice(0)) await database.drop();
  });

  test.each([
    ['one text', asOneText],
    ['its statements', statementByStatement],
  ])('each file, sent as %s, does what the migration does, and Kysely has nothing left to do', async (_, way) => {
    const migrated = await cloneDatabase(server, inject('template'));
    databases.push(migrated);
    const connectionString = await empty();
    await run(connectionString, way, rendered);
    expect(await catalogOf(connectionString)).toBe(await catalogOf(migrated.connectionString));
    await expectNothingLeft(connectionString);
  });

  test('Kysely goes on where the files have stopped, and takes all back', async () => {
    const connectionString = await empty();
    const before = await catalogOf(connectionString);
    await run(connectionString, asOneText, rendered.slice(0, 5));
    expect((await migrate(connectionString, 'latest'))[0]).toMatch(/^0006_/);
    await migrate(connectionString, 'nothing');
    expect(await catalogOf(connectionString)).toBe(before);
  });

  test('a file that has run does not run again', async () => {
    const connectionString = await empty();
    await run(connectionString, asOneText, rendered.slice(0, 3));
    const before = await catalogOf(connectionString);
    await expect(run(connectionString, asOneText, rendered.slice(2, 3))).rejects.toThrow(/already exists/);
    expect(await catalogOf(connectionString)).toBe(before);
  });
});

describe('on Supabase', () => {
  const supabase = privateServer();
  let pushed: SupabaseDatabase;
  let migrated: SupabaseDatabase;

  beforeAll(async () => {
    await createSupabaseRoles(supabase);
    pushed = await createSupabaseDatabase(supabase, 'everything');
    migrated = await createSupabaseDatabase(supabase, 'everything');
  });

  afterAll(async () => {
    await pushed?.drop();
    await migrated?.drop();
  });

  test('the files give the same objects, with the same privileges, as the migrations', async () => {
    await run(pushed.connectionStringOf('supabase_migrator'), statementByStatement, rendered);
    await migrate(migrated.connectionStringOf('supabase_migrator'), 'latest');
    expect(await catalogOf(pushed.connectionString)).toBe(await catalogOf(migrated.connectionString));
    await expectNothingLeft(pushed.connectionStringOf('supabase_migrator'));
  });
});

describe('the files', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rendered-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  test('are the same each time, in the order of the migrations, with one version each', async () => {
    expect(await renderMigrations()).toEqual(rendered);
    const names = rendered.map(({ file }) => file);
    expect(names.slice(0, 2)).toEqual(['20260101000001_0001_platform.sql', '20260101000002_0002_value_rules.sql']);
    expect(names).toEqual(names.toSorted());
    expect(new Set(names.map((name) => name.slice(0, 14))).size).toBe(names.length);
  });

  test('are written once: what is missing comes, what is there stays', async () => {
    const target = join(folder, 'supabase', 'migrations');
    const first = await writeRendered(target);
    expect(first.written).toEqual(rendered.map(({ file }) => file));
    const [one = '', other = ''] = first.files;
    await unlink(join(target, one));
    await writeFile(join(target, '20260301000000_ours.sql'), 'select 1');
    expect((await writeRendered(target)).written).toEqual([one]);
    expect(await readFile(join(target, other), 'utf8')).toBe(rendered[1]?.text);
    expect(await readdir(target)).toHaveLength(rendered.length + 1);
  });

  test('are left alone if one differs', async () => {
    const file = rendered[2]?.file ?? '';
    await writeFile(join(folder, file), 'select 1');
    await expect(writeRendered(folder)).rejects.toThrow(`has other text in ${file}:`);
    expect(await readdir(folder)).toEqual([file]);
  });

  test('are left alone if one cannot be read', async () => {
    const file = rendered[2]?.file ?? '';
    await mkdir(join(folder, file));
    await expect(writeRendered(folder)).rejects.toThrow(
      `${join(folder, file)} cannot be read (EISDIR). Nothing was written: move it away.`,
    );
    expect(await readdir(folder)).toEqual([file]);
  });
});

describe('a migration is not rendered', () => {
  test('that reads from the database', async () => {
    await expect(
      recordedStatements(async (db) => {
        const { rows } = await sql<{ n: number }>`select 1 as n`.execute(db);
        if (rows.length > 0) await sql`select 2`.execute(db);
      }),
    ).rejects.toThrow('A migration reads from the database, and cannot be rendered: decide in a do block.');
  });

  test('that sends values', async () => {
    await expect(
      recordedStatements(async (db) => {
        await sql`select ${1}`.execute(db);
      }),
    ).rejects.toThrow('A migration sends values beside its SQL, and cannot be rendered: write them with sql.lit.');
  });
});
