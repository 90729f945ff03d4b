/** What every server of ours needs: logical decoding, room for many small pools, and locks for one big migration. */
export const serverSettings = {
  wal_level: 'logical',
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
