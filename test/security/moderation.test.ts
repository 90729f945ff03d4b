import { beforeEach, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { type Belongings, makeBelongings, ownTables } from './belongings.ts';
import { outcome, type Request, refused, requests } from './requests.ts';

const database = testDatabase();
const { user, service } = requests(database);
const setStatus = (id: string, status: string) =>
  service()('update profiles set status = $2 where id = $1', [id, status]);
const setRole = (id: string, role: string) => service()('update profiles set role = $2 where id = $1', [id, role]);

let aliceId: string;
let bobId: string;
let alice: Request;
let bob: Request;
let hers: Belongings;

beforeEach(async () => {
  aliceId = await database.signUp();
  bobId = await database.signUp();
  alice = user(aliceId);
  bob = user(bobId);
  hers = await makeBelongings(alice, aliceId);
  await alice("update posts set visibility = 'public'");
});

describe.each(['moderator', 'admin'])('a %s', (role) => {
  let moderatorId: string;
  let moderator: Request;

  beforeEach(async () => {
    moderatorId = await database.signUp();
    moderator = user(moderatorId);
    await setRole(moderatorId, role);
    await bob("select comment_on_post($1, 'Rude.')", [hers.post_id]);
    await bob('select like_post($1)', [hers.post_id]);
  });

  const counts = (text: string) => outcome(moderator(text, [hers.post_id]));

  test.each(['public', 'friends'])('sees and removes a %s post and its comments', async (visibility) => {
    await alice('update posts set visibility = $1', [visibility]);
    expect(await counts('select 1 from posts where id = $1')).toBe(1);
    expect(await counts('select 1 from post_likes where post_id = $1')).toBe(1);
    expect(await counts('delete from post_comments where post_id = $1')).toBe(1);
    expect((await alice('select comments_count from posts where id = $1', [hers.post_id])).rows).toEqual([
      { comments_count: 0 },
    ]);
    expect(await counts('delete from posts where id = $1')).toBe(1);
  });

  test('sees and removes nothing private', async () => {
    await alice("update posts set visibility = 'private'");
    for (const action of ['select 1', 'delete']) {
      expect(await counts(`${action} from posts where id = $1`)).toBe(0);
      expect(await counts(`${action} from post_comments where post_id = $1`)).toBe(0);
      expect(await counts(`${action} from post_likes where post_id = $1`)).toBe(0);
    }
    for (const { table } of ownTables) {
      if (table === 'posts') continue;
      expect(await outcome(moderator(`select 1 from ${table}`))).toBe(0);
    }
    expect(await outcome(moderator('select 1 from profiles'))).toBe(1);
  });

  test('is not stopped by a block', async () => {
    await alice('select block_user($1)', [moderatorId]);
    expect(await counts('select 1 from posts where id = $1')).toBe(1);
    expect(await counts('delete from post_comments where post_id = $1')).toBe(1);
  });

  test('edits nobody’s words, takes nobody’s likes, promotes nobody', async () => {
    expect(await counts("update posts set title = 'x' where id = $1")).toBe(0);
    expect(await counts("update post_comments set content = 'x' where post_id = $1")).toBe(0);
    expect(await counts('delete from post_likes where post_id = $1')).toBe(0);
    expect(await outcome(moderator("update profiles set role = 'admin'"))).toBe(refused);
    expect(await outcome(moderator("update profiles set full_name = 'x' where id = $1", [aliceId]))).toBe(0);
  });

  test.each(['suspended', 'demoted'])('has no such right when %s', async (fall) => {
    await alice("update posts set visibility = 'friends'");
    await (fall === 'suspended' ? setStatus(moderatorId, fall) : setRole(moderatorId, 'user'));
    expect(await counts('select 1 from posts where id = $1')).toBe(0);
    await alice("update posts set visibility = 'public'");
    expect(await counts('select 1 from posts where id = $1')).toBe(1);
    expect(await counts('delete from posts where id = $1')).toBe(0);
    expect(await counts('delete from post_comments where post_id = $1')).toBe(0);
  });
});
