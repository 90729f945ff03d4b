import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { makeBelongings } from '../security/belongings.ts';
import { requests } from '../security/requests.ts';
import { testDatabase } from '../support/database.ts';

/* What the tables refuse whoever writes, where the API's functions and triggers would not let it come to that. */
const database = testDatabase();
const { user } = requests(database);
const [alice, bob] = [randomUUID(), randomUUID()];

beforeAll(async () => {
  for (const id of [alice, bob]) await database.signUp({ id });
  await makeBelongings(user(alice), alice);
  await user(alice)('select request_friend($1)', [bob]);
  await database.admin.query('insert into private.blocks (user_id, blocked_id) values ($1, $2)', [alice, bob]);
});

test.each([
  ['friendships', 'friend_id = user_id', 'friendships_friend_id_check'],
  ['friendships', "status = 'blocked'", 'friendships_status_check'],
  ['private.blocks', 'blocked_id = user_id', 'blocks_blocked_id_check'],
  ['pam_feedback', `metadata = '[]'`, 'pam_feedback_metadata_check'],
  ['pam_messages', `metadata = '"text"'`, 'pam_messages_metadata_check'],
  ['places', "kind = 'hotel'", 'places_kind_check'],
  ['places', 'rating = 0', 'places_rating_check'],
  ['places', 'rating = 6', 'places_rating_check'],
  ['posts', "visibility = 'everybody'", 'posts_visibility_check'],
  ['profiles', "avatar_url = 'http://example.com/a.png'", 'profiles_avatar_url_check'],
  ['profiles', "email = 'Alice@example.com'", 'profiles_email_check'],
  ['profiles', "full_name = ' '", 'profiles_full_name_check'],
  ['profiles', "role = 'king'", 'profiles_role_check'],
  ['profiles', "status = 'asleep'", 'profiles_status_check'],
  ['trips', "name = ' '", 'trips_name_check'],
  ['trips', "status = 'dreamt'", 'trips_status_check'],
])('%s: not %s', async (table, change, constraint) => {
  await expect(database.admin.query(`update ${table} set ${change}`)).rejects.toMatchObject({
    code: '23514',
    constraint,
  });
});

test('a row belongs to a person who exists', async () => {
  const nobody = randomUUID();
  for (const [table, columns] of Object.entries({
    budgets: "(user_id, amount, currency, period, starts_on) values ($1, 1, 'USD', 'weekly', '2026-01-01')",
    expenses: "(user_id, amount, currency, category, date) values ($1, 1, 'USD', 'fuel', '2026-01-01')",
    income_entries: "(user_id, amount, currency, source, date) values ($1, 1, 'USD', 'work', '2026-01-01')",
    pam_conversations: "(user_id, session_id) values ($1, 'phone')",
    places: `(user_id, name, kind, location) values ($1, 'Tap', 'water', '{"lat": 1, "lng": 2}')`,
    posts: "(user_id, title, content) values ($1, 'Dunes', 'Sand.')",
    trips: "(user_id, name, currency) values ($1, 'Big Lap', 'USD')",
    friendships: `(user_id, friend_id, status) values ($1, '${alice}', 'accepted')`,
    'private.blocks': `(user_id, blocked_id) values ($1, '${alice}')`,
    profiles: '(id, user_id) values ($1, $1)',
  })) {
    const sent = database.admin.query(`insert into ${table} ${columns}`, [nobody]);
    await expect(sent, table).rejects.toMatchObject({ code: '23503' });
  }
  for (const text of [
    `insert into friendships (user_id, friend_id, status) values ('${alice}', $1, 'accepted')`,
    `insert into private.blocks (user_id, blocked_id) values ('${alice}', $1)`,
    'insert into public_profiles (id) values ($1)',
  ]) {
    await expect(database.admin.query(text, [nobody]), text).rejects.toMatchObject({ code: '23503' });
  }
});
