import knex, { type Knex } from 'knex';
import { expenseColumns } from '../../src/repositories/expense_fields.ts';
import { tripColumns } from '../../src/repositories/trip_row.ts';
import type { Contender } from '../contenders/contender.ts';
import { datesAsText } from '../contenders/dates_as_text.ts';
import { claimsOf, type StatementName, statements } from '../contenders/statements.ts';
import type { NewExpense } from '../work.ts';

/** Knex: a transaction whose first statement makes it the user's. */
export const contender: Contender = {
  name: 'Knex, RLS by hand',
  isScoped: true,
  open({ connectionString, connections }) {
    const connection = { connectionString, types: { getTypeParser: (oid: number) => datesAsText.getTypeParser(oid) } };
    const db = knex({ client: 'pg', connection, pool: { min: 0, max: connections } });
    return {
      as(userId) {
        const claims = claimsOf(userId);
        const scoped = <T>(fn: (tx: Knex.Transaction) => Promise<T>): Promise<T> =>
          db.transaction(async (tx) => {
            await tx.raw(
              "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', ?, true)",
              [claims],
            );
            return await fn(tx);
          });
        const own = (tx: Knex.Transaction) => tx<object>('expenses').where('user_id', userId);
        const newest = (query: Knex.QueryBuilder): Promise<object[]> =>
          query
            .select(expenseColumns)
            .orderBy([
              { column: 'date', order: 'desc' },
              { column: 'id', order: 'desc' },
            ])
            .limit(21);
        const insert = async (tx: Knex.Transaction, many: readonly (NewExpense & { trip_id?: string })[]) => {
          const rows: { id: string }[] = await tx('expenses')
            .insert(many.map((expense) => ({ ...expense, user_id: userId })))
            .returning([...expenseColumns]);
          return rows;
        };
        const raw = (statement: StatementName, values: readonly string[]) =>
          scoped(async (tx) => {
            const { rows }: { rows: object[] } = await tx.raw(...positional(statements[statement], values));
            return rows;
          });
        return {
          seen: () =>
            scoped(async (tx) => {
              const [row] = await tx('expenses').count({ count: '*' });
              return Number(row?.count);
            }),
          get: (id) => scoped(async (tx) => (await own(tx).where('id', id).select(expenseColumns))[0]),
          list: () => scoped(async (tx) => (await newest(own(tx))).slice(0, 20)),
          filter: ({ category, since }) =>
            scoped(async (tx) =>
              (await newest(own(tx).where('category', category).where('date', '>=', since))).slice(0, 20),
            ),
          create: (expense) => scoped(async (tx) => (await insert(tx, [expense]))[0]),
          createMany: (many) => scoped((tx) => insert(tx, many)),
          update: (id, description) =>
            scoped(
              async (tx) =>
                (
                  await own(tx)
                    .where('id', id)
                    .update({ description })
                    .returning([...expenseColumns])
                )[0],
            ),
          plan: (trip, expense) =>
            scoped(async (tx) => {
              const [made]: { id: string }[] = await tx('trips')
                .insert({ ...trip, user_id: userId })
                .returning([...tripColumns]);
              const id = made?.id ?? '';
              const [spent] = await insert(tx, [{ ...expense, trip_id: id }]);
              const [renamed]: object[] = await tx('trips')
                .where({ user_id: userId, id })
                .update({ name: `${trip.name}, again` })
                .returning([...tripColumns]);
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
            scoped(async (tx) => {
              const rows: object[] = await tx('pam_messages')
                .insert({ user_id: userId, conversation_id, role: 'user', content })
                .returning('*');
              return rows[0];
            }),
        };
      },
      close: () => db.destroy(),
    };
  },
};

/** The text and its values as Knex takes them: a question mark for each value. */
function positional(statement: string, values: readonly string[]): [string, string[]] {
  const ordered: string[] = [];
  const text = statement.replaceAll(/\$(\d)/g, (_, number) => {
    ordered.push(values[Number(number) - 1] ?? '');
    return '?';
  });
  return [text, ordered];
}
