import { describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { outcome, refused, requests } from './requests.ts';

const database = testDatabase();
const { anon, user, service } = requests(database);

async function list<Row extends object>(text: string): Promise<Row[]> {
  return (await database.admin.query<Row>(text)).rows;
}

describe('functions', () => {
  /** Who may execute what, besides its owner; the triggers' functions and what is not listed, nobody. */
  const signedIn = 'authenticated service_role';
  const everybody = 'anon authenticated service_role';
  const executable: Record<string, string> = {
    'accept_friend(uuid)': signedIn,
    'block_user(uuid)': signedIn,
    'blocked_users(timestamp with time zone,uuid,integer)': signedIn,
    'cancel_friend_request(uuid)': signedIn,
    'comment_on_post(uuid,text,uuid)': signedIn,
    'decline_friend_request(uuid)': signedIn,
    'delete_comment(uuid)': signedIn,
    'get_user_activity(uuid,integer)': signedIn,
    'friends_posts(timestamp with time zone,uuid,integer)': signedIn,
    'income_occurrences(date,date)': signedIn,
    'jsonb_merge_patch(jsonb,jsonb)': signedIn,
    'like_post(uuid)': signedIn,
    'list_blocked_users()': signedIn,
    'list_own_comments()': signedIn,
    'list_own_likes()': signedIn,
    'messages(pam_conversations)': signedIn,
    'mutual_friends(uuid,uuid,integer)': signedIn,
    'posts_near(double precision,double precision,double precision,integer,timestamp with time zone,uuid,integer)':
      everybody,
    'remove_friend(uuid)': signedIn,
    'request_friend(uuid)': signedIn,
    'search_messages(text,uuid,uuid,bigint,integer)': signedIn,
    'search_posts(text,integer)': everybody,
    'search_trips(text,uuid,text,integer)': signedIn,
    'tagged_posts(text,timestamp with time zone,uuid,integer)': everybody,
    'unblock_user(uuid)': signedIn,
    'unlike_post(uuid)': signedIn,
    'user_income_occurrences(uuid,date,date)': signedIn,
    'private.accept_friend(uuid)': signedIn,
    'private.block_user(uuid)': signedIn,
    'private.blocked_ids()': 'authenticated',
    'private.blocked_users(timestamp with time zone,uuid,integer)': signedIn,
    'private.can_write()': 'authenticated',
    'private.comment_on_post(uuid,text,uuid)': signedIn,
    'private.delete_comment(uuid)': signedIn,
    'private.end_request(uuid,text)': signedIn,
    'private.find_friends_posts(timestamp with time zone,uuid,integer)': signedIn,
    'private.find_messages(text,uuid,uuid,bigint,integer)': signedIn,
    'private.find_posts(text,integer)': everybody,
    'private.find_posts_near(double precision,double precision,double precision,integer,timestamp with time zone,uuid,integer)':
      everybody,
    'private.find_tagged_posts(text,timestamp with time zone,uuid,integer)': everybody,
    'private.find_trips(text,uuid,text,integer)': signedIn,
    'private.friend_ids()': 'authenticated',
    'private.is_amount(numeric)': signedIn,
    'private.is_window(date,date)': signedIn,
    'private.unlike_post(uuid)': signedIn,
    'private.is_between(jsonb,numeric,numeric)': signedIn,
    'private.is_calendar_date(text)': signedIn,
    'private.is_https_url(text)': signedIn,
    'private.is_image_list(text[])': signedIn,
    'private.is_itinerary(jsonb)': signedIn,
    'private.is_json_object(jsonb)': signedIn,
    'private.is_location(jsonb)': signedIn,
    'private.is_moderator()': 'authenticated',
    'private.is_route(jsonb)': signedIn,
    'private.is_short_text(jsonb,integer)': signedIn,
    'private.is_tag_list(text[])': signedIn,
    'private.is_timezone(text)': signedIn,
    'private.like_post(uuid)': signedIn,
    'private.list_blocked_users()': signedIn,
    'private.mutual_friends(uuid,uuid,integer)': signedIn,
    'private.list_own_comments()': signedIn,
    'private.list_own_likes()': signedIn,
    'private.merge_patch(jsonb,jsonb,integer)': signedIn,
    'private.message_words(uuid,text)': signedIn,
    'private.normalize_tags(text[])': signedIn,
    'private.occurrences(date,text,date,date,date)': signedIn,
    'private.remove_friend(uuid)': signedIn,
    'private.request_friend(uuid)': signedIn,
    'private.trimmed(text)': signedIn,
    'private.two_decimals(numeric)': signedIn,
    'private.unblock_user(uuid)': signedIn,
  };
  const ours = "pronamespace in ('public'::regnamespace, 'private'::regnamespace)";

  test('are executable by the roles listed and nobody else', async () => {
    const rows = await list<{ signature: string; roles: string }>(`
      select p.oid::regprocedure::text as signature, string_agg(grantee::regrole::text, ' ' order by grantee::regrole::text) as roles
      from pg_proc p
      cross join lateral aclexplode(coalesce(proacl, acldefault('f', proowner))) as acl
      where ${ours} and acl.grantee <> p.proowner
      group by p.oid`);
    expect(Object.fromEntries(rows.map(({ signature, roles }) => [signature, roles]))).toEqual(executable);
  });

  test('in public run with the rights of the one who calls', async () => {
    const definers = await list(
      `select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef`,
    );
    expect(definers).toEqual([]);
  });

  test('have a fixed search path, where no temporary object comes first', async () => {
    const rows = await list<{ name: string; path: string | null; resolved: boolean }>(`
      select p.oid::regprocedure::text as name, not prosecdef and prosqlbody is not null as resolved,
        (select setting from unnest(proconfig) as setting where setting like 'search_path=%') as path
      from pg_proc p where ${ours} or p.oid = any (array['auth.uid()', 'auth.jwt()', 'auth.role()']::regprocedure[])`);
    expect(rows.length).toBeGreaterThan(60);
    // Postgres looks for types and tables in pg_temp before all else, unless the path says otherwise or the names were
    // resolved when the function was made.
    const safe = 'search_path=pg_catalog, pg_temp';
    for (const { name, path, resolved } of rows) {
      expect(resolved ? [safe, 'search_path=""', null] : [safe], name).toContain(path);
    }
  });

  test('find one’s own trips alone, even where users may enter the schema private', async () => {
    const [alice, bob] = [await database.signUp(), await database.signUp()];
    await user(alice)("insert into trips (user_id, name) values ($1, 'Nullarbor')", [alice]);
    const find = "select id from private.find_trips('nullarbor', $1, null, 10)";
    await database.admin.query('grant usage on schema private to authenticated');
    try {
      for (const owner of [null, alice]) {
        expect((await user(bob)(find, [owner])).rows).toEqual([]);
        expect((await user(alice)(find, [owner])).rows).toHaveLength(1);
      }
    } finally {
      await database.admin.query('revoke usage on schema private from authenticated');
    }
  });

  test('find one’s own messages alone, even where users may enter the schema private', async () => {
    const [alice, bob] = [await database.signUp(), await database.signUp()];
    const start = "insert into pam_conversations (user_id, session_id) values ($1, 'phone') returning id";
    const { rows } = await user(alice)(start, [alice]);
    const say =
      "insert into pam_messages (user_id, conversation_id, role, content) values ($1, $2, 'user', 'Nullarbor')";
    await user(alice)(say, [alice, rows[0].id]);
    const find = "select id from private.find_messages('nullarbor', $1, null, null, 10)";
    await database.admin.query('grant usage on schema private to authenticated');
    try {
      for (const owner of [null, alice]) {
        expect((await user(bob)(find, [owner])).rows).toEqual([]);
        expect((await user(alice)(find, [owner])).rows).toHaveLength(1);
      }
    } finally {
      await database.admin.query('revoke usage on schema private from authenticated');
    }
  });

  test('of the schema private cannot be called by name', async () => {
    const rows = await list<{ call: string }>(`
      select format('%s(%s)', p.oid::regproc, (select string_agg(format('null::%s', kind::regtype), ', ') from unnest(proargtypes) as kind)) as call
      from pg_proc p where pronamespace = 'private'::regnamespace and prorettype <> 'trigger'::regtype`);
    expect(rows.length).toBeGreaterThan(20);
    const id = await database.signUp();
    for (const { call } of rows) {
      for (const request of [anon, user(id), service(id)]) {
        expect(await outcome(request(`select ${call}`)), call).toBe(refused);
      }
    }
  });
});
