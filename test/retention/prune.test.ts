import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type Database, pruneConversations, pruneFeedback } from '../../src/index.ts';
import { endOf, startWheelsDb, wheelsDb } from '../backup/support/wheels_db.ts';
import { testDatabase } from '../support/database.ts';

const file = testDatabase();
let database: Database;
let alice: string;
let bob: string;

beforeAll(async () => {
  database = createDatabase({ connectionString: file.connectionString, max: 4 });
  [alice, bob] = [await file.signUp(), await file.signUp()];
});

afterAll(() => database.destroy());

beforeEach(async () => {
  await file.admin.query('delete from pam_conversations');
});

const before = new Date('2026-01-01T00:00:00Z');
const old = '2025-12-31T23:59:59.999999Z';
const young = '2026-01-01T00:00:00Z';

type Times = { conversation?: string; message?: string; feedback?: string; status?: string };

/** A conversation of one message, which is rated if `feedback` says when. */
async function converse(user: string, { conversation = old, message = old, feedback, status = 'active' }: Times = {}) {
  const [id, said] = [randomUUID(), randomUUID()];
  await file.admin.query(
    'insert into pam_conversations (id, user_id, session_id, status, created_at, updated_at) values ($1, $2, $3, $4, $5, $6)',
    [id, user, id, status, old, conversation],
  );
  await file.admin.query(
    "insert into pam_messages (id, user_id, conversation_id, role, content, created_at) values ($1, $2, $3, 'user', 'Hi', $4)",
    [said, user, id, message],
  );
  if (feedback) {
    await file.admin.query(
      'insert into pam_feedback (user_id, message_id, rating, created_at, updated_at) values ($1, $2, 5, $3, $4)',
      [user, said, old, feedback],
    );
  }
  return { id, said };
}

async function left(): Promise<Record<string, string>> {
  const { rows } = await file.admin.query('select id, status from pam_conversations');
  return Object.fromEntries(rows.map(({ id, status }) => [id, status]));
}

async function count(table: string): Promise<number> {
  return (await file.admin.query(`select count(*)::int as n from ${table}`)).rows[0].n;
}

const prune = (deed: 'archive' | 'delete', more: object = {}) =>
  pruneConversations(database.asService(), { deed, before, ...more });

describe('conversations', () => {
  test.each(['archive', 'delete'] as const)(
    '%s those in which nothing has happened since, and no others',
    async (deed) => {
      const quiet = [await converse(alice), await converse(bob, { feedback: old })].map(({ id }) => id);
      const busy = [
        await converse(alice, { conversation: young }),
        await converse(alice, { message: young }),
        await converse(bob, { feedback: young }),
      ].map(({ id }) => id);
      const archived = (await converse(bob, { status: 'archived' })).id;
      expect(await prune(deed, { dryRun: true })).toEqual({
        looked_at: 6,
        pruned: deed === 'delete' ? 3 : 2,
        complete: true,
      });
      expect(Object.keys(await left())).toHaveLength(6);

      expect(await prune(deed)).toEqual({ looked_at: 6, pruned: deed === 'delete' ? 3 : 2, complete: true });
      const kept = Object.fromEntries(busy.map((id) => [id, 'active']));
      const setAside = Object.fromEntries([...quiet, archived].map((id) => [id, 'archived']));
      expect(await left()).toEqual(deed === 'delete' ? kept : { ...kept, ...setAside });
      expect(await count('pam_messages')).toBe(deed === 'delete' ? 3 : 6);
      expect(await prune(deed)).toMatchObject({ pruned: 0, complete: true });
    },
  );

  test('in batches, each a transaction of its own, and stops between two of them', async () => {
    for (let n = 0; n < 5; n++) await converse(n % 2 ? alice : bob);
    const stop = new AbortController();
    const sofar: unknown[] = [];
    const progress = (one: { pruned: number }) => {
      sofar.push(one);
      if (one.pruned === 4) stop.abort();
    };
    expect(await prune('delete', { batch: 2, progress, signal: stop.signal })).toEqual({
      looked_at: 4,
      pruned: 4,
      complete: false,
    });
    expect(sofar).toEqual([
      { looked_at: 2, pruned: 2 },
      { looked_at: 4, pruned: 4 },
    ]);
    expect(Object.keys(await left())).toHaveLength(1);
    expect(await prune('delete', { batch: 2 })).toEqual({ looked_at: 1, pruned: 1, complete: true });
  });

  test.each([0, 1.5, 10_001])('in no batches of %d', async (batch) => {
    await expect(prune('delete', { batch })).rejects.toThrow(/batch/);
  });
});

