// Never run: `npm run typecheck` fails if something below compiles that must not, or does not that must. Beside what is
// refused stands what is taken, so that a refusal has no other reason. What can be seen at run time is in sessions.test.ts.

import type { Insertable, Updateable } from 'kysely';
import { expectTypeOf } from 'vitest';
import type { Change, Database, SeenChange, Session, UserRepositories } from '../../src/index.ts';
import type { DB, ExpenseInput, Money, Page, PostInput, Trip, TripInput } from '../../src/types.ts';

type User = Session<UserRepositories>;

export async function columns({ kysely }: User) {
  await kysely.selectFrom('trips').select('budget_spent').where('trips.name', '=', 'x').execute();
  // @ts-expect-error no such column
  await kysely.selectFrom('trips').select('budget_spend').execute();
  // @ts-expect-error no such column to compare
  await kysely.selectFrom('trips').selectAll().where('trips.titel', '=', 'x').execute();
  // @ts-expect-error a name is no number
  await kysely.selectFrom('trips').selectAll().where('trips.name', '=', 7).execute();
}

export async function written({ kysely }: User, user_id: string) {
  await kysely.insertInto('trips').values({ user_id, name: 'x', budget_total: '1.00' }).execute();
  // @ts-expect-error whose it is
  await kysely.insertInto('trips').values({ name: 'x' }).execute();
  // @ts-expect-error the database counts
  await kysely.insertInto('trips').values({ user_id, name: 'x', budget_spent: '1.00' }).execute();
  // @ts-expect-error money is text
  await kysely.insertInto('trips').values({ user_id, name: 'x', budget_total: 1 }).execute();
  await kysely.insertInto('posts').values({ user_id, title: 'x', content: 'x' }).execute();
  // @ts-expect-error the database counts
  await kysely.insertInto('posts').values({ user_id, title: 'x', content: 'x', likes_count: 1 }).execute();
  // @ts-expect-error made by the server
  await kysely.updateTable('posts').set({ updated_at: new Date() }).execute();
  // @ts-expect-error friends are made by functions
  await kysely.insertInto('friendships').values({ user_id, friend_id: user_id, status: 'accepted' }).execute();
  // @ts-expect-error friends are made by functions
  await kysely.updateTable('friendships').set({ status: 'accepted' }).execute();
  // @ts-expect-error likes are given by a function
  await kysely.insertInto('post_likes').values({ post_id: user_id }).execute();
  // @ts-expect-error kept by a trigger
  await kysely.updateTable('public_profiles').set({ full_name: 'x' }).execute();
  // @ts-expect-error a view sums up
  await kysely.insertInto('user_financial_summary').values({ user_id }).execute();
  expectTypeOf<Insertable<DB['trips']>['version' | 'updated_at']>().toEqualTypeOf<undefined>();
  await kysely
    .insertInto('trips')
    .values({ user_id, name: 'x' })
    // @ts-expect-error a count is no name
    .onConflict((conflict) => conflict.column('id').doUpdateSet((eb) => ({ name: eb.ref('excluded.version') })))
    .execute();
  expectTypeOf<'id' | 'user_id' | 'created_at' | 'version' | 'updated_at'>().not.toExtend<
    keyof Updateable<DB['trips']>
  >();
}

export async function input({ trips, expenses, posts, income, budgets, profiles }: User, id: string) {
  await trips.update(id, { description: null, budget_total: null });
  // @ts-expect-error a trip has a name
  await trips.update(id, { name: null });
  // @ts-expect-error nobody chooses the version
  await trips.update(id, { version: 2 });
  // @ts-expect-error the database counts
  await trips.create({ name: 'x', budget_spent: '1.00' });
  // @ts-expect-error a trip has a name
  await trips.create({ budget_total: '1.00' });
  await expenses.create({ amount: '1.00', category: 'fuel', trip_id: null });
  // @ts-expect-error an expense has an amount
  await expenses.create({ amount: null, category: 'fuel' });
  // @ts-expect-error what is not said is left out
  await expenses.create({ amount: '1.00', category: 'fuel', tags: null });
  // @ts-expect-error a day is text
  await expenses.create({ amount: '1.00', category: 'fuel', date: new Date() });
  // @ts-expect-error an owner is the session's
  await posts.create({ title: 'x', content: 'x', user_id: id });
  // @ts-expect-error the database counts
  await posts.create({ title: 'x', content: 'x', likes_count: 1 });
  // @ts-expect-error a role is given by the service
  await profiles.update({ role: 'admin' });
  expectTypeOf<keyof TripInput & ('budget_spent' | 'user_id' | 'expense_count' | 'version')>().toBeNever();
  expectTypeOf<keyof ExpenseInput & ('user_id' | 'version' | 'created_at')>().toBeNever();
  expectTypeOf<keyof PostInput & ('likes_count' | 'comments_count' | 'user_id')>().toBeNever();
  // Enums
  await trips.setStatus(id, 'active');
  // @ts-expect-error no such status
  await trips.setStatus(id, 'lost');
  // @ts-expect-error no such status
  await trips.list({ status: 'Active' });
  // @ts-expect-error no such visibility
  await posts.create({ title: 'x', content: 'x', visibility: 'secret' });
  // @ts-expect-error no such period
  await budgets.create({ amount: '1.00', period: 'daily' });
  // @ts-expect-error no such frequency
  await income.create({ amount: '1.00', source: 'x', type: 'recurring', frequency: 'hourly' });
}

