import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  CheckError,
  CursorError,
  ForeignKeyError,
  NotFoundError,
  PermissionError,
  ServicePamRepository,
  UniqueError,
  ValidationError,
} from '../../src/index.ts';
import {
  type Conversation,
  type ConversationFilter,
  type FeedbackInput,
  type JsonObject,
  type Message,
  messageRoles,
  type Page,
} from '../../src/types.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

async function talking() {
  const alice = await sessions.signUp();
  const conversation = await alice.pam.startConversation({ session_id: 'phone' });
  return { alice, pam: alice.pam, conversation, service: sessions.database.asService().onBehalfOf(alice.id).pam };
}

const said = (content: string) => ({ role: 'user', content }) as const;
const contents = (messages: readonly Message[]) => messages.map(({ content }) => content).join('');

describe('a conversation', () => {
  test('is started once for a session, and then resumed', async () => {
    const { alice, pam, conversation } = await talking();
    expect(conversation).toEqual({
      id: conversation.id,
      user_id: alice.id,
      session_id: 'phone',
      context: {},
      status: 'active',
      created_at: expect.any(Date),
      updated_at: expect.any(Date),
    });
    expect(await pam.startConversation({ session_id: 'phone' })).toEqual(conversation);
    expect(await pam.startConversation({ session_id: 'phone', id: randomUUID() })).toEqual(conversation);
    const id = randomUUID();
    expect(await pam.startConversation({ session_id: 'laptop', id })).toMatchObject({ id });
    const bob = await sessions.signUp();
    expect((await bob.pam.startConversation({ session_id: 'phone' })).id).not.toBe(conversation.id);
  });

  test('comes back from the archive when its session goes on', async () => {
    const { pam, conversation } = await talking();
    await pam.archive(conversation.id);
    expect(await pam.startConversation({ session_id: 'phone' })).toMatchObject({
      id: conversation.id,
      status: 'active',
    });
  });

  test('that sixteen connections start at once is one', async () => {
    const { pam } = await sessions.signUp();
    const started = await sessions.sixteenTimes('pam_conversations', () =>
      pam.startConversation({ session_id: 'phone' }),
    );
    expect(new Set(started.map(({ id }) => id)).size).toBe(1);
    expect((await pam.list()).items).toHaveLength(1);
  });

  test('may not take the id of another', async () => {
    const { pam, conversation } = await talking();
    const bob = await sessions.signUp();
    for (const other of [pam, bob.pam]) {
      const taken = other.startConversation({ session_id: 'laptop', id: conversation.id });
      await expect(taken).rejects.toThrow(UniqueError);
    }
  });

  test.each<object>([
    {},
    { session_id: ' ' },
    { session_id: 'x'.repeat(201) },
    { session_id: 'x', id: '42' },
    { session_id: 'x', context: {} },
  ])('is not started with %j', async (input) => {
    const { pam } = await sessions.signUp();
    await expect(pam.startConversation(input as { session_id: string })).rejects.toThrow(ValidationError);
  });

  test('is found, archived and deleted with all that was said', async () => {
    const { pam, conversation, service } = await talking();
    const message = await pam.appendMessage(conversation.id, said('a'));
    await pam.giveFeedback({ message_id: message.id, rating: 5 });
    expect(await pam.find(conversation.id)).toEqual(conversation);
    expect(await pam.get(conversation.id)).toEqual(conversation);
    expect(await pam.archive(conversation.id)).toMatchObject({ id: conversation.id, status: 'archived' });
    expect(await service.get(conversation.id)).toMatchObject({ status: 'archived' });
    expect(await pam.unarchive(conversation.id)).toMatchObject({ id: conversation.id, status: 'active' });
    expect(await pam.unarchive(conversation.id)).toMatchObject({ status: 'active' });
    expect(await pam.delete(conversation.id)).toBe(true);
    expect(await pam.delete(conversation.id)).toBe(false);
    expect((await pam.history(conversation.id)).items).toEqual([]);
    const { rows } = await sessions.admin.query('select from pam_feedback where message_id = $1', [message.id]);
    expect(rows).toEqual([]);
  });

  test('of somebody else, or of nobody, is not there, for the service acting for another neither', async () => {
    const { pam, conversation } = await talking();
    const message = await pam.appendMessage(conversation.id, said('a'));
    const bob = await sessions.signUp();
    for (const other of [bob.pam, sessions.database.asService().onBehalfOf(bob.id).pam]) {
      for (const id of [conversation.id, randomUUID()]) {
        expect(await other.find(id)).toBeUndefined();
        await expect(other.get(id)).rejects.toThrow(NotFoundError);
        await expect(other.archive(id)).rejects.toThrow(NotFoundError);
        await expect(other.unarchive(id)).rejects.toThrow(NotFoundError);
        expect(await other.recent(id, { max_characters: 100 })).toEqual([]);
        expect((await other.history(id, { order: 'oldest' })).items).toEqual([]);
        await expect(other.appendMessage(id, said('b'))).rejects.toThrow(ForeignKeyError);
        expect((await other.history(id)).items).toEqual([]);
        expect(await other.delete(id)).toBe(false);
      }
      await expect(other.giveFeedback({ message_id: message.id, rating: 5 })).rejects.toThrow(ForeignKeyError);
      expect((await other.list()).items).toEqual([]);
    }
    expect(await pam.get(conversation.id)).toEqual(conversation);
    expect((await pam.history(conversation.id)).items).toEqual([message]);
  });

  test('is listed with the others, newest first, page by page, or by status', async () => {
    const { pam, trips, id: user_id } = await sessions.signUp();
    for (let i = 0; i < 11; i++) await pam.startConversation({ session_id: `${i}` });
    await sessions.admin.query(
      `update pam_conversations set created_at = '2026-01-01'::timestamptz + interval '1 microsecond' * (session_id::int / 2)
        where user_id = $1`,
      [user_id],
    );
    const order = 'select id from pam_conversations where user_id = $1 order by created_at desc, id desc';
    const expected = (await sessions.admin.query<{ id: string }>(order, [user_id])).rows.map(({ id }) => id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<Conversation> = await pam.list({ limit: 4, cursor });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor;
      if (seen.length === 8) await pam.delete(seen.at(-1) ?? '');
      await pam.startConversation({ session_id: randomUUID() });
    } while (cursor);
    expect(seen).toEqual(expected);
    await pam.archive(expected[0] ?? '');
    expect((await pam.list({ status: 'archived' })).items).toMatchObject([{ id: expected[0] }]);
    expect((await pam.list({ status: 'active', limit: 100 })).items.map(({ id }) => id)).not.toContain(expected[0]);
    await trips.createMany([{ name: 'a' }, { name: 'b' }]);
    for (const wrong of ['x', (await trips.list({ limit: 1 })).next_cursor]) {
      await expect(pam.list({ cursor: wrong })).rejects.toThrow(CursorError);
    }
    await expect(pam.list({ status: 'lost' as 'active' })).rejects.toThrow(ValidationError);
  });

  test('is listed if it was started, archived, told something or continued since', async () => {
    const { pam, id: user_id } = await sessions.signUp();
    const made: string[] = [];
    for (let i = 0; i < 6; i++) made.push((await pam.startConversation({ session_id: `${i}` })).id);
    const [untouched = '', archived = '', told = '', continued = '', both = '', late = ''] = made;
    await pam.appendMessage(untouched, said('a'));
    for (const [table, columns] of [
      ['pam_conversations', "created_at = '2026-01-01'::timestamptz, updated_at = '2026-01-01'"],
      ['pam_messages', "created_at = '2026-01-01'"],
    ]) {
      await sessions.admin.query(`update ${table} set ${columns} where user_id = $1`, [user_id]);
    }
    const since = '2026-03-01T00:00:00Z';
    await sessions.admin.query('update pam_conversations set updated_at = $2 where id = $1', [late, since]);
    await pam.archive(archived);
    await sessions.database.asService().onBehalfOf(user_id).pam.mergeContext(told, { a: 1 });
    for (const id of [continued, both, both]) await pam.appendMessage(id, said('b'));
    await pam.archive(both);
    await pam.unarchive(both);
    const listed = async (filter: ConversationFilter) => {
      const { items } = await pam.list({ limit: 100, ...filter });
      return items.map(({ id }) => id).sort();
    };
    const updated_since = new Date(since);
    expect(await listed({ updated_since })).toEqual([archived, told, continued, both, late].sort());
    expect(await listed({ updated_since: new Date(updated_since.valueOf() + 1) })).not.toContain(late);
    expect(await listed({ updated_since, status: 'archived' })).toEqual([archived]);
    expect(await listed({ updated_since: new Date('2025-12-31') })).toEqual([...made].sort());
    expect(await listed({ updated_since: new Date(Date.now() + 60_000) })).toEqual([]);
    const first = await pam.list({ updated_since, limit: 2 });
    const rest = await pam.list({ updated_since, cursor: first.next_cursor });
    expect([...first.items, ...rest.items].map(({ id }) => id).sort()).toEqual(await listed({ updated_since }));
    const bob = await sessions.signUp();
    expect((await bob.pam.list({ updated_since: new Date(0) })).items).toEqual([]);
    for (const wrong of [{ updated_since: 'yesterday' }, { updated_since: new Date(Number.NaN) }, { colour: 'red' }]) {
      await expect(pam.list(wrong as object)).rejects.toThrow(ValidationError);
    }
  });
});

