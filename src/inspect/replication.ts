import { question } from './question.ts';

const megabyte = 1024 * 1024;

export const replicationSlots = question({
  name: 'replication-slots',
  asks: 'Which replication slots are there, who follows them, and how much of the log do they make the server keep?',
  columns: {
    slot: 'text',
    type: 'text',
    database: 'text',
    followed: 'flag',
    status: 'text',
    retained_bytes: 'bytes',
    left_bytes: 'bytes',
    transactions_held: 'count',
  },
  rows: ({ query }) =>
    query(`
      select slot_name::text as slot, slot_type as type, database::text, active as followed, wal_status as status,
        pg_wal_lsn_diff(
          case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, restart_lsn
        )::float8 as retained_bytes,
        safe_wal_size::float8 as left_bytes, greatest(age(xmin), age(catalog_xmin))::float8 as transactions_held
      from pg_replication_slots order by retained_bytes desc nulls last, slot_name limit 100`),
  rules: [
    {
      name: 'retained-wal-megabytes',
      max: 1024,
      unit: 'MB',
      because: 'where max_slot_wal_keep_size is 4 GB, a quarter of it is gone, and where it is not set, the disk fills',
      severity: 'warning',
      measure: ({ retained_bytes }) => (retained_bytes === null ? null : retained_bytes / megabyte),
      what: ({ slot, retained_bytes, followed }) =>
        `The slot ${slot} makes the server keep ${Math.round((retained_bytes ?? 0) / megabyte)} MB of log, and ${followed ? 'its consumer is behind' : 'nobody follows it'}.`,
      advice:
        'Start its consumer again; if there is none any more, select pg_drop_replication_slot(slot). Set max_slot_wal_keep_size.',
      manual: 'Replication Slots',
    },
    {
      name: 'lost-slots',
      max: 0,
      unit: 'slots whose log was, or is about to be, removed',
      because: 'whoever follows one has missed changes, or will within minutes',
      severity: 'critical',
      counts: ({ status }) => status === 'lost' || status === 'unreserved',
      what: ({ slot, status }) =>
        `The slot ${slot} ${status === 'lost' ? 'is lost: the server has removed log that it needed' : 'is about to be lost'}.`,
      advice:
        'If it is lost, drop it, make it anew and bring its consumer up to date from a snapshot; else start its consumer now.',
      manual: 'Replication Slots',
    },
  ],
});
