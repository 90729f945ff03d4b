import { question } from './question.ts';

export const cacheHit = question({
  name: 'cache-hit',
  asks: 'How much of what was read did the server have in its memory?',
  columns: { of: 'text', blocks_hit: 'count', blocks_read: 'count', cache_hit: 'percent' },
  rows: ({ query }) =>
    query(`
      select kind as of, hit::float8 as blocks_hit, read::float8 as blocks_read,
        (100 * hit / nullif(hit + read, 0))::float8 as cache_hit
      from (
        select 'tables' as kind, sum(heap_blks_hit) as hit, sum(heap_blks_read) as read from pg_statio_user_tables
        union all select 'indexes', sum(idx_blks_hit), sum(idx_blks_read) from pg_statio_user_tables
      ) as sums order by kind desc`),
  rules: [
    {
      name: 'cache-miss-percent',
      max: 5,
      unit: '% of the blocks read, once there are 100,000',
      because: 'what is in use belongs in memory: a block from elsewhere takes a hundred times as long',
      severity: 'warning',
      measure: ({ blocks_hit, blocks_read, cache_hit }) =>
        cache_hit === null || (blocks_hit ?? 0) + (blocks_read ?? 0) < 100_000 ? null : 100 - cache_hit,
      what: ({ of, cache_hit }) => `Only ${cache_hit?.toFixed(1)} % of what was read of ${of} was in memory.`,
      advice:
        'Look for statements that read much (slow-statements, sequential-scans); else raise shared_buffers or take a larger server.',
      manual: 'Resource Consumption',
    },
  ],
});
