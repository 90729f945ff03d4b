import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Migration } from 'kysely/migration';
import { needsAnotherPlace } from '../arguments/needs_another_place.ts';
import { migrationsOf } from './migrate.ts';
import { recordedStatements } from './recorded_statements.ts';
import { remembered } from './remembered.ts';

/** A migration as plain SQL: `file` is `20260101000001_0001_platform.sql`. */
export type RenderedMigration = { readonly file: string; readonly text: string };

/**
 * The migrations of this package as SQL, each a file that is one transaction. The same migrations give the same files.
 * Each ends by recording itself as run, so that Kysely has nothing left to do.
 */
export async function renderMigrations(): Promise<RenderedMigration[]> {
  return await Promise.all(
    Object.entries(await migrationsOf()).map(async ([name, migration], index) => ({
      file: `${versionOf(name)}_${name}.sql`,
      text: await rendered(name, migration, index === 0 ? [kyselyTables] : []),
    })),
  );
}

/**
 * Writes those files that are missing into a folder, which is made if it is not there.
 *
 * @returns the names of all files, and of those that were written
 * @throws {Error} if a file that is there has another content, or cannot be read; nothing is written then
 * @throws {ArgumentError} if the folder cannot be made, or is closed
 */
export async function writeRendered(folder: string): Promise<{ files: string[]; written: string[] }> {
  const migrations = await renderMigrations();
  const there = await Promise.all(migrations.map(({ file }) => readIfThere(join(folder, file))));
  const different = migrations.filter(({ text }, index) => there[index] !== undefined && there[index] !== text);
  if (different.length > 0) {
    const names = different.map(({ file }) => file).join(', ');
    throw new Error(
      `${folder} has other text in ${names}: an edit of it, or a migration of another version of this package. Nothing was written: see what differs, and move these files away.`,
    );
  }
  const missing = migrations.filter((_, index) => there[index] === undefined);
  await mkdir(folder, { recursive: true }).catch(needsAnotherPlace(folder));
  for (const { file, text } of missing) {
    const path = join(folder, file);
    await writeFile(path, text, { flag: 'wx' }).catch(needsAnotherPlace(path));
  }
  return { files: migrations.map(({ file }) => file), written: missing.map(({ file }) => file) };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new Error(`${path} cannot be read (${code}). Nothing was written: move it away.`, { cause: error });
  }
}

/** What Supabase orders migrations by: the number of ours, in seconds after this moment. */
const firstVersion = Date.UTC(2026, 0, 1);

function versionOf(name: string): string {
  const moment = new Date(firstVersion + Number.parseInt(name, 10) * 1000);
  return moment.toISOString().replace(/\D/g, '').slice(0, 14);
}

async function rendered(name: string, migration: Migration, before: readonly string[]): Promise<string> {
  const statements = await recordedStatements(remembered(name, migration).up);
  const sections = [
    `-- ${name}, a migration of @wheelsandwins/db: written by wheels-db migrate render, not to be edited.`,
    ...before,
    ...statements.map(asOneStatement),
    `-- Kysely takes it for run.\n${recorded(name)}`,
  ];
  return `${sections.join('\n\n')}\n`;
}

/** As Kysely makes them. */
const kyselyTables = `create table if not exists kysely_migration (
  name varchar(255) not null primary key,
  timestamp varchar(255) not null
);
create table if not exists kysely_migration_lock (
  id varchar(255) not null primary key,
  is_locked integer default 0 not null
);
insert into kysely_migration_lock (id, is_locked) values ('migration_lock', 0) on conflict do nothing;`;

function recorded(name: string): string {
  return `insert into kysely_migration (name, timestamp)
values ('${name}', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));`;
}

/**
 * Supabase's command line sends a file statement by statement, and takes the first `end` after `begin atomic`, also that of
 * a `case`, for the end of the body: in quotes it leaves it alone.
 */
function asOneStatement(text: string): string {
  if (!/\bbegin\s+atomic\b/i.test(text)) return text;
  return `do $migration$\nbegin\nexecute $statements$\n${text}\n$statements$;\nend\n$migration$;`;
}
