import { sql } from 'kysely';
import type { ServiceSession } from '../database.ts';
import { type Batch, inBatches, type Pruned, type PruneOptions } from './batches.ts';

type Key = { readonly sort_key: string; readonly id: string };

const firstKey: Key = { sort_key: '-infinity', id: '00000000-0000-0000-0000-000000000000' };

/**
 * Deletes everybody's feedback that was given, and last changed, before `before`; the messages stay. It goes through what
 * was given before by `(created_at, id)`, a short transaction for each `batch`; what somebody is changing at that moment is
 * left for the next time.
 *
 * @throws {ValidationError} if `batch` is out of range; `TimeoutError` if a table is locked or a statement takes too long.
 *   What was done before stays done.
 * @example
 * await pruneFeedback(database.asService(), { before: new Date('2025-01-01'), dryRun: true });
 */
export async function pruneFeedback(service: ServiceSession, options: PruneOptions): Promise<Pruned> {
  return await inBatches(firstKey, options, (after, limit) => pruneBatch(service, options, after, limit));
}

async function pruneBatch(
  service: ServiceSession,
  { before, dryRun = false }: PruneOptions,
  after: Key,
  limit: number,
): Promise<Batch<Key>> {
  return await service.transaction(async ({ kysely }) => {
    const { rows: page } = await sql<Key & { old: boolean }>`
      select created_at::text as sort_key, id, updated_at < ${before} as old from public.pam_feedback
      where created_at < ${before} and (created_at, id) > (${after.sort_key}::timestamptz, ${after.id}::uuid)
      order by created_at, id limit ${limit}
    `.execute(kysely);
    const old = page.filter((feedback) => feedback.old).map(({ id }) => id);
    const found = { looked_at: page.length, last: page.at(-1) };
    if (dryRun || old.length === 0) return { ...found, pruned: old.length };
    // Who changes it meanwhile keeps it. As a query of few rows the list is looked up by the key, however long it is.
    const { numAffectedRows = 0n } = await sql`
      delete from public.pam_feedback where id = any(array(
        select id from public.pam_feedback where id = any(array(select unnest(${old}::uuid[]))) and updated_at < ${before}
        for update skip locked
      ))
    `.execute(kysely);
    return { ...found, pruned: Number(numAffectedRows) };
  });
}
