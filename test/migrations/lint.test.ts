import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Kysely, PostgresDialect } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { migrationFolder, migratorProps } from '../../src/migrations/migrate.ts';
import { type ClonedDatabase, cloneDatabase } from '../../src/testing/template_database.ts';

const squawk = fileURLToPath(new URL('../../node_modules/squawk-cli/js/bin/squawk', import.meta.url));

const exceptions = [
  // The connection that migrates has one; https://www.postgresql.org/docs/current/runtime-config-client.html advises against
  // the other for all statements, and the backfill of existing accounts takes its time.
  'require-lock-timeout',
  'require-statement-timeout',
  // Years, versions and counts, which checks bound; the specification's varchar.
  'prefer-bigint-over-int',
  'prefer-text-field',
  // The domain lists currencies, of which none is taken away.
  'ban-create-domain-with-constraint',
];
/** Up to here tables are those of no release, without rows to be locked or rewritten. */
const firstRelease = '0023_accounts';
const ofEmptyTables = [
  'require-concurrent-index-creation',
  'require-concurrent-index-deletion',
  'adding-field-with-default',
];

let database: ClonedDatabase;
let folder: string;

beforeEach(async () => {
  database = await cloneDatabase({ connectionString: inject('connectionString') }, 'template0');
  folder = await mkdtemp(join(tmpdir(), 'migrations-'));
});

afterEach(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

/** Runs the migrations, and writes what each sends to the server into a file of its name. */
async function writeStatements(): Promise<string[]> {
  let statements: string[] = [];
  const pool = new pg.Pool({ connectionString: database.connectionString, max: 1 });
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query }) => void statements.push(`${query.sql.trim().replace(/;$/, '')};`),
  });
  try {
    const { provider, ...props } = migratorProps(db, migrationFolder);
    const migrations = await provider.getMigrations();
    const written = ([name, migration]: [string, Migration]): [string, Migration] => {
      const up = async (transaction: Kysely<unknown>) => {
        statements = [];
        await migration.up(transaction);
        await writeFile(join(folder, `${name}.sql`), statements.join('\n\n'));
      };
      return [name, { ...migration, up }];
    };
    const getMigrations = async () => Object.fromEntries(Object.entries(migrations).map(written));
    const { error } = await new Migrator({ ...props, provider: { getMigrations } }).migrateToLatest();
    if (error) throw error;
    return Object.keys(migrations).sort();
  } finally {
    await db.destroy();
  }
}

/** What squawk warns of: `0024_name.sql:3:4: warning: rule …`, a line each. */
async function warnings(names: string[], excluded: string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const files = names.map((name) => join(folder, `${name}.sql`));
  const flags = ['--pg-version=15.0', '--assume-in-transaction', '--reporter=gcc', `--exclude=${excluded.join()}`];
  const output = await new Promise<string>((resolve, reject) => {
    // It exits with 1 if there are any.
    execFile(squawk, [...flags, ...files], (error, stdout, stderr) =>
      error && error.code !== 1 ? reject(new Error(stderr)) : resolve(stdout),
    );
  });
  return output.split('\n').filter((line) => /(warning|error): /.test(line));
}

test('no migration does what squawk warns of', async () => {
  const names = await writeStatements();
  expect(names).toContain(firstRelease);
  const isEarly = (name: string) => name <= firstRelease;
  expect(await warnings(names.filter(isEarly), [...exceptions, ...ofEmptyTables])).toEqual([]);
  expect(
    await warnings(
      names.filter((name) => !isEarly(name)),
      exceptions,
    ),
  ).toEqual([]);
});

describe('squawk warns of', () => {
  test.each([
    ['adding-required-field', 'alter table trips add column extra integer not null;'],
    ['changing-column-type', 'alter table trips alter column version type bigint;'],
    ['renaming-column', 'alter table trips rename column name to title;'],
    ['adding-foreign-key-constraint', 'alter table trips add constraint extra foreign key (id) references posts (id);'],
    ['constraint-missing-not-valid', 'alter table trips add constraint extra check (version > 0);'],
    ['ban-drop-column', 'alter table trips drop column name;'],
    ['adding-not-nullable-field', 'alter table trips alter column description set not null;'],
    ['require-concurrent-index-creation', 'create index extra on trips (name);'],
  ])('%s', async (rule, statement) => {
    await writeFile(join(folder, '9999_extra.sql'), statement);
    expect((await warnings(['9999_extra'], exceptions)).join('\n')).toContain(`: ${rule} `);
  });
});
