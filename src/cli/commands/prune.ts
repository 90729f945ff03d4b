import { Command, InvalidArgumentError, Option } from 'commander';
import { createDatabase, type ServiceSession } from '../../database.ts';
import type { Pruned, PruneOptions } from '../../retention/batches.ts';
import { pruneConversations } from '../../retention/prune_conversations.ts';
import { pruneFeedback } from '../../retention/prune_feedback.ts';
import { withDatabaseUrl } from '../database_url.ts';
import { progressOf, withQuiet } from '../progress.ts';
import { untilStopped } from '../until_stopped.ts';

type Options = {
  databaseUrl: string;
  olderThan: Date;
  batch: number;
  dryRun?: boolean;
  json?: boolean;
  quiet?: boolean;
};

/** `wheels-db prune`, with a subcommand for each kind of what grows old. */
export function pruneCommand(): Command {
  const command = new Command('prune')
    .description('Archives or deletes what is old, in short transactions, while the platform runs.')
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  wheels-db prune conversations --older-than 365d --archive --dry-run
  wheels-db prune conversations --older-than 730d --delete
  wheels-db prune feedback --older-than 730d`,
    );
  addConversations(command);
  addFeedback(command);
  return command;
}

function addConversations(command: Command): void {
  withPruning(command.command('conversations'))
    .description("Archives or deletes everybody's conversations with PAM in which nothing has happened for so long.")
    .addOption(new Option('--archive', 'set them aside').conflicts('delete'))
    .option('--delete', 'delete them, archived or not, with their messages and feedback')
    .addHelpText(
      'after',
      `
Something happens in a conversation when somebody says something, rates a message, archives it or takes it back, or when
PAM's context changes. One in which that happens at this moment is left for the next time.`,
    )
    .action(async (options: Options & { archive?: boolean; delete?: boolean }, called: Command) => {
      if (!options.archive && !options.delete) called.error('error: give --archive or --delete', { exitCode: 2 });
      const deed = options.delete ? 'delete' : 'archive';
      await prune(options, { thing: 'conversations', deed }, (service, pruning) =>
        pruneConversations(service, { ...pruning, deed }),
      );
    });
}

function addFeedback(command: Command): void {
  withPruning(command.command('feedback'))
    .description("Deletes everybody's feedback that was given, and last changed, so long ago. The messages stay.")
    .action(async (options: Options) => {
      await prune(options, { thing: 'feedback', deed: 'delete' }, pruneFeedback);
    });
}

function withPruning(command: Command): Command {
  return withQuiet(withDatabaseUrl(command))
    .requiredOption('--older-than <days>', 'such as 365d', readAge)
    .option('--batch <rows>', 'how many are looked at in one transaction', readBatch, 1000)
    .option('--dry-run', 'count, and change nothing')
    .option('--json', 'what was done as JSON');
}

type Work = { readonly thing: 'conversations' | 'feedback'; readonly deed: 'archive' | 'delete' };

async function prune(
  { databaseUrl, olderThan: before, batch, dryRun = false, json, quiet }: Options,
  { thing, deed }: Work,
  run: (service: ServiceSession, pruning: PruneOptions) => Promise<Pruned>,
): Promise<void> {
  const database = createDatabase({ connectionString: databaseUrl, max: 1, lockTimeoutMillis: 5_000 });
  const done = `${dryRun ? 'would be ' : ''}${deed}d`;
  const describe = ({ looked_at, pruned }: Omit<Pruned, 'complete'>) => `${thing}: ${pruned} of ${looked_at} ${done}`;
  try {
    await untilStopped(async (signal) => {
      const say = progressOf({ quiet });
      const progress: PruneOptions['progress'] = ({ looked_at, pruned }) =>
        say(`${thing}: ${looked_at} looked at so far, ${pruned} of them ${done}`);
      const pruned = await run(database.asService(), { before, batch, dryRun, signal, progress });
      if (json) console.log(JSON.stringify({ [thing]: deed, before, dry_run: dryRun, ...pruned }));
      else console.log(`${describe(pruned)}${pruned.complete ? '' : ', then stopped: run it again to go on'}.`);
      if (!pruned.complete) signal.throwIfAborted();
    });
  } finally {
    await database.destroy();
  }
}

function readAge(text: string): Date {
  const days = Number(/^(\d{1,5})d$/.exec(text)?.[1] ?? 0);
  if (days === 0) throw new InvalidArgumentError('It must be a number of days, such as 365d.');
  return new Date(Date.now() - days * 86_400_000);
}

function readBatch(text: string): number {
  const rows = Number(text);
  if (Number.isInteger(rows) && rows >= 1 && rows <= 10_000) return rows;
  throw new InvalidArgumentError('It must be a number from 1 to 10000.');
}
