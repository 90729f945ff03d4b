import { PrismaPg } from '@prisma/adapter-pg';
import type { Contender } from '../contenders/contender.ts';
import { claimsOf, type StatementName, statements } from '../contenders/statements.ts';
import type { NewExpense } from '../work.ts';
import { Prisma, PrismaClient } from './prisma/generated/client.ts';

/**
 * Prisma with its driver adapter, and the extension of its examples for row level security: each operation becomes a batch
 * of two, the settings and itself. Several writes go through an interactive transaction that begins with the settings,
 * because the extension would take each out of it.
 */
export const contender: Contender = {
  name: 'Prisma, its RLS extension',
  isScoped: true,
  open({ connectionString, connections }) {
    const adapter = new PrismaPg({ connectionString, max: connections });
    const prisma = new PrismaClient({ adapter, transactionOptions: { timeout: 120_000, maxWait: 60_000 } });
    return {
      as(userId) {
        const claims = claimsOf(userId);
        const settings = Prisma.sql`select set_config('role', 'authenticated', true), set_config('request.jwt.claims', ${claims}, true)`;
        const user = prisma.$extends({
          query: {
            $allModels: {
              async $allOperations({ args, query }) {
                const [, result] = await prisma.$transaction([prisma.$executeRaw(settings), query(args)]);
                return result;
              },
            },
          },
        });
        const raw = async (statement: StatementName, values: readonly string[]): Promise<object[]> => {
          const query = prisma.$queryRawUnsafe<object[]>(withTypes(statements[statement]), ...values);
          const [, rows] = await prisma.$transaction([prisma.$executeRaw(settings), query]);
          return rows;
        };
        const toRow = ({ date, ...expense }: NewExpense) => ({ ...expense, user_id: userId, date: new Date(date) });
        const newest = (where: Prisma.expensesWhereInput) =>
          user.expenses.findMany({
            where: { user_id: userId, ...where },
            orderBy: [{ date: 'desc' }, { id: 'desc' }],
            take: 21,
          });
        return {
          seen: () => user.expenses.count(),
          get: async (id) => (await user.expenses.findUnique({ where: { id, user_id: userId } })) ?? undefined,
          list: async () => (await newest({})).slice(0, 20),
          filter: async ({ category, since }) =>
            (await newest({ category, date: { gte: new Date(since) } })).slice(0, 20),
          create: (expense) => user.expenses.create({ data: toRow(expense) }),
          createMany: (many) => user.expenses.createManyAndReturn({ data: many.map(toRow) }),
          update: (id, description) => user.expenses.update({ where: { id, user_id: userId }, data: { description } }),
          plan: (trip, expense) =>
            prisma.$transaction(async (tx) => {
              await tx.$executeRaw(settings);
              const made = await tx.trips.create({ data: { ...trip, user_id: userId } });
              const spent = await tx.expenses.create({ data: { ...toRow(expense), trip_id: made.id } });
              const data = { name: `${trip.name}, again` };
              return [made, spent, await tx.trips.update({ where: { id: made.id, user_id: userId }, data })];
            }),
          feed: async (after) =>
            (after ? await raw('feedAfter', [userId, after.created_at, after.id]) : await raw('feed', [userId])).slice(
              0,
              20,
            ),
          search: (term) => raw('search', [term]),
          totals: ({ since, until }) => raw('totals', [userId, since, until]),
          append: (conversation_id, content) =>
            user.pam_messages.create({ data: { user_id: userId, conversation_id, role: 'user', content } }),
        };
      },
      close: () => prisma.$disconnect(),
    };
  },
};

/** Prisma sends strings as text, which Postgres does not take for a uuid or a date. */
function withTypes(statement: string): string {
  return statement
    .replaceAll(/user_id = \$1/g, 'user_id = $1::uuid')
    .replaceAll(/date (>=|<=) (\$\d)/g, 'date $1 $2::date');
}
