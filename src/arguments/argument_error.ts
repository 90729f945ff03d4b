/** What somebody gave a command is wrong, or lacks something: `wheels-db` ends with 2. The message is one line that says what to give. */
export class ArgumentError extends Error {
  override name = 'ArgumentError';
}
