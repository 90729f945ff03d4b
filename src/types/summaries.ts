import type { Money } from './money.ts';

/** What was spent on one category: in the currency of the summary that holds it. */
export type CategoryTotal = { category: string; amount: Money; count: number };

/** Thirty days in one currency. */
export type CurrencySummary = {
  currency: string;
  total_expenses: Money;
  total_income: Money;
  net_income: Money;
  expense_categories: CategoryTotal[];
};

/** An expense as a trip's summary shows it. */
export type RecentExpense = { id: string; category: string; amount: Money; currency: string; date: string };

/** Amounts by ISO 4217 code: `{ "USD": "120.00", "MXN": "950.50" }`. */
export type AmountsByCurrency = { [currency: string]: Money };
