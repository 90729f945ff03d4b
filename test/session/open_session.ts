import { Kysely, PostgresDialect } from 'kysely';
import type { Pool } from 'pg';
import type { SessionContext } from '../../src/session/claims.ts';
import { Cursor } from '../../src/session/cursor.ts';
import { type ScopeOptions, scopedPool } from '../../src/session/scoped_pool.ts';
import type { DB } from '../../src/types/database.ts';

export function openSession<Tables = DB>(pool: Pool, context: SessionContext, options?: ScopeOptions): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: scopedPool(pool, context, options), cursor: Cursor }),
  });
}
