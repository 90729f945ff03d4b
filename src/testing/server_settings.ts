/** What every server of ours needs: logical decoding with slots that cannot fill the disk, room for many small pools, and locks for one big migration. */
export const serverSettings = {
  wal_level: 'logical',
  max_replication_slots: '50',
  max_wal_senders: '50',
  max_slot_wal_keep_size: '4GB',
  max_connections: '200',
  max_locks_per_transaction: '256',
  timezone: 'UTC',
  log_checkpoints: 'off',
  log_min_messages: 'log',
};

/** A test's data need not survive a crash. */
export const testServerSettings = {
  ...serverSettings,
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
};
