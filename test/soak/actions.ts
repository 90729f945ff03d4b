import { randomUUID } from 'node:crypto';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { sql } from 'kysely';
import {
  CancelledError,
  DatabaseError,
  PermissionError,
  type TransactionSession,
  UniqueError,
  type UserRepositories,
} from '../../src/index.ts';
import { type Attempt, tables } from './ledger.ts';
import { type Read, reads, settle } from './reads.ts';
import { leaveTraces } from './traces.ts';
import { type Identity, ignoreUndo, type Known, seenBy, Undo, type Visit } from './visit.ts';
import { fail, makeUncommittable, takeOthersId, type Write, writes } from './writes.ts';

/** Something that a person does in their session. It throws what the session throws. */
export type Action = (visit: Visit) => Promise<void>;

type Tx = TransactionSession<UserRepositories>;
type Step = (visit: Visit, tx: Tx, attempt: Attempt, known: Known) => Promise<void>;

const reading =
  (read: Read): Action =>
  (visit) =>
    read(visit, visit.session, visit.known());

const writing =
  (write: Write): Action =>
  (visit) =>
    visit.ledger.attempt((attempt) => write(visit, visit.session, attempt, visit.known()));

const steps: Step[] = [
  ...Object.values(reads).map(
    (read): Step =>
      (visit, tx, _, known) =>
        read(visit, tx, known),
  ),
  ...Object.values(writes),
  takeOthersId,
  nested,
  nested,
  (visit) => sleep(visit.random.below(30)),
];

async function someSteps(visit: Visit, tx: Tx, attempt: Attempt, known: Known): Promise<void> {
  for (let left = 1 + visit.random.below(4); left > 0; left--) {
    await visit.random.pick(steps)(visit, tx, attempt, known);
  }
}

/** A part that is kept, undone, or undone because a statement has failed. */
async function nested(visit: Visit, tx: Tx, attempt: Attempt, known: Known): Promise<void> {
  const part = attempt.part(() =>
    tx.transaction(async (inner) => {
      await someSteps(visit, inner, attempt, known);
      if (visit.random.chance(0.3)) await fail(visit, inner);
      else if (visit.random.chance(0.5)) return;
      throw new Undo();
    }),
  );
  await part.catch(ignoreUndo);
}

/** Runs `fn` in a transaction and notes what becomes of it; `afterCommit` must tell the same. */
async function transaction(visit: Visit, fn: (tx: Tx, attempt: Attempt, known: Known) => Promise<void>): Promise<void> {
  const { random, session } = visit;
  const isolationLevel = random.pick([undefined, undefined, 'repeatable read', 'serializable'] as const);
  let told = 0;
  let wasAborted = false;
  try {
    await visit.ledger.attempt(async (attempt) => {
      const known = visit.known(attempt);
      await session.transaction(
        async (tx) => {
          attempt.restart();
          tx.afterCommit(() => {
            told += 1;
          });
          await fn(tx, attempt, known);
          wasAborted = visit.isAborted;
        },
        { isolationLevel },
      );
    });
  } catch (error) {
    visit.check(told === 0, `afterCommit ran ${told} times after a transaction that failed`);
    throw error;
  }
  visit.check(!wasAborted, 'a transaction was saved, though its signal was aborted before');
  visit.check(told === 1, `afterCommit ran ${told} times after a transaction that was saved`);
}

async function kept(visit: Visit): Promise<void> {
  await transaction(visit, (tx, attempt, known) => someSteps(visit, tx, attempt, known));
}

async function rolledBack(visit: Visit): Promise<void> {
  const work = transaction(visit, async (tx, attempt, known) => {
    await someSteps(visit, tx, attempt, known);
    if (visit.random.chance(0.3)) await fail(visit, tx);
    throw new Undo();
  });
  await work.catch(ignoreUndo);
}

/** The error of a statement is caught, and the transaction goes on: nothing of it is saved. */
async function swallowed(visit: Visit): Promise<void> {
  const work = transaction(visit, async (tx, attempt) => {
    await writes.insertExpense(visit, tx, attempt);
    await fail(visit, tx);
    if (visit.random.chance(0.5)) await visit.expectError('25P02', reads.whoami(visit, tx));
  });
  await visit.expectError('25P02', work);
}

