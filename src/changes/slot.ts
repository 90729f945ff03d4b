import { randomUUID } from 'node:crypto';
import { ChangesLostError, ConfigurationError, ConnectionError } from '../types/errors.ts';
import type { Change } from './change.ts';
import { opened } from './change_feed.ts';
import { slotIsMissing } from './explain_replication_error.ts';
import { formatLsn, parseLsn } from './lsn.ts';
import { type PublishedTable, publishedColumns } from './published.ts';
import type { ReplicationClient } from './replication_client.ts';

/** How many rows of a snapshot are fetched at once. */
const snapshotRows = 1_000;

/** A slot that the server drops when the connection ends. */
export async function createTemporarySlot(client: ReplicationClient): Promise<string> {
  const slot = temporaryName();
  await client.query(`CREATE_REPLICATION_SLOT "${slot}" TEMPORARY LOGICAL pgoutput (SNAPSHOT 'nothing')`);
  return slot;
}

/**
 * Makes sure that the slot is there. With 'snapshot' a new one hands over all rows of the tables first, as they stand where
 * it begins; it comes into being when the last of them is taken, so that an interrupted snapshot begins again.
 *
 * @throws {ChangesLostError} if it is missing and is not to be made; `ConfigurationError` if it belongs to another
 *   database or plugin.
 */
export async function* openSlot(
  client: ReplicationClient,
  slot: string,
  create: 'snapshot' | 'now' | undefined,
  tables: readonly PublishedTable[],
): AsyncGenerator<Change | typeof opened, void> {
  const [found] = await client.query(
    `select plugin, database = current_database() as is_ours from pg_replication_slots where slot_name = '${slot}'`,
  );
  if (found) {
    if (found.plugin === 'pgoutput' && found.is_ours === true) return;
    throw new ConfigurationError('The replication slot belongs to another database or plugin: choose another name.');
  }
  if (create === undefined) throw slotIsMissing();
  if (create === 'now') {
    await client.query(`CREATE_REPLICATION_SLOT "${slot}" LOGICAL pgoutput (SNAPSHOT 'nothing')`);
    return;
  }
  const temporary = temporaryName();
  await client.query('begin isolation level repeatable read read only');
  const [made] = await client.query(
    `CREATE_REPLICATION_SLOT "${temporary}" TEMPORARY LOGICAL pgoutput (SNAPSHOT 'use')`,
  );
  yield opened;
  try {
    yield* rowsOf(client, tables, parseLsn(String(made?.consistent_point)));
    await client.query('commit');
    await client.query(`select pg_copy_logical_replication_slot('${temporary}', '${slot}', false)`);
  } catch (error) {
    throw error instanceof ConnectionError ? snapshotIsLost() : error;
  }
  await client.query(`DROP_REPLICATION_SLOT "${temporary}"`);
}

async function* rowsOf(
  client: ReplicationClient,
  tables: readonly PublishedTable[],
  consistentPoint: bigint,
): AsyncGenerator<Change, void> {
  // A policy must stop the snapshot, not thin it out; and the consumer may take its time.
  await client.query('set local role service_role; set local row_security = off');
  await client.query(
    "select set_config(name, '0', true) from pg_settings where name in ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')",
  );
  // The first commit of the feed may be at the consistent point itself.
  const lsn = formatLsn(consistentPoint - 1n);
  let ordinal = 0;
  for (const table of tables) {
    const columns = publishedColumns[table].map((column) => `"${column}"`).join(', ');
    await client.query(`declare snapshot no scroll cursor for select ${columns} from public.${table}`);
    await requireUnchanged(client, table);
    for (;;) {
      const rows = await client.query(`fetch ${snapshotRows} from snapshot`);
      for (const row of rows) {
        const change = { table, operation: 'snapshot', row, old: null, lsn, ordinal: ordinal++ };
        // The columns are those that the type names.
        yield { ...change, commit_time: null, transaction: null } as Change;
      }
      if (rows.length < snapshotRows) break;
    }
    await client.query('close snapshot');
  }
}

/**
 * What rewrites a table, as `alter table` may, hides its rows from older snapshots (Postgres manual, 13.6 "Caveats"). The
 * cursor's lock keeps it away from now on.
 */
async function requireUnchanged(client: ReplicationClient, table: PublishedTable): Promise<void> {
  const [found] = await client.query(
    `select relfilenode = pg_relation_filenode(oid) as is_same from pg_class where oid = 'public.${table}'::regclass`,
  );
  if (found?.is_same === true) return;
  throw new ChangesLostError(
    `${table} was rewritten while the snapshot was handed over: empty what you keep, and begin again.`,
  );
}

/** Up to where the server knows the slot to be confirmed. @throws {ChangesLostError} if the slot is gone. */
export async function confirmedPlace(client: ReplicationClient, slot: string): Promise<bigint> {
  const [found] = await client.query(
    `select confirmed_flush_lsn as lsn from pg_replication_slots where slot_name = '${slot}'`,
  );
  if (!found) throw slotIsMissing();
  return parseLsn(String(found.lsn ?? '0/0'));
}

function snapshotIsLost(): ChangesLostError {
  return new ChangesLostError(
    'The connection was lost before the snapshot was handed over: drop the replication slot, if it is there, empty what you keep, and begin again.',
  );
}

function temporaryName(): string {
  return `wheels_${randomUUID().replaceAll('-', '')}`;
}
