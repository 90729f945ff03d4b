import { DatabaseError as PostgresError, type QueryResult } from 'pg';
import { translateError } from '../session/translate_error.ts';
import { ChangesLostError, ConfigurationError, type DatabaseError } from '../types/errors.ts';
import { publication } from './decoder.ts';

/**
 * Makes sure that the other end is a server in replication mode. A pooler that does not know the mode ignores it and passes
 * the question on to a server that takes it for a syntax error.
 *
 * @throws {ConfigurationError} if it is not.
 */
export async function requireReplication(query: (text: string) => Promise<QueryResult>): Promise<void> {
  try {
    await query('IDENTIFY_SYSTEM');
  } catch (error) {
    if (error instanceof PostgresError && error.code === '42601') throw behindPooler();
    throw error;
  }
  // What the stream writes is read by the same parsers as the result of a query.
  await query("set datestyle to 'ISO'; set intervalstyle to 'postgres'; set bytea_output to 'hex'");
}

/** Says what to do about what the server says of slots and replication. */
export function explainReplicationError(error: unknown): DatabaseError {
  if (!(error instanceof PostgresError)) return translateError(error);
  const { code, message, routine } = error;
  if (/unsupported startup parameter: replication/.test(message)) return behindPooler();
  if (code === '55000' && (routine === 'CheckLogicalDecodingRequirements' || routine === 'CheckSlotRequirements')) {
    return new ConfigurationError(
      'Changes need logical decoding: set wal_level = logical, and max_replication_slots if it is 0, and restart the server.',
    );
  }
  if (code === '55000') return slotIsLost();
  if (code === '42704') return routine === 'ReplicationSlotAcquire' ? slotIsMissing() : publicationWasMissing();
  if (code === '55006') return new SlotInUse();
  if (code === '42501') {
    return new ConfigurationError(
      'The login role may not follow changes: alter role … with replication, and grant it service_role.',
    );
  }
  if (code === '53400') {
    return new ConfigurationError(
      'The server has no replication slot left: drop those that nobody uses (pg_replication_slots), or raise max_replication_slots.',
    );
  }
  return translateError(error);
}

const resynchronise =
  "drop it with pg_drop_replication_slot, empty what you keep, and follow it again with create: 'snapshot'.";

/** Another consumer has the slot, or the server has not noticed yet that it is gone. */
export class SlotInUse extends ConfigurationError {
  constructor() {
    super('Another consumer follows this replication slot: give each its own, or stop the other one.', {});
  }
}

function behindPooler(): ConfigurationError {
  return new ConfigurationError(
    'Changes need a direct connection, and this one leads to a pooler: use the server itself (on Supabase db.<project>.supabase.co, port 5432).',
  );
}

export function slotIsMissing(): ChangesLostError {
  return new ChangesLostError(
    "The replication slot does not exist: make it with create: 'snapshot', which hands over all rows first, or create: 'now'.",
  );
}

export function slotIsAnother(): ChangesLostError {
  return new ChangesLostError(
    `The replication slot is not the one that was followed, or somebody else has confirmed its changes: ${resynchronise}`,
  );
}

function publicationWasMissing(): ChangesLostError {
  return new ChangesLostError(
    `The publication ${publication} was missing when what the replication slot has to deliver was committed: ${resynchronise}`,
  );
}

function slotIsLost(): ChangesLostError {
  return new ChangesLostError(
    `The server has removed changes that the replication slot had yet to deliver (max_slot_wal_keep_size): ${resynchronise}`,
  );
}
