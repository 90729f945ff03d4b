import { randomUUID } from 'node:crypto';
import type { Conversation, Message, Page } from '@wheelsandwins/db/types';
import { beforeEach, expect, test } from 'vitest';
import { nextEvent, readEvents } from './support/read_events.ts';
import { type Client, testService } from './support/service.ts';
import { stepwiseModel } from './support/stepwise_model.ts';

const model = stepwiseModel();
const service = testService({ model });
let alice: Client;
let path: string;

beforeEach(async () => {
  alice = await service.traveller();
  const { id } = await alice.json<Conversation>('POST', '/api/conversations', { session_id: 'phone' });
  path = `/api/conversations/${id}/messages`;
});

async function stored(): Promise<string[]> {
  const { items } = await alice.json<Page<Message>>('GET', path);
  return items.toReversed().map(({ role, content }) => `${role}: ${content}`);
}

test('An answer comes as it is made, and is stored with its question when it is whole', async () => {
  const events = readEvents(await alice.request('POST', path, { content: 'How far is it to Moab?' }));
  model.say('Far ');
  expect(await nextEvent(events)).toEqual({ event: 'piece', data: { text: 'Far ' } });
  expect(await stored()).toEqual([]);
  model.say('enough.');
  expect(await nextEvent(events)).toEqual({ event: 'piece', data: { text: 'enough.' } });
  expect(await stored()).toEqual([]);
  model.finish();
  const { event, data } = await nextEvent(events);
  expect(event).toBe('stored');
  expect(data.messages).toMatchObject([
    { role: 'user', content: 'How far is it to Moab?' },
    { role: 'assistant', content: 'Far enough.', user_id: alice.id },
  ]);
  expect(await events.next()).toMatchObject({ done: true });
  expect(await stored()).toEqual(['user: How far is it to Moab?', 'assistant: Far enough.']);
});

test('The model is told what was said before, and of the traveller’s own trips alone', async () => {
  const bob = await service.traveller();
  const trip = { start_date: '2026-01-01', budget_total: '900.00' };
  await bob.json('POST', '/api/trips', { ...trip, name: 'Bob’s' });
  await alice.json('POST', '/api/trips', { ...trip, name: 'Big Lap' });
  for (const content of ['One', 'Two']) {
    model.say(`Answer to ${content}`);
    model.finish();
    await (await alice.request('POST', path, { content })).text();
  }
  const { messages, trips } = model.prompts.at(-1) ?? expect.unreachable();
  expect(messages.map(({ content }) => content)).toEqual(['One', 'Answer to One', 'Two']);
  expect(trips).toMatchObject([{ name: 'Big Lap', remaining_budget: '900.00' }]);
});

test('A client that goes away ends the model’s work, and nothing is stored', async () => {
  const leaving = new AbortController();
  const givenUp = model.givenUp;
  const response = await alice.request('POST', path, { content: 'How far is it to Moab?' }, leaving.signal);
  const events = readEvents(response);
  model.say('Far ');
  await nextEvent(events);
  leaving.abort();
  await expect.poll(() => model.givenUp).toBe(givenUp + 1);
  expect(await stored()).toEqual([]);
});

test('A model that fails is a problem at the end of the stream, which says nothing of why; nothing is stored', async () => {
  const events = readEvents(await alice.request('POST', path, { content: 'How far is it to Moab?' }));
  model.say('Far ');
  await nextEvent(events);
  model.fail(new Error('The key sk-secret is not good.'));
  const problem = { type: 'about:blank', title: 'Internal Server Error', status: 500 };
  expect(await nextEvent(events)).toEqual({ event: 'problem', data: problem });
  expect(await events.next()).toMatchObject({ done: true });
  expect(await stored()).toEqual([]);
  expect(service.lines).toContainEqual(expect.objectContaining({ message: 'stream failed', error: 'Error' }));
  expect(JSON.stringify(service.lines)).not.toContain('sk-secret');
});

test('A question that is sent again is answered once', async () => {
  const question = { id: randomUUID(), content: 'How far is it to Moab?' };
  model.say('Far.');
  model.finish();
  const first = await (await alice.request('POST', path, question)).text();
  const asked = model.prompts.length;
  const again = await (await alice.request('POST', path, question)).text();
  expect(model.prompts).toHaveLength(asked);
  expect(again).toBe(first.slice(first.indexOf('event: stored')));
  expect(await stored()).toEqual(['user: How far is it to Moab?', 'assistant: Far.']);
});

test('A conversation that is not there is a 404 before anything is asked', async () => {
  const asked = model.prompts.length;
  const response = await alice.request('POST', `/api/conversations/${randomUUID()}/messages`, { content: 'Hello?' });
  expect(response.status).toBe(404);
  expect(model.prompts).toHaveLength(asked);
});

test('A suspended traveller asks nothing, though the service could store it', async () => {
  await service.database.admin.query("update profiles set status = 'suspended' where id = $1", [alice.id]);
  expect((await alice.request('POST', path, { content: 'Hello?' })).status).toBe(403);
  expect(await stored()).toEqual([]);
});

test.each([{}, { content: '' }, { content: 'Hello?', role: 'assistant' }, { content: 'Hello?', id: 'x' }])(
  'The question %j is refused',
  async (question) => {
    expect((await alice.request('POST', path, question)).status).toBe(422);
  },
);
