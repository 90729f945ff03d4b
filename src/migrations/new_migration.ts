import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError } from '../arguments/argument_error.ts';
import { needsAnotherPlace } from '../arguments/needs_another_place.ts';

/**
 * Writes the next migration of a folder, such as `migrations/0024_trip_photos.ts`.
 *
 * @returns the path of the file
 * @throws {ArgumentError} if there is no such folder, or it is closed
 */
export async function writeNewMigration(folder: string, name: string): Promise<string> {
  const files = await readdir(folder).catch(() => {
    throw new ArgumentError(`There is no folder ${folder}: name the one of the migrations with --folder.`);
  });
  const numbers = files.map((file) => Number(/^(\d{4})_.*\.ts$/.exec(file)?.[1] ?? 0));
  const path = join(folder, `${String(Math.max(0, ...numbers) + 1).padStart(4, '0')}_${name}.ts`);
  await writeFile(path, template, { flag: 'wx' }).catch(needsAnotherPlace(path));
  return path;
}

const template = `import { type Kysely, sql } from 'kysely';

/** What this is for, and why it is as it is. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql\`
    -- All pending migrations are one transaction. What depends on the database is decided in a do block.
  \`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql\`
    -- Drop what up made, in the opposite order.
  \`.execute(db);
}
`;
