import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { CheckError, ForeignKeyError, NotNullError, PermissionError, UniqueError } from '../../src/index.ts';
import type { Attempt } from './ledger.ts';
import { type Identity, type Known, type On, seenBy, type Visit } from './visit.ts';

/** Writes in a session or a transaction, whose snapshot has the rows that are `known`; tells `attempt` what before it sends it. */
export type Write = (visit: Visit, on: On, attempt: Attempt, known: Known) => Promise<void>;

const fuel = { amount: '1.25', category: 'fuel' };

async function createExpenses(visit: Visit, { expenses }: On, attempt: Attempt): Promise<void> {
  const { random, ledger, me } = visit;
  const trip_id = random.pick(ledger.certain('trips', me.id)).id;
  const inputs = Array.from({ length: 1 + random.below(3) }, () => ({
    ...fuel,
    id: randomUUID(),
    trip_id,
    description: me.id,
  }));
  for (const { id } of inputs) attempt.insert('expenses', id, me.id);
  const [input] = inputs;
  const created = input && inputs.length === 1 ? [await expenses.create(input)] : await expenses.createMany(inputs);
  for (const expense of created) visit.checkOwn({ ...expense, mark: expense.description });
}

/** Its owner is whom the statement takes the session for. */
async function insertExpense(visit: Visit, { kysely }: On, attempt: Attempt): Promise<void> {
  const id = randomUUID();
  attempt.insert('expenses', id, visit.me.id);
  const { rows } = await sql<{ user_id: string; mark: string; seen_by: Identity }>`
    insert into expenses (id, user_id, amount, category, description) values (${id}, auth.uid(), 2, 'food', ${visit.me.id})
    returning user_id, description as mark, ${seenBy} as seen_by
  `.execute(kysely);
  for (const row of rows) {
    visit.checkOwn(row);
    visit.checkIdentity(row.seen_by);
  }
}

async function createPost(visit: Visit, { posts }: On, attempt: Attempt): Promise<void> {
  const id = randomUUID();
  const visibility = visit.random.pick(['public', 'friends', 'private'] as const);
  attempt.insert('posts', id, visit.me.id);
  const post = await posts.create({ id, title: 'Camp', content: visit.me.id, visibility });
  visit.checkOwn({ ...post, mark: post.content });
}

async function appendMessages(visit: Visit, { pam }: On, attempt: Attempt): Promise<void> {
  const { random, me } = visit;
  const messages = Array.from({ length: 1 + random.below(2) }, () => ({
    id: randomUUID(),
    role: 'user' as const,
    content: me.id,
  }));
  for (const { id } of messages) attempt.insert('pam_messages', id, me.id);
  const appended = await pam.appendMessages(me.conversation, messages);
  for (const message of appended) visit.checkOwn({ ...message, mark: message.content });
}

async function change(visit: Visit, on: On, attempt: Attempt, known: Known): Promise<void> {
  const { expenses, posts, kysely } = on;
  const { random, ledger } = visit;
  const rows = ledger.free([...known('expenses'), ...known('posts')]);
  if (rows.length === 0) return await insertExpense(visit, on, attempt);
  const row = random.pick(rows);
  attempt.take(row, 'change');
  if (row.table === 'posts') await posts.update(row.id, { title: `Camp ${random.below(100)}` });
  else if (random.chance(0.5)) await expenses.update(row.id, { amount: `${1 + random.below(90)}.50` });
  else {
    const { rows } = await sql`update expenses set amount = amount + 1 where id = ${row.id} returning id`.execute(
      kysely,
    );
    visit.check(rows.length === 1, `the own expense ${row.id} was not there to be updated`);
  }
}

async function remove(visit: Visit, on: On, attempt: Attempt, known: Known): Promise<void> {
  const { expenses, posts, kysely } = on;
  const { random, ledger } = visit;
  const rows = ledger.free([...known('expenses'), ...known('posts')]);
  if (rows.length === 0) return await insertExpense(visit, on, attempt);
  const row = random.pick(rows);
  attempt.take(row, 'removal');
  const { rows: removed } = random.chance(0.5)
    ? { rows: (await (row.table === 'posts' ? posts : expenses).delete(row.id)) ? [row] : [] }
    : await sql`delete from ${sql.table(row.table)} where id = ${row.id} returning id`.execute(kysely);
  visit.check(removed.length === 1, `the own ${row.table} ${row.id} was not there to be deleted`);
}

/** Whoever this statement is taken for has their trips marked. */
async function markTrips(visit: Visit, { kysely }: On): Promise<void> {
  const { rows } = await sql<{ user_id: string; mark: string }>`
    update trips set description = ${visit.me.id} returning user_id, description as mark
  `.execute(kysely);
  for (const row of rows) visit.checkOwn(row);
}

export const writes = {
  createExpenses,
  insertExpense,
  createPost,
  appendMessages,
  change,
  remove,
  markTrips,
} satisfies Record<string, Write>;

/** A statement that the server refuses, which ends its transaction. */
export async function fail(visit: Visit, { kysely, expenses, pam }: On): Promise<void> {
  const { random, ledger, me } = visit;
  const other = random.pick(visit.others);
  const trip_id = random.pick(ledger.certain('trips', other.id)).id;
  const run = (text: string) => sql.raw(text).execute(kysely);
  const insert = 'insert into expenses (user_id, amount, category) values';
  await random.pick([
    () => visit.expectError(CheckError, run(`${insert} (auth.uid(), -1, 'fuel')`)),
    () => visit.expectError(PermissionError, run(`${insert} ('${other.id}', 1, 'fuel')`)),
    () => visit.expectError(PermissionError, run('update trips set budget_spent = 0')),
    () => visit.expectError(PermissionError, run('select email from auth.users')),
    () => visit.expectError(NotNullError, run('insert into trips (user_id) values (auth.uid())')),
    () => visit.expectError(ForeignKeyError, expenses.create({ ...fuel, trip_id, description: me.id })),
    () => visit.expectError(ForeignKeyError, pam.appendMessage(other.conversation, { role: 'user', content: me.id })),
    () => visit.expectError('42601', run('selec 1')),
    () => visit.expectError('42P01', run('select * from nowhere')),
    () => visit.expectError('22012', run('select 1 / 0')),
    () => visit.expectError('55P03', run('do $$ begin raise lock_not_available; end $$')),
  ])();
}

/** An id that is another's: the row is not made, but the server has refused nothing. */
export async function takeOthersId(visit: Visit, { trips }: On): Promise<void> {
  const { id } = visit.random.pick(visit.ledger.certain('trips', visit.random.pick(visit.others).id));
  await visit.expectError(UniqueError, trips.create({ id, name: 'Stolen', description: visit.me.id }));
}

/** A table whose key is checked at the commit only. */
export const createUncommittable = `
  create table uncommittable (id integer unique deferrable initially deferred);
  grant insert on uncommittable to authenticated`;

/** What the transaction has done by now will be refused at its commit, with a `UniqueError`. */
export async function makeUncommittable({ random }: Visit, { kysely }: On): Promise<void> {
  const id = random.below(1_000_000_000);
  await sql`insert into uncommittable values (${id}), (${id})`.execute(kysely);
}
