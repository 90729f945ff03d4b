import { summaryOf } from '../telemetry/statement_text.ts';
import { question } from './question.ts';
import { hiddenSessions, summarised } from './sessions.ts';

const object = `coalesce(case when l.database = (select oid from pg_database where datname = current_database())
  then l.relation::regclass::text end, l.locktype)`;

type Lock = {
  pid: string | null;
  role: string | null;
  application: string | null;
  object: string | null;
  mode: string | null;
  granted: boolean | null;
  waited: number | null;
  statement: string | null;
};

export const locks = question({
  name: 'locks',
  asks: 'Who waits for a lock, and who holds one that keeps writers from a table?',
  columns: {
    pid: 'text',
    role: 'text',
    application: 'text',
    object: 'text',
    mode: 'text',
    granted: 'flag',
    waited: 'seconds',
    statement: 'text',
  },
  rows: async ({ query }) =>
    summarised(
      await query<Lock>(`
        select l.pid::text, usename::text as role, application_name as application, ${object} as object, l.mode, l.granted,
          extract(epoch from clock_timestamp() - l.waitstart)::float8 as waited, query as statement
        from pg_locks l left join pg_stat_activity a using (pid)
        where l.pid is distinct from pg_backend_pid() and coalesce(datname, current_database()) = current_database()
          and (not l.granted or l.locktype = 'relation'
            and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))
        order by l.granted, l.waitstart, object limit 100`),
    ),
  note: hiddenSessions,
});

type Wait = {
  pid: string | null;
  role: string | null;
  waited: number | null;
  object: string | null;
  mode: string | null;
  statement: string | null;
  blocked_by: string | null;
  blocking_role: string | null;
  blocking_state: string | null;
  blocking_statement: string | null;
};

export const blocking = question({
  name: 'blocking',
  asks: 'Who waits for whom?',
  columns: {
    pid: 'text',
    role: 'text',
    waited: 'seconds',
    object: 'text',
    mode: 'text',
    statement: 'text',
    blocked_by: 'text',
    blocking_role: 'text',
    blocking_state: 'text',
    blocking_statement: 'text',
  },
  rows: async ({ query }) => {
    const rows = await query<Wait>(`
      select l.pid::text, a.usename::text as role, extract(epoch from clock_timestamp() - l.waitstart)::float8 as waited,
        ${object} as object, l.mode, a.query as statement,
        -- A prepared transaction has no process, and is reported as 0.
        case blocker when 0 then 'a prepared transaction' else blocker::text end as blocked_by,
        b.usename::text as blocking_role, b.state as blocking_state, b.query as blocking_statement
      from pg_locks l left join pg_stat_activity a using (pid)
        cross join lateral (select distinct unnest(pg_blocking_pids(l.pid))) as blockers (blocker)
        left join pg_stat_activity b on b.pid = blocker
      where not l.granted and coalesce(a.datname, current_database()) = current_database()
      order by l.waitstart, blocker limit 100`);
    return summarised(rows).map((row) => ({
      ...row,
      blocking_statement: row.blocking_statement && summaryOf(row.blocking_statement),
    }));
  },
  note: hiddenSessions,
  rules: [
    {
      name: 'blocked-seconds',
      max: 5,
      unit: 'seconds',
      because: 'sessions of this package give up after waiting 10 s for a lock',
      severity: 'critical',
      measure: ({ waited }) => waited,
      what: ({ pid, role, statement, waited, object, blocked_by, blocking_role, blocking_state }) =>
        `${statement} of ${role} (pid ${pid}) has waited ${Math.round(waited ?? 0)} s for ${object}, because of ${blocked_by} (${blocking_role ?? 'no role'}, ${blocking_state ?? 'state unknown'}).`,
      advice: 'End the one that blocks and waits for nobody: select pg_terminate_backend(pid), or rollback prepared.',
      manual: 'Explicit Locking',
    },
  ],
});
