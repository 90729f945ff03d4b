import { CompiledQuery, Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import { Pool } from 'pg';
import { expenseColumns } from '../../src/repositories/expense_fields.ts';
import { tripColumns } from '../../src/repositories/trip_row.ts';
import type { DB } from '../../src/types/database.ts';
import type { NewExpense } from '../work.ts';
import type { Contender } from './contender.ts';
import { datesAsText } from './dates_as_text.ts';
import { claimsOf, type StatementName, statements } from './statements.ts';

/** Kysely alone: a transaction whose first statement makes it the user's. */
export const kyselyByHand: Contender = {
  name: 'Kysely, RLS by hand',
  isScoped: true,
  open({ connectionString, connections }) {
    const db = new Kysely<DB>({
      dialect: new PostgresDialect({ pool: new Pool({ connectionString, max: connections, types: datesAsText }) }),
    });
    return {
      as(userId) {
        const claims = claimsOf(userId);
        const scoped = <T>(fn: (tx: Transaction<DB>) => Promise<T>): Promise<T> =>
          db.transaction().execute(async (tx) => {
            await sql`select set_config('role', 'authenticated', true), set_config('request.jwt.claims', ${claims}, true)`.execute(
              tx,
            );
            return await fn(tx);
          });
        const list = (tx: Transaction<DB>) =>
          tx
            .selectFrom('expenses')
            .select(expenseColumns)
            .where('user_id', '=', userId)
            .orderBy('date', 'desc')
            .orderBy('id', 'desc')
            .limit(21);
        const insert = (tx: Transaction<DB>, expenses: readonly (NewExpense & { trip_id?: string })[]) =>
          tx
            .insertInto('expenses')
            .values(expenses.map((expense) => ({ ...expense, user_id: userId })))
            .returning(expenseColumns);
        const raw = (statement: StatementName, values: unknown[]) =>
          scoped(async (tx) => (await tx.executeQuery<object>(CompiledQuery.raw(statements[statement], values))).rows);
        return {
          seen: () =>
            scoped(async (tx) => {
              const { count } = await tx
                .selectFrom('expenses')
                .select(({ fn }) => fn.countAll<string>().as('count'))
                .executeTakeFirstOrThrow();
              return Number(count);
            }),
          get: (id) =>
            scoped((tx) =>
              tx
                .selectFrom('expenses')
                .select(expenseColumns)
                .where('user_id', '=', userId)
                .where('id', '=', id)
                .executeTakeFirst(),
            ),
          list: () => scoped(async (tx) => (await list(tx).execute()).slice(0, 20)),
          filter: ({ category, since }) =>
            scoped(async (tx) =>
              (await list(tx).where('category', '=', category).where('date', '>=', since).execute()).slice(0, 20),
            ),
          create: (expense) => scoped((tx) => insert(tx, [expense]).executeTakeFirst()),
          createMany: (expenses) => scoped((tx) => insert(tx, expenses).execute()),
          update: (id, description) =>
            scoped((tx) =>
              tx
                .updateTable('expenses')
                .set({ description })
                .where('user_id', '=', userId)
                .where('id', '=', id)
                .returning(expenseColumns)
                .executeTakeFirst(),
            ),
          plan: (trip, expense) =>
            scoped(async (tx) => {
              const made = await tx
                .insertInto('trips')
                .values({ ...trip, user_id: userId })
                .returning(tripColumns)
                .executeTakeFirstOrThrow();
              const spent = await insert(tx, [{ ...expense, trip_id: made.id }]).executeTakeFirst();
              const renamed = await tx
                .updateTable('trips')
                .set({ name: `${trip.name}, again` })
                .where('user_id', '=', userId)
                .where('id', '=', made.id)
                .returning(tripColumns)
                .executeTakeFirst();
              return [made, spent, renamed];
            }),
          feed: async (after) =>
            (after ? await raw('feedAfter', [userId, after.created_at, after.id]) : await raw('feed', [userId])).slice(
              0,
              20,
            ),
          search: (term) => raw('search', [term]),
          totals: ({ since, until }) => raw('totals', [userId, since, until]),
          append: (conversation_id, content) =>
            scoped((tx) =>
              tx
                .insertInto('pam_messages')
                .values({ user_id: userId, conversation_id, role: 'user', content })
                .returningAll()
                .executeTakeFirst(),
            ),
        };
      },
      close: () => db.destroy(),
    };
  },
};