async function refusedAtCommit(visit: Visit): Promise<void> {
  const work = transaction(visit, async (tx, attempt, known) => {
    await makeUncommittable(visit, tx);
    await someSteps(visit, tx, attempt, known);
  });
  await visit.expectError(UniqueError, work);
}

/** The first run fails like one that has met a rival, and is repeated; what it wrote is gone. */
async function retried(visit: Visit): Promise<void> {
  let runs = 0;
  await transaction(visit, async (tx, attempt, known) => {
    runs += 1;
    await visit.random.pick([writes.insertExpense, writes.createPost, writes.change])(visit, tx, attempt, known);
    if (runs === 1) await sql`do $$ begin raise serialization_failure; end $$`.execute(tx.kysely);
    await reads.unfiltered(visit, tx, known);
  });
  visit.check(runs > 1, 'a serialization failure was not retried');
}

/** Statements at once, of which one may fail. */
async function atOnce(visit: Visit): Promise<void> {
  await transaction(visit, async (tx, attempt, known) => {
    const doomed = visit.random.chance(0.5);
    const running = [
      writes.insertExpense(visit, tx, attempt),
      reads.whoami(visit, tx),
      ...(doomed ? [fail(visit, tx)] : []),
      reads.unfiltered(visit, tx, known).catch(ignoreAborted),
    ];
    await settle(running);
    if (doomed) throw new Undo();
  });
}

function ignoreAborted(error: unknown): void {
  if (!(error instanceof DatabaseError && error.code === '25P02')) throw error;
}

async function crowdOfReads(visit: Visit): Promise<void> {
  const running = Array.from({ length: 6 }, () =>
    visit.random.pick([reads.unfiltered, reads.whoami, reads.streamed])(visit, visit.session, visit.known()),
  );
  await settle(running);
}

/** Holds a connection and does nothing. */
async function idle(visit: Visit): Promise<void> {
  await transaction(visit, async (tx, attempt, known) => {
    await writes.insertExpense(visit, tx, attempt);
    await sleep(visit.random.below(250));
    await reads.unfiltered(visit, tx, known);
  });
}

/** What is not awaited in a transaction runs in it or not at all: if it is undone, so is what came late. */
async function late(visit: Visit): Promise<void> {
  const { random } = visit;
  const isKept = random.chance(0.5);
  const running: Promise<unknown>[] = [];
  // What they find to be wrong is reported, whatever becomes of them.
  const begin = (statement: Promise<unknown>) => running.push(statement.catch(() => {}));
  const work = transaction(visit, async (tx, attempt, known) => {
    await reads.whoami(visit, tx);
    for (const turns of [0, random.below(6), random.below(12), random.below(40)]) {
      const statement = isKept ? reads.whoami : writes.insertExpense;
      begin(soon(turns).then(() => statement(visit, tx, attempt)));
    }
    if (isKept) begin(reads.unfiltered(visit, tx, known));
    if (random.chance(0.3)) await soon(random.below(6));
    if (!isKept) throw new Undo();
  });
  try {
    // One of them may have failed in time to end it.
    await work.catch(ignoreAborted);
  } finally {
    await Promise.all(running);
  }
}

/** Aborts what has just been sent, again and again: its connection goes to whoever waits for one. */
async function regretted(visit: Visit): Promise<void> {
  const { random, ledger } = visit;
  for (let left = 8; left > 0 && !visit.isAborted; left--) {
    const controller = new AbortController();
    const session = visit.open(controller.signal);
    const abortSoon = () => void soon(random.below(8)).then(() => controller.abort());
    const known = visit.known();
    let wasAborted = false;
    try {
      if (random.chance(0.5)) {
        abortSoon();
        await reads.unfiltered(visit, session, known);
      } else {
        await ledger.attempt((attempt) =>
          session.transaction(async (tx) => {
            attempt.restart();
            await writes.insertExpense(visit, tx, attempt);
            if (random.chance(0.3)) controller.abort();
            else abortSoon();
            wasAborted = controller.signal.aborted;
          }),
        );
        visit.check(!wasAborted, 'a transaction was saved, though its signal was aborted before');
      }
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
    }
  }
  await reads.slowly(visit, visit.session);
}

