import { beforeEach, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
let alice: string;
let conversation: string;

beforeEach(async () => {
  alice = await database.signUp();
  conversation = await start(alice, 'first');
});

const by = async (person: string, text: string, values?: unknown[]) =>
  (await database.as('authenticated', person, (client) => client.query(text, values))).rows;

const start = async (person: string, session: string): Promise<string> =>
  (
    await by(person, 'insert into pam_conversations (user_id, session_id) values (auth.uid(), $1) returning id', [
      session,
    ])
  )[0].id;

const say = async (content: string): Promise<string> =>
  (
    await by(
      alice,
      "insert into pam_messages (user_id, conversation_id, role, content) values (auth.uid(), $1, 'user', $2) returning id",
      [conversation, content],
    )
  )[0].id;

const answer = (role: string, content: string) =>
  database.as('service_role', (client) =>
    client.query('insert into pam_messages (user_id, conversation_id, role, content) values ($1, $2, $3, $4)', [
      alice,
      conversation,
      role,
      content,
    ]),
  );

describe('a conversation', () => {
  test('is the only one of its person with its session', async () => {
    await expect(start(alice, 'first')).rejects.toMatchObject({
      code: '23505',
      constraint: 'idx_pam_conversations_session',
    });
    expect(await start(await database.signUp(), 'first')).not.toBe(conversation);
    expect(await start(alice, 'second')).not.toBe(conversation);
  });

  test('that is started twice is made once', async () => {
    const again = await by(
      alice,
      "insert into pam_conversations (user_id, session_id) values (auth.uid(), 'first') on conflict do nothing returning id",
    );
    expect(again).toEqual([]);
  });

  test('is active, then archived, nothing else', async () => {
    const archive = 'update pam_conversations set status = $1 where id = $2 returning status';
    expect(await by(alice, 'select status, context from pam_conversations')).toEqual([
      { status: 'active', context: {} },
    ]);
    expect(await by(alice, archive, ['archived', conversation])).toEqual([{ status: 'archived' }]);
    await expect(by(alice, archive, ['closed', conversation])).rejects.toMatchObject({
      constraint: 'pam_conversations_status_check',
    });
  });

  test('takes its messages and their feedback with it', async () => {
    const message = await say('Fuel?');
    await by(alice, 'insert into pam_feedback (user_id, message_id, rating) values (auth.uid(), $1, 5)', [message]);
    await by(alice, 'delete from pam_conversations where id = $1', [conversation]);
    expect(await by(alice, 'select id from pam_messages')).toEqual([]);
    expect(await by(alice, 'select id from pam_feedback')).toEqual([]);
  });
});

describe('messages', () => {
  test('keep the order in which they were sent, of one moment or of many', async () => {
    await say('one');
    await answer('assistant', 'two');
    await by(
      alice,
      `insert into pam_messages (user_id, conversation_id, role, content)
       select auth.uid(), $1, 'user', n::text from generate_series(3, 9) as n`,
      [conversation],
    );
    const rows = await by(
      alice,
      'select content, position from pam_messages where conversation_id = $1 order by position',
      [conversation],
    );
    expect(rows.map((row) => row.content)).toEqual(['one', 'two', '3', '4', '5', '6', '7', '8', '9']);
  });

  test('from two tabs at once are all kept', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, n) => say(`message ${n}`)));
    const rows = await by(alice, 'select distinct content from pam_messages');
    expect(rows).toHaveLength(40);
  });

  test('are of four roles', async () => {
    for (const role of ['assistant', 'system', 'tool', 'user']) await answer(role, 'x');
    await expect(answer('admin', 'x')).rejects.toMatchObject({ constraint: 'pam_messages_role_check' });
  });

  test('belong to a conversation of the same person', async () => {
    const bob = await database.signUp();
    await expect(
      by(
        bob,
        "insert into pam_messages (user_id, conversation_id, role, content) values (auth.uid(), $1, 'user', 'x')",
        [conversation],
      ),
    ).rejects.toMatchObject({ code: '23503', constraint: 'pam_messages_conversation_id_fkey' });
  });

  test('are the column "messages" of their conversation, as the specification has it', async () => {
    expect(await by(alice, 'select c.messages from pam_conversations c')).toEqual([{ messages: [] }]);
    await say('Fuel?');
    await answer('assistant', 'Up.');
    const other = await start(alice, 'second');
    const rows = await by(alice, 'select c.id, c.messages from pam_conversations c order by created_at');
    expect(rows).toEqual([
      {
        id: conversation,
        messages: [
          { id: expect.any(String), role: 'user', content: 'Fuel?', metadata: {}, created_at: expect.any(String) },
          { id: expect.any(String), role: 'assistant', content: 'Up.', metadata: {}, created_at: expect.any(String) },
        ],
      },
      { id: other, messages: [] },
    ]);
  });

  test('are compared as JSON: DISTINCT works', async () => {
    expect(await by(alice, 'select distinct c.messages from pam_conversations c')).toEqual([{ messages: [] }]);
  });
});

