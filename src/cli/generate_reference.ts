import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { readSurface } from '../reference/read_surface.ts';
import { referenceText } from '../reference/reference_text.ts';
import { fail } from './fail.ts';

const help = `npm run docs [-- --check]

Writes docs/reference, a page for each repository, from the types and doc comments of what src/index.ts exports.

--check   writes nothing, names the pages that differ, and fails if any does (npm run docs:check)`;

const folder = new URL('../../docs/reference/', import.meta.url);

async function run(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' }, check: { type: 'boolean' } } });
  if (values.help) return console.log(help);
  const expected = referenceText(readSurface());
  if (values.check) return await compare(expected);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [name, text] of expected) await writeFile(new URL(name, folder), text);
}

async function compare(expected: ReadonlyMap<string, string>): Promise<void> {
  const present = await readdir(folder);
  const found = new Map(
    await Promise.all(present.map(async (name) => [name, await readFile(new URL(name, folder), 'utf8')] as const)),
  );
  const names = new Set([...expected.keys(), ...found.keys()]);
  const differing = [...names].filter((name) => expected.get(name) !== found.get(name));
  if (differing.length > 0) throw new Error(`docs/reference differs in ${differing.join(', ')}: run \`npm run docs\`.`);
}

await run().catch(fail);
