import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();

const profile = async (id: string) =>
  (await database.admin.query('select * from profiles where id = $1', [id])).rows[0];

describe('a profile is made on sign-up', () => {
  test('with the email in lower case, and the name and picture that were sent', async () => {
    const id = await database.signUp({
      email: 'Alice@Example.com',
      metadata: { full_name: '  Alice ', avatar_url: 'https://example.com/a.png' },
    });
    expect(await profile(id)).toMatchObject({
      id,
      user_id: id,
      email: 'alice@example.com',
      full_name: 'Alice',
      avatar_url: 'https://example.com/a.png',
      role: 'user',
      status: 'active',
      region: 'US',
      timezone: 'UTC',
      currency: 'USD',
      preferences: {},
      version: 1,
    });
  });

  test('for whoever has a phone and no email', async () => {
    const { rows } = await database.admin.query(
      "insert into auth.users (phone) values ('+61400000000'), ('+61400000001') returning id",
    );
    for (const { id } of rows) expect(await profile(id)).toMatchObject({ id, email: null });
  });

  test.each([
    ['blank', { full_name: ' \n\t ' }, null],
    ['a tab', { full_name: '\t' }, null],
    ['blank at first, for longer than a name', { full_name: `${'\t'.repeat(250)}Alice` }, 'Alice'],
    ['too long', { full_name: 'x'.repeat(5000) }, 'x'.repeat(200)],
    ['a number', { full_name: 7 }, null],
    ['null', { full_name: null }, null],
    ['absent', {}, null],
  ])('even if the name is %s', async (_, metadata, name) => {
    const id = await database.signUp({ metadata });
    expect(await profile(id)).toMatchObject({ id, full_name: name });
  });

  test.each(['http://example.com/a.png', 'javascript:alert(1)', '', 'x'.repeat(10_000)])(
    'even if the picture is not an https address',
    async (avatar_url) => {
      const id = await database.signUp({ metadata: { avatar_url } });
      expect(await profile(id)).toMatchObject({ id, avatar_url: null });
    },
  );

  test.each(['[1]', '"text"', 'null', '7'])('even if the metadata is %s', async (metadata) => {
    const { rows } = await database.admin.query(
      'insert into auth.users (email, raw_user_meta_data) values (gen_random_uuid()::text, $1) returning id',
      [metadata],
    );
    expect(await profile(rows[0].id)).toMatchObject({ full_name: null, avatar_url: null });
  });
});

describe('the email of a profile', () => {
  test('follows the account', async () => {
    const id = await database.signUp();
    for (const [given, kept] of [
      [`New-${id}@Example.com`, `new-${id}@example.com`],
      ['', null],
      [null, null],
    ]) {
      await database.admin.query('update auth.users set email = $1 where id = $2', [given, id]);
      expect((await profile(id)).email).toBe(kept);
    }
  });

  test('belongs to one person, in capitals or not', async () => {
    await database.signUp({ email: 'same@example.com' });
    await expect(database.signUp({ email: 'SAME@example.com' })).rejects.toMatchObject({ code: '23505' });
  });
});

describe('an email that two accounts have, as Supabase allows with single sign-on', () => {
  const shared = testDatabase();
  const emailOf = async (id: string) =>
    (await shared.admin.query('select email from profiles where id = $1', [id])).rows[0].email;

  beforeAll(() => shared.admin.query('drop index auth.users_email_key'));

  test('stays with the first, and the second signs up without it', async () => {
    const first = await shared.signUp({ email: 'same@example.com' });
    const second = await shared.signUp({ email: 'Same@example.com', metadata: { full_name: 'Bob' } });
    expect([await emailOf(first), await emailOf(second)]).toEqual(['same@example.com', null]);
    const { rows } = await shared.admin.query('select full_name from public_profiles where id = $1', [second]);
    expect(rows).toEqual([{ full_name: 'Bob' }]);
  });

  test('does not stop an account from changing to it', async () => {
    const [first, second] = [await shared.signUp({ email: 'one@example.com' }), await shared.signUp()];
    await shared.admin.query("update auth.users set email = 'ONE@example.com' where id = $1", [second]);
    expect([await emailOf(first), await emailOf(second)]).toEqual(['one@example.com', null]);
  });
});

