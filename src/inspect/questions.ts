import { bloat } from './bloat.ts';
import { cacheHit } from './cache.ts';
import { connections } from './connections.ts';
import { indexSizes, indexUsage, invalidIndexes, missingIndexes, unusedIndexes } from './indexes.ts';
import { blocking, locks } from './locks.ts';
import type { Question } from './question.ts';
import { replicationSlots } from './replication.ts';
import { rowLevelSecurity } from './row_level_security.ts';
import { idleInTransaction, longStatements, longTransactions } from './sessions.ts';
import { frequentStatements, slowStatements } from './statements.ts';
import { sequentialScans, tableSizes } from './tables.ts';
import { vacuum, wraparound } from './vacuum.ts';

/** All that can be asked, by what it is about. */
export const questionsByGroup: Readonly<Record<string, readonly Question[]>> = {
  Statements: [slowStatements, frequentStatements, cacheHit],
  Indexes: [indexUsage, unusedIndexes, missingIndexes, invalidIndexes, indexSizes],
  Tables: [tableSizes, sequentialScans, bloat, vacuum, wraparound],
  Sessions: [blocking, locks, longStatements, longTransactions, idleInTransaction, connections],
  Replication: [replicationSlots],
  Security: [rowLevelSecurity],
};

export const questions: readonly Question[] = Object.values(questionsByGroup).flat();
