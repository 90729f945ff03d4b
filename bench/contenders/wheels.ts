import { createDatabase } from '../../src/index.ts';
import { encodeCursor } from '../../src/types/page.ts';
import type { Contender } from './contender.ts';

function repositories(name: string, { preparedStatements }: { preparedStatements: boolean }): Contender {
  return {
    name,
    isScoped: true,
    open({ connectionString, connections }) {
      const database = createDatabase({ connectionString, max: connections, preparedStatements });
      return {
        as(userId) {
          const session = database.asUser({ sub: userId });
          return {
            async seen() {
              const { count } = await session.kysely
                .selectFrom('expenses')
                .select(({ fn }) => fn.countAll<string>().as('count'))
                .executeTakeFirstOrThrow();
              return Number(count);
            },
            get: (id) => session.expenses.get(id),
            list: async () => (await session.expenses.list()).items,
            filter: async (filter) => (await session.expenses.list(filter)).items,
            create: (expense) => session.expenses.create(expense),
            createMany: (expenses) => session.expenses.createMany(expenses),
            update: (id, description) => session.expenses.update(id, { description }),
            plan: async (trip, expense) =>
              await session.transaction(async (tx) => {
                const made = await tx.trips.create(trip);
                const spent = await tx.expenses.create({ ...expense, trip_id: made.id });
                return [made, spent, await tx.trips.update(made.id, { name: `${trip.name}, again` })];
              }),
            async feed(after) {
              const cursor = after && encodeCursor('posts.feed public', [after.created_at, after.id]);
              return (await session.posts.feed({ scope: 'public', ...(cursor && { cursor }) })).items;
            },
            search: (term) => session.posts.search(term),
            totals: (days) => session.expenses.totalsByCategory(days),
            append: (conversation, content) => session.pam.appendMessage(conversation, { role: 'user', content }),
          };
        },
        close: () => database.destroy(),
      };
    },
  };
}

/** This package's repositories under a user's session, as a service calls them. */
export const wheels = repositories('this package', { preparedStatements: true });

export const wheelsUnprepared = repositories('this package, unprepared', { preparedStatements: false });
