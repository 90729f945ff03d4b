import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { parseText } from './manifest_text.ts';
import type { ManifestEntry } from './read_manifest.ts';

/** `docs/manifest.txt`, which the package brings along. */
export const manifestFile = new URL(
  'docs/manifest.txt',
  pathToFileURL(createRequire(import.meta.url).resolve('@wheelsandwins/db/package.json')),
);

/** The schema that the migrations of this package make. */
export async function committedManifest(): Promise<ManifestEntry[]> {
  return parseText(await readFile(manifestFile, 'utf8'));
}
