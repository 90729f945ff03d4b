import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { outcome, requests } from './requests.ts';

const database = testDatabase();
const { user } = requests(database);

async function profile(id: string) {
  const { rows } = await user(id)('select * from profiles');
  return rows[0];
}

async function signUpWith(metadata: string | null) {
  const id = randomUUID();
  await database.admin.query('insert into auth.users (id, email, raw_user_meta_data) values ($1, $2, $3)', [
    id,
    `${id}@example.com`,
    metadata,
  ]);
  return await profile(id);
}

describe('signing up', () => {
  test('makes a profile of what the person told', async () => {
    const metadata = { full_name: ' Alice ', avatar_url: 'https://img.example/alice.jpg' };
    const id = await database.signUp({ email: 'Alice@Example.com', metadata });
    expect(await profile(id)).toMatchObject({
      id,
      user_id: id,
      email: 'alice@example.com',
      full_name: 'Alice',
      avatar_url: metadata.avatar_url,
      role: 'user',
      status: 'active',
    });
  });

  test('needs no email: a phone number will do, for more than one person', async () => {
    for (const phone of ['+64211111111', '+64212222222']) {
      const id = randomUUID();
      await database.admin.query('insert into auth.users (id, phone) values ($1, $2)', [id, phone]);
      expect(await profile(id)).toMatchObject({ id, email: null });
      expect(await outcome(user(id)("insert into trips (user_id, name) values ($1, 'Loop')", [id]))).toBe(1);
    }
  });

  test('treats an empty email as none', async () => {
    for (const email of ['', null]) {
      const id = randomUUID();
      await database.admin.query('insert into auth.users (id, email) values ($1, $2)', [id, email]);
      expect(await profile(id)).toMatchObject({ email: null });
    }
  });

  const unfit = {
    'no metadata': null,
    'a JSON null': 'null',
    'a list': '["full_name"]',
    'a string': '"full_name"',
    'a null name': '{"full_name": null}',
    'a name of spaces': '{"full_name": "   "}',
    'a name of tabs and line ends': '{"full_name": "\\t\\n"}',
    'a name of wide spaces': '{"full_name": "\\u3000\\u2003"}',
    'a name that is a list': '{"full_name": ["Alice"]}',
    'a name that is an object': '{"full_name": {"first": "Alice"}}',
    'a number as picture': '{"avatar_url": 5}',
    'a picture without TLS': '{"avatar_url": "http://img.example/a.jpg"}',
    'a script as picture': '{"avatar_url": "javascript:alert(1)"}',
    'a picture with spaces': '{"avatar_url": "https://img.example/a b.jpg"}',
    'a picture that is too long': JSON.stringify({ avatar_url: `https://img.example/${'a'.repeat(3000)}` }),
  };

  test.each(Object.entries(unfit))('is not stopped by unfit metadata: %s', async (_, metadata) => {
    expect(await signUpWith(metadata)).toMatchObject({ full_name: null, avatar_url: null });
  });

  test('shortens a name that is too long, wherever its blanks stand', async () => {
    expect(await signUpWith(JSON.stringify({ full_name: 'é'.repeat(5000) }))).toMatchObject({
      full_name: 'é'.repeat(200),
    });
    const padded = await signUpWith(JSON.stringify({ full_name: `${'\n'.repeat(300)}Alice` }));
    expect(padded).toMatchObject({ full_name: 'Alice' });
  });

  test('gives no rights, whatever the metadata ask for', async () => {
    const wish = { role: 'admin', status: 'active', app_metadata: { role: 'admin' }, email: 'boss@example.com' };
    const asked = await signUpWith(JSON.stringify(wish));
    expect(asked).toMatchObject({ role: 'user', status: 'active', email: `${asked.id}@example.com` });
  });

  test('is refused with an email that is in use, in capitals or not', async () => {
    await database.signUp({ email: 'taken@example.com' });
    for (const email of ['taken@example.com', 'Taken@Example.COM']) {
      await expect(database.signUp({ email })).rejects.toMatchObject({ code: '23505' });
    }
  });

  test('takes no email from another account where auth lets accounts share one', async () => {
    await database.admin.query('drop index auth.users_email_key');
    const first = await database.signUp({ email: 'shared@example.com' });
    const second = await database.signUp({ email: 'Shared@example.com' });
    const third = await database.signUp();
    await database.admin.query("update auth.users set email = 'SHARED@example.com' where id = $1", [third]);
    expect(await profile(first)).toMatchObject({ email: 'shared@example.com' });
    expect(await profile(second)).toMatchObject({ email: null });
    expect(await profile(third)).toMatchObject({ email: null });
  });
});
