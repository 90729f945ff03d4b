import type { Client } from 'pg';
import { compareManifests, describeDifferences } from '../manifest/compare_manifests.ts';
import { readManifestWithin } from '../manifest/read_manifest.ts';
import type { BackupManifest } from './backup_manifest.ts';
import { asPrintedNow } from './reparsed_text.ts';
import { listTables, readSequences, readTable, settleSession } from './table_content.ts';
import type { WorkOptions } from './write_backup.ts';

/** In what a database is not what a backup's manifest says, as lines for people; nothing if it is. */
export type ContentDifferences = {
  readonly rows: readonly string[];
  readonly sequences: readonly string[];
  readonly schema: readonly string[];
};

/** Counts and hashes the tables of a database, reads its schema and its sequences, and compares them with a manifest. */
export async function compareContent(
  client: Client,
  manifest: BackupManifest,
  { progress }: Pick<WorkOptions, 'progress'> = {},
): Promise<ContentDifferences> {
  await client.query('begin isolation level repeatable read read only');
  try {
    await settleSession(client);
    const rows = await differentTables(client, manifest, progress);
    const sequences = await sequencesBehind(client, manifest);
    const schema = await readManifestWithin(client);
    await client.query('rollback');
    const expected = await asPrintedNow(client, manifest.schema, schema);
    const differences = compareManifests(expected, schema);
    return { rows, sequences, schema: differences.map((difference) => describeDifferences([difference])) };
  } finally {
    await client.query('rollback');
  }
}

async function differentTables(
  client: Client,
  { tables }: BackupManifest,
  progress: WorkOptions['progress'],
): Promise<string[]> {
  const present = await listTables(client);
  const different: string[] = [];
  for (const expected of tables) {
    const { table, columns } = expected;
    const has = present.find((other) => other.table === table)?.columns;
    const lacking = columns.filter((column) => !has?.includes(column));
    if (!has) different.push(`${table} is missing`);
    else if (lacking.length > 0) different.push(`${table} lacks the columns ${lacking.join(', ')}`);
    else {
      const { rows, hash } = await readTable(client, { table, columns });
      progress?.(`compared ${table}: ${rows} rows`);
      if (rows !== expected.rows) different.push(`${table} has ${rows} rows, not ${expected.rows}`);
      else if (hash !== expected.hash) different.push(`${table} has ${rows} rows as expected, but with other content`);
    }
  }
  return different;
}

/** A sequence may be ahead, as no snapshot holds it. One that is behind gives a number twice. */
async function sequencesBehind(client: Client, { sequences }: BackupManifest): Promise<string[]> {
  const present = new Map((await readSequences(client)).map(({ sequence, last_value }) => [sequence, last_value]));
  return sequences.flatMap(({ sequence, last_value }) => {
    const found = present.get(sequence);
    if (found === undefined) return [`${sequence} is missing`];
    return BigInt(found) < BigInt(last_value) ? [`${sequence} stands at ${found}, behind ${last_value}`] : [];
  });
}

/** All differences, rows first. */
export function describeContent({ rows, sequences, schema }: ContentDifferences): string[] {
  return [...rows, ...sequences, ...schema];
}