/** So many turns of the event loop, of which a round trip takes a few. */
async function soon(turns: number): Promise<void> {
  for (let left = turns; left > 0; left--) await turn();
}

/** Kysely's own way to give a query up. */
async function abandoned(visit: Visit): Promise<void> {
  const { random, session } = visit;
  // On a slow machine none would come in time.
  const signal = AbortSignal.timeout(random.chance(0.8) ? random.below(150) : 20_000);
  const inflightQueryAbortStrategy = random.pick(['cancel query', 'ignore query'] as const);
  const query = session.kysely
    .selectFrom('trips')
    .select(['user_id', seenBy.as('seen_by'), sql`pg_sleep(${random.below(20) / 1000})`.as('slept')]);
  try {
    const rows = await query.execute({ signal, inflightQueryAbortStrategy });
    for (const { seen_by } of rows) visit.checkIdentity(seen_by);
  } catch (error) {
    throw error === signal.reason ? new Undo() : error;
  }
}

async function visitor(visit: Visit): Promise<void> {
  const { random, database, signal } = visit;
  const anyone = database.asAnon({ signal });
  const { rows } = await sql<{ seen_by: Identity }>`select ${seenBy} as seen_by`.execute(anyone.kysely);
  visit.checkIdentity(rows[0]?.seen_by, { role: 'anon', uid: null, visit: null });
  for (const { visibility } of (await anyone.posts.feed({ limit: 100 })).items) {
    visit.check(visibility === 'public', `a visitor has read a post for ${visibility}`);
  }
  const table = random.pick(tables.filter((name) => name !== 'posts'));
  await visit.expectError(PermissionError, anyone.kysely.selectFrom(table).select('id').execute());
}

/** The service sees everybody's rows, and acts for one person. */
async function service(visit: Visit): Promise<void> {
  const { database, signal, me, random } = visit;
  const backend = database.asService({ signal });
  const everybody = await sql<{ user_id: string; seen_by: Identity }>`
    select user_id, ${seenBy} as seen_by from trips group by user_id
  `.execute(backend.kysely);
  for (const { seen_by } of everybody.rows) {
    visit.checkIdentity(seen_by, { role: 'service_role', uid: null, visit: null });
  }
  const count = visit.others.length + 1;
  visit.check(everybody.rows.length === count, `the service sees the trips of ${everybody.rows.length} people`);

  const id = randomUUID();
  const { pam, expenses, kysely } = backend.onBehalfOf(me.id, random.chance(0.5) ? { signal } : undefined);
  await visit.ledger.attempt(async (attempt) => {
    attempt.insert('pam_messages', id, me.id);
    const message = await pam.appendMessage(me.conversation, { id, role: 'assistant', content: me.id });
    visit.checkOwn({ ...message, mark: message.content });
  });
  for (const expense of (await expenses.list({ limit: 100 })).items) {
    visit.checkOwn({ ...expense, mark: expense.description });
  }
  const { rows } = await sql<{ seen_by: Identity }>`select ${seenBy} as seen_by`.execute(kysely);
  visit.checkIdentity(rows[0]?.seen_by, { role: 'service_role', visit: null });
}

export const actions: Readonly<Record<string, Action>> = {
  ...Object.fromEntries(Object.entries(reads).map(([name, read]) => [name, reading(read)])),
  ...Object.fromEntries(Object.entries(writes).map(([name, write]) => [name, writing(write)])),
  failing: (visit) => fail(visit, visit.session),
  takeOthersId: (visit) => takeOthersId(visit, visit.session),
  kept,
  rolledBack,
  swallowed,
  refusedAtCommit,
  retried,
  atOnce,
  crowdOfReads,
  idle,
  late,
  abandoned,
  regretted,
  visitor,
  service,
  leaveTraces,
};
