import { shownText } from '../telemetry/statement_text.ts';
import { question, Unanswerable } from './question.ts';
import type { Server } from './server.ts';

const columns = {
  calls: 'count',
  total_milliseconds: 'milliseconds',
  mean_milliseconds: 'milliseconds',
  share_of_time: 'percent',
  rows: 'count',
  cache_hit: 'percent',
  role: 'text',
  statement: 'text',
} as const;

type Statement = {
  calls: number;
  total_milliseconds: number;
  mean_milliseconds: number;
  share_of_time: number | null;
  rows: number;
  cache_hit: number | null;
  role: string | null;
  statement: string | null;
};

const note = ({ seesAllSessions, role }: Server) =>
  seesAllSessions
    ? undefined
    : `The texts of other roles' statements are hidden from ${role}: grant it pg_read_all_stats.`;

export const slowStatements = question({
  name: 'slow-statements',
  asks: 'Which statements has the server spent most of its time on?',
  columns,
  rows: (server) => statements(server, 'total_milliseconds'),
  note,
  rules: [
    {
      name: 'mean-statement-milliseconds',
      max: 500,
      unit: 'ms on average, of a statement that ran 10 times or more',
      because: 'a person waits for several statements, and notices half a second',
      severity: 'warning',
      measure: ({ calls, mean_milliseconds }) => ((calls ?? 0) >= 10 ? mean_milliseconds : null),
      what: ({ mean_milliseconds, calls, statement }) =>
        `${calls} calls took ${Math.round(mean_milliseconds ?? 0)} ms on average: ${shortened(statement)}`,
      advice: 'See its plan with wheels-db explain, then give it an index, or ask it for less.',
      manual: 'Using EXPLAIN',
    },
  ],
});

export const frequentStatements = question({
  name: 'frequent-statements',
  asks: 'Which statements run most often?',
  columns,
  rows: (server) => statements(server, 'calls'),
  note,
});

async function statements(server: Server, order: 'calls' | 'total_milliseconds'): Promise<Statement[]> {
  const view = await statisticsView(server);
  const rows = await server
    .query<Statement>(`
    select sum(calls)::float8 as calls, sum(total_exec_time)::float8 as total_milliseconds,
      (sum(total_exec_time) / nullif(sum(calls), 0))::float8 as mean_milliseconds,
      (100 * sum(total_exec_time) / nullif(sum(sum(total_exec_time)) over (), 0))::float8 as share_of_time,
      sum(rows)::float8 as rows,
      (100 * sum(shared_blks_hit) / nullif(sum(shared_blks_hit + shared_blks_read), 0))::float8 as cache_hit,
      rolname::text as role, min(query) as statement
    from ${view} left join pg_roles r on r.oid = userid
    where dbid = (select oid from pg_database where datname = current_database())
    group by rolname, queryid
    having sum(calls) > 0
    order by ${order} desc limit 20`)
    .catch((error: unknown) => {
      throw isUnloaded(error) ? new Unanswerable(unloaded) : error;
    });
  // Commands such as alter role are kept as they were sent, with their values.
  return rows.map((row) => ({ ...row, statement: row.statement && oneLine(shownText(row.statement, [])) }));
}

/** The extension's view, in whatever schema it is. @throws {Unanswerable} */
async function statisticsView({ query }: Server): Promise<string> {
  const [extension] = await query<{ view: string; readable: boolean; recent: boolean }>(`
    select format('%I.pg_stat_statements', nspname) as view,
      has_schema_privilege(n.oid, 'usage')
        and coalesce(has_table_privilege(c.oid, 'select'), false) as readable,
      exists (select from pg_attribute where attrelid = c.oid and attname = 'total_exec_time') as recent
    from pg_extension e join pg_namespace n on n.oid = extnamespace
      left join pg_class c on c.relnamespace = n.oid and relname = 'pg_stat_statements'
    where extname = 'pg_stat_statements'`);
  if (!extension) {
    throw new Unanswerable(
      'pg_stat_statements is not installed: create extension pg_stat_statements, once it is loaded.',
    );
  }
  const { view, readable, recent } = extension;
  if (!readable)
    throw new Unanswerable(`This role may not read ${view}: grant it select there, and usage of its schema.`);
  if (!recent) throw new Unanswerable('pg_stat_statements is too old: alter extension pg_stat_statements update.');
  return view;
}

const unloaded =
  'pg_stat_statements is not loaded: add it to shared_preload_libraries and restart the server (Supabase has it).';

function isUnloaded(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '55000';
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function shortened(text: string | null): string {
  if (text === null) return 'a hidden statement';
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
