import { question } from './question.ts';
import { isOurs } from './schemas.ts';

const megabyte = 1024 * 1024;

export const indexUsage = question({
  name: 'index-usage',
  asks: 'How often was each table read through an index, and how often as a whole?',
  columns: { table: 'text', rows: 'count', index_scans: 'count', sequential_scans: 'count', through_index: 'percent' },
  rows: ({ query }) =>
    query(`
      select relid::regclass::text as table, n_live_tup::float8 as rows, coalesce(idx_scan, 0)::float8 as index_scans,
        seq_scan::float8 as sequential_scans,
        (100.0 * coalesce(idx_scan, 0) / nullif(coalesce(idx_scan, 0) + seq_scan, 0))::float8 as through_index
      from pg_stat_user_tables order by n_live_tup desc, relname limit 100`),
});

/** The columns of a foreign key stand at the front of the index, in any order. */
const servesForeignKey = `(i.indkey::smallint[])[0:cardinality(conkey) - 1] @> conkey`;

export const unusedIndexes = question({
  name: 'unused-indexes',
  asks: 'Which indexes has nothing been read through? Those of unique constraints and foreign keys aside.',
  columns: { index: 'text', table: 'text', bytes: 'bytes', table_reads: 'count' },
  rows: ({ query }) =>
    query(`
      select i.indexrelid::regclass::text as index, i.indrelid::regclass::text as table,
        pg_relation_size(i.indexrelid)::float8 as bytes, (t.seq_scan + coalesce(t.idx_scan, 0))::float8 as table_reads
      from pg_index i join pg_stat_user_indexes s using (indexrelid) join pg_stat_user_tables t on t.relid = i.indrelid
      where s.idx_scan = 0 and i.indisvalid and not (i.indisunique or i.indisexclusion or i.indisreplident)
        and ${isOurs('s.schemaname')}
        and not exists (select from pg_constraint where contype = 'f' and conrelid = i.indrelid and ${servesForeignKey})
      order by bytes desc, index limit 100`),
  rules: [
    {
      name: 'unused-index-megabytes',
      max: 100,
      unit: 'MB, of an index whose table was read 1,000 times',
      because: 'every write pays for it and memory holds it; a small one is not worth a migration',
      severity: 'warning',
      measure: ({ bytes, table_reads }) => ((table_reads ?? 0) >= 1000 && bytes !== null ? bytes / megabyte : null),
      what: ({ index, table }) => `Nothing was read through ${index} since statistics began, in all reads of ${table}.`,
      advice: 'Ask every replica too, which counts for itself; then drop it in a migration.',
      manual: 'Examining Index Usage',
    },
  ],
});

export const missingIndexes = question({
  name: 'missing-indexes',
  asks: 'Which foreign keys have no index that starts with their columns?',
  columns: { table: 'text', foreign_key: 'text', columns: 'text', refers_to: 'text', rows: 'count' },
  rows: ({ query }) =>
    query(`
      select conrelid::regclass::text as table, conname::text as foreign_key,
        (select string_agg(attname, ', ' order by position)
         from unnest(conkey) with ordinality as k (number, position)
         join pg_attribute on attrelid = conrelid and attnum = number) as columns,
        confrelid::regclass::text as refers_to, nullif(reltuples, -1)::float8 as rows
      from pg_constraint join pg_class c on c.oid = conrelid join pg_namespace n on n.oid = relnamespace
      where contype = 'f' and conparentid = 0 and ${isOurs('nspname')}
        -- A partial index will do if it leaves out nothing but nulls, which refer to nothing.
        and not exists (
          select from pg_index i where indrelid = conrelid and indisvalid and ${servesForeignKey}
            and (indpred is null or pg_get_expr(indpred, indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$'))
      order by reltuples desc, conname limit 100`),
  rules: [
    {
      name: 'missing-indexes',
      max: 0,
      unit: 'foreign keys without an index',
      because: 'a delete of what is referred to then reads the whole table, for each row, under its locks',
      severity: 'warning',
      counts: () => true,
      what: ({ table, foreign_key, columns }) => `${foreign_key} of ${table} has no index on (${columns}).`,
      advice: 'Add it, with create index concurrently if the table is in use.',
      manual: 'Constraints',
    },
  ],
});

export const invalidIndexes = question({
  name: 'invalid-indexes',
  asks: 'Which indexes were not completed, and so cost writes and serve no reads?',
  columns: { index: 'text', table: 'text', in_progress: 'flag' },
  rows: ({ query }) =>
    query(`
      select i.indexrelid::regclass::text as index, i.indrelid::regclass::text as table,
        exists (select from pg_stat_progress_create_index p where p.relid = i.indrelid) as in_progress
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
      -- An index of a partitioned table is invalid until all its parts have one.
      where not (i.indisvalid and i.indisready and i.indislive) and nspname !~ '^pg_temp'
      order by index limit 100`),
  rules: [
    {
      name: 'invalid-indexes',
      max: 0,
      unit: 'invalid indexes that nobody is building',
      because: 'create index concurrently has failed, and whoever wanted the index does not have it',
      severity: 'critical',
      counts: ({ in_progress }) => in_progress === false,
      what: ({ index, table }) => `${index} of ${table} is invalid.`,
      advice: 'Run reindex index concurrently, or drop it and create it again; a unique one may have met duplicates.',
      manual: 'CREATE INDEX: Building Indexes Concurrently',
    },
  ],
});

export const indexSizes = question({
  name: 'index-sizes',
  asks: 'How large is each index?',
  columns: { index: 'text', table: 'text', bytes: 'bytes', index_scans: 'count' },
  rows: ({ query }) =>
    query(`
      select indexrelid::regclass::text as index, relid::regclass::text as table,
        pg_relation_size(indexrelid)::float8 as bytes, idx_scan::float8 as index_scans
      from pg_stat_user_indexes order by bytes desc nulls last, index limit 100`),
});
