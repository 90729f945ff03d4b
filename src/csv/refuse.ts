import { ValidationError } from '../types/errors.ts';

/** @throws {ValidationError} always: it is the file that is wrong, or what is said about it. */
export function refuseSource(reason: string): never {
  throw new ValidationError([{ path: 'source', reason }]);
}
