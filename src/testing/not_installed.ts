import { ConfigurationError } from '../types/errors.ts';

/** A package that only tests need, and that this one therefore does not bring. */
export class NotInstalled extends ConfigurationError {
  constructor(what: string, install: string) {
    super(`${what} in node_modules: npm install --save-dev ${install}.`);
  }
}
