import { describe, expect, test } from 'vitest';
import { testDatabase } from './database.ts';

describe('a test database', () => {
  const one = testDatabase();
  const other = testDatabase();

  test('is migrated, and what happens in one is not seen in another', async () => {
    const id = await one.signUp({ metadata: { full_name: 'Alice' } });
    const count = 'select count(*)::int as count from auth.users where id = $1';
    expect((await one.admin.query(count, [id])).rows).toEqual([{ count: 1 }]);
    expect((await other.admin.query(count, [id])).rows).toEqual([{ count: 0 }]);
  });

  test('runs a request under its role and claims, which end with it', async () => {
    const alice = await one.signUp();
    const whoami = 'select current_user as role, auth.uid() as id';
    const inside = await one.as('authenticated', alice, (client) => client.query(whoami));
    expect(inside.rows).toEqual([{ role: 'authenticated', id: alice }]);
    const anonymous = await one.as('anon', (client) => client.query(whoami));
    expect(anonymous.rows).toEqual([{ role: 'anon', id: null }]);
    const after = await one.admin.query(whoami);
    expect(after.rows).toEqual([{ role: 'postgres', id: null }]);
  });

  test('commits what the function did, and rolls back if it throws', async () => {
    await one.admin.query('create table notes (note text); grant insert on notes to anon');
    await one.as('anon', (client) => client.query("insert into notes values ('kept')"));
    await expect(
      one.as('anon', async (client) => {
        await client.query("insert into notes values ('undone')");
        throw new Error('stop');
      }),
    ).rejects.toThrow('stop');
    expect((await one.admin.query('select note from notes')).rows).toEqual([{ note: 'kept' }]);
  });
});
