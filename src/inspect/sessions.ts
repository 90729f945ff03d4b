import { summaryOf } from '../telemetry/statement_text.ts';
import { question } from './question.ts';
import type { Server } from './server.ts';

/** A condition on `pg_stat_activity`: somebody's session in this database, and not this one. */
export const others = `datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`;

export const hiddenSessions = ({ seesAllSessions, role }: Server) =>
  seesAllSessions ? undefined : `What other roles' sessions do is hidden from ${role}: grant it pg_read_all_stats.`;

/** What a statement does and to which table: as the server shows it, its text has values. */
export function summarised<R extends { statement: string | null }>(rows: R[]): R[] {
  return rows.map((row) => ({ ...row, statement: row.statement && summaryOf(row.statement) }));
}

type Session = {
  pid: string | null;
  role: string | null;
  application: string | null;
  seconds: number | null;
  state: string | null;
  statement: string | null;
};

const minutes = (seconds: number | null) =>
  (seconds ?? 0) < 120 ? `${Math.round(seconds ?? 0)} s` : `${Math.round((seconds ?? 0) / 60)} minutes`;

export const longStatements = question({
  name: 'long-statements',
  asks: 'Which statements are running, and for how long?',
  columns: { pid: 'text', role: 'text', application: 'text', seconds: 'seconds', waits_for: 'text', statement: 'text' },
  rows: async ({ query }) =>
    summarised(
      await query<Omit<Session, 'state'> & { waits_for: string | null }>(`
        select pid::text, usename::text as role, application_name as application,
          extract(epoch from clock_timestamp() - query_start)::float8 as seconds,
          wait_event_type || ': ' || wait_event as waits_for, query as statement
        from pg_stat_activity where state in ('active', 'fastpath function call') and ${others}
        order by query_start limit 100`),
    ),
  note: hiddenSessions,
  rules: [
    {
      name: 'statement-seconds',
      max: 60,
      unit: 'seconds',
      because:
        'sessions of this package stop a statement after 30 s; a backup or a migration may take longer, and says so in its name',
      severity: 'warning',
      measure: ({ seconds, application }) => (/^pg_(dump|restore)/.test(application ?? '') ? null : seconds),
      what: ({ pid, role, statement, seconds }) =>
        `${statement} of ${role} has run for ${minutes(seconds)} (pid ${pid}).`,
      advice: 'If nobody needs it: select pg_cancel_backend(pid). Give the role a statement_timeout.',
      manual: 'Client Connection Defaults',
    },
  ],
});

export const longTransactions = question({
  name: 'long-transactions',
  asks: 'Which transactions are open, and for how long? Vacuum cannot remove what the oldest may still see.',
  columns: {
    pid: 'text',
    role: 'text',
    application: 'text',
    seconds: 'seconds',
    state: 'text',
    statement: 'text',
  },
  rows: async ({ query }) =>
    summarised(
      await query<Session>(`
        select pid::text, usename::text as role, application_name as application,
          extract(epoch from clock_timestamp() - xact_start)::float8 as seconds, state, query as statement
        from pg_stat_activity where xact_start is not null and ${others}
        union all
        select null, owner::text, null, extract(epoch from clock_timestamp() - prepared)::float8, 'prepared transaction', null
        from pg_prepared_xacts where database = current_database()
        order by seconds desc limit 100`),
    ),
  note: hiddenSessions,
  rules: [
    {
      name: 'transaction-seconds',
      max: 600,
      unit: 'seconds',
      because: 'for as long every table keeps its dead rows, and every read passes over them',
      severity: 'warning',
      measure: ({ seconds, application }) => (/^pg_(dump|restore)/.test(application ?? '') ? null : seconds),
      what: ({ pid, role, state, seconds }) =>
        `A transaction of ${role} is open for ${minutes(seconds)} (${state}${pid === null ? '' : `, pid ${pid}`}).`,
      advice:
        'If nobody needs it: select pg_terminate_backend(pid), or rollback prepared. Keep slow work outside of transactions.',
      manual: 'Routine Vacuuming',
    },
  ],
});

export const idleInTransaction = question({
  name: 'idle-in-transaction',
  asks: 'Which sessions have a transaction open and do nothing?',
  columns: { pid: 'text', role: 'text', application: 'text', seconds: 'seconds', state: 'text', statement: 'text' },
  rows: async ({ query }) =>
    summarised(
      await query<Session>(`
        select pid::text, usename::text as role, application_name as application,
          extract(epoch from clock_timestamp() - state_change)::float8 as seconds, state, query as statement
        from pg_stat_activity where starts_with(state, 'idle in transaction') and ${others}
        order by state_change limit 100`),
    ),
  note: hiddenSessions,
  rules: [
    {
      name: 'idle-in-transaction-seconds',
      max: 60,
      unit: 'seconds',
      because: 'it keeps its locks, and the server ends what this package leaves idle after 60 s',
      severity: 'warning',
      measure: ({ seconds }) => seconds,
      what: ({ pid, role, seconds, statement }) =>
        `A session of ${role} is idle in a transaction for ${minutes(seconds)}, after ${statement} (pid ${pid}).`,
      advice:
        'Select pg_terminate_backend(pid), and find who left it open. Give the role an idle_in_transaction_session_timeout.',
      manual: 'Client Connection Defaults',
    },
  ],
});
