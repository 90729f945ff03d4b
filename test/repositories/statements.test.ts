import { format } from 'sql-formatter';
import { expect, test } from 'vitest';
import { createDatabase } from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';
import { oneStatement, oneTransaction } from './every_method.ts';

const file = testDatabase();

test('every method sends the SQL that docs/statements.sql shows', async () => {
  const sent: string[] = [];
  const { connectionString } = file;
  const database = createDatabase({ connectionString, max: 1, onQuery: ({ sql }) => sent.push(sql) });
  const signUp = async () => {
    const id = await file.signUp();
    return { ...database.asUser({ sub: id }), id };
  };
  const [visitor, service] = [database.asAnon(), database.asService()];
  const sections = ['-- The statements of every method in its common case. Written by `npm run statements`.'];
  for (const [method, prepare] of Object.entries({ ...oneStatement, ...oneTransaction })) {
    const call = await prepare({ alice: await signUp(), bob: await signUp(), visitor, service });
    sent.length = 0;
    await call();
    expect(sent, `statements of ${method}`).not.toHaveLength(0);
    const texts = [...new Set(sent)].map((sql) => `${format(sql, { language: 'postgresql', expressionWidth: 100 })};`);
    sections.push(`-- ${method}\n${texts.join('\n\n')}`);
  }
  await database.destroy();
  await expect(`${sections.join('\n\n')}\n`).toMatchFileSnapshot('../../docs/statements.sql');
});
