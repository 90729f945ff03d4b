import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { copyIn, copyOut } from './copy.ts';
import { wrongPosts, wrongTrips } from './recount.ts';

const source = testDatabase();
/** The rows of every table, by `schema.table (columns)`. */
const dump = new Map<string, Buffer>();

beforeAll(async () => {
  const [alice, bob] = [await source.signUp({ metadata: { full_name: 'Alice' } }), await source.signUp()];
  for (const person of [alice, bob]) {
    await source.as('authenticated', person, async (client) => {
      await client.query("update profiles set currency = 'AUD', timezone = 'Australia/Perth' where id = auth.uid()");
      await client.query(
        "insert into trips (user_id, name, budget_total, currency, destinations) values (auth.uid(), 'Big\tLap', 9000, 'USD', '[{\"name\": \"Perth\"}]'), (auth.uid(), 'Empty', null, 'EUR', '[]')",
      );
      await client.query(`
        insert into expenses (user_id, trip_id, amount, currency, category, tags, metadata)
        select auth.uid(), trips.id, n, (array['USD', 'EUR', 'JPY'])[1 + n % 3], 'fuel', '{diesel,outback}', '{"a\\\\b": "c\\nd"}'
        from trips, generate_series(1, 50) as n where name <> 'Empty'`);
      await client.query("insert into expenses (user_id, amount, category) values (auth.uid(), 5, 'at home')");
      await client.query("update expenses set amount = amount + 1, description = 'Dear.' where amount < 10");
      await client.query("delete from expenses where amount between 20 and 25 and currency = 'EUR'");
      await client.query("insert into income_entries (user_id, amount, source) values (auth.uid(), 100, 'work')");
      await client.query("insert into budgets (user_id, amount, period) values (auth.uid(), 100, 'weekly')");
      await client.query(`insert into places (user_id, trip_id, name, kind, location, rating, notes, tags)
        select auth.uid(), id, 'Tap', 'water', '{"lat": -12.345678, "lng": 130.5, "name": "Darwin"}', 4, E'Push\\nand hold.', '{cold}'
        from trips where name <> 'Empty'`);
      await client.query(`insert into posts (user_id, title, content, tags, visibility)
        select auth.uid(), 'Post ' || n, E'line\\nline\\\\', '{a}', (array['public', 'friends', 'private'])[1 + n % 3] from generate_series(1, 9) as n`);
      await client.query("update posts set content = 'Changed.' where title = 'Post 3'");
      await client.query("insert into pam_conversations (user_id, session_id) values (auth.uid(), 'first')");
      await client.query(`insert into pam_messages (user_id, conversation_id, role, content)
        select auth.uid(), id, 'user', n::text from pam_conversations, generate_series(1, 3) as n`);
    });
  }
  for (const person of [alice, bob]) {
    await source.as('authenticated', person, (client) =>
      client.query("select like_post(id), comment_on_post(id, 'Lovely.') from posts where visibility = 'public'"),
    );
  }
  await source.as('authenticated', alice, (client) => client.query('select request_friend($1)', [bob]));

  const { rows } = await source.admin.query(`
    select format('%I.%I (%s)', n.nspname, c.relname, string_agg(quote_ident(a.attname), ', ' order by a.attnum)) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
    where c.relkind = 'r' and (n.nspname in ('public', 'private') or (n.nspname, c.relname) = ('auth', 'users'))
      and c.relname not like 'kysely%' and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    group by n.nspname, c.relname
    order by n.nspname, c.relname`);
  const client = await source.admin.connect();
  for (const { name } of rows) dump.set(name, await copyOut(client, name));
  client.release();
});

describe.each([
  {
    how: 'with triggers',
    setting: 'set session_replication_role = origin',
    // A sign-up makes the profiles.
    tables: [
      'auth.users',
      'public.trips',
      'public.expenses',
      'public.income_entries',
      'public.budgets',
      'public.places',
      'public.posts',
      'public.post_likes',
      'public.post_comments',
      'public.friendships',
      'public.pam_conversations',
      'public.pam_messages',
    ],
  },
  { how: 'without triggers', setting: 'set session_replication_role = replica', tables: [] },
])('a data-only restore $how', ({ setting, tables }) => {
  const target = testDatabase();
  const restored = new Map<string, Buffer>();
  let client: pg.Client;

  beforeAll(async () => {
    client = new pg.Client(target.connectionString);
    await client.connect();
    await client.query(`set search_path = ''; ${setting}`);
    const all = [...dump];
    const chosen = tables.flatMap((table) => all.filter(([name]) => name.startsWith(`${table} `)));
    for (const [name, rows] of tables.length ? chosen : all) await copyIn(client, name, rows);
    for (const [name] of tables.length ? chosen : all) restored.set(name, await copyOut(client, name));
  });

  afterAll(() => client.end());

  test('ends with totals and counts that equal a recount', async () => {
    expect((await target.admin.query(wrongTrips)).rows).toEqual([]);
    expect((await target.admin.query(wrongPosts)).rows).toEqual([]);
    const { rows } = await target.admin.query(`
      select
        sum(expense_count)::int as expenses, (select sum(likes_count)::int from posts) as likes,
        (select sum(public_posts_count)::int from public_profiles) as published
      from trips`);
    expect(rows).toEqual([{ expenses: 96, likes: 12, published: 6 }]);
  });

  test('gives every row back as it was', () => {
    expect(restored.size).toBe(tables.length || dump.size);
    const lines = (rows: Buffer | undefined) => String(rows).split('\n').sort();
    for (const [name, rows] of restored) expect(lines(rows), name).toEqual(lines(dump.get(name)));
  });

  test('leaves totals that keep counting', async () => {
    await client.query("set session_replication_role = origin; delete from public.expenses where currency = 'JPY'");
    await client.query('delete from public.post_likes');
    expect((await target.admin.query(wrongTrips)).rows).toEqual([]);
    expect((await target.admin.query(wrongPosts)).rows).toEqual([]);
  });
});
