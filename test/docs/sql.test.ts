import { beforeAll, expect, test } from 'vitest';
import { realtimeAsSupabaseHasIt } from '../changes/realtime.ts';
import { testDatabase } from '../support/database.ts';
import { type Block, blocks } from './pages.ts';

const file = testDatabase();

beforeAll(async () => {
  await file.admin.query(realtimeAsSupabaseHasIt);
});

/** As the superuser, in a transaction that is rolled back; what has parameters is planned only. */
async function run(sql: string): Promise<void> {
  const client = await file.admin.connect();
  try {
    await client.query('begin');
    await client.query(/\$\d/.test(sql) ? `prepare checked as ${sql}` : sql);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

/** On servers of their own: the roles that deploy.md makes, and settings of the server. */
const runElsewhere = ({ page, code }: Block) => page === 'docs/deploy.md' || /\balter system\b/.test(code);

test.each(blocks('sql').filter((block) => !runElsewhere(block)))('$place runs', async ({ code }) => {
  const [, slot] = /pg_drop_replication_slot\('(\w+)'\)/.exec(code) ?? [];
  if (slot) await file.admin.query("select pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
  await run(code);
});

test('what is wrong fails, with parameters, too', async () => {
  await expect(run('select titel from posts')).rejects.toThrow('titel');
  await expect(run('select titel from posts where id = $1')).rejects.toThrow('titel');
});
