import { beforeAll, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
let updatable: { table: string; column: string; versioned: boolean }[];

beforeAll(async () => {
  const alice = await database.signUp();
  await database.as('authenticated', alice, async (client) => {
    await client.query("insert into trips (user_id, name, budget_total) values (auth.uid(), 'Big Lap', 5)");
    await client.query("insert into expenses (user_id, amount, category) values (auth.uid(), 1, 'fuel')");
    await client.query("insert into income_entries (user_id, amount, source) values (auth.uid(), 1, 'work')");
    await client.query("insert into budgets (user_id, amount, period) values (auth.uid(), 1, 'weekly')");
    await client.query(
      `insert into places (user_id, name, kind, location) values (auth.uid(), 'Tap', 'water', '{"lat": 1, "lng": 2}')`,
    );
    await client.query("insert into posts (user_id, title, content) values (auth.uid(), 'Red dust', 'x')");
    await client.query("select comment_on_post(id, 'Lovely.') from posts");
    await client.query(
      `insert into post_locations (post_id, user_id, location) select id, auth.uid(), '{"lat": 1, "lng": 1}' from posts`,
    );
    await client.query("insert into pam_conversations (user_id, session_id) values (auth.uid(), 'first')");
    await client.query(
      "insert into pam_messages (user_id, conversation_id, role, content) select auth.uid(), id, 'user', 'x' from pam_conversations",
    );
    await client.query(
      'insert into pam_feedback (user_id, message_id, rating) select auth.uid(), id, 5 from pam_messages',
    );
  });
  const { rows } = await database.admin.query(`
    select distinct c.relname as table, a.attname as column, exists (
      select from pg_attribute v where v.attrelid = c.oid and v.attname = 'version'
    ) as versioned
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
      and c.relname not like 'kysely%'
      and (has_column_privilege('authenticated', c.oid, a.attnum, 'UPDATE') or has_column_privilege('service_role', c.oid, a.attnum, 'UPDATE'))`);
  updatable = rows;
});

test('every edit of a row moves its updated_at, and its version by one', async () => {
  const wrong = [];
  for (const { table, column, versioned } of updatable) {
    const { rows } = await database.admin.query(
      `with before as (select ctid, * from ${table})
       update ${table} set ${column} = ${table}.${column} from before where ${table}.ctid = before.ctid
       returning ${table}.updated_at > before.updated_at as moved,
         ${versioned ? `${table}.version - before.version` : 1} as step`,
    );
    if (rows.length !== 1 || !rows[0].moved || rows[0].step !== 1) wrong.push({ table, column, rows });
  }
  expect(wrong).toEqual([]);
  expect(new Set(updatable.map((row) => row.table))).toEqual(
    new Set([
      'profiles',
      'trips',
      'expenses',
      'income_entries',
      'budgets',
      'places',
      'posts',
      'post_comments',
      'post_locations',
      'pam_conversations',
      'pam_feedback',
    ]),
  );
});

test('what several devices edit has a version', () => {
  const versioned = updatable.filter((row) => row.versioned).map((row) => row.table);
  expect(new Set(versioned)).toEqual(
    new Set(['profiles', 'trips', 'expenses', 'income_entries', 'budgets', 'places', 'posts']),
  );
});

test('an edit of several columns is one step', async () => {
  const { rows } = await database.admin.query(
    "with before as (select id, version from trips) update trips set name = 'Lap', budget_total = 7, currency = 'EUR', destinations = '[]' from before where trips.id = before.id returning trips.version - before.version as step",
  );
  expect(rows).toEqual([{ step: 1 }]);
});

test('updated_at is the time of the edit, created_at stays', async () => {
  const { rows } = await database.admin.query(
    "with before as (select id, created_at from expenses) update expenses set description = 'Diesel' from before where expenses.id = before.id returning expenses.updated_at = now() as is_now, expenses.created_at = before.created_at as same",
  );
  expect(rows).toEqual([{ is_now: true, same: true }]);
});
