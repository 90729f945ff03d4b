import { Pool, type PoolClient, type QueryResultRow } from 'pg';
import { newExpense } from '../work.ts';
import type { Contender } from './contender.ts';
import { datesAsText } from './dates_as_text.ts';
import { type StatementName, statements } from './statements.ts';

type Row = QueryResultRow & { id: string };

const applySettings = "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)";

/** Row level security as one usually goes through it: begin, settings, statement, commit, each a round trip of its own. */
export const pgScopedByHand: Contender = {
  name: 'pg, prepared, RLS by hand',
  open({ connectionString, reader, writer }) {
    const pool = new Pool({ connectionString, max: 1, types: datesAsText });

    async function asUser<T>(sub: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
      const client = await pool.connect();
      try {
        await client.query('begin');
        const claims = JSON.stringify({ sub, role: 'authenticated' });
        await client.query({ name: 'applySettings', text: applySettings, values: [claims] });
        const result = await work(client);
        await client.query('commit');
        return result;
      } catch (error) {
        await client.query('rollback');
        throw error;
      } finally {
        client.release();
      }
    }

    async function run(client: PoolClient, statement: StatementName, values: unknown[]): Promise<Row[]> {
      return (await client.query<Row>({ name: statement, text: statements[statement], values })).rows;
    }

    return {
      works: {
        list: () => asUser(reader.id, async (client) => (await run(client, 'listExpenses', [reader.id])).slice(0, 20)),
        create: () =>
          asUser(writer, async (client) => {
            const { amount, currency, category, description, date } = newExpense();
            const values = [writer, amount, currency, category, description, date];
            const [expense] = await run(client, 'createExpense', values);
            return expense as Row;
          }),
        transaction: () =>
          asUser(reader.id, async (client) => {
            const [trip] = await run(client, 'getTrip', [reader.id, reader.trip]);
            const list = (await run(client, 'listExpenses', [reader.id])).slice(0, 20);
            const [expense] = await run(client, 'getExpense', [reader.id, reader.newest[0]]);
            return [trip as Row, list, expense as Row];
          }),
      },
      close: () => pool.end(),
    };
  },
};