describe('the context', () => {
  test('takes patches from the service: what they name is replaced, objects are merged, null removes', async () => {
    const { pam, conversation, service } = await talking();
    const { id } = conversation;
    await service.mergeContext(id, { vehicle: { kind: 'van', fuel: 'petrol' }, stops: [1, 2], draft: 'x' });
    const merged = await service.mergeContext(id, { vehicle: { fuel: 'diesel' }, stops: [3], draft: null, none: null });
    expect(merged).toEqual({
      ...conversation,
      context: { vehicle: { kind: 'van', fuel: 'diesel' }, stops: [3] },
      updated_at: merged.updated_at,
    });
    expect(merged.updated_at.valueOf()).toBeGreaterThan(conversation.updated_at.valueOf());
    expect(await pam.get(id)).toEqual(merged);
    expect((await service.mergeContext(id, {})).context).toEqual(merged.context);
  });

  test('loses none of the patches that come at once', async () => {
    const { conversation, service } = await talking();
    let sent = 0;
    await sessions.sixteenTimes('pam_conversations', () =>
      service.mergeContext(conversation.id, { all: { [`key ${sent++}`]: true } }),
    );
    expect(Object.keys(Object((await service.get(conversation.id)).context.all))).toHaveLength(16);
  });

  test('is refused if it is no object, too large or too deep, or somebody else’s', async () => {
    const { conversation, service } = await talking();
    const bob = await sessions.signUp();
    const forBob = sessions.database.asService().onBehalfOf(bob.id).pam;
    await expect(forBob.mergeContext(conversation.id, { a: 1 })).rejects.toThrow(NotFoundError);
    await expect(service.mergeContext(randomUUID(), { a: 1 })).rejects.toThrow(NotFoundError);
    let deep = {};
    for (let i = 0; i < 101; i++) deep = { deep };
    for (const patch of [null, undefined, [], 'x', { a: 'x'.repeat(17_000) }, { a: new Date() }, deep] as unknown[]) {
      await expect(service.mergeContext(conversation.id, patch as JsonObject)).rejects.toThrow(ValidationError);
    }
    const most = () => service.mergeContext(conversation.id, { [randomUUID()]: 'x'.repeat(16_000) });
    await most();
    await most();
    await expect(most()).rejects.toThrow(CheckError);
  });

  test('is nothing that a user writes', async () => {
    const { alice, conversation } = await talking();
    const forged = new ServicePamRepository(alice.kysely, alice.id);
    await expect(forged.mergeContext(conversation.id, { plan: 'unlimited' })).rejects.toThrow(PermissionError);
  });
});

