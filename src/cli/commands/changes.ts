import { once } from 'node:events';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Change, SeenChange } from '../../changes/change.ts';
import type { ChangeFeed } from '../../changes/change_feed.ts';
import { isPublished, type PublishedTable, publishedTables } from '../../changes/published.ts';
import { createDatabase } from '../../database.ts';
import { ChangesLostError } from '../../types/errors.ts';
import { isUuid } from '../../types/uuid.ts';
import { withDatabaseUrl } from '../database_url.ts';
import { stopSignal } from '../stop_signal.ts';

type Options = {
  databaseUrl: string;
  tables?: PublishedTable[];
  slot?: string;
  create?: 'snapshot' | 'now';
  as?: string;
  json?: boolean;
};

/** `wheels-db changes` */
export function changesCommand(): Command {
  const command = new Command('changes')
    .description('Prints committed changes as they come, until Ctrl-C.')
    .option('-f, --follow', 'as tail has it; changes are always followed')
    .option('--tables <names>', `of these tables only: ${publishedTables.join(',')}`, readTables)
    .option('--slot <name>', 'a replication slot: what was committed since it was last followed comes first')
    .addOption(
      new Option('--create <what>', 'if the slot is missing make it: from now on, or with all rows first').choices([
        'snapshot',
        'now',
      ]),
    )
    .addOption(
      new Option('--as <user id>', 'only what this user may see').argParser(readUser).conflicts(['slot', 'create']),
    )
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  wheels-db changes --follow
  wheels-db changes --tables expenses,trips --json | jq .row
  wheels-db changes --slot search_index --create snapshot --json >> posts.jsonl

A transaction that was printed whole is confirmed, and does not come again. A slot that nobody follows makes the server keep its
log: drop it with  select pg_drop_replication_slot('search_index').`,
    );
  return withDatabaseUrl(command).action(follow);
}

async function follow(options: Options, command: Command): Promise<void> {
  const { databaseUrl, tables, slot, create, as, json = false } = options;
  if (create && !slot) command.error('error: --create needs --slot', { exitCode: 2 });
  const database = createDatabase({ connectionString: databaseUrl, max: 1 });
  const stop = new AbortController();
  const stopped = stopSignal();
  void stopped.then(() => stop.abort());
  try {
    const what = { signal: stop.signal, ...(tables && { tables }) };
    const changes: ChangeFeed<Change> | ChangeFeed<SeenChange> =
      as === undefined
        ? database.changes(slot ? { ...what, slot, create } : what)
        : database.asUser({ sub: as }).changes(what);
    await changes.ready();
    console.error('Following changes. Ctrl-C ends it.');
    for await (const change of changes) {
      const line = json ? JSON.stringify(change) : describe(change);
      if (!process.stdout.write(`${line}\n`)) await Promise.race([once(process.stdout, 'drain'), stopped]);
    }
  } catch (error) {
    throw error instanceof ChangesLostError ? new Error(withFlags(error.message)) : error;
  } finally {
    await database.destroy();
  }
  throw await stopped;
}

/** What the library calls `create: 'snapshot'` is a flag here. */
function withFlags(message: string): string {
  return message.replaceAll(/create: '(\w+)'/g, '--create $1');
}

function readUser(id: string): string {
  if (isUuid(id)) return id;
  throw new InvalidArgumentError("It must be a user's id (a uuid).");
}

function readTables(text: string): PublishedTable[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !isPublished(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`"${unknown}" is not one of ${publishedTables.join(', ')}.`);
  return names.filter(isPublished);
}

/** One line: when, what, which row and what it holds, as much as the terminal is wide. */
function describe({ commit_time, operation, table, row, old }: Change | SeenChange): string {
  const { id, user_id, ...values } = row ?? old ?? { id: '', user_id: '' };
  const time = commit_time?.toISOString() ?? 'before               ';
  const content = row === null ? '' : ` ${JSON.stringify(values)}`;
  const line = `${time} ${operation.padEnd(8)} ${table} ${id}${user_id && ` of ${user_id}`}${content}`;
  const { columns } = process.stdout;
  return columns && line.length > columns ? `${line.slice(0, columns - 1)}…` : line;
}
