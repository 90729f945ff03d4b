import { type Command, Option } from 'commander';
import { ArgumentError } from '../arguments/argument_error.ts';
import { clientFor, connect } from '../session/connect.ts';
import { ConfigurationError } from '../types/errors.ts';
import { requireMeant, runningDevelopmentDatabase } from './connection_string.ts';

/** Gives a command the option that says which database it is for. It runs once that has answered. */
export function withDatabaseUrl(command: Command): Command {
  return withOption(command)
    .hook('preAction', (_, called) => {
      if (!called.opts().databaseUrl) refuse(called, 'set DATABASE_URL, or give --database-url');
    })
    .hook('preAction', requireDatabase);
}

/** The same for a command of daily development: where none is named, it goes to the database of `npm run db:start`. */
export function withDevelopmentDatabase(command: Command): Command {
  return withOption(command).hook('preAction', findDatabase).hook('preAction', requireDatabase);
}

/**
 * The same for one that changes data, which on another machine needs the database's name once more, as `--yes`.
 *
 * @param deed what it does there: `wheels-db reset deletes all data of`
 */
export function withMeantDatabase(command: Command, deed: string): Command {
  return withOption(command)
    .option('--yes <database>', 'the name of the database, if it is on another machine')
    .hook('preAction', findDatabase)
    .hook('preAction', (_, called) => {
      const { databaseUrl, yes } = called.opts();
      requireWellFormed(databaseUrl, sourceOf(called));
      requireMeant(databaseUrl, deed, yes);
    })
    .hook('preAction', requireDatabase);
}

/**
 * Connects and hangs up again.
 *
 * @param source where the connection string came from, for messages: `--server-url`
 * @throws {ArgumentError} if it is malformed; as `connect` if there is no such database. No secret is in the message.
 */
export async function requireAnswer(connectionString: string, source: string): Promise<void> {
  requireWellFormed(connectionString, source);
  await (await connect(connectionString, source)).end();
}

function requireWellFormed(connectionString: string, source: string): void {
  try {
    clientFor(connectionString, source);
  } catch (error) {
    throw error instanceof ConfigurationError ? new ArgumentError(error.message) : error;
  }
}

async function findDatabase(_: Command, called: Command): Promise<void> {
  if (called.opts().databaseUrl) return;
  const found = await runningDevelopmentDatabase();
  if (!found)
    refuse(called, 'set DATABASE_URL, give --database-url, or, in a clone of the repository, run npm run db:start');
  called.setOptionValue('databaseUrl', found);
}

async function requireDatabase(_: Command, called: Command): Promise<void> {
  await requireAnswer(called.opts().databaseUrl, sourceOf(called));
}

function refuse(called: Command, remedy: string): never {
  called.error(`error: no database: ${remedy}`, { exitCode: 2 });
}

function sourceOf(called: Command): string {
  return called.getOptionValueSource('databaseUrl') === 'cli' ? '--database-url' : 'DATABASE_URL';
}

function withOption(command: Command): Command {
  const option = new Option('--database-url <url>', 'postgres://user:password@host:5432/database');
  return command.addOption(option.env('DATABASE_URL'));
}
