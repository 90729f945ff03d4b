import { afterAll, beforeAll, expect, test } from 'vitest';
import { explainMethod } from '../../src/explain/explain_method.ts';
import { callerOf } from '../../src/explain/methods.ts';
import { planText, withoutValues } from '../../src/explain/plan_text.ts';
import { createDatabase, type Database } from '../../src/index.ts';
import { oneStatement, oneTransaction, streams } from '../repositories/every_method.ts';
import { testDatabase } from '../support/database.ts';
import { recordedCall } from './recorded_call.ts';

const file = testDatabase();
let database: Database;
beforeAll(() => {
  database = createDatabase({ connectionString: file.connectionString, max: 2 });
});
afterAll(() => database.destroy());

/** All that is stored, row by row, in one number. */
async function stored(): Promise<string> {
  const { rows: tables } = await file.admin.query<{ table: string }>(
    `select relid::regclass::text as table from pg_stat_user_tables where schemaname in ('public', 'private', 'auth')`,
  );
  const sums = tables.map(({ table }) => `select sum(hashtextextended(t::text, 0)) as hash from ${table} as t`);
  const { rows } = await file.admin.query<{ hash: string }>(
    `select sum(hash)::text as hash from (${sums.join(' union all ')}) s`,
  );
  return rows[0]?.hash ?? '';
}

test.each(Object.entries({ ...oneStatement, ...oneTransaction, ...streams }))('%s', async (_, prepare) => {
  const signUp = async () => {
    const id = await file.signUp();
    return { ...database.asUser({ sub: id }), id };
  };
  const world = {
    alice: await signUp(),
    bob: await signUp(),
    visitor: database.asAnon(),
    service: database.asService(),
  };
  const { caller, method, inputs } = await recordedCall(prepare, world);
  const before = await stored();
  const { statements, error } = await explainMethod(file.connectionString, callerOf(caller), method, inputs, true);
  expect(error).toBeUndefined();
  expect(await stored()).toBe(before);
  expect(statements.length).toBeGreaterThan(0);
  for (const statement of statements) {
    const plan = 'plan' in statement ? planText(withoutValues(statement.plan)) : statement.unexplained;
    expect(plan).toMatch(/^-> \w.* {2}\(cost=[\d.]+ rows=\d+\) \(actual time=[\d.]+ rows=[\d.]+ loops=1\)\n/);
    expect(plan).toMatch(/^Execution Time: [\d.]+ ms$/m);
    for (const id of [world.alice.id, world.bob.id]) expect(plan).not.toContain(id);
  }
});
