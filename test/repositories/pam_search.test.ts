import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CursorError, ValidationError } from '../../src/index.ts';
import type { Message, Page } from '../../src/types.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

async function talking(...said: string[]) {
  const alice = await sessions.signUp();
  const { id } = await alice.pam.startConversation({ session_id: 'phone' });
  const messages = await alice.pam.appendMessages(
    id,
    said.map((content) => ({ role: 'user', content })),
  );
  const search = async (term: string, request: object = {}) =>
    (await alice.pam.search(term, request)).items.map(({ content }) => content);
  return { alice, id, messages, search };
}

describe('a search', () => {
  test('finds the messages in which every word occurs, the newest first', async () => {
    const { alice, id, messages, search } = await talking('Fuel in Moab?', 'Fuel in Zion', 'Camping near Moab', 'x');
    const answer = await sessions.database
      .asService()
      .onBehalfOf(alice.id)
      .pam.appendMessage(id, { role: 'assistant', content: 'In Moab fuel is up.' });
    expect((await alice.pam.search('fuel moab')).items).toEqual([answer, messages[0]]);
    expect(await search('MOAB')).toEqual(['In Moab fuel is up.', 'Camping near Moab', 'Fuel in Moab?']);
    expect(await search('moab zion')).toEqual([]);
    expect(await search('nothing')).toEqual([]);
  });

  test.each([
    ['the start of a word', 'camp', 'Where is a campground?'],
    ['a single letter', 'c', 'Where is a campground?'],
    ['another form of a word', 'driving', 'We drive on.'],
    ['another form of a word, the other way round', 'drive', 'Driving on.'],
    ['a word like "the"', 'the', 'Over the dunes'],
    ['a word beside a slash', 'broome', 'Perth/Broome'],
    ['words beside a slash', 'perth/broome', 'From Broome to Perth'],
    ['a word in capitals', 'ZION', 'zion'],
    ['an accent', 'café', 'Café del Mar'],
    ['another script', '東京', '東京 タワー'],
    ['a number', '4wd', 'A 4WD track'],
    ['punctuation', "o'brien's", "At O’Brien’s, that is O'Brien's"],
    ['a quote and a backslash', "it's \\ here", "it's here"],
    ['what would be an operator', 'fuel & !water | (camp)', 'fuel water camp'],
    ['a tail of "%_"', 'moab%_', 'moab'],
  ])('finds %s: %s', async (_, term, content) => {
    const { search } = await talking(content, 'something else entirely');
    expect(await search(term)).toEqual([content]);
  });

  test.each(['!!!', '&', '???', "'", '\\', ':*', '%'])('for %s, which is no word, finds nothing', async (term) => {
    const { search } = await talking('fuel');
    expect(await search(term)).toEqual([]);
  });

  test('gives each message once, page by page, also while others are added', async () => {
    const { alice, id, search } = await talking(...Array.from({ length: 11 }, (_, i) => `fuel ${i}`), 'water');
    let seen = '';
    let cursor: string | null = null;
    do {
      const page: Page<Message> = await alice.pam.search('fuel', { limit: 4, cursor });
      seen += page.items.map(({ content }) => content.replace('fuel', '')).join('');
      cursor = page.next_cursor;
      await alice.pam.appendMessage(id, { role: 'user', content: 'fuel again' });
    } while (cursor);
    expect(seen).toBe(' 10 9 8 7 6 5 4 3 2 1 0');
    await alice.pam.appendMessages(
      id,
      Array.from({ length: 100 }, () => ({ role: 'user', content: 'fuel' })),
    );
    const hundred = await alice.pam.search('fuel', { limit: 100 });
    expect(hundred.items).toHaveLength(100);
    expect((await alice.pam.search('fuel', { limit: 100, cursor: hundred.next_cursor })).items).toHaveLength(14);
    expect(await search('fuel')).toHaveLength(20);
  });

  test('stays in one conversation if that is asked', async () => {
    const { alice, id, search } = await talking('fuel here');
    const { id: other } = await alice.pam.startConversation({ session_id: 'laptop' });
    await alice.pam.appendMessage(other, { role: 'user', content: 'fuel there' });
    expect(await search('fuel')).toEqual(['fuel there', 'fuel here']);
    expect(await search('fuel', { conversation_id: id })).toEqual(['fuel here']);
    expect(await search('fuel', { conversation_id: randomUUID() })).toEqual([]);
  });

  test('finds one’s own messages, and the service those of the user it acts for', async () => {
    const { alice, search } = await talking('fuel of Alice');
    const bob = await talking('fuel of Bob');
    const { id: carolId } = await sessions.signUp();
    expect(await search('fuel')).toEqual(['fuel of Alice']);
    expect(await bob.search('fuel')).toEqual(['fuel of Bob']);
    expect((await bob.alice.pam.search('alice')).items).toEqual([]);
    const service = sessions.database.asService();
    expect((await service.onBehalfOf(alice.id).pam.search('fuel')).items).toMatchObject([{ user_id: alice.id }]);
    expect((await service.onBehalfOf(carolId).pam.search('fuel')).items).toEqual([]);
  });

  test('does not confuse users whose ids end alike', async () => {
    const ids = [randomUUID(), randomUUID()].map((id) => `${id.slice(0, -8)}0badcafe`);
    for (const id of ids) {
      await sessions.signUp({ id });
      const { pam } = sessions.database.asUser({ sub: id });
      const { id: conversation } = await pam.startConversation({ session_id: 'phone' });
      await pam.appendMessages(
        conversation,
        [1, 2, 3].map((n) => ({ role: 'user', content: `fuel ${n} of ${id}` })),
      );
    }
    for (const id of ids) {
      for (const { pam } of [sessions.database.asUser({ sub: id }), sessions.database.asService().onBehalfOf(id)]) {
        expect((await pam.search('fuel')).items.map(({ user_id }) => user_id)).toEqual([id, id, id]);
        expect((await pam.search('fuel', { limit: 1 })).items).toMatchObject([{ content: `fuel 3 of ${id}` }]);
      }
    }
  });

  test('reads the first 20,000 characters of a message, whatever they are', async () => {
    const { search } = await talking(
      `${'x '.repeat(9_990)} early ${' '.repeat(100)} late`,
      '😀'.repeat(100_000),
      'x'.repeat(100_000),
      `${'ß'.repeat(3_000)} behind`,
      Array.from({ length: 20_000 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join(' '),
    );
    expect(await search('early')).toHaveLength(1);
    expect(await search('late')).toEqual([]);
    expect(await search('behind')).toHaveLength(1);
    expect(await search('丁')).toHaveLength(1);
  });

  test('follows what is deleted', async () => {
    const { alice, id, search } = await talking('fuel');
    await alice.pam.delete(id);
    expect(await search('fuel')).toEqual([]);
  });

  test('refuses what is no term, no limit, no cursor of its own', async () => {
    const { alice, id } = await talking('fuel', 'fuel');
    for (const term of ['', ' ', 'x'.repeat(201), 'a\0b', null, undefined, 7, {}] as string[]) {
      await expect(alice.pam.search(term)).rejects.toThrow(ValidationError);
    }
    await expect(alice.pam.search('fuel', { limit: 101 })).rejects.toThrow(ValidationError);
    await expect(alice.pam.search('fuel', { conversation_id: '42' })).rejects.toThrow(ValidationError);
    for (const cursor of ['x', (await alice.pam.history(id, { limit: 1 })).next_cursor]) {
      await expect(alice.pam.search('fuel', { cursor })).rejects.toThrow(CursorError);
    }
  });
});

describe('the function search_messages', () => {
  test('gives a user their own, whomever they name, and nothing to the service that names nobody', async () => {
    const { alice } = await talking('fuel');
    const bob = await sessions.signUp();
    const call = async (kysely: typeof alice.kysely, user: string | null) => {
      const { rows } = await kysely.executeQuery({
        ...kysely.selectNoFrom([]).compile(),
        sql: 'select user_id from public.search_messages($1, $2)',
        parameters: ['fuel', user],
      });
      return rows;
    };
    expect(await call(alice.kysely, null)).toEqual([{ user_id: alice.id }]);
    expect(await call(alice.kysely, alice.id)).toEqual([{ user_id: alice.id }]);
    expect(await call(alice.kysely, bob.id)).toEqual([]);
    expect(await call(bob.kysely, alice.id)).toEqual([]);
    const { kysely } = sessions.database.asService();
    expect(await call(kysely, null)).toEqual([]);
    expect(await call(kysely, alice.id)).toEqual([{ user_id: alice.id }]);
  });
});
