import { Pool, type PoolClient, type QueryResultRow } from 'pg';
import { newExpense } from '../work.ts';
import type { Contender } from './contender.ts';
import { datesAsText } from './dates_as_text.ts';
import { type StatementName, statements } from './statements.ts';

type Row = QueryResultRow & { id: string };

/**
 * `pg` by hand, as the owner of the tables, whom no policy holds: nothing goes through row level security.
 */
function pgUnscoped(name: string, { isPrepared }: { isPrepared: boolean }): Contender {
  return {
    name,
    open({ connectionString, reader, writer }) {
      const pool = new Pool({ connectionString, max: 1, types: datesAsText });
      const run = async (statement: StatementName, values: unknown[], on: Pool | PoolClient = pool): Promise<Row[]> => {
        const text = statements[statement];
        const { rows } = await on.query<Row>(isPrepared ? { name: statement, text, values } : { text, values });
        return rows;
      };
      return {
        works: {
          list: async () => (await run('listExpenses', [reader.id])).slice(0, 20),
          async create() {
            const { amount, currency, category, description, date } = newExpense();
            const [expense] = await run('createExpense', [writer, amount, currency, category, description, date]);
            return expense as Row;
          },
          async transaction() {
            const client = await pool.connect();
            try {
              await client.query('begin');
              const [trip] = await run('getTrip', [reader.id, reader.trip], client);
              const list = (await run('listExpenses', [reader.id], client)).slice(0, 20);
              const [expense] = await run('getExpense', [reader.id, reader.newest[0]], client);
              await client.query('commit');
              return [trip as Row, list, expense as Row];
            } finally {
              client.release();
            }
          },
        },
        close: () => pool.end(),
      };
    },
  };
}

/** What everything is compared with. */
export const floor = pgUnscoped('pg, prepared, unscoped', { isPrepared: true });

export const pgUnprepared = pgUnscoped('pg, unprepared, unscoped', { isPrepared: false });
