import { question } from './question.ts';
import { isOurs } from './schemas.ts';

export const tableSizes = question({
  name: 'table-sizes',
  asks: 'How large is each table, with its indexes and its long values (TOAST)?',
  columns: {
    table: 'text',
    rows: 'count',
    table_bytes: 'bytes',
    toast_bytes: 'bytes',
    index_bytes: 'bytes',
    bytes: 'bytes',
  },
  rows: ({ query }) =>
    query(`
      select c.oid::regclass::text as table, nullif(reltuples, -1)::float8 as rows,
        pg_relation_size(c.oid)::float8 as table_bytes,
        (pg_table_size(c.oid) - pg_relation_size(c.oid))::float8 as toast_bytes,
        pg_indexes_size(c.oid)::float8 as index_bytes, pg_total_relation_size(c.oid)::float8 as bytes
      from pg_class c join pg_namespace n on n.oid = relnamespace
      where relkind in ('r', 'm') and nspname !~ '^pg_' and nspname <> 'information_schema'
      order by bytes desc nulls last, 1 limit 100`),
});

export const sequentialScans = question({
  name: 'sequential-scans',
  asks: 'Which tables are read as a whole, and how many rows does that take?',
  columns: { table: 'text', rows: 'count', sequential_scans: 'count', rows_read: 'count', rows_a_scan: 'count' },
  rows: ({ query }) =>
    query(`
      select relid::regclass::text as table, n_live_tup::float8 as rows, seq_scan::float8 as sequential_scans,
        seq_tup_read::float8 as rows_read, (seq_tup_read / seq_scan)::float8 as rows_a_scan
      from pg_stat_user_tables where seq_scan > 0 and ${isOurs('schemaname')}
      order by seq_tup_read desc, relname limit 100`),
  rules: [
    {
      name: 'sequential-scan-rows',
      max: 50_000,
      unit: 'rows a scan on average, of a table scanned 100 times or more',
      because: 'that many take some 10 ms; backups and migrations scan too, but not a hundred times',
      severity: 'warning',
      measure: ({ sequential_scans, rows_a_scan }) => ((sequential_scans ?? 0) >= 100 ? rows_a_scan : null),
      what: ({ table, sequential_scans, rows_a_scan }) =>
        `${table} was read as a whole ${sequential_scans} times, ${rows_a_scan} rows each.`,
      advice: 'Find the statement (slow-statements), and give its condition an index.',
      manual: 'Using EXPLAIN',
    },
  ],
});
