import { Command } from 'commander';
import { describeContent } from '../../backup/compare_content.ts';
import { restoreBackup } from '../../backup/restore_backup.ts';
import { withDatabaseUrl } from '../database_url.ts';
import { progressOf, withQuiet } from '../progress.ts';
import { untilStopped } from '../until_stopped.ts';

/** `wheels-db restore` */
export function restoreCommand(): Command {
  const command = new Command('restore')
    .description('Restores a backup into an empty database, and compares what is there then with its manifest.')
    .argument('<folder>', 'what wheels-db backup made')
    .option('--replace', 'drop what is there in public and private, and the accounts: they are lost')
    .option('--json', 'what was restored as JSON')
    .addHelpText(
      'after',
      `
Examples:
  wheels-db restore /var/backups/wheels/2026-12-01 --database-url postgres://postgres@localhost/wheels_restored

All of it is one transaction: the database has everything or is as it was. The role of the connection string will own it,
as the role that migrates does. On a new project of Supabase its schema auth stays, and gets the accounts.`,
    );
  return withQuiet(withDatabaseUrl(command)).action(restore);
}

type Options = { databaseUrl: string; replace?: boolean; json?: boolean; quiet?: boolean };

async function restore(folder: string, { databaseUrl, replace = false, json, quiet }: Options): Promise<void> {
  const began = performance.now();
  const { manifest, differences } = await untilStopped((signal) =>
    restoreBackup(folder, databaseUrl, { replace, signal, progress: progressOf({ quiet }) }),
  );
  const seconds = Math.round(performance.now() - began) / 1000;
  const lines = describeContent(differences);
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  if (json) {
    const { taken_at, tables } = manifest;
    console.log(
      JSON.stringify({ same: lines.length === 0, taken_at, tables: tables.length, rows, seconds, differences }),
    );
  }
  if (lines.length > 0) {
    throw new Error(`What was restored is not what was backed up:\n${lines.join('\n')}`);
  }
  if (!json) {
    console.log(
      `${rows} rows of ${manifest.tables.length} tables as of ${manifest.taken_at}, all as backed up, in ${seconds} s.`,
    );
  }
}
