import { expect, test } from 'vitest';
import { requests } from '../security/requests.ts';
import { testDatabase } from '../support/database.ts';

/* What the API cannot update directly has an updated_at too, which moves with what functions and triggers change. */
const database = testDatabase();
const { user } = requests(database);

async function times(table: string, column: string, id: string) {
  const { rows } = await database.admin.query(`select created_at, updated_at from ${table} where ${column} = $1`, [id]);
  return { created: rows[0].created_at.valueOf(), updated: rows[0].updated_at.valueOf() };
}

test('a friendship tells when it was accepted', async () => {
  const [alice, bob] = [await database.signUp(), await database.signUp()];
  await user(alice)('select request_friend($1)', [bob]);
  const asked = await times('friendships', 'user_id', alice);
  expect(asked.updated).toBe(asked.created);
  await user(bob)('select accept_friend($1)', [alice]);
  for (const side of [alice, bob]) {
    const accepted = await times('friendships', 'user_id', side);
    expect(accepted.created).toBe(asked.created);
    expect(accepted.updated).toBeGreaterThan(asked.updated);
  }
});

test('a public profile tells when its name changed, and keeps to itself when its owner posted', async () => {
  const alice = await database.signUp();
  const made = await times('public_profiles', 'id', alice);
  await user(alice)("insert into posts (user_id, title, content) values ($1, 'Dunes', 'Sand.')", [alice]);
  expect(await times('public_profiles', 'id', alice)).toEqual(made);
  await user(alice)("update profiles set full_name = 'Alice'");
  expect((await times('public_profiles', 'id', alice)).updated).toBeGreaterThan(made.updated);
});