describe('a message', () => {
  test('is added at the end', async () => {
    const { alice, pam, conversation, service } = await talking();
    const question = await pam.appendMessage(conversation.id, { ...said('How far?'), metadata: { lang: 'en' } });
    expect(question).toEqual({
      id: question.id,
      conversation_id: conversation.id,
      user_id: alice.id,
      position: expect.stringMatching(/^\d+$/),
      role: 'user',
      content: 'How far?',
      metadata: { lang: 'en' },
      created_at: expect.any(Date),
      updated_at: expect.any(Date),
    });
    const answer = await service.appendMessage(conversation.id, { role: 'assistant', content: 'Not far.' });
    expect(BigInt(answer.position)).toBeGreaterThan(BigInt(question.position));
    expect((await pam.history(conversation.id)).items).toEqual([answer, question]);
    expect(await service.history(conversation.id)).toEqual(await pam.history(conversation.id));
  });

  test.each(messageRoles)(
    'of role "%s" is written by the service, and by a user only if that is "user"',
    async (role) => {
      const { pam, conversation, service } = await talking();
      expect(await service.appendMessage(conversation.id, { role, content: 'x' })).toMatchObject({ role });
      const byUser = pam.appendMessage(conversation.id, { role: role as 'user', content: 'x' });
      if (role === 'user') expect(await byUser).toMatchObject({ role });
      else await expect(byUser).rejects.toThrow(PermissionError);
    },
  );

  test('keeps its place among several of one call', async () => {
    const { pam, conversation } = await talking();
    const given = Array.from({ length: 200 }, (_, i) => said(`${i},`));
    const rows = await pam.appendMessages(conversation.id, given);
    expect(contents(rows)).toBe(given.map(({ content }) => content).join(''));
    const positions = rows.map(({ position }) => Number(position));
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(await pam.appendMessages(conversation.id, [])).toEqual([]);
  });

  test('never comes to stand before one that a reader has seen', async () => {
    const { alice, pam, conversation } = await talking();
    const waits = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    let late: Promise<Message> | undefined;
    const last = await alice.transaction(async (tx) => {
      await tx.pam.appendMessage(conversation.id, said('a'));
      late = sessions.elsewhere(alice).pam.appendMessage(conversation.id, said('late'));
      await expect.poll(async () => (await sessions.admin.query(waits)).rowCount).toBe(1);
      return await tx.pam.appendMessage(conversation.id, said('b'));
    });
    expect(Number((await late)?.position)).toBeGreaterThan(Number(last.position));
    expect(contents((await pam.history(conversation.id)).items)).toBe('lateba');
  });

  test('that is sent twice is there once, also from sixteen connections at once', async () => {
    const { pam, conversation } = await talking();
    const message = { role: 'user', content: 'a', id: randomUUID() } as const;
    const sent = await sessions.sixteenTimes('pam_messages', () => pam.appendMessage(conversation.id, message));
    expect(new Set(sent.map(({ position }) => position)).size).toBe(1);
    const again = { ...message, content: 'changed', id: message.id.toUpperCase() };
    expect(await pam.appendMessage(conversation.id, again)).toEqual(sent[0]);
    expect((await pam.history(conversation.id)).items).toEqual([sent[0]]);
  });

  test('may not take the id of somebody else’s, or of one elsewhere', async () => {
    const { pam, conversation } = await talking();
    const { id } = await pam.appendMessage(conversation.id, said('a'));
    const other = await talking();
    const elsewhere = await pam.startConversation({ session_id: 'laptop' });
    const taken = { role: 'user', content: 'b', id } as const;
    await expect(other.pam.appendMessage(other.conversation.id, taken)).rejects.toThrow(UniqueError);
    await expect(other.service.appendMessage(other.conversation.id, taken)).rejects.toThrow(UniqueError);
    await expect(pam.appendMessage(elsewhere.id, taken)).rejects.toThrow(UniqueError);
    await expect(pam.appendMessages(elsewhere.id, [said('c'), taken])).rejects.toThrow(UniqueError);
    expect((await pam.history(elsewhere.id)).items).toEqual([]);
  });

  test.each<object>([
    { role: 'user', content: '' },
    { role: 'user', content: 'x'.repeat(100_001) },
    { role: 'admin', content: 'x' },
    { role: 'user', content: 'x', id: '42' },
    { role: 'user', content: 'x', metadata: [] },
    { role: 'user', content: 'x', position: '1' },
  ])('is refused if it is wrong (%#)', async (message) => {
    const { pam, conversation } = await talking();
    await expect(pam.appendMessage(conversation.id, message as { role: 'user'; content: string })).rejects.toThrow(
      ValidationError,
    );
    await expect(pam.appendMessage('42', said('x'))).rejects.toThrow(ValidationError);
  });
});