describe('feedback', () => {
  const insert =
    'insert into pam_feedback (user_id, message_id, rating, thumbs_up, feedback_text) values (auth.uid(), $1, $2, $3, $4) returning rating, thumbs_up, feedback_text, feedback_type';

  test.each([
    [5, null, null],
    [null, true, null],
    [null, false, null],
    [null, null, 'It was late.'],
    [3, true, 'So-so.'],
    [3, false, null],
    [5, true, null],
    [1, false, null],
  ])('may be rating %s, thumbs up %s, text %j', async (rating, thumbs_up, feedback_text) => {
    const message = await say('Fuel?');
    expect(await by(alice, insert, [message, rating, thumbs_up, feedback_text])).toEqual([
      { rating, thumbs_up, feedback_text, feedback_type: 'general' },
    ]);
  });

  test.each([
    ['empty', null, null, null, 'empty'],
    ['blank', null, null, '  ', 'feedback_text'],
    ['longer than 5000 characters', null, null, 'x'.repeat(5001), 'feedback_text'],
    ['below one', 0, null, null, 'rating'],
    ['above five', 6, null, null, 'rating'],
    ['thumbs up for the worst', 1, true, null, 'contradiction'],
    ['thumbs up for a bad one', 2, true, null, 'contradiction'],
    ['thumbs down for a good one', 4, false, null, 'contradiction'],
    ['thumbs down for the best', 5, false, null, 'contradiction'],
  ])('may not be %s', async (_, rating, thumbs_up, feedback_text, rule) => {
    await expect(by(alice, insert, [await say('Fuel?'), rating, thumbs_up, feedback_text])).rejects.toMatchObject({
      code: '23514',
      constraint: `pam_feedback_${rule}_check`,
    });
  });

  test('stays free of contradiction when it is changed', async () => {
    await by(alice, insert, [await say('Fuel?'), 5, true, null]);
    await expect(by(alice, 'update pam_feedback set rating = 1')).rejects.toMatchObject({
      constraint: 'pam_feedback_contradiction_check',
    });
    await expect(by(alice, 'update pam_feedback set rating = null, thumbs_up = null')).rejects.toMatchObject({
      constraint: 'pam_feedback_empty_check',
    });
  });

  test('is about a message of one’s own that exists', async () => {
    const message = await say('Fuel?');
    for (const [person, id] of [
      [alice, conversation],
      [await database.signUp(), message],
    ] as const) {
      await expect(by(person, insert, [id, 5, null, null])).rejects.toMatchObject({
        code: '23503',
        constraint: 'pam_feedback_message_id_fkey',
      });
    }
  });

  test('of a kind is given once a message: a second time changes it and gives it back', async () => {
    const message = await say('Fuel?');
    await by(alice, insert, [message, 5, null, null]);
    await expect(by(alice, insert, [message, 4, null, null])).rejects.toMatchObject({ code: '23505' });
    const rows = await by(
      alice,
      `insert into pam_feedback (user_id, message_id, rating) values (auth.uid(), $1, 2)
       on conflict (user_id, message_id, feedback_type) do update set rating = excluded.rating returning rating, feedback_text`,
      [message],
    );
    expect(rows).toEqual([{ rating: 2, feedback_text: null }]);
    expect(await by(alice, 'select rating from pam_feedback')).toEqual([{ rating: 2 }]);
  });

  test.each(['general', 'accuracy', 'a2_b'])('may be of the kind "%s"', async (kind) => {
    await by(alice, insert, [await say('Fuel?'), 5, null, null]);
    expect(await by(alice, 'update pam_feedback set feedback_type = $1 returning feedback_type', [kind])).toEqual([
      { feedback_type: kind },
    ]);
  });

  test.each(['', ' ', 'General', 'two words', '1st', 'x'.repeat(51)])('may not be of the kind "%s"', async (kind) => {
    await by(alice, insert, [await say('Fuel?'), 5, null, null]);
    await expect(by(alice, 'update pam_feedback set feedback_type = $1', [kind])).rejects.toMatchObject({
      constraint: 'pam_feedback_feedback_type_check',
    });
  });
});
