import { describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { outcome, refused, requests } from './requests.ts';

const database = testDatabase();
const { anon, user, service } = requests(database);

async function profile(id: string) {
  const { rows } = await user(id)('select * from profiles');
  return rows[0];
}

describe('a profile', () => {
  test('is made by signing up only', async () => {
    const id = await database.signUp();
    const insert = "insert into profiles (id, user_id, role) values ($1, $1, 'admin')";
    for (const request of [anon, user(id), service(id), service()]) {
      expect(await outcome(request(insert, [id]))).toBe(refused);
      expect(await outcome(request('insert into profiles (id, user_id) values ($1, $1)', [id]))).toBe(refused);
      expect(await outcome(request('insert into public_profiles (id) values ($1)', [id]))).toBe(refused);
    }
  });

  test('has the id of its user, even for the owner of the table', async () => {
    const [alice, bob] = [await database.signUp(), await database.signUp()];
    const squat = database.admin.query('update profiles set user_id = $1 where id = $2', [alice, bob]);
    await expect(squat).rejects.toMatchObject({ code: '23514' });
  });

  test('keeps role, status, email, ids and timestamps from its owner', async () => {
    const id = await database.signUp();
    const before = await profile(id);
    const changes = [
      "role = 'admin'",
      "status = 'active'",
      "email = 'squatted@example.com'",
      'id = gen_random_uuid()',
      'user_id = gen_random_uuid()',
      "created_at = '2000-01-01'",
      "updated_at = '2000-01-01'",
      'version = 99',
      "full_name = 'x', role = 'admin'",
    ];
    for (const change of changes) expect(await outcome(user(id)(`update profiles set ${change}`))).toBe(refused);
    expect(await profile(id)).toEqual(before);
  });

  test('gets its role and status from the service, its email from auth alone', async () => {
    const id = await database.signUp();
    const change = "update profiles set role = 'moderator', status = 'inactive' where id = $1";
    expect(await outcome(service()(change, [id]))).toBe(1);
    expect(await profile(id)).toMatchObject({ role: 'moderator', status: 'inactive' });
    expect(await outcome(service()("update profiles set email = 'x@example.com' where id = $1", [id]))).toBe(refused);
  });

  test('is seen whole by its owner only', async () => {
    const [alice, bob] = [await database.signUp(), await database.signUp()];
    expect(await outcome(user(alice)('select 1 from profiles'))).toBe(1);
    expect(await outcome(user(bob)('select 1 from profiles where id = $1', [alice]))).toBe(0);
    expect(await outcome(anon('select 1 from profiles'))).toBe(refused);
  });

  test('shows visitors an author’s name and picture once there is a public post, and no longer than that', async () => {
    const id = await database.signUp({ metadata: { full_name: 'Alice' } });
    const seen = () => anon('select full_name from public_profiles where id = $1', [id]).then(({ rows }) => rows);
    const show = (visibility: string) => user(id)('update posts set visibility = $1', [visibility]);
    expect(await seen()).toEqual([]);
    await user(id)("insert into posts (user_id, title, content, visibility) values ($1, 'a', 'b', 'private')", [id]);
    expect(await seen()).toEqual([]);
    await show('public');
    expect(await seen()).toEqual([{ full_name: 'Alice' }]);
    await show('friends');
    expect(await seen()).toEqual([]);
    await show('public');
    await user(id)('delete from posts');
    expect(await seen()).toEqual([]);
  });

  test('follows a change of the email in auth', async () => {
    const id = await database.signUp();
    const change = 'update auth.users set email = $2 where id = $1';
    await database.admin.query(change, [id, 'New@Example.com']);
    expect(await profile(id)).toMatchObject({ email: 'new@example.com' });
    await database.admin.query(change, [id, null]);
    expect(await profile(id)).toMatchObject({ email: null });
    await database.signUp({ email: 'other@example.com' });
    await expect(database.admin.query(change, [id, 'OTHER@example.com'])).rejects.toMatchObject({ code: '23505' });
  });
});

test('auth.users is closed to every request', async () => {
  const id = await database.signUp();
  for (const request of [anon, user(id), service()]) {
    for (const statement of ['select id from auth.users', 'select 1 from auth.users', 'delete from auth.users']) {
      expect(await outcome(request(statement))).toBe(refused);
    }
  }
});
