import { Client, type ClientConfig } from 'pg';
import { parseStanding, type Standing } from './log_position.ts';

/**
 * An expression that says where a server stands: 'primary', the name of the log's segment and the place, or 'standby',
 * timeline and place. A standby's timeline is what its control file is sure of, so after a fail-over it comes late, never
 * early. It is null where the transaction keeps one snapshot for all its statements, which may be older than the answer.
 */
export const standing = `case
  when not pg_catalog.pg_is_in_recovery() then pg_catalog.concat_ws(' ', 'primary',
    pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), pg_catalog.pg_current_wal_insert_lsn())
  when pg_catalog.current_setting('transaction_isolation') like 'read %' then (
    select 'standby ' || min_recovery_end_timeline || ' ' || pg_catalog.pg_last_wal_replay_lsn()
    from pg_catalog.pg_control_recovery())
end`;

const ask = `select ${standing} as standing, system_identifier::text as cluster from pg_catalog.pg_control_system()`;

/** How long a server may take to connect and to say where it stands, before it is taken not to answer. */
export const lookMillis = 2_000;

/** Where a server stands, and what all servers have in common that are copies of one. */
type Sighting = { readonly standing: Standing | undefined; readonly cluster: string | undefined };

/**
 * Asks a server where it stands, and of which cluster it is, on a connection of its own, which shows that it takes new ones.
 *
 * @throws {unknown} the driver's error; also when `signal` is aborted, or the server has not answered in time.
 */
export async function askStanding(config: ClientConfig, signal: AbortSignal): Promise<Sighting> {
  const client = new Client(config);
  client.on('error', () => {});
  const hangUp = () => client.connection.stream.destroy();
  const timer = setTimeout(hangUp, lookMillis);
  signal.addEventListener('abort', hangUp, { once: true });
  try {
    await client.connect();
    const { rows } = await client.query<{ standing: string | null; cluster: string }>(ask);
    // The other side may never hang up.
    client.connection.stream.once('finish', hangUp);
    await client.end();
    return { standing: parseStanding(rows[0]?.standing ?? null), cluster: rows[0]?.cluster };
  } catch (error) {
    hangUp();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', hangUp);
  }
}
