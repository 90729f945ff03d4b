import { CompiledQuery, sql } from 'kysely';
import { ConfigurationError, DatabaseError, UniqueError } from '../../src/index.ts';
import { reads, settle } from './reads.ts';
import { ignoreUndo, type On, Undo, type Visit } from './visit.ts';
import { makeUncommittable } from './writes.ts';

/** SQL that gives the rest of its transaction away, to `other` or to the service. */
const local = (other: string): string[] => [
  'set local role service_role',
  `set local request.jwt.claims = '{"sub":"${other}"}'`,
  `select set_config('role', 'service_role', true), set_config('request.jwt.claim.sub', '${other}', true)`,
  `select set_config('request.jwt.claim', '{"sub":"${other}"}', true)`,
  'set local statement_timeout = 60000',
  'set local search_path = pg_catalog',
];

/** SQL that is meant to outlive its transaction on the connection, and of which `seenBy` would tell. */
const visible = [
  "set soak.trace = 'plain'",
  "/* ordinary */ set soak.trace = 'after a comment'",
  "select set_config('soak.trace', 'called', false)",
  "with left_behind as (select set_config('soak.trace', 'in a query', false)) select * from left_behind",
  "do $$ begin set soak.trace = 'in a block'; end $$",
  'create temp table trips as select * from public.trips where false',
  'create temp table expenses (id uuid, user_id uuid, description text)',
  'select 1 as id into temp posts',
  'prepare trips as select * from trips',
];

/** More of the kind, which would show in what the next statements do. */
const lasting = (other: string): string[] => [
  'set role service_role',
  'set role postgres',
  'set session authorization anon',
  'do $$ begin set role service_role; commit; end $$',
  `set request.jwt.claims = '{"sub":"${other}"}'`,
  `select set_config('role', 'service_role', false), set_config('request.jwt.claim.sub', '${other}', false)`,
  'set statement_timeout = 60000',
  'set search_path = pg_temp, pg_catalog',
  'declare trips cursor with hold for select * from trips',
  'listen trips',
  'reset role',
  'reset all',
  'discard all',
  'discard plans',
  'deallocate all',
];

/** What ends or begins transactions behind the session's back. */
const ends = ['commit', 'rollback', 'commit and chain', 'rollback and chain'];
const begins = ['begin', 'start transaction', 'start transaction isolation level serializable'];

/** Leaves what it can on connections: whoever has them next must not notice. */
export async function leaveTraces(visit: Visit): Promise<void> {
  const { random, session, conditions } = visit;
  for (let left = 1 + random.below(4); left > 0; left--) {
    const other = random.pick(visit.others).id;
    // A pooler's connections to the server outlive the client's, which is all that a session can give up.
    const texts = conditions.isBehindPooler ? local(other) : random.pick([visible, lasting(other), local(other)]);
    await random.pick([
      () => refusedOrNot(sql.raw(random.pick(texts)).execute(session.kysely)),
      () => refusedOrNot(sql.raw(random.pick([...ends, ...begins])).execute(session.kysely)),
      () => inTransaction(visit, random.pick(texts)),
      () => inStream(visit),
      () => endedInside(visit),
    ])();
    await settle([1, 2, 3].map(() => reads.whoami(visit, session)));
  }
}

async function inStream({ session, conditions }: Visit): Promise<void> {
  const trace = sql<string>`set_config('soak.trace', 'in a stream', ${conditions.isBehindPooler})`;
  for await (const { left_behind } of session.kysely.selectNoFrom(trace.as('left_behind')).stream()) void left_behind;
}

async function inTransaction(visit: Visit, text: string): Promise<void> {
  const isKept = visit.random.chance(0.5);
  const transaction = visit.session.transaction(async (tx) => {
    await reads.whoami(visit, tx);
    await sql.raw(text).execute(tx.kysely);
    if (!isKept) throw new Undo();
  });
  await refusedOrNot(transaction).catch(ignoreUndo);
}

/** A transaction that is ended by force, past what refuses it, goes on statement by statement, as the same person. */
async function endedInside(visit: Visit): Promise<void> {
  const text = visit.random.pick(ends);
  const transaction = visit.session.transaction(async (tx) => {
    await reads.whoami(visit, tx);
    await visit.expectError(ConfigurationError, sql.raw(text).execute(tx.kysely));
    if (visit.random.chance(0.3)) await refuseCommit(visit, tx);
    else await tx.kysely.executeQuery(CompiledQuery.raw(text));
    await reads.whoami(visit, tx);
    await reads.unfiltered(visit, tx, visit.known());
  });
  await refusedOrNot(transaction);
}

async function refuseCommit(visit: Visit, tx: On): Promise<void> {
  await makeUncommittable(visit, tx);
  await visit.expectError(UniqueError, tx.kysely.executeQuery(CompiledQuery.raw('commit')));
}

// After `deallocate all` a transaction cannot even be committed: 26000.
const refusals = /^(CONFIGURATION|22023|25001|25P01|26000|2D000|34000|42501|42P01|42P03|42P05|42P07)$/;

/** SQL that is refused leaves nothing either; errors that concern the connection are thrown on. */
async function refusedOrNot(promise: Promise<unknown>): Promise<void> {
  await promise.catch((error) => {
    if (!(error instanceof DatabaseError && refusals.test(error.code))) throw error;
  });
}
