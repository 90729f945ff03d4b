import { formatLsn, parseLsn } from '../../changes/lsn.ts';
import { ValidationError } from '../../types/errors.ts';

/** A place in the write-ahead log. After a fail-over the same place of another timeline holds other writes. */
export type LogPosition = { readonly timeline: number; readonly lsn: bigint };

/** Whether whoever has replayed the log up to `position` has all that is needed. */
export function reaches(position: LogPosition, needed: LogPosition): boolean {
  return position.timeline >= needed.timeline && position.lsn >= needed.lsn;
}

/** What reaches both. */
export function furthest(one: LogPosition, other: LogPosition): LogPosition {
  const { lsn } = one.lsn > other.lsn ? one : other;
  return { timeline: Math.max(one.timeline, other.timeline), lsn };
}

/** As `Database.position` gives it to those who pass it on. */
export function formatPosition({ timeline, lsn }: LogPosition): string {
  return `${timeline}/${formatLsn(lsn)}`;
}

/** @throws {ValidationError} if the text is not one of `Database.position`. */
export function parsePosition(text: string): LogPosition {
  const [, timeline, lsn] = /^(\d{1,10})\/([0-9A-F]{8}\/[0-9A-F]{8})$/.exec(text) ?? [];
  if (timeline === undefined || lsn === undefined) {
    throw new ValidationError([{ path: 'after', reason: 'must come from database.position()' }]);
  }
  return { timeline: Number(timeline), lsn: parseLsn(lsn) };
}

/** Where a server stands: what a primary has written, or a standby replayed. */
export type Standing = { readonly isStandby: boolean; readonly position: LogPosition };

/**
 * Reads what the server answers to `askStanding`; undefined for one that cannot be compared: a standby that has replayed
 * nothing, or a transaction whose snapshot is older than the answer.
 */
export function parseStanding(answer: string | null): Standing | undefined {
  const [, kind, timeline = '', lsn = ''] = /^(standby|primary) (\w+) ([0-9A-F]+\/[0-9A-F]+)$/.exec(answer ?? '') ?? [];
  if (kind === undefined) return undefined;
  const isStandby = kind === 'standby';
  // Of the primary the name of a segment, which begins with the timeline in hexadecimal.
  const parsed = isStandby ? Number(timeline) : Number.parseInt(timeline.slice(0, 8), 16);
  return { isStandby, position: { timeline: parsed, lsn: parseLsn(lsn) } };
}