describe('meanwhile', () => {
  let client: pg.Client;

  beforeEach(async () => {
    client = new pg.Client({ connectionString: file.connectionString });
    await client.connect();
    return () => client.end();
  });

  const message = 'insert into pam_messages (user_id, conversation_id, role, content) values ($1, $2, $3, $4)';

  test.each(['archive', 'delete'] as const)('a conversation that somebody is writing in is left (%s)', async (deed) => {
    const { id } = await converse(alice);
    await client.query('begin');
    await client.query(message, [alice, id, 'user', 'One more thing']);
    expect(await prune(deed)).toEqual({ looked_at: 1, pruned: 0, complete: true });
    await client.query('commit');
    expect(await left()).toEqual({ [id]: 'active' });
    expect(await prune(deed)).toMatchObject({ pruned: 0 });
  });

  const rating = "insert into pam_feedback (user_id, message_id, rating, feedback_type) values ($1, $2, 5, 'accuracy')";

  test.each(
    (['archive', 'delete'] as const).flatMap(
      (deed) =>
        [
          [deed, 'a message', ({ id }: { id: string }) => client.query(message, [alice, id, 'user', 'One more thing'])],
          [deed, 'feedback', ({ said }: { said: string }) => client.query(rating, [alice, said])],
        ] as const,
    ),
  )('%s: %s that is committed between the look and the lock keeps the conversation', async (deed, _, write) => {
    const conversation = await converse(alice);
    await client.query('begin');
    await client.query('lock table pam_conversations in exclusive mode');
    const pruned = prune(deed);
    await expect.poll(async () => await waiting()).toBe(1);
    await write(conversation);
    await client.query('commit');
    expect(await pruned).toEqual({ looked_at: 1, pruned: 0, complete: true });
    expect(await left()).toEqual({ [conversation.id]: 'active' });
  });

  test.each([
    ['gives feedback', async (said: string) => await client.query(rating, [alice, said])],
    [
      'changes feedback',
      async (said: string) => await client.query('update pam_feedback set rating = 4 where message_id = $1', [said]),
    ],
  ])('a conversation in which somebody %s is left, and the others of its batch are deleted', async (_, write) => {
    const held = await converse(alice, { feedback: old });
    await converse(alice);
    await converse(bob, { feedback: old });
    await client.query('begin');
    await write(held.said);
    expect(await prune('delete')).toEqual({ looked_at: 3, pruned: 2, complete: true });
    await client.query('commit');
    expect(await left()).toEqual({ [held.id]: 'active' });
    expect(await prune('delete')).toMatchObject({ pruned: 0 });
  });

  test('a table that somebody has locked is waited for, and left by an error', async () => {
    const { id } = await converse(alice);
    const impatient = createDatabase({ connectionString: file.connectionString, max: 1, lockTimeoutMillis: 50 });
    await client.query('begin');
    await client.query('lock table pam_feedback in share mode');
    const pruned = pruneConversations(impatient.asService(), { deed: 'delete', before });
    await expect(pruned).rejects.toMatchObject({ name: 'TimeoutError', code: '55P03' });
    await client.query('rollback');
    await impatient.destroy();
    expect(await left()).toEqual({ [id]: 'active' });
  });

  test('of appends that come at any moment none is lost: it is there, or its writer was told', async () => {
    const conversations = await Promise.all(Array.from({ length: 60 }, () => converse(alice)));
    const pam = database.asService().onBehalfOf(alice).pam;
    const appending = conversations.map(async ({ id }, n) => {
      await new Promise((resolve) => setTimeout(resolve, n));
      return await pam.appendMessage(id, { role: 'user', content: 'Still there?' }).then(
        () => id,
        (error) => {
          expect(error.name).toBe('ForeignKeyError');
          return undefined;
        },
      );
    });
    let pruned = 0;
    for (let round = 0; round < 3; round++) pruned += (await prune('delete', { batch: 4 })).pruned;
    const answered = (await Promise.all(appending)).filter((id) => id !== undefined);
    expect(Object.keys(await left()).sort()).toEqual(answered.sort());
    expect(pruned).toBe(60 - answered.length);
    expect(await count("pam_messages where content = 'Still there?'")).toBe(answered.length);
  });

  async function waiting(): Promise<number> {
    const { rowCount } = await file.admin.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return rowCount ?? 0;
  }
});

describe('feedback', () => {
  test('that was given and changed before is deleted, and its message stays', async () => {
    await converse(alice, { feedback: old });
    await converse(bob, { feedback: old });
    const edited = await converse(bob, { feedback: young });
    const service = database.asService();
    expect(await pruneFeedback(service, { before, dryRun: true })).toEqual({ looked_at: 3, pruned: 2, complete: true });
    expect(await count('pam_feedback')).toBe(3);
    expect(await pruneFeedback(service, { before, batch: 1 })).toEqual({ looked_at: 3, pruned: 2, complete: true });
    const { rows } = await file.admin.query('select message_id from pam_feedback');
    expect(rows).toEqual([{ message_id: edited.said }]);
    expect(await count('pam_messages')).toBe(3);
  });

  test('that somebody is changing is left', async () => {
    const held = await converse(alice, { feedback: old });
    await converse(bob, { feedback: old });
    const client = new pg.Client({ connectionString: file.connectionString });
    await client.connect();
    await client.query('begin');
    await client.query('update pam_feedback set rating = 4 where message_id = $1', [held.said]);
    const pruned = await pruneFeedback(database.asService(), { before }).finally(() => client.end());
    expect(pruned).toEqual({ looked_at: 2, pruned: 1, complete: true });
    const { rows } = await file.admin.query('select message_id from pam_feedback');
    expect(rows).toEqual([{ message_id: held.said }]);
  });
});