describe('the history', () => {
  test('comes newest first, page by page, and keeps its place while messages are added', async () => {
    const { pam, conversation } = await talking();
    const letters = 'abcdefghijk';
    await pam.appendMessages(conversation.id, [...letters].map(said));
    let seen = '';
    let cursor: string | null = null;
    do {
      const page: Page<Message> = await pam.history(conversation.id, { limit: 4, cursor });
      seen += contents(page.items);
      cursor = page.next_cursor;
      await pam.appendMessage(conversation.id, said('z'));
    } while (cursor);
    expect(seen).toBe([...letters].reverse().join(''));
    expect((await pam.history(conversation.id, { limit: 100 })).items).toHaveLength(14);
  });

  test('comes oldest first, page by page, to its end of that moment', async () => {
    const { pam, conversation } = await talking();
    const letters = 'abcdefghijk';
    await pam.appendMessages(conversation.id, [...letters].map(said));
    let seen = '';
    let cursor: string | null = null;
    do {
      const page: Page<Message> = await pam.history(conversation.id, { order: 'oldest', limit: 5, cursor });
      seen += contents(page.items);
      cursor = page.next_cursor;
      if (seen.length < 10) await pam.appendMessage(conversation.id, said('z'));
    } while (cursor);
    expect(seen).toBe(`${letters}z`);
  });

  test('begins after a message, in either order', async () => {
    const { pam, conversation } = await talking();
    const rows = await pam.appendMessages(conversation.id, [...'abcdefg'].map(said));
    const after = rows[3]?.position;
    const read = async (request: object) => contents((await pam.history(conversation.id, request)).items);
    expect(await read({ after })).toBe('cba');
    expect(await read({ order: 'oldest', after })).toBe('efg');
    expect(await read({ order: 'oldest', after: rows[6]?.position })).toBe('');
    const { next_cursor: cursor } = await pam.history(conversation.id, { order: 'oldest', after, limit: 1 });
    expect(await read({ order: 'oldest', after, cursor })).toBe('fg');
    await expect(pam.history(conversation.id, { cursor })).rejects.toThrow(CursorError);
    const newest = (await pam.history(conversation.id, { limit: 1 })).next_cursor;
    await expect(pam.history(conversation.id, { order: 'oldest', cursor: newest })).rejects.toThrow(CursorError);
    for (const wrong of [{ after: 'x' }, { after: 4 }, { after: '9223372036854775808' }, { order: 'random' }]) {
      await expect(read(wrong)).rejects.toThrow(ValidationError);
    }
  });

  test('refuses a cursor that is malformed or of another list', async () => {
    const { pam, conversation } = await talking();
    await pam.startConversation({ session_id: 'laptop' });
    const foreign = (await pam.list({ limit: 1 })).next_cursor;
    const huge = Buffer.from(JSON.stringify([`pam.history newest ${conversation.id}`, '9223372036854775808'])).toString(
      'base64url',
    );
    for (const cursor of ['x', foreign, huge]) {
      await expect(pam.history(conversation.id, { cursor })).rejects.toThrow(CursorError);
    }
    await expect(pam.history(conversation.id, { limit: 0 })).rejects.toThrow(ValidationError);
    await expect(pam.history('42')).rejects.toThrow(ValidationError);
  });
});

