import { beforeEach, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { wrongPosts, wrongTrips } from './recount.ts';

const database = testDatabase();
const rounds = 20;
let alice: string;
let trips: string[];

beforeEach(async () => {
  alice = await database.signUp();
  trips = (
    await asAlice(
      "insert into trips (user_id, name) select auth.uid(), 'Trip ' || n from generate_series(1, 4) as n returning id",
    )
  ).map((row) => row.id);
});

const asAlice = async (text: string, values?: unknown[]) =>
  (await database.as('authenticated', alice, (client) => client.query(text, values))).rows;

const spend = "insert into expenses (user_id, trip_id, amount, category) values (auth.uid(), $1, $2, 'fuel')";

test('the total of a trip is exact after four connections wrote at once', async () => {
  const [lap, detour] = trips;
  for (let round = 0; round < rounds; round++) {
    await Promise.all([
      asAlice(spend, [lap, '1.25']),
      asAlice(spend, [lap, '2']),
      asAlice('update expenses set amount = amount + 1 where trip_id = $1', [lap]),
      asAlice(
        'update expenses set trip_id = $2 where id in (select id from expenses where trip_id = $1 order by date, id limit 1)',
        [lap, detour],
      ),
    ]);
    expect((await database.admin.query(wrongTrips)).rows).toEqual([]);
  }
  const rows = await asAlice('select sum(expense_count)::int as count from trips');
  expect(rows).toEqual([{ count: 2 * rounds }]);
});

test('the total is exact when the trip changes its currency, or goes, while expenses arrive', async () => {
  const [lap, detour, third] = trips;
  for (let round = 0; round < rounds; round++) {
    await Promise.all([
      asAlice(spend, [lap, '10']),
      asAlice("update trips set currency = case currency when 'USD' then 'EUR' else 'USD' end where id = $1", [lap]),
      asAlice('update expenses set currency = $2 where trip_id = $1', [lap, round % 2 ? 'EUR' : 'USD']),
      asAlice(spend, [detour, '3']),
    ]);
    expect((await database.admin.query(wrongTrips)).rows).toEqual([]);
  }
  await Promise.allSettled([
    asAlice(spend, [third, '1']),
    asAlice('delete from trips where id = $1', [third]),
    asAlice('update expenses set trip_id = $2 where trip_id = $1', [detour, lap]),
  ]);
  expect((await database.admin.query(wrongTrips)).rows).toEqual([]);
  const rows = await asAlice('select expense_count from trips where id = $1', [lap]);
  expect(rows).toEqual([{ expense_count: 2 * rounds }]);
});

test('statements that touch the same trips in opposite order do not deadlock', async () => {
  const both = (order: string[]) =>
    asAlice(
      "insert into expenses (user_id, trip_id, amount, category) select auth.uid(), trip_id, 1, 'x' from unnest($1::uuid[]) as trip_id",
      [order],
    );
  const reversed = [...trips].reverse();
  const statements = Array.from({ length: rounds }, () => [both(trips), both(reversed), both(trips), both(reversed)]);
  await Promise.all(statements.flat());
  const rows = await asAlice('select distinct budget_spent from trips');
  expect(rows).toEqual([{ budget_spent: `${4 * rounds}.00` }]);
});

test('changes of different expenses of the same trips in opposite order do not deadlock', async () => {
  for (const [category, order] of Object.entries({ there: trips, back: [...trips].reverse() })) {
    await asAlice(
      'insert into expenses (user_id, trip_id, amount, category) select auth.uid(), unnest($1::uuid[]), 1, $2',
      [order, category],
    );
  }
  const raise = (category: string) =>
    asAlice('update expenses set amount = amount + 1 where category = $1', [category]);
  for (let round = 0; round < rounds; round++) await Promise.all([raise('there'), raise('back')]);
  expect((await database.admin.query(wrongTrips)).rows).toEqual([]);
  expect(await asAlice('select distinct budget_spent from trips')).toEqual([
    { budget_spent: `${2 * (rounds + 1)}.00` },
  ]);
});

test('likes and comments from several people at once are all counted, and a like only once', async () => {
  const people = await Promise.all([1, 2, 3, 4].map(() => database.signUp()));
  const [post] = await asAlice(
    "insert into posts (user_id, title, content) values (auth.uid(), 'Red dust', 'x') returning id",
  );
  for (let round = 0; round < rounds; round++) {
    await Promise.all(
      people.map((person, place) =>
        database.as('authenticated', person, async (client) => {
          await client.query(round % 2 && place % 2 ? 'select unlike_post($1)' : 'select like_post($1)', [post.id]);
          await client.query('select comment_on_post($1, $2)', [post.id, 'Lovely.']);
        }),
      ),
    );
  }
  expect((await database.admin.query(wrongPosts)).rows).toEqual([]);
  const rows = await asAlice('select likes_count, comments_count from posts where id = $1', [post.id]);
  expect(rows).toEqual([{ likes_count: 2, comments_count: people.length * rounds }]);
});

test('an expense that two connections send at once is made once', async () => {
  const [lap] = trips;
  for (let round = 0; round < rounds; round++) {
    const { rows } = await database.admin.query('select gen_random_uuid() as id');
    const send = () =>
      asAlice(
        "insert into expenses (id, user_id, trip_id, amount, category) values ($1, auth.uid(), $2, 1, 'x') on conflict do nothing",
        [rows[0].id, lap],
      );
    await Promise.all([send(), send(), send(), send()]);
  }
  const rows = await asAlice('select expense_count, budget_spent from trips where id = $1', [lap]);
  expect(rows).toEqual([{ expense_count: rounds, budget_spent: `${rounds}.00` }]);
});

test('edits from several connections each count one version', async () => {
  const [lap] = trips;
  const edit = (name: string) => asAlice('update trips set name = $1 where id = $2', [name, lap]);
  await Promise.all(Array.from({ length: rounds }, (_, round) => edit(`Lap ${round}`)));
  expect(await asAlice('select version from trips where id = $1', [lap])).toEqual([{ version: rounds + 1 }]);
});

test('two people who ask each other at once are friends, and nobody waits for ever', async () => {
  const bob = await database.signUp();
  const by = (person: string, text: string, other: string) =>
    database.as('authenticated', person, (client) => client.query(text, [other]));
  for (let round = 0; round < rounds; round++) {
    await Promise.all([by(alice, 'select request_friend($1)', bob), by(bob, 'select request_friend($1)', alice)]);
    const { rows } = await database.admin.query(
      'select distinct status, count(*) over ()::int as sides from friendships',
    );
    expect(rows).toEqual([{ status: 'accepted', sides: 2 }]);
    await Promise.all([by(alice, 'select remove_friend($1)', bob), by(bob, 'select remove_friend($1)', alice)]);
    expect((await database.admin.query('select from friendships')).rows).toEqual([]);
  }
});

test('a block that meets the lifting of the other’s comes to light', async () => {
  const bob = await database.signUp();
  const by = (person: string, text: string, other: string) =>
    database.as('authenticated', person, (client) => client.query(text, [other]));
  for (let round = 0; round < rounds; round++) {
    await by(alice, 'select block_user($1)', bob);
    await Promise.all([by(alice, 'select unblock_user($1)', bob), by(bob, 'select block_user($1)', alice)]);
    const { rows } = await database.admin.query('select user_id, listed from private.blocks');
    expect(rows).toEqual([{ user_id: bob, listed: true }]);
    await by(bob, 'select unblock_user($1)', alice);
  }
});

test('a comment that is deleted while its post is hidden, shown or deleted stands in nobody’s way', async () => {
  const bob = await database.signUp();
  const asBob = async (text: string, values: unknown[]) =>
    (await database.as('authenticated', bob, (client) => client.query(text, values))).rows;
  for (let round = 0; round < rounds; round++) {
    const [post] = await asAlice(
      "insert into posts (user_id, title, content) values (auth.uid(), 'a', 'b') returning id",
    );
    const comments = [];
    for (let i = 0; i < 3; i++) comments.push((await asBob("select id from comment_on_post($1, 'x')", [post.id]))[0]);
    await asBob('select like_post($1)', [post.id]);
    await Promise.all([
      asBob('select delete_comment($1)', [comments[0].id]),
      asAlice("update posts set visibility = 'private' where id = $1", [post.id]),
      asAlice('select delete_comment($1)', [comments[1].id]),
      asBob('select unlike_post($1)', [post.id]),
    ]);
    expect((await database.admin.query(wrongPosts)).rows).toEqual([]);
    await Promise.all([
      asBob('select delete_comment($1)', [comments[2].id]),
      asAlice('delete from posts where id = $1', [post.id]),
    ]);
  }
  expect((await database.admin.query('select from post_comments where user_id = $1', [bob])).rows).toEqual([]);
});

test('people who leave stand in the way of nobody whose posts they liked', async () => {
  for (let round = 0; round < rounds; round++) {
    const people = await Promise.all([1, 2].map(() => database.signUp()));
    const by = (person: string, text: string, values: unknown[] = []) =>
      database.as('authenticated', person, (client) => client.query(text, values));
    const posts = (
      await asAlice(
        "insert into posts (user_id, title, content) select auth.uid(), 'a', 'b' from generate_series(1, 3) returning id",
      )
    ).map((row) => row.id);
    for (const person of people) {
      for (const id of posts) await by(person, "select like_post($1), comment_on_post($1, 'Bye.')", [id]);
    }
    await Promise.all([
      ...people.map((person) => by(person, 'delete from profiles where id = auth.uid()')),
      asAlice("update posts set visibility = 'friends' where id = $1", [posts[0]]),
      asAlice('delete from posts where id = $1', [posts[1]]),
    ]);
    expect((await database.admin.query(wrongPosts)).rows).toEqual([]);
    const rows = await asAlice('select distinct likes_count, comments_count from posts where user_id = auth.uid()');
    expect(rows).toEqual([{ likes_count: 0, comments_count: 0 }]);
  }
});

test('strangers who liked each other’s posts leave at once', async () => {
  for (let round = 0; round < rounds; round++) {
    const people = await Promise.all([1, 2].map(() => database.signUp()));
    const by = async (person: string, text: string, values: unknown[] = []) =>
      (await database.as('authenticated', person, (client) => client.query(text, values))).rows;
    const posts = await Promise.all(
      people.map((person) =>
        by(
          person,
          "insert into posts (user_id, title, content) select auth.uid(), 'a', 'b' from generate_series(1, 20) returning id",
        ),
      ),
    );
    for (const [place, person] of people.entries()) {
      await by(person, 'select like_post(id) from unnest($1::uuid[]) as id', [posts[1 - place]?.map(({ id }) => id)]);
    }
    await Promise.all(people.map((person) => by(person, 'delete from profiles where id = auth.uid()')));
    const left = await database.admin.query('select from profiles where id = any($1)', [people]);
    expect(left.rows).toEqual([]);
  }
});

test('a request that meets a block leaves no friendship', async () => {
  for (let round = 0; round < rounds; round++) {
    const bob = await database.signUp();
    const by = (person: string, text: string, other: string) =>
      database.as('authenticated', person, (client) => client.query(text, [other]));
    await Promise.allSettled([by(alice, 'select request_friend($1)', bob), by(bob, 'select block_user($1)', alice)]);
    expect((await database.admin.query('select from friendships')).rows).toEqual([]);
  }
});
