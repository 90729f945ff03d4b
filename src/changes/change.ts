import type { PublishedRow, PublishedTable } from './published.ts';

/** Whose row it was, and which. */
export type RowKey = { id: string; user_id: string };

/** Where and when a change was committed. */
export type Committed = {
  /**
   * Where the write-ahead log has the commit: sixteen hexadecimal digits and a slash, which sort as text as they do as
   * `pg_lsn`. All changes of one transaction have the same.
   */
  lsn: string;
  /** The place among the published changes of the transaction, from 0. With `lsn` the key that makes a consumer idempotent. */
  ordinal: number;
  /** When the transaction committed, by the server's clock. */
  commit_time: Date;
  /** The transaction's id (`xid`), which Postgres uses again after four billion others. */
  transaction: number;
};

type Inserted<Table extends PublishedTable> = {
  [Each in Table]: Committed & { table: Each; operation: 'insert'; row: PublishedRow<Each>; old: null };
}[Table];

/** A column whose long value (TOAST) the update has not touched is not in `row`; one that is NULL is. */
type Updated<Table extends PublishedTable> = {
  [Each in Table]: Committed & {
    table: Each;
    operation: 'update';
    row: RowKey & Partial<PublishedRow<Each>>;
    old: RowKey | null;
  };
}[Table];

type Deleted<Table extends PublishedTable, When = Committed> = {
  [Each in Table]: When & { table: Each; operation: 'delete'; row: null; old: RowKey };
}[Table];

type Truncated<Table extends PublishedTable, When = Committed> = {
  [Each in Table]: When & { table: Each; operation: 'truncate'; row: null; old: null };
}[Table];

/** A row that was there when the slot was made: before all others, with the place of the slot's beginning as `lsn`. */
type Found<Table extends PublishedTable> = {
  [Each in Table]: Omit<Committed, 'commit_time' | 'transaction'> & {
    table: Each;
    operation: 'snapshot';
    row: PublishedRow<Each>;
    old: null;
    commit_time: null;
    transaction: null;
  };
}[Table];

/** A committed change of a row, in the order of the commits. `table` and `operation` tell what `row` and `old` are. */
export type Change<Table extends PublishedTable = PublishedTable> =
  | Inserted<Table>
  | Updated<Table>
  | Deleted<Table>
  | Truncated<Table>
  | Found<Table>;

/** Of a transaction that may be others' too, no more than when it was. */
type Seen = Pick<Committed, 'lsn' | 'commit_time'>;

type Shown<Table extends PublishedTable> = {
  [Each in Table]: Seen & { table: Each; operation: 'insert' | 'update'; row: PublishedRow<Each>; old: null };
}[Table];

/**
 * A change as a session sees it. `row` is what the session reads at that moment, whole: several changes that came close
 * together are one, the newest, and have its `lsn`.
 */
export type SeenChange<Table extends PublishedTable = PublishedTable> =
  | Shown<Table>
  /** The row is gone, or this session may not see it any longer: the two are not told apart. */
  | Deleted<Table, Seen>
  | Truncated<Table, Seen>;
