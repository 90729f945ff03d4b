import { and, desc, eq, gte, sql } from 'drizzle-orm';
import { bigint, date, integer, jsonb, numeric, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import type { Contender } from '../contenders/contender.ts';
import { claimsOf, type StatementName, statements } from '../contenders/statements.ts';
import type { NewExpense } from '../work.ts';

/** What users may not write. Drizzle names all columns in an insert but those that are generated. */
const derived = sql`null`;

const expenses = pgTable('expenses', {
  id: uuid().primaryKey().defaultRandom(),
  user_id: uuid().notNull(),
  trip_id: uuid(),
  amount: numeric().notNull(),
  currency: text().notNull(),
  category: text().notNull(),
  description: text(),
  date: date().notNull(),
  location: text(),
  receipt_url: text(),
  tags: text().array().notNull().default([]),
  metadata: jsonb().notNull().default({}),
  version: integer().generatedAlwaysAs(derived),
  created_at: timestamp({ withTimezone: true }).generatedAlwaysAs(derived),
  updated_at: timestamp({ withTimezone: true }).generatedAlwaysAs(derived),
});

const trips = pgTable('trips', {
  id: uuid().primaryKey().defaultRandom(),
  user_id: uuid().notNull(),
  name: text().notNull(),
  description: text(),
  start_date: date(),
  end_date: date(),
  status: text().notNull().default('planning'),
  budget_total: numeric(),
  budget_spent: numeric().generatedAlwaysAs(derived),
  spent_by_currency: jsonb().generatedAlwaysAs(derived),
  expense_count: integer().generatedAlwaysAs(derived),
  currency: text().notNull(),
  route_data: jsonb(),
  destinations: jsonb().notNull().default([]),
  metadata: jsonb().notNull().default({}),
  version: integer().generatedAlwaysAs(derived),
  created_at: timestamp({ withTimezone: true }).generatedAlwaysAs(derived),
  updated_at: timestamp({ withTimezone: true }).generatedAlwaysAs(derived),
});

const messages = pgTable('pam_messages', {
  id: uuid().primaryKey().defaultRandom(),
  conversation_id: uuid().notNull(),
  user_id: uuid().notNull(),
  position: bigint({ mode: 'bigint' }).generatedAlwaysAs(derived),
  role: text().notNull(),
  content: text().notNull(),
  metadata: jsonb().notNull().default({}),
  created_at: timestamp({ withTimezone: true }).generatedAlwaysAs(derived),
  updated_at: timestamp({ withTimezone: true }).generatedAlwaysAs(derived),
});

/**
 * Drizzle as its page on row level security has it for Supabase: a transaction on postgres.js that begins with the settings,
 * all in one text, and ends with their reset. It prepares statements, which that page turns off for the pooler.
 */
export const contender: Contender = {
  name: 'Drizzle, its RLS helper',
  isScoped: true,
  open({ connectionString, connections }) {
    const client = postgres(connectionString, { max: connections, onnotice: () => {} });
    const db = drizzle({ client });
    type Tx = Parameters<Parameters<typeof db.transaction>[0]>[0];
    return {
      as(userId) {
        const claims = claimsOf(userId);
        const rls = <T>(fn: (tx: Tx) => Promise<T>): Promise<T> =>
          db.transaction(async (tx) => {
            try {
              await tx.execute(sql`
                select set_config('request.jwt.claims', '${sql.raw(claims)}', true);
                select set_config('request.jwt.claim.sub', '${sql.raw(userId)}', true);
                set local role ${sql.raw('authenticated')};
              `);
              return await fn(tx);
            } finally {
              await tx.execute(sql`
                select set_config('request.jwt.claims', null, true);
                select set_config('request.jwt.claim.sub', null, true);
                reset role;
              `);
            }
          });
        const list = (tx: Tx, category?: string, since?: string) =>
          tx
            .select()
            .from(expenses)
            .where(
              and(
                eq(expenses.user_id, userId),
                category === undefined ? undefined : eq(expenses.category, category),
                since === undefined ? undefined : gte(expenses.date, since),
              ),
            )
            .orderBy(desc(expenses.date), desc(expenses.id))
            .limit(21);
        const toRow = (expense: NewExpense & { trip_id?: string }) => ({ ...expense, user_id: userId });
        const raw = (statement: StatementName, values: readonly string[]) =>
          rls(async (tx): Promise<object[]> => [...(await tx.execute(withValues(statements[statement], values)))]);
        return {
          seen: () => rls((tx) => tx.$count(expenses)),
          get: (id) =>
            rls(async (tx) => {
              const condition = and(eq(expenses.user_id, userId), eq(expenses.id, id));
              return (await tx.select().from(expenses).where(condition))[0];
            }),
          list: () => rls(async (tx) => (await list(tx)).slice(0, 20)),
          filter: ({ category, since }) => rls(async (tx) => (await list(tx, category, since)).slice(0, 20)),
          create: (expense) => rls(async (tx) => (await tx.insert(expenses).values(toRow(expense)).returning())[0]),
          createMany: (many) => rls((tx) => tx.insert(expenses).values(many.map(toRow)).returning()),
          update: (id, description) =>
            rls(async (tx) => {
              const condition = and(eq(expenses.user_id, userId), eq(expenses.id, id));
              return (await tx.update(expenses).set({ description }).where(condition).returning())[0];
            }),
          plan: (trip, expense) =>
            rls(async (tx) => {
              const [made] = await tx
                .insert(trips)
                .values({ ...trip, user_id: userId })
                .returning();
              const id = made?.id ?? '';
              const [spent] = await tx
                .insert(expenses)
                .values(toRow({ ...expense, trip_id: id }))
                .returning();
              const condition = and(eq(trips.user_id, userId), eq(trips.id, id));
              const [renamed] = await tx
                .update(trips)
                .set({ name: `${trip.name}, again` })
                .where(condition)
                .returning();
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
            rls(async (tx) => {
              const message = { user_id: userId, conversation_id, role: 'user', content };
              return (await tx.insert(messages).values(message).returning())[0];
            }),
        };
      },
      close: () => client.end(),
    };
  },
};

/** The text with its values as Drizzle's `sql` takes them. */
function withValues(statement: string, values: readonly string[]) {
  const parts = statement
    .split(/\$(\d)/)
    .map((part, place) => (place % 2 === 0 ? sql.raw(part) : sql`${values[Number(part) - 1]}`));
  return sql.join(parts);
}
