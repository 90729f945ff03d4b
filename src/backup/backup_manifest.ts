import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { ArgumentError } from '../arguments/argument_error.ts';

export const dumpFile = 'dump';
export const manifestFile = 'manifest.json';
const manifestSumFile = 'manifest.json.sha256';

const manifestSchema = z.strictObject({
  format: z.literal(1),
  /** When the snapshot was taken, by the server's clock. */
  taken_at: z.iso.datetime(),
  server_version: z.string(),
  pg_dump_version: z.string(),
  dump: z.strictObject({ bytes: z.int(), sha256: z.string() }),
  /** Those that are granted something; a dump does not hold them. */
  roles: z.array(z.string()).readonly(),
  tables: z.array(
    z.strictObject({ table: z.string(), columns: z.array(z.string()).readonly(), rows: z.int(), hash: z.string() }),
  ),
  sequences: z.array(z.strictObject({ sequence: z.string(), last_value: z.string() })),
  schema: z.array(z.strictObject({ object: z.string(), lines: z.array(z.string()).readonly() })),
});

/** What a backup's `manifest.json` says: all of it was read at the snapshot of the dump. */
export type BackupManifest = z.infer<typeof manifestSchema>;

/** Writes a manifest and its sum into the folder of a backup, down to the disk. */
export async function writeManifest(directory: string, manifest: BackupManifest): Promise<void> {
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  const sum = createHash('sha256').update(text).digest('hex');
  await writeThrough(join(directory, manifestFile), text);
  await writeThrough(join(directory, manifestSumFile), `${sum}  ${manifestFile}\n`);
}

async function writeThrough(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Reads the manifest of a backup, and every byte of its dump against it.
 *
 * @throws {ArgumentError} if the folder holds no backup
 * @throws {Error} one line if it holds one that is not what was written
 */
export async function readBackup(directory: string, signal?: AbortSignal): Promise<BackupManifest> {
  const manifest = await readManifestFile(directory);
  const path = join(directory, dumpFile);
  const { size } = await stat(path).catch(() => ({ size: undefined }));
  if (size === undefined) throw new Error(`${directory} has no ${dumpFile}: restore an older backup.`);
  const { bytes, sha256 } = manifest.dump;
  if (size !== bytes) {
    throw new Error(`${path} has ${size} bytes, not the ${bytes} that were written: restore an older backup.`);
  }
  if ((await sha256Of(path, signal)) !== sha256) {
    throw new Error(`${path} is damaged: its SHA-256 is not the manifest's. Restore an older backup.`);
  }
  return manifest;
}

async function readManifestFile(directory: string): Promise<BackupManifest> {
  const path = join(directory, manifestFile);
  const [text, sum] = await Promise.all(
    [manifestFile, manifestSumFile].map((file) => readFile(join(directory, file)).catch(() => undefined)),
  );
  if (!text || !sum) {
    throw new ArgumentError(`${directory} is no backup: it lacks ${text ? manifestSumFile : manifestFile}.`);
  }
  if (sum.toString() !== `${createHash('sha256').update(text).digest('hex')}  ${manifestFile}\n`) {
    throw new Error(`${path} is damaged: its SHA-256 is not what ${manifestSumFile} says. Restore an older backup.`);
  }
  const parsed = manifestSchema.safeParse(JSON.parse(text.toString()));
  if (!parsed.success) throw new Error(`${path} is of another version of wheels-db: restore it with that version.`);
  return parsed.data;
}

/** The SHA-256 of a file, in hexadecimal. */
export async function sha256Of(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}
