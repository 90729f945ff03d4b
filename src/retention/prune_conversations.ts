import { sql } from 'kysely';
import type { ServiceSession } from '../database.ts';
import { TimeoutError } from '../types/errors.ts';
import { type Batch, inBatches, type Pruned, type PruneOptions } from './batches.ts';

/** 'archive' sets a conversation aside; 'delete' deletes it, archived or not, with its messages and their feedback. */
export type ConversationPruning = PruneOptions & { readonly deed: 'archive' | 'delete' };

type Key = { readonly user_id: string; readonly id: string };

const firstKey: Key = {
  user_id: '00000000-0000-0000-0000-000000000000',
  id: '00000000-0000-0000-0000-000000000000',
};

/**
 * Archives or deletes everybody's conversations in which nothing has happened since `before`: nothing was said, no message
 * was rated, neither status nor context changed. It goes through them by `(user_id, id)`, a short transaction for each
 * `batch`; a conversation in which somebody is writing, or rating a message, at that moment is left for the next time.
 *
 * One conversation is deleted by one statement, however many messages it has: `statementTimeoutMillis` must allow for the
 * longest, and `batch` for how many of them come together.
 *
 * @throws {ValidationError} if `batch` is out of range; `TimeoutError` if a table is locked or a statement takes too long;
 *   `SerializationError` if a batch was run again and again and others always changed it meanwhile. What was done before
 *   stays done.
 * @example
 * const before = new Date(Date.now() - 365 * 86_400_000);
 * await pruneConversations(database.asService(), { deed: 'archive', before }); // { looked_at: 5210, pruned: 311, complete: true }
 */
export async function pruneConversations(service: ServiceSession, options: ConversationPruning): Promise<Pruned> {
  return await inBatches(firstKey, options, (after, limit) => pruneBatch(service, options, after, limit));
}

async function pruneBatch(
  service: ServiceSession,
  { deed, before, dryRun = false }: ConversationPruning,
  after: Key,
  limit: number,
): Promise<Batch<Key>> {
  const { rows: page } = await sql<Key & { quiet: boolean }>`
    select user_id, id, updated_at < ${before} and (${deed === 'delete'} or status = 'active') as quiet
    from public.pam_conversations
    where (user_id, id) > (${after.user_id}::uuid, ${after.id}::uuid) order by user_id, id limit ${limit}
  `.execute(service.kysely);
  const quiet = page.filter((conversation) => conversation.quiet);
  const pruned = await (dryRun ? countOld : prune[deed])(service, quiet, before);
  return { looked_at: page.length, pruned, last: page.at(-1) };
}

type Pruning = (service: ServiceSession, quiet: readonly Key[], before: Date) => Promise<number>;

const countOld: Pruning = async ({ kysely }, quiet, before) => {
  const { rows } = await sql<{ old: number }>`
    select count(*)::integer as old from (${oldAmong(quiet, before)}) as old
  `.execute(kysely);
  return rows[0]?.old ?? 0;
};

const archive: Pruning = (service, quiet, before) =>
  service.transaction(
    async ({ kysely }) => {
      const locked = await lock(kysely, quiet, before, 'archive');
      // Another statement, which sees what was committed before the lock was held.
      const { numAffectedRows = 0n } = await sql`
        with old as materialized (${oldAmong(locked, before)})
        update public.pam_conversations set status = 'archived' where id = any(array(select id from old))
      `.execute(kysely);
      return Number(numAffectedRows);
    },
    { isolationLevel: 'read committed' },
  );

/** Of a batch that meets a row that somebody holds, a message or feedback, each conversation is tried by itself. */
const deleteOld: Pruning = async (service, quiet, before) => {
  const deleted = await deleteUnlessHeld(service, quiet, before);
  if (deleted !== undefined) return deleted;
  let count = 0;
  if (quiet.length > 1) {
    for (const one of quiet) count += (await deleteUnlessHeld(service, [one], before)) ?? 0;
  }
  return count;
};

const prune = { archive, delete: deleteOld };

/** Undefined, and nothing is deleted, if somebody holds a row of them. */
async function deleteUnlessHeld(
  service: ServiceSession,
  quiet: readonly Key[],
  before: Date,
): Promise<number | undefined> {
  let isDeleting = false;
  const work: Parameters<typeof service.transaction<number>>[0] = async ({ kysely }) => {
    isDeleting = false;
    // A table that is locked is waited for, a row hardly.
    await sql`lock table public.pam_conversations, public.pam_messages, public.pam_feedback in row exclusive mode`.execute(
      kysely,
    );
    const locked = await lock(kysely, quiet, before, 'delete');
    await sql`select set_config('lock_timeout', '100ms', true)`.execute(kysely);
    isDeleting = true;
    const { numAffectedRows = 0n } = await sql`
      with old as materialized (${oldAmong(locked, before)})
      delete from public.pam_conversations where id = any(array(select id from old))
    `.execute(kysely);
    return Number(numAffectedRows);
  };
  try {
    // In its snapshot a cascade refuses to delete what was committed after it: the batch runs again, and sees that.
    return await service.transaction(work, { isolationLevel: 'repeatable read' });
  } catch (error) {
    if (isDeleting && error instanceof TimeoutError && error.code === '55P03') return undefined;
    throw error;
  }
}

/** Whoever writes a message holds a lock on the conversation: those are left out. */
async function lock(
  kysely: ServiceSession['kysely'],
  quiet: readonly Key[],
  before: Date,
  deed: ConversationPruning['deed'],
): Promise<readonly Key[]> {
  const { rows } = await sql<Key>`
    select c.user_id, c.id from ${candidates(quiet)}
    cross join lateral (
      select user_id, id from public.pam_conversations
      where user_id = candidate.user_id and id = candidate.id
        and updated_at < ${before} and (${deed === 'delete'} or status = 'active')
      for update skip locked
    ) as c
  `.execute(kysely);
  return rows;
}

/**
 * One by one, each by an index: a join might read all messages there are. An activity is the same as that by which a list
 * with `updated_since` finds a conversation, and feedback.
 */
function oldAmong(quiet: readonly Key[], before: Date) {
  return sql`
    select candidate.user_id, candidate.id from ${candidates(quiet)}
    where (
      select true from public.pam_messages m
      where m.user_id = candidate.user_id and m.conversation_id = candidate.id and m.created_at >= ${before} limit 1
    ) is null and (
      select true from public.pam_feedback f join public.pam_messages m on m.user_id = f.user_id and m.id = f.message_id
      where f.user_id = candidate.user_id and m.conversation_id = candidate.id and f.updated_at >= ${before} limit 1
    ) is null`;
}

const candidates = (keys: readonly Key[]) => sql`
  unnest(${keys.map(({ user_id }) => user_id)}::uuid[], ${keys.map(({ id }) => id)}::uuid[]) as candidate (user_id, id)`;
