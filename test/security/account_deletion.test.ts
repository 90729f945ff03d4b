import { describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { makeBelongings } from './belongings.ts';
import { outcome, refused, requests } from './requests.ts';

const database = testDatabase();
const { anon, user, service } = requests(database);

describe('the end of an account', () => {
  const ends = {
    'deleting the profile': (id: string) => user(id)('delete from profiles where id = $1', [id]),
    'the service deleting the profile': (id: string) => service()('delete from profiles where id = $1', [id]),
    'deleting the account in auth': (id: string) => database.admin.query('delete from auth.users where id = $1', [id]),
  };

  /** How many rows of each table mention an id anywhere; tables without any are left out. */
  async function mentions(id: string): Promise<Record<string, number>> {
    const { rows: tables } = await database.admin.query<{ name: string }>(
      "select oid::regclass::text as name from pg_class where relkind = 'r' and relnamespace in ('public'::regnamespace, 'private'::regnamespace, 'auth'::regnamespace)",
    );
    const found: Record<string, number> = {};
    for (const { name } of tables) {
      const text = `select 1 from ${name} as entry where entry::text like '%' || $1 || '%'`;
      const { rowCount } = await database.admin.query(text, [id]);
      if (rowCount) found[name] = rowCount;
    }
    return found;
  }

  test.each(Object.entries(ends))(
    '%s leaves nothing of the person anywhere, and others’ rows in order',
    async (_, end) => {
      const [alice, bob, carol] = [await database.signUp(), await database.signUp(), await database.signUp()];
      const hers = await makeBelongings(user(alice), alice);
      const his = await makeBelongings(user(bob), bob);
      await user(alice)("update posts set visibility = 'public'");
      await user(bob)("update posts set visibility = 'public'");
      await user(alice)('select request_friend($1)', [bob]);
      await user(bob)('select accept_friend($1)', [alice]);
      await user(carol)('select block_user($1)', [alice]);
      for (const post of [hers.post_id, his.post_id]) {
        for (const person of [alice, bob]) {
          await user(person)('select like_post($1)', [post]);
          await user(person)("select comment_on_post($1, 'Lovely.')", [post]);
        }
      }
      const everywhere = await mentions(alice);
      const { rows } = await database.admin.query(
        "select distinct attrelid::regclass::text as name from pg_attribute where attname = 'user_id' and not attisdropped and attrelid in (select oid from pg_class where relkind = 'r' and relnamespace in ('public'::regnamespace, 'private'::regnamespace))",
      );
      expect(Object.keys(everywhere)).toEqual(expect.arrayContaining(rows.map(({ name }) => name)));

      expect(await outcome(end(alice))).toBe(1);
      expect(await mentions(alice)).toEqual({});
      expect(await mentions(hers.post_id)).toEqual({});
      const counts = 'select likes_count, comments_count from posts where user_id = $1';
      expect((await user(bob)(counts, [bob])).rows).toEqual([{ likes_count: 1, comments_count: 1 }]);
      expect(await outcome(user(bob)('select 1 from expenses where trip_id is not null'))).toBe(1);
    },
  );

  test('nobody ends the account of another', async () => {
    const [alice, bob] = [await database.signUp(), await database.signUp()];
    expect(await outcome(user(bob)('delete from profiles where id = $1', [alice]))).toBe(0);
    expect(await outcome(anon('delete from profiles'))).toBe(refused);
    expect(await outcome(user(alice)('select 1 from profiles'))).toBe(1);
  });

  test('a token that outlives the account writes nothing', async () => {
    const [alice, bob] = [await database.signUp(), await database.signUp()];
    await user(alice)('delete from profiles');
    expect(await outcome(user(alice)("insert into trips (user_id, name) values ($1, 'Loop')", [alice]))).toBe(refused);
    expect(await outcome(user(alice)('select request_friend($1)', [bob]))).toBe(refused);
    expect(await outcome(user(alice)('select block_user($1)', [bob]))).toBe(refused);
    expect(await outcome(user(alice)('select 1 from profiles'))).toBe(0);
  });
});
