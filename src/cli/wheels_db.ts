#!/usr/bin/env node
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { ArgumentError } from '../arguments/argument_error.ts';
import { clientFor } from '../session/connect.ts';
import { isLackOfRight, lackingRight } from '../session/lacking_right.ts';
import { ValidationError } from '../types/errors.ts';
import { backupCommand } from './commands/backup.ts';
import { changesCommand } from './commands/changes.ts';
import { driftCommand } from './commands/drift.ts';
import { drillCommand } from './commands/drill.ts';
import { explainCommand } from './commands/explain.ts';
import { inspectCommand } from './commands/inspect.ts';
import { migrateCommand } from './commands/migrate.ts';
import { newCommand } from './commands/new.ts';
import { pruneCommand } from './commands/prune.ts';
import { resetCommand } from './commands/reset.ts';
import { restoreCommand } from './commands/restore.ts';
import { seedCommand } from './commands/seed.ts';
import { typesCommand } from './commands/types.ts';
import { Stopped } from './stop_signal.ts';

const { version }: { version: string } = createRequire(import.meta.url)('@wheelsandwins/db/package.json');

const program = new Command('wheels-db')
  .version(version)
  .description('Runs and looks after a database of Wheels & Wins.')
  .addCommand(backupCommand())
  .addCommand(changesCommand())
  .addCommand(driftCommand())
  .addCommand(drillCommand())
  .addCommand(explainCommand())
  .addCommand(inspectCommand())
  .addCommand(migrateCommand())
  .addCommand(newCommand())
  .addCommand(pruneCommand())
  .addCommand(resetCommand())
  .addCommand(restoreCommand())
  .addCommand(seedCommand())
  .addCommand(typesCommand())
  .showHelpAfterError('Add --help for what it takes.')
  .addHelpText(
    'after',
    `
The database is DATABASE_URL's, unless --database-url names another. Exit code 0 if all went well, 1 if not, 2 for an
argument that is wrong or missing, 130 after Ctrl-C.`,
  );

// A command inherits this only if it is told before it is added.
for (const command of [program, ...program.commands]) command.exitOverride();

let running: Command = program;
program.hook('preAction', (_, called) => {
  running = called;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(isLackOfRight(error) ? lackingRight(loginRole(), error.message) : error);
}

/** Of the connection string of the command that runs, if it has one. */
function loginRole(): string | undefined {
  const { databaseUrl } = running.opts();
  return databaseUrl === undefined ? undefined : clientFor(databaseUrl).user;
}

/** Commander has printed its own errors. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Stopped) return error.exitCode;
  console.error(error instanceof Error ? error.message : error);
  return error instanceof ArgumentError || error instanceof ValidationError ? 2 : 1;
}
