import { ArgumentError } from './argument_error.ts';

/**
 * For the failure to write a file or folder whose place somebody named: another place would do, unless the disk is full.
 *
 * @throws {ArgumentError} if the place is missing, or closed; what else it was as it is
 * @example
 * await writeFile(file, text).catch(needsAnotherPlace(file));
 */
export function needsAnotherPlace(path: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (!/^E(?:NOENT|NOTDIR|ISDIR|EXIST|ACCES|PERM|ROFS)$/.test(error.code ?? '')) throw error;
    throw new ArgumentError(
      `${path} cannot be written (${error.code}): name one in a folder that is there and open to you.`,
    );
  };
}
