import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { outcome, type Request, requests } from './requests.ts';

const database = testDatabase();
const { user } = requests(database);
let alice: Request;
let aliceId: string;
let bobId: string;

beforeAll(async () => {
  aliceId = await database.signUp();
  bobId = await database.signUp();
  alice = user(aliceId);
  await alice("insert into trips (user_id, name) values ($1, 'Big Lap')", [aliceId]);
});

describe('claims that name nobody', () => {
  const shapes = {
    'none at all': '',
    'a JSON null': 'null',
    'a list': '[]',
    'a string': '"authenticated"',
    'no sub': '{"role": "authenticated"}',
    'a null sub': '{"sub": null}',
    'an empty sub': '{"sub": ""}',
    'a sub that is no uuid': '{"sub": "alice"}',
    'no JSON': 'alice',
    'the id in a list': '{"sub": ["$alice"]}',
    'the id within an object': '{"sub": {"id": "$alice"}}',
    'the id under another key': '{"SUB": "$alice", "user_metadata": {"sub": "$alice"}, "id": "$alice"}',
    'the role of the service': '{"role": "service_role", "app_metadata": {"role": "admin"}}',
  };

  test.each(Object.entries(shapes))('show and change no row: %s', async (_, shape) => {
    for (const statement of ['select 1 from trips', "update trips set name = 'x'", 'delete from profiles']) {
      const sent = database.as('authenticated', async (client) => {
        await client.query("select set_config('request.jwt.claims', $1, true)", [shape.replaceAll('$alice', aliceId)]);
        return await client.query(statement);
      });
      expect([0, '22P02']).toContain(await outcome(sent));
    }
  });
});

test('a role or rights in the claims are no rights in the database', async () => {
  await alice("insert into posts (user_id, title, content, visibility) values ($1, 'a', 'b', 'friends')", [aliceId]);
  const rights = { role: 'admin', status: 'active' };
  const claims = { sub: bobId, role: 'service_role', app_metadata: rights, user_metadata: rights };
  const sent = database.as('authenticated', async (client) => {
    await client.query("select set_config('request.jwt.claims', $1, true)", [JSON.stringify(claims)]);
    return await client.query('select 1 from posts');
  });
  expect(await outcome(sent)).toBe(0);
});
