import { cp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBackup, sha256Of, writeManifest } from '../../../src/backup/backup_manifest.ts';
import { libpqEnvironment, runProgram } from '../../../src/backup/postgres_program.ts';

/** A copy of a backup whose files are changed, and do not fit each other then. */
export async function damage(
  backup: string,
  copy: string,
  file: string,
  change: (bytes: Buffer) => Buffer,
): Promise<string> {
  await cp(backup, copy, { recursive: true });
  await writeFile(join(copy, file), change(await readFile(join(backup, file))));
  return copy;
}

export function flipOneByte(bytes: Buffer): Buffer {
  const flipped = Buffer.from(bytes);
  const place = Math.floor(bytes.length / 2);
  flipped[place] = (flipped[place] ?? 0) ^ 1;
  return flipped;
}

/** A copy of a backup with another dump, of which the sums know: only what is restored can tell. */
export async function withOtherDump(
  backup: string,
  copy: string,
  connectionString: string,
  ...flags: string[]
): Promise<string> {
  await cp(backup, copy, { recursive: true });
  const dump = join(copy, 'dump');
  await runProgram('pg_dump', ['--format=custom', '--no-owner', ...flags, `--file=${dump}`], {
    env: libpqEnvironment(connectionString),
  });
  const manifest = await readBackup(backup);
  for (const file of ['manifest.json', 'manifest.json.sha256']) await rm(join(copy, file));
  const { size } = await stat(dump);
  await writeManifest(copy, { ...manifest, dump: { bytes: size, sha256: await sha256Of(dump) } });
  return copy;
}
