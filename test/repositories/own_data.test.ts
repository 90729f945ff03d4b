import { describe, expect, test } from 'vitest';
import { PermissionError, SerializationError } from '../../src/index.ts';
import type { OwnRow } from '../../src/types.ts';
import { wrongPosts, wrongTrips } from '../schema/recount.ts';
import { makeBelongings } from '../security/belongings.ts';
import { type Person, testSessions } from './sessions.ts';

const sessions = testSessions();

type Exporter = { profiles: { exportData(): AsyncIterable<OwnRow> } };

async function exported({ profiles }: Exporter): Promise<OwnRow[]> {
  const rows: OwnRow[] = [];
  for await (const row of profiles.exportData()) rows.push(row);
  return rows;
}

const names = (rows: readonly OwnRow[]) => [...new Set(rows.map(({ table }) => table))].sort();
const of = (rows: readonly OwnRow[], wanted: string) =>
  rows.filter(({ table }) => table === wanted).map(({ row }) => row);

const ours =
  "relkind = 'r' and relname not like 'kysely%' and relnamespace in ('public'::regnamespace, 'private'::regnamespace)";

/** How many rows of each table mention an id anywhere; tables without any are left out. */
async function mentions(id: string): Promise<Record<string, number>> {
  const { rows: tables } = await sessions.admin.query<{ path: string; name: string }>(
    `select oid::regclass::text as path, relname as name from pg_class where ${ours}`,
  );
  const found: Record<string, number> = {};
  for (const { path, name } of tables) {
    const text = `select 1 from ${path} as entry where entry::text like '%' || $1 || '%'`;
    const { rowCount } = await sessions.admin.query(text, [id]);
    if (rowCount) found[name] = rowCount;
  }
  return found;
}

const own = (person: Person) => makeBelongings((text, values) => sessions.admin.query(text, values), person.id);

/** Alice, who has a row in every table, and Bob, who has as many and is her friend. */
async function twoPeople() {
  const [alice, bob, carol] = [await sessions.signUp(), await sessions.signUp(), await sessions.signUp()];
  const [hers, his] = [await own(alice), await own(bob)];
  await bob.posts.update(his.post_id, { visibility: 'friends' });
  await alice.friends.request(bob.id);
  await bob.friends.accept(alice.id);
  await alice.friends.block(carol.id);
  await alice.posts.like(his.post_id);
  await alice.posts.comment(his.post_id, 'Lovely, says Alice.');
  return { alice, bob, carol, hers, his };
}

