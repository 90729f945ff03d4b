import { Pool, type PoolClient } from 'pg';
import type { Contender } from './contender.ts';
import { datesAsText } from './dates_as_text.ts';
import { jsonOf } from './json_of.ts';
import { statements } from './statements.ts';
import { type Run, worksBySql } from './works_by_sql.ts';

/** `pg` by hand, as the owner of the tables, whom no policy holds: nothing goes through row level security. */
function pgUnscoped(name: string, { isPrepared }: { isPrepared: boolean }): Contender {
  return {
    name,
    isScoped: false,
    open({ connectionString, connections }) {
      const pool = new Pool({ connectionString, max: connections, types: datesAsText });
      const runOn =
        (client: Pool | PoolClient): Run =>
        async (statement, parameters) => {
          const text = statements[statement];
          const values = parameters.map(jsonOf);
          return (await client.query<object>(isPrepared ? { name: statement, text, values } : { text, values })).rows;
        };
      const run = runOn(pool);
      return {
        as: (userId) =>
          worksBySql(userId, {
            run,
            async transaction(fn) {
              const client = await pool.connect();
              try {
                await client.query('begin');
                const result = await fn(runOn(client));
                await client.query('commit');
                return result;
              } catch (error) {
                await client.query('rollback');
                throw error;
              } finally {
                client.release();
              }
            },
          }),
        close: () => pool.end(),
      };
    },
  };
}

/** What everything is compared with. */
export const floor = pgUnscoped('pg, prepared, unscoped', { isPrepared: true });

export const pgUnprepared = pgUnscoped('pg, unprepared, unscoped', { isPrepared: false });
