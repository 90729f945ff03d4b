import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { outcome, type Request, refused, requests } from './requests.ts';

const database = testDatabase();
const { anon, user, service } = requests(database);
let aliceId: string;
let bobId: string;
let alice: Request;
let bob: Request;

beforeEach(async () => {
  aliceId = await database.signUp();
  bobId = await database.signUp();
  alice = user(aliceId);
  bob = user(bobId);
});

const status = async (person: Request) =>
  (await person('select status from friendships')).rows.map((row) => row.status);

async function befriend() {
  await alice('select request_friend($1)', [bobId]);
  await bob('select accept_friend($1)', [aliceId]);
}

describe('a friendship', () => {
  test('is asked for, then accepted by the other', async () => {
    await alice('select request_friend($1)', [bobId]);
    expect([await status(alice), await status(bob)]).toEqual([['requested'], ['received']]);
    await bob('select accept_friend($1)', [aliceId]);
    expect([await status(alice), await status(bob)]).toEqual([['accepted'], ['accepted']]);
    await bob('select remove_friend($1)', [aliceId]);
    expect([await status(alice), await status(bob)]).toEqual([[], []]);
  });

  test('is not accepted by the one who asked, however often', async () => {
    await alice('select request_friend($1)', [bobId]);
    await alice('select request_friend($1)', [bobId]);
    expect(await outcome(alice('select accept_friend($1)', [bobId]))).toBe('P0002');
    expect([await status(alice), await status(bob)]).toEqual([['requested'], ['received']]);
  });

  test('of two people who ask each other at once is accepted', async () => {
    for (let round = 0; round < 10; round++) {
      const [one, other] = [await database.signUp(), await database.signUp()];
      await Promise.all([
        user(one)('select request_friend($1)', [other]),
        user(other)('select request_friend($1)', [one]),
      ]);
      expect([await status(user(one)), await status(user(other))]).toEqual([['accepted'], ['accepted']]);
    }
  });

  test('needs another person who exists', async () => {
    expect(await outcome(alice('select request_friend($1)', [aliceId]))).toBe('22023');
    expect(await outcome(alice('select request_friend($1)', [randomUUID()]))).toBe('P0002');
    expect(await outcome(alice('select request_friend(null)'))).toBe('P0002');
  });

  test('is not written directly, by users or the service, nor for nobody', async () => {
    const insert = "insert into friendships (user_id, friend_id, status) values ($1, $2, 'accepted')";
    await bob('select request_friend($1)', [aliceId]);
    for (const request of [alice, service(), service(aliceId), anon]) {
      expect(await outcome(request(insert, [aliceId, bobId]))).toBe(refused);
      expect(await outcome(request("update friendships set status = 'accepted'"))).toBe(refused);
      expect(await outcome(request('delete from friendships'))).toBe(refused);
    }
    expect(await outcome(service()('select request_friend($1)', [bobId]))).toBe(refused);
    expect(await outcome(anon('select request_friend($1)', [bobId]))).toBe(refused);
  });

  test('is told to nobody else', async () => {
    await befriend();
    expect(await outcome(user(await database.signUp())('select 1 from friendships'))).toBe(0);
    expect(await outcome(anon('select 1 from friendships'))).toBe(refused);
  });
});