describe('the data of a user', () => {
  test('are rows of every table that knows them', async () => {
    const { alice } = await twoPeople();
    const rows = await exported(alice);
    expect(names(rows)).toEqual(Object.keys(await mentions(alice.id)).sort());
    const { rows: tables } = await sessions.admin.query<{ name: string }>(
      `select distinct relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
        where ${ours} and (a.attname = 'user_id' or exists (
          select from pg_constraint where conrelid = c.oid and confrelid = 'public.profiles'::regclass and a.attnum = any (conkey)))`,
    );
    expect(tables.length).toBeGreaterThan(13);
    expect(names(rows)).toEqual(tables.map(({ name }) => name).sort());
  });

  test('have every column, but what searches are indexed by, and what would tell of others', async () => {
    const { alice } = await twoPeople();
    const rows = await exported(alice);
    const { rows: columns } = await sessions.admin.query<{ name: string; columns: string[] }>(
      `select relname as name, array_agg(attname::text order by attname) as columns
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where ${ours} group by 1`,
    );
    const left: Record<string, string[]> = {};
    for (const { table, row } of rows) {
      const all = columns.find(({ name }) => name === table)?.columns ?? [];
      const kept = Object.keys(row);
      expect(all).toEqual(expect.arrayContaining(kept));
      const missing = all.filter((column) => !kept.includes(column));
      if (missing.length > 0) left[table] = missing;
    }
    expect(left).toEqual({
      trips: ['search'],
      expenses: ['import_key'],
      posts: ['coordinates', 'search'],
      post_likes: ['post_user_id', 'post_visibility', 'user_id'],
      post_comments: ['post_user_id', 'post_visibility', 'user_id'],
      blocks: ['listed', 'user_id'],
    });
  });

  test('are as repositories give them, and nobody else’s', async () => {
    const { alice, bob, carol, hers, his } = await twoPeople();
    const rows = await exported(alice);
    expect(of(rows, 'profiles')).toEqual([await alice.profiles.me()]);
    expect(of(rows, 'trips')).toEqual([await alice.trips.get(hers.trip_id)]);
    expect(of(rows, 'expenses')).toEqual([await alice.expenses.get(hers.expense_id)]);
    expect(of(rows, 'posts')).toEqual([await alice.posts.get(hers.post_id)]);
    expect(of(rows, 'post_locations')).toMatchObject([{ location: { lat: -36.848461, lng: 174.763336 } }]);
    expect(of(rows, 'pam_messages')).toEqual((await alice.pam.history(hers.conversation_id)).items);
    expect(of(rows, 'pam_feedback')).toEqual((await alice.pam.listFeedback()).items);
    expect(of(rows, 'post_likes')).toMatchObject([{ post_id: his.post_id }]);
    expect(of(rows, 'post_comments')).toMatchObject([{ post_id: his.post_id, content: 'Lovely, says Alice.' }]);
    expect(of(rows, 'friendships')).toMatchObject([{ friend_id: bob.id, status: 'accepted' }]);
    expect(of(rows, 'blocks')).toEqual([{ blocked_id: carol.id, created_at: expect.any(Date) }]);
    expect(of(await exported(carol), 'blocks')).toEqual([]);
    const forService = sessions.database.asService().onBehalfOf(alice.id);
    expect(await exported(forService)).toEqual(rows);
    const others = await exported(bob);
    expect(JSON.stringify(others)).not.toContain('says Alice');
    expect(of(others, 'trips')).toMatchObject([{ id: his.trip_id }]);
  });

  test('include likes and comments on posts that are out of sight', async () => {
    const { alice, bob, his } = await twoPeople();
    const before = await exported(alice);
    await bob.friends.remove(alice.id);
    expect((await alice.posts.comments(his.post_id)).items).toEqual([]);
    const after = await exported(alice);
    for (const table of ['post_likes', 'post_comments']) {
      expect(of(after, table)).toHaveLength(1);
      expect(of(after, table)).toEqual(of(before, table));
    }
  });

  test('of one who is suspended are theirs still, and of one who is gone nothing', async () => {
    const { alice } = await twoPeople();
    const before = await exported(alice);
    await sessions.suspend(alice);
    expect(names(await exported(alice))).toEqual(names(before));
    await sessions.database.asService().accounts.erase(alice.id);
    expect(await exported(alice)).toEqual([]);
  });
});

describe('an export', () => {
  test('is of one moment, whatever happens meanwhile', async () => {
    const alice = await sessions.signUp();
    const { id } = await alice.pam.startConversation({ session_id: 'phone' });
    const letters = Array.from({ length: 120 }, (_, i) => ({ role: 'user' as const, content: `${i}` }));
    await alice.pam.appendMessages(id, letters);
    const rows: OwnRow[] = [];
    for await (const row of alice.profiles.exportData()) {
      if (rows.length === 0) {
        await alice.trips.create({ name: 'Meanwhile' });
        await alice.pam.appendMessage(id, { role: 'user', content: 'meanwhile' });
        await alice.pam.delete(id);
      }
      rows.push(row);
    }
    expect(of(rows, 'trips')).toEqual([]);
    expect(of(rows, 'pam_messages')).toMatchObject(letters);
    expect(names(await exported(alice))).toEqual(['profiles', 'public_profiles', 'trips']);
  });

  test('that is left early or fails leaves no transaction behind', async () => {
    const { alice } = await twoPeople();
    const busy = async () => {
      const text =
        "select from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'";
      return (await sessions.admin.query(text)).rowCount;
    };
    for await (const _ of alice.profiles.exportData()) {
      expect(await busy()).toBe(1);
      break;
    }
    expect(await busy()).toBe(0);
    const failing = async () => {
      for await (const { table } of alice.profiles.exportData())
        if (table === 'trips') throw new Error('The disk is full.');
    };
    await expect(failing()).rejects.toThrow('The disk is full.');
    expect(await busy()).toBe(0);
    const unread = alice.profiles.exportData();
    await unread.return();
    expect((await unread.next()).done).toBe(true);
    expect(await busy()).toBe(0);
  });

  test('in a transaction sees what that has done', async () => {
    const alice = await sessions.signUp();
    const rows = await alice.transaction(async (tx) => {
      const trip = await tx.trips.create({ name: 'Big Lap' });
      const seen = await exported(tx);
      await tx.trips.delete(trip.id);
      return seen;
    });
    expect(of(rows, 'trips')).toMatchObject([{ name: 'Big Lap' }]);
    expect((await alice.trips.list()).items).toEqual([]);
  });

  test('writes nothing', async () => {
    const alice = await sessions.signUp();
    const before = await mentions(alice.id);
    await exported(alice);
    expect(await mentions(alice.id)).toEqual(before);
  });
});

