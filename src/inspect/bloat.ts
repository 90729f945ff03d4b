import { question } from './question.ts';

const megabyte = 1024 * 1024;

/** What all columns of a row take on average, by the statistics that `analyze` made; relations that miss some are left out. */
const widths = `
  select attrelid, sum((1 - null_frac) * avg_width) as width
  from pg_attribute a join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
    left join pg_stats s on s.schemaname = nspname and s.tablename = relname and s.attname = a.attname and not s.inherited
  where attnum > 0 and not attisdropped and relkind in ('r', 'm')
  group by attrelid having count(*) = count(s.avg_width)`;

/** An expression of an index has statistics under the index's name. */
const indexWidths = `
  select i.indexrelid, i.indrelid, sum((1 - null_frac) * avg_width) as width
  from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am am on am.oid = c.relam and amname = 'btree'
    cross join unnest(i.indkey::smallint[]) with ordinality as k (number, position)
    join pg_attribute a on attrelid = case number when 0 then i.indexrelid else i.indrelid end
      and attnum = case number when 0 then position else number end
    join pg_class o on o.oid = attrelid join pg_namespace n on n.oid = o.relnamespace
    left join pg_stats s on s.schemaname = nspname and s.tablename = o.relname and s.attname = a.attname and not s.inherited
  where i.indpred is null
  group by i.indexrelid, i.indrelid having count(*) = count(s.avg_width)`;

/** A row's header has 24 bytes and its pointer 4, an index entry's 8 and 4; a page's 24, and 16 more in an index. */
const estimates = `
  select attrelid as relation, null::oid as of_table,
    ceil(reltuples * (28 + 8 * ceil(width / 8)) / (8192 - 24) * 100 / coalesce(fill::int, 100)) as expected
  from (${widths}) as w join pg_class on oid = attrelid
    left join lateral (
      select option_value as fill from pg_options_to_table(reloptions) where option_name = 'fillfactor') as o on true
  union all
  select indexrelid, indrelid,
    1 + ceil(reltuples * (12 + 8 * ceil(width / 8)) / (8192 - 40) * 100 / coalesce(fill::int, 90))
  from (${indexWidths}) as w join pg_class on oid = indexrelid
    left join lateral (
      select option_value as fill from pg_options_to_table(reloptions) where option_name = 'fillfactor') as o on true`;

export const bloat = question({
  name: 'bloat',
  asks: 'How much of each table and btree index is empty, by an estimate from what analyze has found?',
  columns: { relation: 'text', of_table: 'text', bytes: 'bytes', empty_bytes: 'bytes', empty: 'percent' },
  rows: ({ query }) =>
    query(`
      select relation::regclass::text as relation, of_table::regclass::text as of_table,
        (relpages * 8192.0)::float8 as bytes, ((relpages - expected) * 8192.0)::float8 as empty_bytes,
        (100 * (relpages - expected) / relpages)::float8 as empty
      from (${estimates}) as e join pg_class on oid = relation join pg_namespace n on n.oid = relnamespace
      where relpages > expected and reltuples >= 0 and nspname !~ '^pg_' and nspname <> 'information_schema'
      order by empty_bytes desc, relation limit 100`),
  note: ({ seesAllColumns, role }) =>
    seesAllColumns
      ? undefined
      : `Only tables are estimated that ${role} may read past their policies: it lacks pg_read_all_data or bypassrls.`,
  rules: [
    {
      name: 'bloat-megabytes',
      max: 100,
      unit: 'MB empty, where that is more than half',
      because: 'a quarter is usual and gets used again; less than this is not worth the rewriting',
      severity: 'warning',
      measure: ({ empty_bytes, empty }) => ((empty ?? 0) > 50 && empty_bytes !== null ? empty_bytes / megabyte : null),
      what: ({ relation, empty, empty_bytes }) =>
        `${relation} is ${empty?.toFixed(0)} % empty: ${Math.round((empty_bytes ?? 0) / megabyte)} MB.`,
      advice:
        'Look for what keeps vacuum from its work (vacuum, long-transactions, replication-slots). Then reindex an index concurrently; repack a table, or vacuum full while nobody needs it.',
      manual: 'Recovering Disk Space; Routine Reindexing',
    },
  ],
});
