import { DataSource, type EntityManager, EntitySchema, type EntitySchemaColumnOptions, MoreThanOrEqual } from 'typeorm';
import type { Contender } from '../contenders/contender.ts';
import { datesAsText } from '../contenders/dates_as_text.ts';
import { applySettings, claimsOf, type StatementName, statements } from '../contenders/statements.ts';
import type { NewExpense } from '../work.ts';

/** What the database fills in, and users may not write. */
const derived = (type: 'integer' | 'numeric' | 'jsonb' | 'timestamptz' | 'bigint'): EntitySchemaColumnOptions => ({
  type,
  insert: false,
  update: false,
});
const optional = (type: 'uuid' | 'text' | 'date' | 'numeric' | 'jsonb'): EntitySchemaColumnOptions => ({
  type,
  nullable: true,
});

type Expense = NewExpense & { id: string; user_id: string; trip_id: string | null };

const expenses = new EntitySchema<Expense>({
  name: 'expenses',
  columns: {
    id: { type: 'uuid', primary: true, generated: 'uuid' },
    user_id: { type: 'uuid' },
    trip_id: optional('uuid'),
    amount: { type: 'numeric' },
    currency: { type: 'text' },
    category: { type: 'text' },
    description: optional('text'),
    date: { type: 'date' },
    ...{
      location: optional('text'),
      receipt_url: optional('text'),
      tags: { type: 'text', array: true },
      metadata: { type: 'jsonb' },
      version: derived('integer'),
      created_at: derived('timestamptz'),
      updated_at: derived('timestamptz'),
    },
  },
});

type Trip = { id: string; user_id: string; name: string; currency: string; budget_total: string };

const trips = new EntitySchema<Trip>({
  name: 'trips',
  columns: {
    id: { type: 'uuid', primary: true, generated: 'uuid' },
    user_id: { type: 'uuid' },
    name: { type: 'text' },
    currency: { type: 'text' },
    budget_total: { type: 'numeric', nullable: true },
    ...{
      description: optional('text'),
      start_date: optional('date'),
      end_date: optional('date'),
      status: { type: 'text' },
      budget_spent: derived('numeric'),
      spent_by_currency: derived('jsonb'),
      expense_count: derived('integer'),
      route_data: optional('jsonb'),
      destinations: { type: 'jsonb' },
      metadata: { type: 'jsonb' },
      version: derived('integer'),
      created_at: derived('timestamptz'),
      updated_at: derived('timestamptz'),
    },
  },
});

type Message = { id: string; user_id: string; conversation_id: string; role: string; content: string };

const messages = new EntitySchema<Message>({
  name: 'pam_messages',
  columns: {
    id: { type: 'uuid', primary: true, generated: 'uuid' },
    user_id: { type: 'uuid' },
    conversation_id: { type: 'uuid' },
    role: { type: 'text' },
    content: { type: 'text' },
    ...{
      position: derived('bigint'),
      metadata: { type: 'jsonb' },
      created_at: derived('timestamptz'),
      updated_at: derived('timestamptz'),
    },
  },
});

const expenseColumns = statements.create.replace(/^[\s\S]*returning /, '').split(', ');
const tripColumns = statements.createTrip.replace(/^[\s\S]*returning /, '').split(', ');

/** TypeORM: a transaction whose first statement makes it the user's. It has nothing of its own for row level security. */
export const contender: Contender = {
  name: 'TypeORM, RLS by hand',
  isScoped: true,
  open({ connectionString, connections }) {
    const source = new DataSource({
      type: 'postgres',
      url: connectionString,
      entities: [expenses, trips, messages],
      poolSize: connections,
      installExtensions: false,
      extra: { types: datesAsText },
    });
    let opening: Promise<DataSource> | undefined;
    return {
      as(userId) {
        const claims = claimsOf(userId);
        const scoped = async <T>(fn: (manager: EntityManager) => Promise<T>): Promise<T> => {
          opening ??= source.initialize();
          const { manager } = await opening;
          return await manager.transaction(async (inside) => {
            await inside.query(applySettings, [claims]);
            return await fn(inside);
          });
        };
        const newest = (manager: EntityManager, where: object) =>
          manager.find(expenses, {
            where: { user_id: userId, ...where },
            order: { date: 'DESC', id: 'DESC' },
            take: 21,
          });
        const insert = async (manager: EntityManager, many: readonly (NewExpense & { trip_id?: string })[]) => {
          const values = many.map((expense) => ({ ...expense, user_id: userId }));
          const query = manager.createQueryBuilder().insert().into(expenses).values(values).returning(expenseColumns);
          const { raw }: { raw: { id: string }[] } = await query.execute();
          return raw;
        };
        const raw = (statement: StatementName, values: readonly string[]): Promise<object[]> =>
          scoped((manager) => manager.query(statements[statement], [...values]));
        return {
          seen: () => scoped((manager) => manager.count(expenses)),
          get: (id) =>
            scoped(async (manager) => (await manager.findOneBy(expenses, { user_id: userId, id })) ?? undefined),
          list: () => scoped(async (manager) => (await newest(manager, {})).slice(0, 20)),
          filter: ({ category, since }) =>
            scoped(async (manager) => (await newest(manager, { category, date: MoreThanOrEqual(since) })).slice(0, 20)),
          create: (expense) => scoped(async (manager) => (await insert(manager, [expense]))[0]),
          createMany: (many) => scoped((manager) => insert(manager, many)),
          update: (id, description) =>
            scoped(async (manager) => {
              const query = manager
                .createQueryBuilder()
                .update(expenses)
                .set({ description })
                .where({ user_id: userId, id });
              const { raw: rows }: { raw: object[] } = await query.returning(expenseColumns).execute();
              return rows[0];
            }),
          plan: (trip, expense) =>
            scoped(async (manager) => {
              const making = manager
                .createQueryBuilder()
                .insert()
                .into(trips)
                .values({ ...trip, user_id: userId });
              const { raw: made }: { raw: { id: string }[] } = await making.returning(tripColumns).execute();
              const id = made[0]?.id ?? '';
              const [spent] = await insert(manager, [{ ...expense, trip_id: id }]);
              const name = `${trip.name}, again`;
              const renaming = manager.createQueryBuilder().update(trips).set({ name }).where({ user_id: userId, id });
              const { raw: renamed }: { raw: object[] } = await renaming.returning(tripColumns).execute();
              return [made[0], spent, renamed[0]];
            }),
          feed: async (after) =>
            (after ? await raw('feedAfter', [userId, after.created_at, after.id]) : await raw('feed', [userId])).slice(
              0,
              20,
            ),
          search: (term) => raw('search', [term]),
          totals: ({ since, until }) => raw('totals', [userId, since, until]),
          append: (conversation_id, content) =>
            scoped(async (manager) => {
              const message = { user_id: userId, conversation_id, role: 'user', content };
              const query = manager.createQueryBuilder().insert().into(messages).values(message).returning('*');
              const { raw: rows }: { raw: object[] } = await query.execute();
              return rows[0];
            }),
        };
      },
      async close() {
        await opening;
        if (source.isInitialized) await source.destroy();
      },
    };
  },
};
