import { randomUUID } from 'node:crypto';
import type { Conversation, Expense, Trip } from '@wheelsandwins/db/types';
import { expect, test } from 'vitest';
import { nextEvent, readEvents } from './support/read_events.ts';
import { type Client, testService } from './support/service.ts';

const service = testService();

/** What a traveller has: a trip, an expense and a conversation, all named by a word that occurs nowhere else. */
async function belongingsOf(client: Client) {
  const word = randomUUID();
  const trip = await client.json<Trip>('POST', '/api/trips', { name: word });
  const expense = { trip_id: trip.id, amount: '1.00', currency: 'AUD', category: 'food', description: word };
  const { id: expenseId } = await client.json<Expense>('POST', '/api/expenses', expense);
  const conversation = await client.json<Conversation>('POST', '/api/conversations', { session_id: word });
  const path = `/api/conversations/${conversation.id}/messages`;
  await (await client.request('POST', path, { content: word })).text();
  return { word, tripId: trip.id, expenseId, conversationId: conversation.id };
}

test('No list and no address shows a traveller what is another’s', async () => {
  const [alice, bob] = [await service.traveller(), await service.traveller()];
  const { word, tripId, conversationId } = await belongingsOf(bob);
  await belongingsOf(alice);
  const paths = [
    '/api/trips',
    `/api/trips/${tripId}`,
    '/api/expenses',
    `/api/expenses?trip_id=${tripId}`,
    `/api/expenses/totals?trip_id=${tripId}`,
    '/api/conversations',
    `/api/conversations/${conversationId}/messages`,
    '/api/feed',
  ];
  for (const path of paths) {
    const text = await (await alice.get(path)).text();
    expect(text, path).not.toContain(word);
    expect(text, path).not.toContain(bob.id);
  }
  expect((await alice.get(`/api/trips/${tripId}`)).status).toBe(404);
  expect(await alice.json('GET', `/api/expenses/totals?trip_id=${tripId}`)).toEqual({ items: [] });
});

test('Nobody changes, deletes or adds to what is another’s', async () => {
  const [alice, bob] = [await service.traveller(), await service.traveller()];
  const { word, tripId, conversationId } = await belongingsOf(bob);
  const before = await service.database.admin.query('select count(*) from pam_messages where user_id = $1', [bob.id]);
  const statuses = [
    await alice.request('PATCH', `/api/trips/${tripId}`, { name: 'Mine' }),
    await alice.request('DELETE', `/api/trips/${tripId}`),
    await alice.request('POST', '/api/expenses', { trip_id: tripId, amount: '1.00', category: 'food' }),
    await alice.request('POST', `/api/expenses/import?trip_id=${tripId}`, 'date,amount\n2026-11-01,1.00\n'),
    await alice.request('POST', `/api/conversations/${conversationId}/messages`, { content: 'Mine' }),
  ].map(({ status }) => status);
  // Deleting what is not there is no error, so that it may be sent twice.
  expect(statuses).toEqual([404, 204, 422, 422, 404]);
  expect(await bob.json<Trip>('GET', `/api/trips/${tripId}`)).toMatchObject({ name: word, expense_count: 1 });
  const after = await service.database.admin.query('select count(*) from pam_messages where user_id = $1', [bob.id]);
  expect(after.rows).toEqual(before.rows);
});

test('A stream of changes brings each traveller their own, and nothing else', async () => {
  const [alice, bob] = [await service.traveller(), await service.traveller()];
  const streams = [];
  for (const client of [alice, bob]) {
    const events = readEvents(await client.get('/api/changes'));
    expect(await nextEvent(events)).toEqual({ event: 'ready', data: {} });
    streams.push(events);
  }
  const [ofAlice, ofBob] = await Promise.all([belongingsOf(alice), belongingsOf(bob)]);
  for (const [index, { word, tripId, expenseId }] of [ofAlice, ofBob].entries()) {
    const events = streams[index] ?? expect.unreachable();
    const seen = [];
    // A trip, an expense, the trip's new total and two messages; the first of them may come as one.
    for (let messages = 0; messages < 2; ) {
      const { data } = await nextEvent(events);
      seen.push(data);
      if (data.table === 'pam_messages') messages++;
    }
    const ids = seen.flatMap(({ row }) => (row as { id: string }).id);
    expect(ids).toContain(tripId);
    expect(ids).toContain(expenseId);
    const { word: others } = index === 0 ? ofBob : ofAlice;
    expect(JSON.stringify(seen)).toContain(word);
    expect(JSON.stringify(seen)).not.toContain(others);
    expect(seen.map(({ row }) => (row as { user_id: string }).user_id)).not.toContain((index === 0 ? bob : alice).id);
    await events.return();
  }
});