test('the id of a profile is its user’s', async () => {
  const [alice, bob] = [await database.signUp(), await database.signUp()];
  await database.admin.query('delete from profiles where id = $1', [bob]);
  const insert = 'insert into profiles (id, user_id) values ($1, $2)';
  await expect(database.admin.query(insert, [bob, alice])).rejects.toMatchObject({
    constraint: 'profiles_id_check',
  });
});

describe('whoever leaves', () => {
  /** A person with a row in every table, and a friend who reacts to it. */
  async function personWithEverything(): Promise<string> {
    const [person, friend] = [await database.signUp(), await database.signUp()];
    const as = (sub: string, text: string, values?: unknown[]) =>
      database.as('authenticated', sub, (client) => client.query(text, values));
    const trip = await as(person, "insert into trips (user_id, name) values (auth.uid(), 'Big Lap') returning id");
    const post = await as(
      person,
      "insert into posts (user_id, trip_id, title, content) values (auth.uid(), $1, 'Red dust', 'x') returning id",
      [trip.rows[0].id],
    );
    const conversation = await as(
      person,
      "insert into pam_conversations (user_id, session_id) values (auth.uid(), 'first') returning id",
    );
    const message = await as(
      person,
      "insert into pam_messages (user_id, conversation_id, role, content) values (auth.uid(), $1, 'user', 'Fuel?') returning id",
      [conversation.rows[0].id],
    );
    await as(person, 'insert into pam_feedback (user_id, message_id, rating) values (auth.uid(), $1, 5)', [
      message.rows[0].id,
    ]);
    await as(
      person,
      "insert into expenses (user_id, trip_id, amount, category) select auth.uid(), $1, n, 'fuel' from generate_series(1, 5) as n",
      [trip.rows[0].id],
    );
    await as(
      person,
      "insert into budgets (user_id, trip_id, amount, period) values (auth.uid(), $1, 9, 'trip'), (auth.uid(), null, 9, 'weekly')",
      [trip.rows[0].id],
    );
    await as(
      person,
      `insert into places (user_id, trip_id, name, kind, location) values (auth.uid(), $1, 'Tap', 'water', '{"lat": 1, "lng": 2}')`,
      [trip.rows[0].id],
    );
    await as(person, "insert into income_entries (user_id, amount, source) values (auth.uid(), 9, 'work')");
    await as(
      person,
      `insert into post_locations (post_id, user_id, location) values ($1, auth.uid(), '{"lat": 1, "lng": 1}')`,
      [post.rows[0].id],
    );
    for (const sub of [person, friend]) {
      await as(sub, "select like_post($1), comment_on_post($1, 'Lovely.')", [post.rows[0].id]);
    }
    await as(person, 'select request_friend($1)', [friend]);
    await as(friend, 'select accept_friend($1)', [person]);
    await as(person, 'select block_user($1)', [await database.signUp()]);
    return person;
  }

  /** Tables with a row of the person, with the numbers of rows. */
  async function rowsOf(person: string): Promise<Record<string, number>> {
    const { rows: columns } = await database.admin.query(`
      select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name, string_agg(format('%I = $1', a.attname), ' or ') as is_theirs
      from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
      where n.nspname in ('public', 'private') and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
        and (a.attname in ('user_id', 'friend_id', 'blocked_id', 'post_user_id') or c.relname like '%profiles' and a.attname = 'id')
      group by 1`);
    const counts: Record<string, number> = {};
    for (const { name, is_theirs } of columns) {
      const { rows } = await database.admin.query(`select count(*)::int as count from ${name} where ${is_theirs}`, [
        person,
      ]);
      counts[name] = rows[0].count;
    }
    return counts;
  }

  test.each([
    [
      'deletes their profile',
      (person: string) =>
        database.as('authenticated', person, (client) => client.query('delete from profiles where id = auth.uid()')),
    ],
    [
      'is deleted by the service',
      (person: string) => database.admin.query('delete from auth.users where id = $1', [person]),
    ],
  ])('takes all their rows along: %s', async (_, leave) => {
    const person = await personWithEverything();
    const before = await rowsOf(person);
    expect(Object.entries(before).filter(([, count]) => count === 0)).toEqual([]);
    expect(Object.keys(before)).toHaveLength(16);
    await leave(person);
    expect(Object.entries(await rowsOf(person)).filter(([, count]) => count > 0)).toEqual([]);
    expect((await database.admin.query('select from auth.users where id = $1', [person])).rows).toEqual([]);
  });
});
