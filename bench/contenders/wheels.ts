import { createDatabase } from '../../src/index.ts';
import { newExpense } from '../work.ts';
import type { Contender } from './contender.ts';

function repositories(name: string, { preparedStatements }: { preparedStatements: boolean }): Contender {
  return {
    name,
    open({ connectionString, reader, writer }) {
      const database = createDatabase({ connectionString, max: 1, preparedStatements });
      const session = database.asUser({ sub: reader.id });
      const writing = database.asUser({ sub: writer });
      return {
        works: {
          list: async () => (await session.expenses.list()).items,
          create: () => writing.expenses.create(newExpense()),
          transaction: () =>
            session.transaction(async (tx) => {
              const trip = await tx.trips.get(reader.trip);
              const { items } = await tx.expenses.list();
              return [trip, items, await tx.expenses.get(reader.newest[0] ?? '')];
            }),
        },
        close: () => database.destroy(),
      };
    },
  };
}

/** This package's repositories under a user's session, as a service calls them. */
export const wheels = repositories('this package', { preparedStatements: true });

export const wheelsUnprepared = repositories('this package, unprepared', { preparedStatements: false });

/** The session alone: a query that is compiled already, on the session's Kysely. */
export const wheelsCompiled: Contender = {
  name: 'this package, kysely compiled',
  open({ connectionString, reader }) {
    const database = createDatabase({ connectionString, max: 1 });
    const { kysely } = database.asUser({ sub: reader.id });
    const query = kysely
      .selectFrom('expenses')
      .select(['id', 'user_id', 'trip_id', 'amount', 'currency', 'category', 'description', 'date', 'location'])
      .select(['receipt_url', 'tags', 'metadata', 'version', 'created_at', 'updated_at'])
      .where('user_id', '=', reader.id)
      .orderBy('date', 'desc')
      .orderBy('id', 'desc')
      .limit(21)
      .compile();
    return {
      works: { list: async () => (await kysely.executeQuery(query)).rows.slice(0, 20) },
      close: () => database.destroy(),
    };
  },
};
