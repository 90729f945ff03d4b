import { type Kysely, sql } from 'kysely';
import type { DB } from '../types/database.ts';
import type { Money } from '../types/money.ts';

/** The days of a period, both included. */
export type Period = { readonly first: string; readonly last: string };

/** What is due in one currency: `count` is the number of occurrences. */
export type ExpectedIncome = { currency: string; total: Money; count: number };

/** A month ("2026-10") in one currency: `net` is below zero if more was spent than came in. */
export type MonthlyCashFlow = { month: string; currency: string; income: Money; expenses: Money; net: Money };

export async function expectedIncome(
  db: Kysely<DB>,
  userId: string,
  { first, last }: Period,
): Promise<ExpectedIncome[]> {
  const { rows } = await sql<ExpectedIncome>`
    select currency, sum(amount) as total, count(*)::integer as count
    from public.user_income_occurrences(${userId}::uuid, ${first}::date, ${last}::date)
    group by currency
    order by currency
  `.execute(db);
  return rows;
}

export async function monthlyCashFlow(
  db: Kysely<DB>,
  userId: string,
  { first, last }: Period,
): Promise<MonthlyCashFlow[]> {
  const { rows } = await sql<MonthlyCashFlow>`
    select
      to_char(month, 'YYYY-MM') as month, currency,
      sum(income) as income, sum(expenses) as expenses, sum(income) - sum(expenses) as net
    from (
      select date_trunc('month', date::timestamp) as month, currency, amount as income, 0.00 as expenses
      from public.user_income_occurrences(${userId}::uuid, ${first}::date, ${last}::date)
      union all
      select date_trunc('month', date::timestamp), currency, 0.00, amount
      from public.expenses
      where user_id = ${userId} and date between ${first} and ${last}
    ) as movements
    group by month, currency
    order by month, currency
  `.execute(db);
  return rows;
}
