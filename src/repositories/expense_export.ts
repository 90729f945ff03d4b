import type { Kysely } from 'kysely';
import type { z } from 'zod';
import { guardFormula, joinTags, toLine } from '../csv/cells.ts';
import { exportedFields } from '../csv/columns.ts';
import type { DB } from '../types/database.ts';
import type { Expense } from './expense_fields.ts';
import { type narrowingSchema, selectExpenses } from './expense_filter.ts';

const pageSize = 1000;

/** A user's expenses as CSV text: the line of names with the first page, then a page at a time. */
export async function* exportExpenses(
  db: Kysely<DB>,
  userId: string,
  filter: z.output<typeof narrowingSchema>,
): AsyncGenerator<string, void, undefined> {
  let text = toLine(exportedFields);
  let last: Expense | undefined;
  do {
    const after = last && { last_date: last.date, last_id: last.id };
    const page: Expense[] = await selectExpenses(db, { ...filter, ...after, user_id: userId, limit: pageSize });
    yield text + page.map((expense) => toLine(exportedFields.map((field) => toCell(expense, field)))).join('');
    text = '';
    last = page.length === pageSize ? page.at(-1) : undefined;
  } while (last);
}

function toCell(expense: Expense, field: (typeof exportedFields)[number]): string {
  switch (field) {
    case 'tags':
      return guardFormula(joinTags(expense.tags));
    case 'metadata':
      return Object.keys(expense.metadata).length > 0 ? JSON.stringify(expense.metadata) : '';
    case 'category':
    case 'description':
    case 'location':
      return guardFormula(expense[field] ?? '');
    default:
      return expense[field] ?? '';
  }
}
