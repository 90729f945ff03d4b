import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { requests } from './requests.ts';

/* What a person learns of the friends and blocks of others: nothing. */
const database = testDatabase();
const { user } = requests(database);
const [alice, bob, carol, dave, erin] = Array.from({ length: 5 }, () => randomUUID()) as [
  string,
  string,
  string,
  string,
  string,
];

const befriend = async (one: string, other: string) => {
  await user(one)('select request_friend($1)', [other]);
  await user(other)('select accept_friend($1)', [one]);
};

beforeAll(async () => {
  for (const id of [alice, bob, carol, dave, erin]) await database.signUp({ id });
  await befriend(alice, bob);
  await befriend(alice, carol);
  await befriend(bob, carol);
  // Known to Bob, and to somebody else, but not to Alice.
  await befriend(bob, dave);
  await befriend(erin, dave);
});

const mutual = async (me: string, other: string) =>
  (await user(me)('select friend_id from mutual_friends($1)', [other])).rows.map(({ friend_id }) => friend_id);

test('mutual friends are the caller’s own, not anybody’s who is a friend of the other', async () => {
  expect(await mutual(alice, bob)).toEqual([carol]);
});

test('a stranger learns nothing of whom another knows', async () => {
  expect(await mutual(erin, bob)).toEqual([]);
});

test('whom two others block is no matter to a third', async () => {
  const [frank, grace] = [await database.signUp(), await database.signUp()];
  const [insert, select] = [
    "insert into posts (user_id, title, content) values ($1, 'Dunes', 'Sand.')",
    'select from posts where user_id = $1',
  ];
  for (const one of [frank, grace]) await user(one)(insert, [one]);
  await user(frank)('select block_user($1)', [grace]);
  for (const one of [frank, grace]) expect((await user(alice)(select, [one])).rowCount).toBe(1);
});
