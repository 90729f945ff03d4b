import type { Pool } from 'pg';
import { ConnectionError } from '../../src/index.ts';

/** The tables that people write, and the column in which each row names its owner once more. */
export const markColumns = {
  expenses: 'description',
  trips: 'description',
  posts: 'content',
  pam_messages: 'content',
} as const;

export type Table = keyof typeof markColumns;
export const tables = Object.keys(markColumns) as Table[];

/** A row as far as its writers know. Whoever changes or removes it takes it, so that what must become of it is known. */
export type Row = {
  readonly table: Table;
  readonly id: string;
  readonly owner: string;
  presence: 'there' | 'perhaps' | 'gone';
  taken?: 'change' | 'removal' | undefined;
  changes: number;
  perhapsChanges: number;
  /** What wrote it, if nobody knows whether that took effect: of such an attempt all rows are there, or none. */
  attempt?: Attempt | undefined;
};

type Effect = { readonly kind: 'insertion' | 'change' | 'removal'; readonly row: Row };

/** What a statement or a transaction is about to do. */
export class Attempt {
  #effects: Effect[] = [];

  insert(table: Table, id: string, owner: string): void {
    this.#effects.push({
      kind: 'insertion',
      row: { table, id, owner, presence: 'perhaps', changes: 0, perhapsChanges: 0 },
    });
  }

  take(row: Row, kind: 'change' | 'removal'): void {
    row.taken = kind;
    this.#effects.push({ kind, row });
  }

  inserted(table: Table): string[] {
    return this.#effects
      .filter(({ kind, row }) => kind === 'insertion' && row.table === table)
      .map(({ row }) => row.id);
  }

  /** Nothing of it has taken effect: the transaction begins again. */
  restart(): void {
    this.#undo(0);
  }

  /** A part of it that is undone if `work` throws. */
  async part<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#effects.length;
    try {
      return await work();
    } catch (error) {
      this.#undo(before);
      throw error;
    }
  }

  /** Returns the new rows. */
  settle(outcome: 'saved' | 'undone' | 'unknown'): Row[] {
    if (outcome === 'undone') this.#undo(0);
    else for (const effect of this.#effects) this.#apply(effect, outcome === 'saved');
    return this.#effects.filter(({ kind }) => kind === 'insertion').map(({ row }) => row);
  }

  #undo(from: number): void {
    for (const { row } of this.#effects.splice(from)) row.taken = undefined;
  }

  #apply({ kind, row }: Effect, isSaved: boolean): void {
    if (kind === 'insertion') {
      row.presence = isSaved ? 'there' : 'perhaps';
      row.attempt = isSaved ? undefined : this;
      return;
    }
    if (kind === 'removal') row.presence = isSaved ? 'gone' : 'perhaps';
    else if (isSaved) row.changes += 1;
    else row.perhapsChanges += 1;
    // Of what is unknown some may still be running: nobody else takes the row until the server has been asked.
    if (isSaved) row.taken = undefined;
  }
}

/** What has been acknowledged to whom, to be compared with what the database holds. */
export class Ledger {
  readonly #rows = new Map<string, Row>();
  readonly #byOwner = new Map<string, Set<Row>>();

  /** Notes what becomes of what `work` attempts: it resolves, it is refused, or its connection is lost and nobody knows. */
  async attempt<T>(work: (attempt: Attempt) => Promise<T>): Promise<T> {
    const attempt = new Attempt();
    try {
      const result = await work(attempt);
      this.#add(attempt.settle('saved'));
      return result;
    } catch (error) {
      this.#add(attempt.settle(error instanceof ConnectionError ? 'unknown' : 'undone'));
      throw error;
    }
  }

  /** Whether the row is there for certain, and stays for the moment. */
  isCertain(id: string): boolean {
    const row = this.#rows.get(id);
    return row?.presence === 'there' && row.taken !== 'removal';
  }

  certain(table: Table, owner: string): Row[] {
    return [...this.#of(table, owner)].filter(({ id }) => this.isCertain(id));
  }

  /** Those of the rows that are there, and that nobody is changing. */
  free(ids: readonly string[]): Row[] {
    return ids
      .map((id) => this.#rows.get(id))
      .filter((row): row is Row => row?.presence === 'there' && row.taken === undefined);
  }

  /** Call it when nothing runs. Returns what the database should not hold or lacks, and goes on from what it does hold. */
  async compare(admin: Pool): Promise<string[]> {
    const selects = tables.map(
      (table) => `select '${table}' as "table", id, user_id, ${markColumns[table]} as mark,
        (to_jsonb(t) -> 'version')::integer as version from ${table} as t`,
    );
    const { rows } = await admin.query<Stored>(selects.join(' union all '));
    const stored = new Map(rows.map((row) => [row.id, row]));
    return [
      ...rows
        .filter(({ id }) => !this.#rows.has(id))
        .map((row) => `${nameOf(row)} is there, and nobody was told that it is`),
      ...rows
        .filter(({ user_id, mark }) => user_id !== mark)
        .map((row) => `${nameOf(row)} was written for ${row.mark}`),
      ...this.#findTornAttempts(stored),
      ...[...this.#rows.values()].flatMap((row) => this.#reconcile(row, stored.get(row.id))),
    ];
  }

  #add(rows: readonly Row[]): void {
    for (const row of rows) {
      this.#rows.set(row.id, row);
      this.#of(row.table, row.owner).add(row);
    }
  }

  #of(table: Table, owner: string): Set<Row> {
    const key = `${table} of ${owner}`;
    const known = this.#byOwner.get(key) ?? new Set();
    this.#byOwner.set(key, known);
    return known;
  }

  #findTornAttempts(stored: ReadonlyMap<string, Stored>): string[] {
    const attempts = Map.groupBy(this.#rows.values(), ({ attempt }) => attempt);
    attempts.delete(undefined);
    return [...attempts.values()]
      .filter((rows) => new Set(rows.map(({ id }) => stored.has(id))).size > 1)
      .map((rows) => `of one transaction only a part is there: ${rows.map(nameOf).join(', ')}`);
  }

  #reconcile(row: Row, stored: Stored | undefined): string[] {
    const wrongs: string[] = [];
    if (row.presence === 'there' && !stored) wrongs.push(`${nameOf(row)} was acknowledged and is not there`);
    if (row.presence === 'gone' && stored) wrongs.push(`${nameOf(row)} was deleted and is there`);
    if (stored && stored.user_id !== row.owner) wrongs.push(`${nameOf(stored)} belongs to ${row.owner}`);
    if (stored && ['expenses', 'posts'].includes(row.table)) {
      const counted = stored.version - 1;
      const most = row.changes + row.perhapsChanges;
      if (counted < row.changes || counted > most) {
        wrongs.push(`${nameOf(row)} was changed ${row.changes} to ${most} times, and ${counted} are there`);
      }
      row.changes = counted;
    }
    row.perhapsChanges = 0;
    row.taken = undefined;
    row.attempt = undefined;
    row.presence = stored ? 'there' : 'gone';
    if (!stored) {
      this.#rows.delete(row.id);
      this.#of(row.table, row.owner).delete(row);
    }
    return wrongs;
  }
}

type Stored = { table: Table; id: string; user_id: string; mark: string; version: number };

const nameOf = ({ table, id }: { table: Table; id: string }) => `${table} ${id}`;
