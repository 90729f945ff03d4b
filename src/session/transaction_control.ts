import { RawNode, type RootOperationNode } from 'kysely';
import { ConfigurationError } from '../types/errors.ts';

/** Savepoints are a developer's own business. */
const control =
  /^\s*(begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+((work|transaction)\s+)?to\b))\b/i;

/**
 * A transaction that its function had ended would save the statements that follow one by one.
 *
 * @throws {ConfigurationError} if the statement opens or ends a transaction.
 */
export function refuseTransactionControl(node: RootOperationNode): void {
  if (RawNode.is(node) && control.test(node.sqlFragments[0] ?? '')) {
    throw new ConfigurationError(
      'session.transaction opens and ends the transaction: throw to undo it, and use tx.transaction for a part.',
    );
  }
}
