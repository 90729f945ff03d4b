import { Command } from 'commander';
import { committedManifest } from '../../manifest/committed_manifest.ts';
import { compareManifests, describeDifferences } from '../../manifest/compare_manifests.ts';
import { readManifest } from '../../manifest/read_manifest.ts';
import { migrationStatus } from '../../migrations/migration_status.ts';
import { connect } from '../../session/connect.ts';
import { withDevelopmentDatabase } from '../database_url.ts';

/** `wheels-db drift` */
export function driftCommand(): Command {
  const command = new Command('drift')
    .description('Compares the schema of a database with the one that the migrations of this package make.')
    .option('--json', 'the differences as JSON')
    .addHelpText(
      'after',
      `
Examples:
  wheels-db drift
  wheels-db drift --json | jq -r '.differences[].object'

It finds what somebody has edited by hand, what a migration that was edited had done before, and what is in public or private
besides. A line with - is missing there, one with + should not be. Nothing is changed.

Exit code 0 if nothing differs, 1 if something does or the database cannot be read, 2 for a wrong argument.`,
    );
  return withDevelopmentDatabase(command).action(drift);
}

async function drift({ databaseUrl, json = false }: { databaseUrl: string; json?: boolean }): Promise<void> {
  const statuses = await migrationStatus(databaseUrl);
  const client = await connect(databaseUrl);
  const found = await readManifest(client).finally(() => client.end());
  const differences = compareManifests(await committedManifest(), found);
  const pending = statuses.filter(({ state }) => state === 'pending').length;
  const isUnmigrated = pending === statuses.length;
  if (pending > 0) console.error(`${count(pending, 'migration')} pending there: run wheels-db migrate latest.`);
  if (json) console.log(JSON.stringify({ same: differences.length === 0, pending, differences }, undefined, 2));
  else if (isUnmigrated) throw new Error('No migration has run there: what differs is not listed.');
  else if (differences.length > 0) console.log(describeDifferences(differences));
  if (differences.length > 0) {
    const mend = pending > 0 ? 'what is left after migrating is to be mended' : 'mend it';
    throw new Error(
      `The schema differs from that of the migrations in ${count(differences.length, 'object')}: ${mend} by a migration.`,
    );
  }
  if (!json) console.log('The schema is as the migrations make it.');
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
