import { type Pgoutput, PgoutputPlugin } from 'pg-logical-replication';
import { getTypeParser } from '../session/type_parsers.ts';
import { ConfigurationError } from '../types/errors.ts';
import type { Change, RowKey } from './change.ts';
import { formatLsn, parseLsn } from './lsn.ts';
import { isPublished, type PublishedTable, publishedColumns } from './published.ts';

/** All that was committed before this place has been handed over. */
export class Progress {
  readonly end: bigint;

  constructor(end: bigint) {
    this.end = end;
  }
}

export const publication = 'supabase_realtime';

/** Reads the messages of the plugin `pgoutput`, protocol 1 (Postgres manual, 55.9 "Logical Replication Message Formats"). */
export class Decoder {
  readonly #plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: [publication] });
  readonly #tables: ReadonlySet<PublishedTable>;
  #transaction: Pick<Change & { transaction: number }, 'lsn' | 'commit_time' | 'transaction'> | undefined;
  #ordinal = 0;

  constructor(tables: Iterable<PublishedTable>) {
    this.#tables = new Set(tables);
  }

  /** Whether the begin of a transaction has come and its commit has not. */
  get isInside(): boolean {
    return this.#transaction !== undefined;
  }

  /** Gives `take` what the message says of the tables, in order. @throws {ConfigurationError} if the publication is not ours. */
  decode(payload: Buffer, take: (received: Change | Progress) => void): void {
    const message = this.#plugin.parse(payload);
    switch (message.tag) {
      case 'begin':
        this.#ordinal = 0;
        this.#transaction = {
          lsn: formatLsn(parseLsn(message.commitLsn ?? '')),
          commit_time: new Date(Number(message.commitTime) / 1_000),
          transaction: message.xid >>> 0,
        };
        break;
      case 'commit':
        this.#transaction = undefined;
        take(new Progress(parseLsn(message.commitEndLsn ?? '')));
        break;
      case 'relation':
        prepare(message);
        break;
      case 'truncate':
        for (const relation of message.relations) this.#takeChange(relation, message, take);
        break;
      case 'insert':
      case 'update':
      case 'delete':
        this.#takeChange(message.relation, message, take);
        break;
      default:
    }
  }

  #takeChange({ schema, name }: Pgoutput.MessageRelation, message: RowMessage, take: (change: Change) => void): void {
    if (this.#transaction === undefined || schema !== 'public' || !isPublished(name)) return;
    const ordinal = this.#ordinal++;
    if (!this.#tables.has(name)) return;
    // The columns have been checked when the relation was described; their types are those of a query's result.
    take({ table: name, ...contentOf(name, message), ...this.#transaction, ordinal } as Change);
  }
}

type RowMessage = Extract<Pgoutput.Message, { tag: 'insert' | 'update' | 'delete' }> | { tag: 'truncate' };

function contentOf(table: PublishedTable, message: RowMessage) {
  switch (message.tag) {
    case 'insert':
      return { operation: 'insert', row: rowOf(table, message.new), old: null };
    case 'update':
      return { operation: 'update', row: rowOf(table, message.new), old: keyOf(message.key ?? message.old) };
    case 'delete':
      return { operation: 'delete', row: null, old: keyOf(message.key ?? message.old) };
    default:
      return { operation: 'truncate', row: null, old: null };
  }
}

/** Only what is published, as a publication of all tables has more. Undefined is what the message left out. */
function rowOf(table: PublishedTable, tuple: Record<string, unknown>): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const column of publishedColumns[table]) if (tuple[column] !== undefined) row[column] = tuple[column];
  return row;
}

function keyOf(tuple: Record<string, string> | null): RowKey | null {
  return tuple && { id: tuple.id ?? '', user_id: tuple.user_id ?? '' };
}

/** Gives the columns our parsers, and makes sure of what the types promise. */
function prepare({ schema, name, columns, replicaIdentity, keyColumns }: Pgoutput.MessageRelation): void {
  if (schema !== 'public' || !isPublished(name)) return;
  for (const column of columns) column.parser = getTypeParser(column.typeOid);
  const missing = publishedColumns[name].find((wanted) => !columns.some((column) => column.name === wanted));
  if (missing !== undefined) {
    throw new ConfigurationError(`The publication ${publication} lacks ${name}.${missing}: run the migrations.`);
  }
  if (replicaIdentity !== 'full' && !keyColumns.includes('user_id')) {
    throw new ConfigurationError(`The replica identity of ${name} lacks user_id: run the migrations.`);
  }
}
