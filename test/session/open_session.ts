import { Kysely, PostgresDialect } from 'kysely';
import type { SessionContext } from '../../src/session/claims.ts';
import type { ConnectionPool } from '../../src/session/connection_pool.ts';
import { Cursor } from '../../src/session/cursor.ts';
import { type ScopeOptions, type SessionOptions, scopedPool } from '../../src/session/scoped_pool.ts';
import type { DB } from '../../src/types/database.ts';

export function openSession<Tables = DB>(
  pool: ConnectionPool,
  context: SessionContext,
  options?: ScopeOptions & SessionOptions,
): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: scopedPool(pool, context, options), cursor: Cursor }),
  });
}
