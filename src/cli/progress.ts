import type { Command } from 'commander';

/** Gives a command that takes long the option to say nothing of how far it is. */
export function withQuiet(command: Command): Command {
  return command.option('--quiet', 'say nothing on standard error of how far it is');
}

/** Says how far a command is, a line at a time, unless it is to be quiet. */
export function progressOf({ quiet = false }: { quiet?: boolean | undefined }): (line: string) => void {
  return quiet ? () => {} : (line) => console.error(line);
}