describe('what is recent', () => {
  test('are the newest messages that fit, in the order in which they were said', async () => {
    const { pam, conversation, service } = await talking();
    const rows = await pam.appendMessages(conversation.id, ['aaaa', 'bb', 'ccc', 'd'].map(said));
    await pam.appendMessage((await pam.startConversation({ session_id: 'laptop' })).id, said('elsewhere'));
    const recent = async (max_characters: number) => contents(await pam.recent(conversation.id, { max_characters }));
    expect(await Promise.all([1, 2, 3, 4, 5, 6, 7, 9, 10, 10_000_000].map(recent))).toEqual([
      'd',
      'd',
      'd',
      'cccd',
      'cccd',
      'bbcccd',
      'bbcccd',
      'bbcccd',
      'aaaabbcccd',
      'aaaabbcccd',
    ]);
    expect(await pam.recent(conversation.id, { max_characters: 100 })).toEqual(rows);
    expect(await service.recent(conversation.id, { max_characters: 100 })).toEqual(rows);
  });

  test('stop at the first that does not fit, even if an older one would', async () => {
    const { pam, conversation } = await talking();
    await pam.appendMessages(conversation.id, ['a', 'bbbbb', 'cc'].map(said));
    expect(contents(await pam.recent(conversation.id, { max_characters: 4 }))).toBe('cc');
  });

  test('are none if there are none, or the newest alone is too long', async () => {
    const { pam, conversation } = await talking();
    expect(await pam.recent(conversation.id, { max_characters: 1 })).toEqual([]);
    await pam.appendMessages(conversation.id, ['a', 'bb'].map(said));
    expect(await pam.recent(conversation.id, { max_characters: 1 })).toEqual([]);
  });

  test('are counted by code point, as the limit of a message is', async () => {
    const { pam, conversation } = await talking();
    await pam.appendMessages(conversation.id, ['é', '😀😀'].map(said));
    expect(contents(await pam.recent(conversation.id, { max_characters: 2 }))).toBe('😀😀');
    expect(contents(await pam.recent(conversation.id, { max_characters: 3 }))).toBe('é😀😀');
  });

  test('need a length', async () => {
    const { pam, conversation } = await talking();
    const wrong = [undefined, null, {}, { max_characters: 0 }, { max_characters: 1.5 }, { max_characters: '9' }];
    for (const length of [...wrong, { max_characters: 10_000_001 }, { max_characters: 1, limit: 3 }] as unknown[]) {
      const asked = pam.recent(conversation.id, length as { max_characters: number });
      await expect(asked).rejects.toThrow(ValidationError);
    }
    await expect(pam.recent('42', { max_characters: 1 })).rejects.toThrow(ValidationError);
  });
});

