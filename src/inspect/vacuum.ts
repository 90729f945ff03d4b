import { question } from './question.ts';

export const vacuum = question({
  name: 'vacuum',
  asks: 'How many dead rows has each table, and when was it last cleaned and analyzed?',
  columns: {
    table: 'text',
    rows: 'count',
    dead_rows: 'count',
    dead: 'percent',
    autovacuum: 'flag',
    last_vacuum: 'text',
    last_analyze: 'text',
  },
  rows: ({ query }) =>
    query(`
      select relid::regclass::text as table, n_live_tup::float8 as rows, n_dead_tup::float8 as dead_rows,
        (100.0 * n_dead_tup / nullif(n_live_tup + n_dead_tup, 0))::float8 as dead,
        current_setting('autovacuum')::boolean and coalesce((
          select option_value::boolean from pg_options_to_table(reloptions) where option_name = 'autovacuum_enabled'
        ), true) as autovacuum,
        date_trunc('second', greatest(last_vacuum, last_autovacuum))::text as last_vacuum,
        date_trunc('second', greatest(last_analyze, last_autoanalyze))::text as last_analyze
      from pg_stat_user_tables join pg_class on oid = relid
      order by autovacuum, n_dead_tup desc, 1 limit 100`),
  rules: [
    {
      name: 'dead-row-percent',
      max: 40,
      unit: '% of the rows, once there are 10,000 dead ones',
      because: 'autovacuum comes at 20 % by default: at twice that something keeps it from its work',
      severity: 'warning',
      measure: ({ dead_rows, dead }) => ((dead_rows ?? 0) >= 10_000 ? dead : null),
      what: ({ table, dead_rows, dead }) => `${table} has ${dead_rows} dead rows, ${dead?.toFixed(0)} % of all.`,
      advice:
        'See who keeps them alive (long-transactions, replication-slots), then vacuum it; lower its autovacuum_vacuum_scale_factor.',
      manual: 'The Autovacuum Daemon',
    },
    {
      name: 'tables-without-autovacuum',
      max: 0,
      unit: 'tables without autovacuum',
      because: 'they grow without end, and nobody analyzes them for the planner',
      severity: 'warning',
      counts: ({ autovacuum }) => autovacuum === false,
      what: ({ table }) => `Autovacuum is off for ${table}.`,
      advice: 'Turn it on: alter table … reset (autovacuum_enabled), or autovacuum = on for the server.',
      manual: 'The Autovacuum Daemon',
    },
  ],
});

/** Of the about two billion that there are before numbers come again. */
const used = (age: string) => `(100.0 * ${age} / 2147483648)::float8`;

export const wraparound = question({
  name: 'wraparound',
  asks: 'How old are the oldest transaction numbers of each database and table, of those that there are?',
  columns: { of: 'text', transactions: 'count', multixacts: 'count', used: 'percent' },
  rows: ({ query }) =>
    query(`
      select * from (
        select 'database ' || datname as of, age(datfrozenxid)::float8 as transactions,
          mxid_age(datminmxid)::float8 as multixacts, ${used('greatest(age(datfrozenxid), mxid_age(datminmxid))')} as used
        from pg_database
        union all (
          select c.oid::regclass::text, age(relfrozenxid)::float8, mxid_age(relminmxid)::float8,
            ${used('greatest(age(relfrozenxid), mxid_age(relminmxid))')}
          from pg_class c where relkind in ('r', 'm', 't') and relpersistence <> 't'
          order by 4 desc, 1 limit 20)
      ) as ages order by used desc, of limit 100`),
  rules: [
    {
      name: 'wraparound-percent',
      max: 25,
      unit: '% of the transaction numbers',
      because: 'autovacuum renews them at 10 % (multixacts: 20 %), and the server stops writing near 100 %',
      severity: 'critical',
      measure: ({ used }) => used,
      what: ({ of, used }) =>
        `The oldest transaction number in ${of} is ${used?.toFixed(1)} % of the way to wraparound.`,
      advice:
        'End what holds it back (long-transactions, replication-slots, prepared transactions), then vacuum (freeze) the oldest tables.',
      manual: 'Preventing Transaction ID Wraparound Failures',
    },
  ],
});
