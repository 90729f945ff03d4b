import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { realtimeAsSupabaseHasIt } from './realtime.ts';

// What docs/changes.md gives for Supabase's private channels, beside a table such as Supabase has.

const database = testDatabase();

beforeAll(async () => {
  await database.admin.query(realtimeAsSupabaseHasIt);
  const page = await readFile(new URL('../../docs/changes.md', import.meta.url), 'utf8');
  const policies = [...page.matchAll(/```sql\n(create policy [\s\S]*?)```/g)].map(([, sql]) => sql);
  expect(policies).toHaveLength(1);
  await database.admin.query(policies.join(';'));
});

/** As Realtime asks when a client joins: it reads a row of the topic as them, and rolls back. */
async function mayHear(user: string | undefined, topic: string): Promise<boolean> {
  await database.admin.query("insert into realtime.messages (topic, extension) values ($1, 'broadcast')", [topic]);
  return await database.as(user === undefined ? 'anon' : 'authenticated', user, async (client) => {
    await client.query("select set_config('realtime.topic', $1, true)", [topic]);
    const { rowCount } = await client.query('select from realtime.messages where topic = $1', [topic]);
    return rowCount !== 0;
  });
}

describe('a private channel', () => {
  test('of a user is theirs alone', async () => {
    const [alice, bob] = [await database.signUp(), await database.signUp()];
    expect(await mayHear(alice, `user:${alice}`)).toBe(true);
    expect(await mayHear(bob, `user:${alice}`)).toBe(false);
    expect(await mayHear(undefined, `user:${alice}`)).toBe(false);
    expect(await mayHear(alice, 'user:')).toBe(false);
    expect(await mayHear(alice, 'lobby')).toBe(false);
  });

  test('of a post is for those who may see the post, at the moment when they join', async () => {
    const [alice, bob] = [await database.signUp(), await database.signUp()];
    const { rows } = await database.admin.query<{ id: string }>(
      "insert into posts (user_id, title, content, visibility) values ($1, 'Camp fire', 'It burns.', 'public') returning id",
      [alice],
    );
    const topic = `post:${rows[0]?.id}`;
    expect([await mayHear(alice, topic), await mayHear(bob, topic), await mayHear(undefined, topic)]).toEqual([
      true,
      true,
      false,
    ]);
    await database.admin.query("update posts set visibility = 'private' where user_id = $1", [alice]);
    expect([await mayHear(alice, topic), await mayHear(bob, topic)]).toEqual([true, false]);
  });

  test('is not for sending', async () => {
    const alice = await database.signUp();
    const sending = database.as('authenticated', alice, (client) =>
      client.query("insert into realtime.messages (topic, extension) values ($1, 'broadcast')", [`user:${alice}`]),
    );
    await expect(sending).rejects.toThrow(/row-level security/);
  });
});
