import { setTimeout as sleep } from 'node:timers/promises';
import { ChangesLostError, ConfigurationError, ConnectionError } from '../types/errors.ts';
import type { Change } from './change.ts';
import { opened } from './change_feed.ts';
import { Decoder, Progress, publication } from './decoder.ts';
import { SlotInUse, slotIsAnother } from './explain_replication_error.ts';
import type { PublishedTable } from './published.ts';
import type { ReplicationClient } from './replication_client.ts';
import { confirmedPlace, createTemporarySlot, openSlot } from './slot.ts';

export type Following = {
  readonly connect: () => Promise<ReplicationClient>;
  readonly tables: readonly PublishedTable[];
  readonly signal: AbortSignal;
};

const longestPauseMillis = 5_000;

/**
 * The changes since the slot was last confirmed, over as many connections as it takes. A transaction is confirmed when what
 * follows its last change is asked for.
 */
export async function* followSlot(
  slot: string,
  create: 'snapshot' | 'now' | undefined,
  { connect, tables, signal }: Following,
): AsyncGenerator<Change | typeof opened, void> {
  let confirmed = 0n;
  let handedOver = '';
  let hasOpened = false;
  let pauseMillis = 0;
  while (!signal.aborted) {
    let client: ReplicationClient | undefined;
    try {
      client = await connect();
      await requirePublication(client, tables);
      if (!hasOpened) {
        await warnOfUnlimitedSlots(client);
        yield* openSlot(client, slot, create, tables);
      }
      await startWhenFree(client, slot, tables, signal);
      const kept = await askedPlace(connect, slot);
      // Another slot of this name has been made meanwhile.
      if (hasOpened && kept > confirmed) throw slotIsAnother();
      if (!hasOpened) {
        hasOpened = true;
        confirmed = kept;
        yield opened;
      }
      client.confirm(confirmed);
      pauseMillis = 0;
      for await (const received of receivedBy(client)) {
        if (received instanceof Progress) {
          if (received.end > confirmed) confirmed = received.end;
          client.confirm(confirmed);
        } else if (keyOf(received) > handedOver) {
          // What a lost connection had brought and was not confirmed comes again.
          handedOver = keyOf(received);
          yield received;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!hasOpened || !(error instanceof ConnectionError)) throw error;
      pauseMillis = Math.min(longestPauseMillis, pauseMillis * 2 + 50);
      await sleep(pauseMillis, undefined, { signal }).catch(() => {});
    } finally {
      await client?.end();
    }
  }
}

/** The changes from now on, for as long as the connection lasts. */
export async function* followLive({
  connect,
  tables,
  signal,
}: Following): AsyncGenerator<Change | typeof opened, void> {
  if (signal.aborted) return;
  let client: ReplicationClient | undefined;
  let hasOpened = false;
  try {
    client = await connect();
    await requirePublication(client, tables);
    await client.start(await createTemporarySlot(client), new Decoder(tables));
    hasOpened = true;
    yield opened;
    for await (const received of receivedBy(client)) {
      if (received instanceof Progress) client.confirm(received.end);
      else yield received;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (hasOpened && error instanceof ConnectionError) throw connectionLost();
    throw error;
  } finally {
    await client?.end();
  }
}

/** Ends only by throwing. */
async function* receivedBy(client: ReplicationClient): AsyncGenerator<Change | Progress, never> {
  for (;;) {
    const received = client.take();
    if (received === undefined) await client.wait();
    else yield received;
  }
}

function keyOf({ lsn, ordinal }: Change): string {
  return `${lsn} ${String(ordinal).padStart(12, '0')}`;
}

/** After a crash the server holds a slot for its last consumer until it has missed it for long enough. */
async function startWhenFree(
  client: ReplicationClient,
  slot: string,
  tables: readonly PublishedTable[],
  signal: AbortSignal,
): Promise<void> {
  const [setting] = await client.query("select setting from pg_settings where name = 'wal_sender_timeout'");
  const waitMillis = (Number(setting?.setting) || 60_000) + 5_000;
  const end = performance.now() + waitMillis;
  let hasWarned = false;
  for (;;) {
    try {
      return await client.start(slot, new Decoder(tables));
    } catch (error) {
      if (!(error instanceof SlotInUse) || performance.now() > end || signal.aborted) throw error;
      if (!hasWarned)
        process.emitWarning('The replication slot has another consumer: waiting until it is free.', 'ChangesWarning');
      hasWarned = true;
      await sleep(250, undefined, { signal }).catch(() => {});
    }
  }
}

/**
 * Up to where a slot that streams was confirmed. A connection that streams takes no question; and before it streams, the
 * slot may be dropped and made anew between the answer and the start.
 */
async function askedPlace(connect: Following['connect'], slot: string): Promise<bigint> {
  const client = await connect();
  try {
    return await confirmedPlace(client, slot);
  } finally {
    await client.end();
  }
}

/** A server passes over changes of what is not in the publication, and, from Postgres 18 on, over one that is not there. */
async function requirePublication(client: ReplicationClient, tables: readonly PublishedTable[]): Promise<void> {
  const rows = await client.query(
    `select tablename from pg_publication_tables join pg_publication using (pubname)
     where pubname = '${publication}' and schemaname = 'public' and rowfilter is null
       and pubinsert and pubupdate and pubdelete and pubtruncate`,
  );
  const missing = tables.find((table) => !rows.some(({ tablename }) => tablename === table));
  if (missing === undefined) return;
  throw new ConfigurationError(
    `The publication ${publication} lacks ${missing}, or some of its changes: run the migrations.`,
  );
}

async function warnOfUnlimitedSlots(client: ReplicationClient): Promise<void> {
  const [setting] = await client.query("select setting from pg_settings where name = 'max_slot_wal_keep_size'");
  if (setting?.setting !== '-1') return;
  process.emitWarning(
    "A replication slot whose consumer stays away may fill the server's disk: set max_slot_wal_keep_size.",
    { type: 'ChangesWarning' },
  );
}

function connectionLost(): ChangesLostError {
  return new ChangesLostError(
    'The connection was lost, and with it the changes that were committed since: follow them again, then read anew what you keep.',
  );
}
