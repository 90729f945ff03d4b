import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { needsAnotherPlace } from '../../arguments/needs_another_place.ts';
import { committedManifest } from '../../manifest/committed_manifest.ts';
import { runCodegen } from '../codegen.ts';
import { withDevelopmentDatabase } from '../database_url.ts';

/** `wheels-db types` */
export function typesCommand(): Command {
  const command = new Command('types')
    .description("Writes Kysely's types for the tables that your project has in public beside those of this package.")
    .option('--out <file>', 'write the file instead of printing it')
    .addHelpText(
      'after',
      `
Examples:
  wheels-db types --out src/own_tables.ts

  import type { DB } from './own_tables.ts';
  const { kysely } = database.asUser({ sub: userId });
  await kysely.withTables<DB>().selectFrom('bookings').selectAll().execute();

The tables of this package have better types in the package itself, which sessions have already. It runs the kysely-codegen
of the project in the current folder, with dates as strings, as this package has them.`,
    );
  return withDevelopmentDatabase(command).action(types);
}

async function types({ databaseUrl, out }: { databaseUrl: string; out?: string }): Promise<void> {
  const text = await ownTypes(databaseUrl);
  if (out === undefined) process.stdout.write(text);
  else await writeFile(resolve(out), text).catch(needsAnotherPlace(out));
}

async function ownTypes(connectionString: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'wheels-types-'));
  try {
    const outFile = join(folder, 'types.ts');
    const configuration = {
      dialect: 'postgres',
      dateParser: 'string',
      typeOnlyImports: true,
      includePattern: 'public.*',
      excludePattern: `public.{${[...(await relationsOfOurs()), 'kysely_migration', 'kysely_migration_lock']}}`,
      outFile,
    };
    const file = join(folder, 'kysely-codegen.json');
    await writeFile(file, JSON.stringify(configuration));
    const { status, stderr, tables } = runCodegen(process.cwd(), connectionString, [
      '--config-file',
      file,
      '--log-level',
      'info',
    ]);
    if (status !== 0) throw new Error(`kysely-codegen failed: ${stderr.trim()}`);
    if (tables === 0) throw new Error('There is no table in public but those of this package, whose types are in it.');
    // `withTables` takes no interface.
    return (await readFile(outFile, 'utf8')).replace(/export interface DB (\{[^}]*\})/, 'export type DB = $1;');
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function relationsOfOurs(): Promise<string[]> {
  return (await committedManifest()).flatMap(({ object }) => /^(?:table|view) public\.(\w+)$/.exec(object)?.[1] ?? []);
}