describe('of many people', () => {
  const crowd = testDatabase();

  /** Numbers of whole reads are complete once the connections that did them have ended. */
  async function alone<T>(fn: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: crowd.connectionString });
    await client.connect();
    return await fn(client).finally(() => client.end());
  }

  const wholeReads = () =>
    alone(async (client) => {
      const { rows } = await client.query(
        "select relname, seq_scan::int as n from pg_stat_user_tables where relname like 'pam%' order by relname",
      );
      return rows;
    });

  test('no statement reads a growing table as a whole', async () => {
    await alone(async (client) => {
      await client.query(`
        insert into auth.users (email) select n || '@example.com' from generate_series(1, 40) n;
        insert into pam_conversations (user_id, session_id, created_at, updated_at)
          select id, 's' || n, '${old}', '${old}' from profiles, generate_series(1, 50) n;
        insert into pam_messages (user_id, conversation_id, role, content, created_at)
          select user_id, id, 'user', 'x', '${old}' from pam_conversations, generate_series(1, 3);
        insert into pam_feedback (user_id, message_id, rating, created_at, updated_at)
          select user_id, id, 5, '${old}', '${old}' from pam_messages;
        analyze pam_conversations, pam_messages, pam_feedback`);
    });
    const earlier = await wholeReads();
    const pruning = createDatabase({ connectionString: crowd.connectionString, max: 1 });
    const service = pruning.asService();
    expect(await pruneConversations(service, { before, batch: 100, deed: 'archive' })).toMatchObject({ pruned: 2000 });
    expect(await pruneFeedback(service, { before, batch: 100 })).toMatchObject({ pruned: 6000 });
    const later = { before: new Date(Date.now() + 1000), batch: 100 };
    expect(await pruneConversations(service, { ...later, deed: 'delete' })).toMatchObject({ pruned: 2000 });
    await pruning.destroy();
    expect(await wholeReads()).toEqual(earlier);
  }, 60_000);
});

describe('wheels-db prune', () => {
  const run = (...args: string[]) => wheelsDb(file.connectionString, ['prune', ...args]);

  test('conversations: counts, then does it', async () => {
    await converse(alice, { conversation: '2020-01-01', message: '2020-01-01' });
    const dry = await run('conversations', '--older-than', '365d', '--delete', '--dry-run');
    expect(dry).toEqual({
      code: 0,
      stdout: 'conversations: 1 of 1 would be deleted.\n',
      stderr: 'conversations: 1 looked at so far, 1 of them would be deleted\n',
    });
    const done = await run('conversations', '--older-than', '365d', '--archive', '--json', '--quiet');
    expect(done.stderr).toBe('');
    expect(JSON.parse(done.stdout)).toEqual({
      conversations: 'archive',
      before: expect.stringMatching(/Z$/),
      dry_run: false,
      looked_at: 1,
      pruned: 1,
      complete: true,
    });
    expect(Object.values(await left())).toEqual(['archived']);
  }, 60_000);

  test('feedback: ends with 130 at Ctrl-C, and says how far it came', async () => {
    const { said } = await converse(alice);
    await file.admin.query(
      `insert into pam_feedback (user_id, message_id, rating, feedback_type, created_at, updated_at)
       select $1, $2, 5, 'type' || n, '2020-01-01', '2020-01-01' from generate_series(1, 3000) n`,
      [alice, said],
    );
    const child = startWheelsDb(file.connectionString, ['prune', 'feedback', '--older-than', '9d', '--batch', '1']);
    child.stderr.once('data', () => child.kill('SIGINT'));
    const { code, stdout } = await endOf(child);
    expect(code).toBe(130);
    const [, pruned] = /^feedback: (\d+) of \d+ deleted, then stopped: run it again to go on\.\n$/.exec(stdout) ?? [];
    expect(await count('pam_feedback')).toBe(3000 - Number(pruned));
    expect(Number(pruned)).toBeGreaterThan(0);
  }, 60_000);

  test.each([
    [['conversations', '--older-than', '365d'], /give --archive or --delete/],
    [['conversations', '--older-than', '365d', '--archive', '--delete'], /cannot be used with option/],
    [['conversations', '--archive'], /required option '--older-than <days>' not specified/],
    [['feedback', '--older-than', '1 year'], /It must be a number of days, such as 365d/],
    [['feedback', '--older-than', '0d'], /It must be a number of days, such as 365d/],
    [['feedback', '--older-than', '9d', '--batch', '0'], /It must be a number from 1 to 10000/],
    [['posts', '--older-than', '9d'], /unknown command 'posts'/],
  ])('ends with 2 for %j', async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});
