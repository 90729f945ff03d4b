import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { NotFoundError } from '../../src/index.ts';
import { markColumns, tables } from './ledger.ts';
import { type Identity, type Known, type On, type Owned, seenBy, Undo, type Visit } from './visit.ts';

/** Reads in a session or a transaction; `known` is what an unfiltered one must return at least. */
export type Read = (visit: Visit, on: On, known: Known) => Promise<void>;

/** As `Promise.all`, but nothing goes on after it has thrown. */
export async function settle<T>(running: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(running);
  return await Promise.all(running);
}

type SeenRow = Owned & { id: string; visibility: string | null; seen_by: Identity };

/** Row level security alone decides what comes. */
async function unfiltered(visit: Visit, { kysely }: On, known: Known): Promise<void> {
  const table = visit.random.pick(tables);
  const { rows } = await sql<SeenRow>`
    select id, user_id, ${sql.ref(markColumns[table])} as mark, to_jsonb(t) ->> 'visibility' as visibility, ${seenBy} as seen_by
    from ${sql.table(table)} as t
  `.execute(kysely);
  for (const row of rows) {
    visit.checkVisible(row);
    visit.checkIdentity(row.seen_by);
  }
  visit.checkComplete(table, rows, known);
}

async function streamed(visit: Visit, { kysely }: On, known: Known): Promise<void> {
  const { random } = visit;
  const rows: { id: string }[] = [];
  const stream = kysely
    .selectFrom('expenses')
    .select(['id', 'user_id', 'description as mark', seenBy.as('seen_by')])
    .stream(1 + random.below(40));
  for await (const row of stream) {
    visit.checkOwn(row);
    visit.checkIdentity(row.seen_by);
    rows.push(row);
    if (random.chance(0.02)) await sleep(random.below(10));
    if (random.chance(0.01)) return;
    if (random.chance(0.005)) throw new Undo();
  }
  visit.checkComplete('expenses', rows, known);
}

async function whoami(visit: Visit, { kysely }: On): Promise<void> {
  const { rows } = await sql<{ seen_by: Identity }>`select ${seenBy} as seen_by`.execute(kysely);
  visit.checkIdentity(rows[0]?.seen_by);
}

async function slowly(visit: Visit, { kysely }: On): Promise<void> {
  const seconds = visit.random.below(150) / 1000;
  const { rows } = await sql<{ seen_by: Identity }>`
    select ${seenBy} as seen_by from (select pg_sleep(${seconds})) as slept
  `.execute(kysely);
  visit.checkIdentity(rows[0]?.seen_by);
}

async function profiles(visit: Visit, { kysely, profiles: repository }: On): Promise<void> {
  const rows = await kysely.selectFrom('profiles').select('id').execute();
  visit.check(rows.length === 1 && rows[0]?.id === visit.me.id, `the profiles are ${JSON.stringify(rows)}`);
  const me = await repository.me();
  visit.check(me.id === visit.me.id, `the profile of ${me.id} came`);
}

async function lists(visit: Visit, on: On): Promise<void> {
  const calls: (() => Promise<Owned[]>)[] = [
    async () => (await on.expenses.list({ limit: 100 })).items.map((row) => ({ ...row, mark: row.description })),
    async () => (await on.trips.list()).items.map((row) => ({ ...row, mark: row.description })),
    async () => (await on.posts.list()).items.map((row) => ({ ...row, mark: row.content })),
    async () => (await on.pam.history(visit.me.conversation)).items.map((row) => ({ ...row, mark: row.content })),
  ];
  for (const row of (await settle(calls.map((call) => call()))).flat()) visit.checkOwn(row);
}

async function feed(visit: Visit, { posts }: On): Promise<void> {
  const { items } = await posts.feed({ limit: 1 + visit.random.below(100) });
  for (const post of items) visit.checkVisible({ ...post, mark: post.content });
}

async function oneByOne(visit: Visit, { expenses, trips }: On, known: Known): Promise<void> {
  const { random, ledger, me } = visit;
  const trip = await trips.financialSummary(random.pick(ledger.certain('trips', me.id)).id);
  visit.check(trip.user_id === me.id, `the summary of a trip of ${trip.user_id} came`);
  const ids = known('expenses');
  if (ids.length === 0) return;
  const id = random.pick(ids);
  const expense = await expenses.find(id);
  if (expense) visit.checkOwn({ ...expense, mark: expense.description });
  else visit.check(!ledger.isCertain(id), `the own expense ${id} was not found`);
}

/** Other people's rows are not there. */
async function othersRows(visit: Visit, { expenses, trips, posts, pam, kysely }: On): Promise<void> {
  const { random, ledger } = visit;
  const other = random.pick(visit.others);
  const trip = random.pick(ledger.certain('trips', other.id)).id;
  const expense = ledger.certain('expenses', other.id).at(0)?.id ?? trip;
  await random.pick([
    async () => visit.check((await trips.find(trip)) === undefined, `the trip ${trip} of another was found`),
    async () =>
      visit.check((await expenses.find(expense)) === undefined, `the expense ${expense} of another was found`),
    async () => visit.check(!(await expenses.delete(expense)), `the expense ${expense} of another was deleted`),
    async () =>
      visit.check((await pam.history(other.conversation)).items.length === 0, 'a history of another was read'),
    () => visit.expectError(NotFoundError, trips.get(trip)),
    () => visit.expectError(NotFoundError, trips.update(trip, { name: 'Stolen' })),
    () => visit.expectError(NotFoundError, expenses.update(expense, { amount: '0.01' })),
    () => visit.expectError(NotFoundError, posts.update(trip, { title: 'Stolen' })),
    async () => {
      const { rows } = await sql`update trips set description = ${visit.me.id} where id = ${trip} returning id`.execute(
        kysely,
      );
      visit.check(rows.length === 0, `the trip ${trip} of another was updated`);
    },
    async () => {
      const { rows } = await sql`delete from expenses where user_id = ${other.id} returning id`.execute(kysely);
      visit.check(rows.length === 0, `the expenses of ${other.id} were deleted`);
    },
  ])();
}

export const reads = {
  unfiltered,
  streamed,
  whoami,
  slowly,
  profiles,
  lists,
  feed,
  oneByOne,
  othersRows,
} satisfies Record<string, Read>;
