import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { requests } from './requests.ts';

/*
 * Someone with an SQL session of their own shadows names by temporary objects: a table in place of ours, or a type whose
 * check notes down as whom it runs. Functions that run with their owner's rights must not look there.
 */
const database = testDatabase();
const { user } = requests(database);
const [alice, bob, post] = [randomUUID(), randomUUID(), randomUUID()];

beforeAll(async () => {
  await database.signUp({ id: alice });
  await database.signUp({ id: bob });
  await user(bob)("insert into posts (id, user_id, title, content) values ($1, $2, 'Dunes', 'Sand.')", [post, bob]);
});

const actions = {
  'reading posts': 'select * from public.posts',
  'changing the profile': `update public.profiles set full_name = 'Alice'`,
  'counting expenses': `
    insert into public.trips (user_id, name, budget_total, destinations)
    values ('${alice}', 'Big Lap', 900, '[{"name": "Broome", "arrive_on": "2026-12-01"}]');
    insert into public.expenses (user_id, trip_id, amount, category, tags)
    select user_id, id, 1, 'fuel', '{a}' from public.trips;
    update public.expenses set amount = 2;
    delete from public.expenses`,
  posting: `
    insert into public.posts (user_id, title, content, location, tags)
    values ('${alice}', 'a', 'b', '{"lat": 1, "lng": 2}', '{a}');
    update public.posts set visibility = 'friends' where user_id = '${alice}';
    delete from public.posts`,
  'liking and commenting': `
    select public.like_post('${post}'), public.comment_on_post('${post}', 'Nice.'), public.unlike_post('${post}');
    select * from public.post_comments`,
  'making friends': `select public.request_friend('${bob}'); select public.remove_friend('${bob}')`,
  blocking: `
    select public.block_user('${bob}'); select public.list_blocked_users(); select public.unblock_user('${bob}')`,
  searching: "select * from public.search_posts('dunes'); select * from public.search_trips('loop')",
  leaving: 'delete from public.profiles',
};

const types = ['uuid', 'text', 'jsonb', 'date', 'timestamptz', 'tsquery', 'int4', 'bool'];
const tables = ['profiles', 'posts', 'trips', 'friendships', 'blocks', 'users', 'new_rows', 'old_rows', 'changed_rows'];
const traps = [
  ...types.map((type) => `create domain pg_temp.${type} as pg_catalog.${type} check (pg_temp.spy())`),
  ...tables.map((table) => `create view pg_temp.${table} as select * from public.posts where pg_temp.spy()`),
];

test.each(Object.entries(actions))(
  '%s runs nothing temporary with rights that are not the caller’s',
  async (_, action) => {
    expect(await attempt(traps, action)).toEqual([]);
  },
);

test('a function that looks for its types in pg_temp first is noticed', async () => {
  await database.admin.query(`
    create function public.careless() returns pg_catalog.text language plpgsql security definer set search_path = '' as
    'begin return null::text; end'`);
  const { rows } = await database.admin.query('select current_user as owner');
  expect(await attempt(traps, 'select public.careless()')).toEqual([rows[0].owner]);
});

/** Sets the traps and acts as alice in a session of its own, which is undone. Returns the other roles that the spy ran as. */
async function attempt(traps: string[], action: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: database.connectionString });
  const ran = new Set<string>();
  client.on('notice', ({ message }) => {
    if (message?.startsWith('spy: ')) ran.add(message.slice(5));
  });
  await client.connect();
  try {
    await client.query(`
      begin;
      set local role authenticated;
      set local request.jwt.claims = '${JSON.stringify({ role: 'authenticated', sub: alice })}';
      create function pg_temp.spy() returns pg_catalog.bool language plpgsql as
      'begin raise notice ''spy: %'', current_user; return true; end';
      ${traps.join(';')}`);
    await client.query(action);
  } finally {
    await client.end();
  }
  ran.delete('authenticated');
  return [...ran];
}