export async function money(alice: User, trip: Trip) {
  expectTypeOf(trip.budget_spent).toEqualTypeOf<Money>();
  // @ts-expect-error money is no number
  const sum: number = trip.budget_spent;
  // @ts-expect-error nor is what a view adds up
  const left: number = (await alice.trips.financialSummary(trip.id)).actual_spent;
  // @ts-expect-error nor is it calculated with
  return sum + left + trip.budget_spent * 2;
}

export async function pages({ trips, expenses, posts }: User, page: Page<Trip>) {
  await trips.list({ cursor: page.next_cursor, limit: 20 });
  // @ts-expect-error a cursor is the text that a page gave
  await trips.list({ cursor: 20 });
  // @ts-expect-error nor is it a time
  await expenses.list({ cursor: new Date() });
  // @ts-expect-error a page is asked for by its cursor
  await posts.feed({ offset: 20 });
  // @ts-expect-error a number of rows
  await posts.feed({ limit: '20' });
  // @ts-expect-error the last page has none
  const next: string = page.next_cursor;
  return next;
}

export async function sessions(database: Database, id: string) {
  const anyone = database.asAnon();
  await anyone.posts.find(id);
  // @ts-expect-error visitors have no trips
  await anyone.trips.list();
  // @ts-expect-error visitors like nothing
  await anyone.posts.like(id);
  const alice = database.asUser({ sub: id });
  // @ts-expect-error roles are given by the service
  await alice.accounts.setRole(id, 'admin');
  // @ts-expect-error a user is one person
  alice.onBehalfOf(id);
  const service = database.asService();
  await service.accounts.setRole(id, 'admin');
  // @ts-expect-error the service has no trips of its own
  await service.trips.list();
  // @ts-expect-error a session of somebody
  database.asUser({});
  // @ts-expect-error made by Supabase alone
  database.asUser({ sub: id, role: 'service_role' });
}

/** That a repository is used after its transaction only a run can tell: late_statements.test.ts. */
export async function transactions(alice: User) {
  // @ts-expect-error what is registered for the commit needs a transaction
  alice.afterCommit(() => {});
  await alice.transaction(async (tx) => {
    tx.afterCommit(() => {});
    // @ts-expect-error a part of it has its level already
    await tx.transaction(async () => {}, { isolationLevel: 'serializable' });
    // @ts-expect-error changes are followed outside
    tx.changes();
  });
  // @ts-expect-error no such level
  await alice.transaction(async () => {}, { isolationLevel: 'highest' });
}

export async function changes(database: Database, alice: User) {
  database.changes({ slot: 'search', create: 'now' });
  // @ts-expect-error what is to be made has a name
  database.changes({ create: 'now' });
  // @ts-expect-error a session has no slot of its own
  alice.changes({ slot: 'search' });
  // @ts-expect-error not published
  database.changes({ tables: ['profiles'] });
  for await (const change of database.changes({ tables: ['trips', 'expenses'] })) {
    expectTypeOf(change).toEqualTypeOf<Change<'trips' | 'expenses'>>();
    if (change.operation === 'insert' && change.table === 'expenses')
      expectTypeOf(change.row.amount).toEqualTypeOf<Money>();
    // @ts-expect-error a trip has no category
    if (change.operation === 'insert' && change.table === 'trips') change.row.category;
    // @ts-expect-error an update may leave out what it has not touched
    if (change.operation === 'update' && change.table === 'trips') change.row.name.length;
    // @ts-expect-error a deletion has the key only
    if (change.operation === 'delete') change.row.id;
    // @ts-expect-error not asked for
    if (change.table === 'posts') return;
  }
  for await (const change of alice.changes({ tables: ['posts'] })) {
    expectTypeOf(change).toEqualTypeOf<SeenChange<'posts'>>();
    if (change.operation === 'update') expectTypeOf(change.row.title).toEqualTypeOf<string>();
    // @ts-expect-error the transaction may be others' too
    change.transaction;
  }
  expectTypeOf<Extract<Change, { table: 'posts'; operation: 'delete' }>['old']>().toEqualTypeOf<{
    id: string;
    user_id: string;
  }>();
}
