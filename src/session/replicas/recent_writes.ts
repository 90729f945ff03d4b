import type { SessionContext } from '../claims.ts';
import { furthest, type LogPosition } from './log_position.ts';

/** A position of the primary that was asked for after so many writes had ended. */
type Learned = { readonly writes: number; readonly askedAt: number; readonly position: LogPosition };

/** When somebody last wrote, as a number of writes, and what a replica must have replayed to show it, once that is known. */
type Mark = { readonly write: number; position?: LogPosition };

/** How old the position is, at least, that every read must reach: a replica may lag that much. */
const renewMillis = 5_000;
/** More would be too old to go on with. */
const staleMillis = 10_000;
const maxMarks = 100_000;

/** The service acting for nobody writes what may be anybody's. */
const everybody = 'everybody';
const service = 'service';

/**
 * What a replica must have replayed before a session may read from it: what the same person has written through this
 * `Database`, what the service has written for nobody in particular, and whatever was committed, by anybody, some seconds
 * ago or before this `Database` first read.
 *
 * A write costs nothing: that it happened is noted, and where it stands in the log is learned from the next read, which goes
 * to the primary and asks along.
 */
export class RecentWrites {
  readonly #marks = new Map<string, Mark>();
  #writes = 0;
  /** What was asked for before so many writes does not stand for those whose marks are gone. */
  #forgotAt = 0;
  /** Every read must reach it. */
  #floor: Learned | undefined;
  /** Becomes the floor when it is old enough. */
  #nextFloor: Learned | undefined;
  #latest: Learned | undefined;

  /** Call it whenever something may have been committed, before anybody is told. */
  note({ role, claims: { sub } }: SessionContext): void {
    this.#writes += 1;
    if (this.#marks.size >= maxMarks) this.#forgetAll();
    this.#mark(typeof sub === 'string' ? sub.toLowerCase() : everybody);
    if (role === 'service_role') this.#mark(service);
  }

  #mark(person: string): void {
    // The last to write is the last in the map.
    this.#marks.delete(person);
    this.#marks.set(person, { write: this.#writes });
  }

  #forgetAll(): void {
    this.#marks.clear();
    this.#forgotAt = this.#writes;
    this.#floor = this.#nextFloor = this.#latest = undefined;
  }

  /** What a replica must have replayed; undefined if only the primary is known to show it. */
  neededBy({ role, claims: { sub } }: SessionContext): LogPosition | undefined {
    if (this.#floor === undefined) return undefined;
    const own = typeof sub === 'string' ? sub.toLowerCase() : role === 'service_role' ? service : everybody;
    const ownNeed = this.#after(own, this.#floor);
    const commonNeed = this.#after(everybody, this.#floor);
    return ownNeed && commonNeed && furthest(ownNeed, commonNeed);
  }

  #after(person: string, floor: Learned): LogPosition | undefined {
    const mark = this.#marks.get(person);
    if (mark === undefined || mark.write <= floor.writes) return floor.position;
    // The first that is learned stays: with a later one a replica would never be near enough.
    if (this.#latest && this.#latest.writes >= mark.write) mark.position ??= this.#latest.position;
    return mark.position && furthest(mark.position, floor.position);
  }

  /** Whether a read should go to the primary, to learn a position. */
  get isDue(): boolean {
    return this.#nextFloor === undefined || performance.now() - this.#nextFloor.askedAt >= renewMillis;
  }

  /** Whether every read should: nothing was learned for so long that replicas may be far behind. */
  get isStale(): boolean {
    return this.#nextFloor === undefined || performance.now() - this.#nextFloor.askedAt >= staleMillis;
  }

  /** Call it before the primary is asked, and `learn` with what comes back. */
  ask(): Omit<Learned, 'position'> {
    return { writes: this.#writes, askedAt: performance.now() };
  }

  learn(learned: Learned): void {
    if (learned.writes < Math.max(this.#forgotAt, this.#latest?.writes ?? 0)) return;
    this.#latest = learned;
    const age = this.#nextFloor ? learned.askedAt - this.#nextFloor.askedAt : staleMillis;
    if (age < renewMillis) return;
    this.#floor = age < staleMillis && this.#nextFloor ? this.#nextFloor : learned;
    this.#nextFloor = learned;
    this.#forgetOlderThan(this.#floor);
  }

  /** What the floor has is needed by everybody. */
  #forgetOlderThan({ writes }: Learned): void {
    for (const [person, { write }] of this.#marks) {
      if (write > writes) return;
      this.#marks.delete(person);
    }
  }
}
