import { Pool, type PoolClient } from 'pg';
import type { Contender } from './contender.ts';
import { datesAsText } from './dates_as_text.ts';
import { jsonOf } from './json_of.ts';
import { claimsOf, settingsOf, statements } from './statements.ts';
import { type Run, worksBySql } from './works_by_sql.ts';

/** As a role, with the driver's `pipeline: true`: nothing waits for the answer to what it does not need. */
export const pgPipelined = (name: string, role: 'authenticated' | 'service_role'): Contender => ({
  name,
  isScoped: role === 'authenticated',
  open({ connectionString, connections }) {
    const pool = new Pool({ connectionString, max: connections, types: datesAsText, pipeline: true });
    const runOn =
      (client: PoolClient): Run =>
      async (statement, values) =>
        (await client.query<object>({ name: statement, text: statements[statement], values: values.map(jsonOf) })).rows;
    return {
      as(userId) {
        const claims = claimsOf(userId);
        const begin = (client: PoolClient) => [
          client.query('begin'),
          client.query({ name: 'applySettings', text: settingsOf(role), values: [claims] }),
        ];
        const withClient = async <T>(fn: (client: PoolClient) => Promise<T>): Promise<T> => {
          const client = await pool.connect();
          try {
            return await fn(client);
          } finally {
            client.release();
          }
        };
        return worksBySql(userId, {
          run: (statement, values) =>
            withClient(async (client) => {
              const before = begin(client);
              const rows = runOn(client)(statement, values);
              await Promise.all([...before, rows, client.query('commit')]);
              return await rows;
            }),
          transaction: (fn) =>
            withClient(async (client) => {
              const before = begin(client);
              const result = await fn(runOn(client));
              await Promise.all([...before, client.query('commit')]);
              return result;
            }),
        });
      },
      close: () => pool.end(),
    };
  },
});

export const pgPipelinedByHand = pgPipelined('pg, pipelined, RLS by hand', 'authenticated');
