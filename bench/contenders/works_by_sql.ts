import type { NewExpense, Works } from '../work.ts';
import type { StatementName } from './statements.ts';

/** Runs one of the statements, and gives its rows. */
export type Run = (statement: StatementName, values: readonly unknown[]) => Promise<object[]>;

export type Sql = {
  run: Run;
  /** Absent where a caller has no transactions. */
  transaction?<T>(fn: (run: Run) => Promise<T>): Promise<T>;
};

const fields = ({ amount, currency, category, description, date }: NewExpense) => [
  amount,
  currency,
  category,
  description,
  date,
];

/** The works of a user as statements that are written by hand; one that makes many rows takes them as one JSON. */
export function worksBySql(userId: string, { run, transaction }: Sql): Works {
  return {
    async seen() {
      const [row = {}] = await run('seen', []);
      return 'count' in row ? Number(row.count) : Number.NaN;
    },
    get: async (id) => (await run('get', [userId, id]))[0],
    list: async () => (await run('list', [userId])).slice(0, 20),
    filter: async ({ category, since }) => (await run('filter', [userId, category, since])).slice(0, 20),
    create: async (expense) => (await run('create', [userId, ...fields(expense)]))[0],
    createMany: (expenses) => run('createMany', [userId, expenses]),
    update: async (id, description) => (await run('update', [userId, id, description]))[0],
    plan:
      transaction &&
      (async (trip, expense) =>
        await transaction(async (inside) => {
          const [made = {}] = await inside('createTrip', [userId, trip.name, trip.currency, trip.budget_total]);
          const id = 'id' in made ? made.id : undefined;
          const [spent] = await inside('createInTrip', [userId, id, ...fields(expense)]);
          const [renamed] = await inside('renameTrip', [userId, id, `${trip.name}, again`]);
          return [made, spent, renamed];
        })),
    feed: async (after) =>
      (after ? await run('feedAfter', [userId, after.created_at, after.id]) : await run('feed', [userId])).slice(0, 20),
    search: (term) => run('search', [term]),
    totals: ({ since, until }) => run('totals', [userId, since, until]),
    append: async (conversation, content) => (await run('append', [userId, conversation, content]))[0],
  };
}
