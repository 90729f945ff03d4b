import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import { type PublishedTable, publishedColumns } from '../../src/changes/published.ts';
import type { AnonRepositories, SeenChange, Session } from '../../src/index.ts';
import { idOf } from './follower.ts';

/** Rows by `table id`. */
type Rows = Map<string, Record<string, unknown>>;

export type Eyes = {
  readonly name: string;
  readonly session: Pick<Session<AnonRepositories>, 'kysely' | 'changes'>;
  readonly userId?: string;
  /** The service on behalf of the user reads all, and is to be handed over what is theirs. */
  readonly isRestricted?: boolean;
  readonly ownsAll?: boolean;
  readonly tables: readonly PublishedTable[];
  /** How long the loop is busy with a change. */
  readonly busyMillis: () => number;
};

/** A change, and between which steps it must have been read. */
type Received = { change: SeenChange; from: number; to: number; knew: boolean };

/** Compares what a session is handed over with what its own queries show, from one moment of rest to the next. */
export class Witness {
  readonly eyes: Eyes;
  readonly findings: string[] = [];
  /** Where the newest change of each row that was handed over was committed. */
  readonly lsnOf = new Map<string, string>();
  received = 0;
  /** What somebody knows who does as the changes say. */
  readonly replayed: Rows = new Map();
  /** What queries have shown after each step. */
  readonly #shown: Rows[] = [];
  readonly #unjudged: Received[] = [];
  #isStepping = false;
  #askedAt = 0;
  #quietAt = 0;

  constructor(eyes: Eyes) {
    this.eyes = eyes;
  }

  get rows(): Rows {
    return this.#shown.at(-1) ?? new Map();
  }

  get now(): number {
    return this.#shown.length - 1;
  }

  beginStep(): void {
    this.#isStepping = true;
  }

  /** Call it while nothing else is committed. */
  async endStep(): Promise<void> {
    this.#shown.push(await this.#look());
    this.#isStepping = false;
    for (const received of this.#unjudged.splice(0)) this.#judge(received);
  }

  /** The loop's body. */
  readonly receive = async (change: SeenChange): Promise<void> => {
    const name = nameOf(change);
    const received = {
      change,
      from: Math.max(this.#askedAt, this.#quietAt),
      to: this.#isStepping ? this.now + 1 : this.now,
      knew: this.replayed.has(name),
    };
    if (change.row) this.replayed.set(name, change.row);
    else this.replayed.delete(name);
    this.lsnOf.set(name, change.lsn);
    this.received += 1;
    if (this.#isStepping) this.#unjudged.push(received);
    else this.#judge(received);
    const millis = this.eyes.busyMillis();
    if (millis > 0) await sleep(millis);
    this.#askedAt = this.now;
  };

  /** Call it when all that was committed has been handed over; `changedAt` has the last step that changed each row. */
  expectNothingMissed(changedAt: ReadonlyMap<string, number>): void {
    for (const [name, step] of changedAt) {
      if (step <= this.#quietAt) continue;
      const since = this.#shown.slice(step).map((rows) => rows.get(name));
      // Whoever has lost or gained sight of it since then may have been told of it before or after.
      if (!since.every((row) => isDeepStrictEqual(row, since[0]))) continue;
      if (isDeepStrictEqual(this.replayed.get(name), since[0])) continue;
      this.#report(`knows of ${name} not what queries have shown since step ${step}`);
    }
    this.#quietAt = this.now;
  }

  /** Call it after a step that has changed every row. */
  expectTheSame(): void {
    if (isDeepStrictEqual(this.replayed, this.#shown.at(-1))) return;
    this.#report('knows other rows in the end than its queries show');
  }

  #judge({ change, from, to, knew }: Received): void {
    const { row, old } = change;
    const name = nameOf(change);
    const then = this.#shown.slice(from, to + 1).map((rows) => rows.get(name));
    const what = `was handed over ${change.operation} of ${name} between the steps ${from} and ${to}`;
    if (!then.some((shown) => isDeepStrictEqual(shown, row ?? undefined))) {
      this.#report(`${what}, when no query showed ${row ? 'this row' : 'it gone'}`);
    }
    const isOwn = old?.user_id === this.eyes.userId || this.eyes.ownsAll;
    if (row === null && !knew && !isOwn) this.#report(`${what}, which it had not been shown`);
  }

  #report(finding: string): void {
    this.findings.push(`${this.eyes.name} ${finding}`);
  }

  async #look(): Promise<Rows> {
    const { session, tables, userId, isRestricted } = this.eyes;
    const rows: Rows = new Map();
    await Promise.all(
      tables.map(async (table) => {
        const columns = sql.join(publishedColumns[table].map((column) => sql.ref(column)));
        const found = await sql<{ id: string; user_id: string }>`select ${columns} from ${sql.table(table)}`.execute(
          session.kysely,
        );
        for (const row of found.rows) {
          if (!isRestricted || row.user_id === userId) rows.set(`${table} ${row.id}`, row);
        }
      }),
    );
    return rows;
  }
}

function nameOf(change: SeenChange): string {
  return `${change.table} ${idOf(change)}`;
}
