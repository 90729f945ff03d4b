import { Pool, type PoolClient } from 'pg';
import type { Contender } from './contender.ts';
import { datesAsText } from './dates_as_text.ts';
import { jsonOf } from './json_of.ts';
import { applySettings, claimsOf, statements } from './statements.ts';
import { type Run, worksBySql } from './works_by_sql.ts';

/** Row level security as one usually goes through it: begin, settings, statement, commit, each a round trip of its own. */
export const pgScopedByHand: Contender = {
  name: 'pg, prepared, RLS by hand',
  isScoped: true,
  open({ connectionString, connections }) {
    const pool = new Pool({ connectionString, max: connections, types: datesAsText });
    const runOn =
      (client: PoolClient): Run =>
      async (statement, values) =>
        (await client.query<object>({ name: statement, text: statements[statement], values: values.map(jsonOf) })).rows;
    return {
      as(userId) {
        const claims = claimsOf(userId);
        const transaction = async <T>(fn: (run: Run) => Promise<T>): Promise<T> => {
          const client = await pool.connect();
          try {
            await client.query('begin');
            await client.query({ name: 'applySettings', text: applySettings, values: [claims] });
            const result = await fn(runOn(client));
            await client.query('commit');
            return result;
          } catch (error) {
            await client.query('rollback');
            throw error;
          } finally {
            client.release();
          }
        };
        return worksBySql(userId, {
          run: (statement, values) => transaction((run) => run(statement, values)),
          transaction,
        });
      },
      close: () => pool.end(),
    };
  },
};
