const expense =
  'id, user_id, trip_id, amount, currency, category, description, date, location, receipt_url, tags, metadata, version, created_at, updated_at';
const trip =
  'id, user_id, name, description, start_date, end_date, status, budget_total, budget_spent, spent_by_currency, expense_count, currency, route_data, destinations, metadata, version, created_at, updated_at';

/** The statements of the works as one writes them by hand, with the columns and conditions of the repositories. */
export const statements = {
  listExpenses: `select ${expense} from expenses where user_id = $1 order by date desc, id desc limit 21`,
  getExpense: `select ${expense} from expenses where user_id = $1 and id = $2`,
  getTrip: `select ${trip} from trips where user_id = $1 and id = $2`,
  createExpense: `insert into expenses (user_id, amount, currency, category, description, date)
    values ($1, $2, $3, $4, $5, $6) returning ${expense}`,
} as const;

export type StatementName = keyof typeof statements;
