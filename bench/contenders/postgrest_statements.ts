import { Pool } from 'pg';
import type { Contender } from './contender.ts';
import { jsonOf } from './json_of.ts';
import { claimsOf, type StatementName, statements } from './statements.ts';
import { worksBySql } from './works_by_sql.ts';

/**
 * What PostgREST, and so `supabase-js`, has the server do: a transaction around the settings of the request and one
 * statement that makes JSON of the rows. Its own server, HTTP and what they take are left out. A request is one statement:
 * there is no transaction of several.
 */
export const postgrestStatements: Contender = {
  name: "PostgREST's statements",
  isScoped: true,
  open({ connectionString, connections }) {
    const pool = new Pool({ connectionString, max: connections });
    return {
      as(userId) {
        const claims = claimsOf(userId);
        return worksBySql(userId, {
          async run(statement, values) {
            const client = await pool.connect();
            try {
              await client.query(
                `begin isolation level read committed ${reads.test(statement) ? 'read only' : 'read write'}`,
              );
              await client.query({ name: 'settings', text: settings, values: [claims, '{}'] });
              const query = { name: statement, text: asJson(statement), values: values.map(jsonOf) };
              const { rows } = await client.query<{ body: string }>(query);
              await client.query('commit');
              const parsed: object[] = JSON.parse(rows[0]?.body ?? '[]');
              return parsed;
            } catch (error) {
              await client.query('rollback');
              throw error;
            } finally {
              client.release();
            }
          },
        });
      },
      close: () => pool.end(),
    };
  },
};

const reads = /^(seen|get|list|filter|feed|feedAfter|search|totals)$/;

const settings = `select set_config('search_path', '"public", "extensions"', true), set_config('role', 'authenticated', true),
  set_config('request.jwt.claims', $1, true), set_config('request.method', 'GET', true),
  set_config('request.path', '/expenses', true), set_config('request.headers', $2, true),
  set_config('request.cookies', $2, true)`;

function asJson(statement: StatementName): string {
  return `with pgrst_source as (${statements[statement]})
    select null::bigint as total_result_set, pg_catalog.count(_postgrest_t) as page_total,
      coalesce(json_agg(_postgrest_t), '[]')::text as body,
      nullif(current_setting('response.headers', true), '') as response_headers,
      nullif(current_setting('response.status', true), '') as response_status
    from (select * from pgrst_source) _postgrest_t`;
}
