import { spawnSync } from 'node:child_process';
import type {} from '../../../../test/support/global_setup.ts';

/** A server of its own for a test file that makes roles, which belong to servers. */
export { privateServer } from '../../../../test/migrations/support/private_server.ts';
export { createSupabaseDatabase, createSupabaseRoles } from '../../../../test/migrations/support/supabase.ts';
/** A migrated database for one test file, as this repository's own tests have it. */
export { type FileDatabase, testDatabase } from '../../../../test/support/database.ts';

export const hasPsql = spawnSync('psql', ['--version']).status === 0;
