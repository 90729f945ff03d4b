import { Command } from 'commander';
import { writeBackup } from '../../backup/write_backup.ts';
import { withDatabaseUrl } from '../database_url.ts';
import { progressOf, withQuiet } from '../progress.ts';
import { untilStopped } from '../until_stopped.ts';

/** `wheels-db backup` */
export function backupCommand(): Command {
  const command = new Command('backup')
    .description('Dumps the database into a new folder, with a manifest to prove it by.')
    .argument('<folder>', 'must not exist; only its owner may read what comes into it')
    .option('--json', 'what was written as JSON')
    .addHelpText(
      'after',
      `
Example:
  wheels-db backup /var/backups/wheels/$(date +%F)

The folder has its name once all is written. It needs pg_dump of the server's version or newer on PATH, and a role that row
level security cannot filter. The manifest holds the schema and, for each table, the number of rows and a hash, all at the
snapshot of the dump. It holds no roles: those belong to the server.`,
    );
  return withQuiet(withDatabaseUrl(command)).action(backup);
}

type Options = { databaseUrl: string; json?: boolean; quiet?: boolean };

async function backup(folder: string, { databaseUrl, json, quiet }: Options): Promise<void> {
  const began = performance.now();
  const { taken_at, dump, tables } = await untilStopped((signal) =>
    writeBackup(databaseUrl, folder, { signal, progress: progressOf({ quiet }) }),
  );
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const seconds = Math.round(performance.now() - began) / 1000;
  console.log(
    json
      ? JSON.stringify({
          folder,
          taken_at,
          tables: tables.length,
          rows,
          bytes: dump.bytes,
          sha256: dump.sha256,
          seconds,
        })
      : `${folder}: ${rows} rows of ${tables.length} tables as of ${taken_at}, ${dump.bytes} bytes, in ${seconds} s.`,
  );
}
