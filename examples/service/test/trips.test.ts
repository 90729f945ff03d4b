import { randomUUID } from 'node:crypto';
import type { Page, Trip } from '@wheelsandwins/db/types';
import { expect, test } from 'vitest';
import { testService } from './support/service.ts';

const service = testService();

test('A traveller plans, reads, changes and deletes a trip', async () => {
  const alice = await service.traveller();
  const created = await alice.request('POST', '/api/trips', {
    name: 'Big Lap',
    budget_total: '9000.00',
    currency: 'AUD',
  });
  expect(created.status).toBe(201);
  const trip = (await created.json()) as Trip;
  expect(trip).toMatchObject({
    name: 'Big Lap',
    budget_total: '9000.00',
    currency: 'AUD',
    user_id: alice.id,
    version: 1,
  });

  expect(await (await alice.get(`/api/trips/${trip.id}`)).json()).toEqual(trip);
  const updated = await alice.request('PATCH', `/api/trips/${trip.id}?if_version=1`, { name: 'Bigger Lap' });
  expect(await updated.json()).toMatchObject({ id: trip.id, name: 'Bigger Lap', version: 2 });
  expect((await alice.request('DELETE', `/api/trips/${trip.id}`)).status).toBe(204);
  expect((await alice.get(`/api/trips/${trip.id}`)).status).toBe(404);
});

test('A trip that is sent twice is made once', async () => {
  const alice = await service.traveller();
  const input = { id: randomUUID(), name: 'Big Lap' };
  for (const _ of [1, 2]) expect((await alice.request('POST', '/api/trips', input)).status).toBe(201);
  expect((await alice.json<Page<Trip>>('GET', '/api/trips')).items).toHaveLength(1);
});

test('Trips are listed a page at a time', async () => {
  const alice = await service.traveller();
  for (const name of ['One', 'Two', 'Three']) await alice.request('POST', '/api/trips', { name, status: 'active' });
  const names: string[] = [];
  let cursor: string | null = '';
  do {
    const page: Page<Trip> = await alice.json('GET', `/api/trips?status=active&limit=2&cursor=${cursor}`);
    for (const { name } of page.items) names.push(name);
    cursor = page.next_cursor;
  } while (cursor);
  expect(names).toEqual(['Three', 'Two', 'One']);
});