describe('feedback', () => {
  test('replaces what was said of the message before, by its type', async () => {
    const { alice, pam, conversation, service } = await talking();
    const { id: message_id } = await service.appendMessage(conversation.id, { role: 'assistant', content: 'Not far.' });
    const first = await pam.giveFeedback({
      message_id,
      thumbs_up: true,
      feedback_text: 'Thanks.',
      metadata: { screen: 2 },
    });
    expect(first).toEqual({
      id: first.id,
      user_id: alice.id,
      message_id,
      rating: null,
      thumbs_up: true,
      feedback_text: 'Thanks.',
      feedback_type: 'general',
      metadata: { screen: 2 },
      created_at: expect.any(Date),
      updated_at: expect.any(Date),
    });
    const second = await pam.giveFeedback({ message_id, rating: 2 });
    const replaced = { rating: 2, thumbs_up: null, feedback_text: null, metadata: {} };
    expect(second).toEqual({ ...first, ...replaced, updated_at: second.updated_at });
    expect((await pam.giveFeedback({ message_id, rating: 5, feedback_type: 'accuracy' })).id).not.toBe(first.id);
    expect(await service.giveFeedback({ message_id, rating: 3 })).toMatchObject({ id: first.id, rating: 3 });
  });

  test('that sixteen connections give at once is one', async () => {
    const { pam, conversation } = await talking();
    const { id: message_id } = await pam.appendMessage(conversation.id, said('a'));
    const given = await sessions.sixteenTimes('pam_feedback', () => pam.giveFeedback({ message_id, rating: 4 }));
    expect(new Set(given.map(({ id }) => id)).size).toBe(1);
  });

  test.each<[string, Partial<FeedbackInput>]>([
    ['says nothing', {}],
    ['says nothing in three ways', { rating: null, thumbs_up: null, feedback_text: null }],
    ['is rated 0', { rating: 0 }],
    ['is rated 6', { rating: 6 }],
    ['is rated 4.5', { rating: 4.5 }],
    ['is blank', { feedback_text: ' ' }],
    ['is longer than 5000 characters', { feedback_text: 'x'.repeat(5001) }],
    ['has a type in capitals', { rating: 5, feedback_type: 'Accuracy' }],
    ['is of no message', { rating: 5, message_id: '42' }],
  ])('that %s is a ValidationError', async (_, wrong) => {
    const { pam, conversation } = await talking();
    const { id } = await pam.appendMessage(conversation.id, said('a'));
    await expect(pam.giveFeedback({ message_id: id, ...wrong })).rejects.toThrow(ValidationError);
  });

  test.each([
    { thumbs_up: true, rating: 2 },
    { thumbs_up: false, rating: 4 },
  ])('that contradicts itself is a CheckError: %j', async (wrong) => {
    const { pam, conversation } = await talking();
    const { id: message_id } = await pam.appendMessage(conversation.id, said('a'));
    await expect(pam.giveFeedback({ message_id, ...wrong })).rejects.toThrow(CheckError);
  });
});

test('a suspended user reads what was said and adds nothing', async () => {
  const { alice, pam, conversation } = await talking();
  const message = await pam.appendMessage(conversation.id, said('a'));
  await sessions.suspend(alice);
  expect((await pam.history(conversation.id)).items).toEqual([message]);
  await expect(pam.startConversation({ session_id: 'laptop' })).rejects.toThrow(PermissionError);
  await expect(pam.appendMessage(conversation.id, said('b'))).rejects.toThrow(PermissionError);
  await expect(pam.archive(conversation.id)).rejects.toThrow(PermissionError);
  await expect(pam.unarchive(conversation.id)).rejects.toThrow(PermissionError);
  await expect(pam.delete(conversation.id)).rejects.toThrow(PermissionError);
  expect(await pam.delete(randomUUID())).toBe(false);
  expect(await pam.recent(conversation.id, { max_characters: 100 })).toEqual([message]);
  expect((await pam.search('a')).items).toEqual([message]);
  await expect(pam.giveFeedback({ message_id: message.id, rating: 5 })).rejects.toThrow(PermissionError);
});
