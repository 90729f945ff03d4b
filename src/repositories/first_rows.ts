import { type RawBuilder, type Selectable, sql } from 'kysely';
import type { DB } from '../types/database.ts';

/**
 * The first rows of a table that fulfil all conditions, as many as a page may have, for other tables to be joined to.
 *
 * The two limits are for the planner. The inner one, whose value it does not know, has it follow the index in order, where it
 * would read and sort all rows of an author, say, if it takes them to be few. By the outer one it knows how few rows there
 * are, and looks up one by one what is joined to them.
 */
export function firstRows<Table extends keyof DB & string>(
  table: Table,
  conditions: RawBuilder<unknown>[],
  order: RawBuilder<unknown>,
): RawBuilder<Selectable<DB[Table]>> {
  const where = conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`;
  const from = sql.table(table);
  return sql`(
    select * from (select * from ${from} ${where} order by ${order} limit (select 101)) as ${from}
    order by ${order} limit 101
  )`;
}
