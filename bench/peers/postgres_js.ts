import postgres from 'postgres';
import type { Contender } from '../contenders/contender.ts';
import { applySettings, claimsOf, statements } from '../contenders/statements.ts';
import { type Run, worksBySql } from '../contenders/works_by_sql.ts';

/**
 * postgres.js: `sql.begin`, whose first statement makes the transaction the user's and goes out together with the next, as
 * its documentation has it for pipelines. It prepares by itself.
 */
export const contender: Contender = {
  name: 'postgres.js, RLS by hand',
  isScoped: true,
  open({ connectionString, connections }) {
    const sql = postgres(connectionString, { max: connections, types: { date: asText }, onnotice: () => {} });
    return {
      as(userId) {
        const claims = claimsOf(userId);
        const transaction = async <T>(fn: (run: Run) => Promise<T>): Promise<T> => {
          let result: { value: T } | undefined;
          await sql.begin(async (tx) => {
            const applied = tx.unsafe(applySettings, [claims], { prepare: true }).execute();
            result = {
              value: await fn(async (statement, values) => [
                ...(await tx.unsafe<object[]>(statements[statement], values.map(toParameter), { prepare: true })),
              ]),
            };
            await applied;
          });
          if (!result) throw new Error('The transaction gave nothing.');
          return result.value;
        };
        return worksBySql(userId, {
          run: (statement, values) => transaction((run) => run(statement, values)),
          transaction,
        });
      },
      close: () => sql.end(),
    };
  },
};

const asText = { to: 1082, from: [1082], serialize: (text: string) => text, parse: (text: string) => text };

/** What the statements have: text, or rows for one JSON. */
function toParameter(value: unknown) {
  if (typeof value === 'string') return value;
  const rows: postgres.SerializableParameter = JSON.parse(JSON.stringify(value));
  return rows;
}