describe('erasing oneself', () => {
  test('leaves nothing anywhere, others’ rows in order, and happens once', async () => {
    const { alice, bob, hers, his } = await twoPeople();
    await alice.posts.update(hers.post_id, { visibility: 'public' });
    await bob.posts.like(hers.post_id);
    await bob.posts.comment(hers.post_id, 'Lovely.');
    await bob.posts.like(his.post_id);
    expect(await bob.posts.get(his.post_id)).toMatchObject({ likes_count: 2, comments_count: 1 });
    expect(await alice.profiles.erase()).toBe(true);
    expect(await mentions(alice.id)).toEqual({});
    expect(await mentions(hers.post_id)).toEqual({});
    expect(await bob.posts.get(his.post_id)).toMatchObject({ likes_count: 1, comments_count: 0 });
    for (const wrong of [wrongPosts, wrongTrips]) expect((await sessions.admin.query(wrong)).rows).toEqual([]);
    expect(await bob.trips.get(his.trip_id)).toMatchObject({ expense_count: 1 });
    expect(await alice.profiles.erase()).toBe(false);
    await expect(alice.trips.create({ name: 'Big Lap' })).rejects.toThrow(PermissionError);
  });

  test('is refused to the suspended, and done for them by the service', async () => {
    const { alice } = await twoPeople();
    await sessions.suspend(alice);
    await expect(alice.profiles.erase()).rejects.toThrow(PermissionError);
    expect((await alice.profiles.me()).status).toBe('suspended');
    const forService = sessions.database.asService().onBehalfOf(alice.id);
    expect(await forService.profiles.erase()).toBe(true);
    expect(await forService.profiles.erase()).toBe(false);
    expect(await mentions(alice.id)).toEqual({});
  });

  test('from sixteen connections at once happens once', async () => {
    const alice = await sessions.signUp();
    const erased = await sessions.sixteenTimes('profiles', () => alice.profiles.erase());
    expect(erased.filter(Boolean)).toHaveLength(1);
  });

  test('while others like and comment the same posts leaves every count right', async () => {
    const author = await sessions.signUp();
    const posts = await author.posts.createMany(
      ['a', 'b', 'c'].map((title) => ({ title, content: 'x', visibility: 'public' })),
    );
    const crowd = await Promise.all(Array.from({ length: 12 }, () => sessions.signUp()));
    const insist = async (work: () => Promise<unknown>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        if (!(error instanceof SerializationError)) throw error;
        await insist(work);
      }
    };
    const react = async (person: Person) => {
      for (const { id } of posts) {
        await insist(() => person.posts.like(id));
        await insist(() => person.posts.comment(id, 'Lovely.'));
      }
    };
    const leaving = crowd.slice(0, 6);
    await Promise.all(leaving.map(react));
    await Promise.all([
      ...leaving.map((person) => insist(() => person.profiles.erase())),
      ...crowd.slice(6).map(react),
    ]);
    for (const { id } of posts) {
      expect(await author.posts.get(id)).toMatchObject({ likes_count: 6, comments_count: 6 });
    }
    expect((await sessions.admin.query(wrongPosts)).rows).toEqual([]);
  });
});
