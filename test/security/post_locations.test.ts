import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { outcome, type Request, refused, requests } from './requests.ts';

const database = testDatabase();
const { anon, user, service } = requests(database);
let aliceId: string;
let alice: Request;
let friend: Request;

beforeAll(async () => {
  aliceId = await database.signUp();
  const friendId = await database.signUp();
  alice = user(aliceId);
  friend = user(friendId);
  await alice('select request_friend($1)', [friendId]);
  await friend('select accept_friend($1)', [aliceId]);
});

async function post(location?: object): Promise<string> {
  const text = "insert into posts (user_id, title, content, location) values ($1, 'Pier', 'Gulls.', $2) returning id";
  return (await alice(text, [aliceId, location && JSON.stringify(location)])).rows[0].id;
}

describe('the place of a post', () => {
  const exact = { lat: -36.848461, lng: 174.763336 };
  const coarse = { lat: -36.85, lng: 174.76 };
  const seenBy = async (request: Request, id: string) =>
    (await request('select location from posts where id = $1', [id])).rows[0]?.location;

  test('is coarse for everybody, whoever writes it and however', async () => {
    const inserted = await post(exact);
    const updated = await post();
    await alice('update posts set location = $2 where id = $1', [updated, JSON.stringify({ ...exact, name: 'Pier' })]);
    const byService = await post();
    await service()('update posts set location = $2 where id = $1', [byService, JSON.stringify(exact)]);
    const { rows } = await alice(
      `insert into posts (id, user_id, title, content) values ($1, $2, 'a', 'b')
       on conflict (id) do update set location = $3 returning id`,
      [await post(), aliceId, JSON.stringify({ ...exact, exact: false })],
    );
    for (const id of [inserted, updated, byService, rows[0].id]) {
      for (const request of [alice, friend, anon]) expect(await seenBy(request, id)).toMatchObject(coarse);
    }
  });

  test('is exact only where the author says so, and coarse again when taken back', async () => {
    const id = await post({ ...exact, exact: true });
    expect(await seenBy(anon, id)).toEqual({ ...exact, exact: true });
    await alice(`update posts set location = location || '{"exact": false}' where id = $1`, [id]);
    expect(await seenBy(anon, id)).toEqual({ ...coarse, exact: false });
  });

  test.each(['"true"', '1', 'null', '[true]'])('takes no %s for "exact": true', async (value) => {
    const location = `{"lat": -36.848461, "lng": 174.763336, "exact": ${value}}`;
    const insert = "insert into posts (user_id, title, content, location) values ($1, 'a', 'b', $2)";
    expect(await outcome(alice(insert, [aliceId, location]))).toBe('23514');
  });

  test('has no room for the exact point under another name', async () => {
    const insert = "insert into posts (user_id, title, content, location) values ($1, 'a', 'b', $2)";
    for (const location of [
      { ...exact, point: exact },
      { ...exact, name: exact },
      [exact],
      { lat: '-36.848461', lng: 1 },
    ]) {
      expect(await outcome(alice(insert, [aliceId, JSON.stringify(location)]))).toBe('23514');
    }
  });

  test('is kept exactly for the author alone', async () => {
    const id = await post();
    await alice('insert into post_locations (post_id, user_id, location) values ($1, $2, $3)', [id, aliceId, exact]);
    const read = 'select location from post_locations where post_id = $1';
    expect((await alice(read, [id])).rows).toEqual([{ location: exact }]);
    expect(await outcome(friend(read, [id]))).toBe(0);
    expect(await outcome(anon(read, [id]))).toBe(refused);
  });
});
