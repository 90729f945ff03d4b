import type { Trip } from '@wheelsandwins/db/types';
import { expect, test } from 'vitest';
import { nextEvent, readEvents } from './support/read_events.ts';
import { clientOf, testService } from './support/service.ts';
import { tokenOf } from './support/tokens.ts';

const service = testService({ heartbeatMillis: 100 });

test('What changes comes as it is committed, with the row as it is now', async () => {
  const alice = await service.traveller();
  const events = readEvents(await alice.get('/api/changes'));
  expect(await nextEvent(events)).toEqual({ event: 'ready', data: {} });
  const trip = await alice.json<Trip>('POST', '/api/trips', { name: 'Big Lap', budget_total: '9000.00' });
  const row = { id: trip.id, name: 'Big Lap', budget_total: '9000.00' };
  expect(await nextEvent(events)).toMatchObject({
    event: 'change',
    data: { table: 'trips', operation: 'insert', row },
  });
  await alice.request('DELETE', `/api/trips/${trip.id}`);
  expect(await nextEvent(events)).toEqual({
    event: 'change',
    data: { table: 'trips', operation: 'delete', row: null, old: { id: trip.id, user_id: alice.id } },
  });
  await events.return();
});

test('A quiet stream sends heartbeats', async () => {
  const alice = await service.traveller();
  const events = readEvents(await alice.get('/api/changes'));
  expect((await events.next()).value).toMatchObject({ event: 'ready' });
  for (const _ of [1, 2]) expect((await events.next()).value).toMatchObject({ event: 'heartbeat' });
  // And goes on.
  await alice.json('POST', '/api/trips', { name: 'Big Lap' });
  expect(await nextEvent(events)).toMatchObject({ event: 'change' });
  await events.return();
});

test('A stream ends when its token expires, and is not opened again with it', async () => {
  // The feed is open for somebody else already, so that opening the stream takes no time of the token's.
  const ofBob = readEvents(await (await service.traveller()).get('/api/changes'));
  await nextEvent(ofBob);
  const id = await service.database.signUp();
  const exp = Math.floor(Date.now() / 1000) + 5;
  const alice = clientOf(service.url, id, await tokenOf(id, { exp }));
  const events = readEvents(await alice.get('/api/changes'));
  expect(await nextEvent(events)).toEqual({ event: 'ready', data: {} });
  expect(await nextEvent(events)).toEqual({ event: 'end', data: { reason: 'token_expired' } });
  expect(Date.now()).toBeGreaterThanOrEqual(1000 * exp);
  expect(await events.next()).toMatchObject({ done: true });
  expect((await alice.get('/api/changes')).status).toBe(401);
  await ofBob.return();
});

test('A stream whose connection to the server was lost says that changes are missing, and can be opened again', async () => {
  const alice = await service.traveller();
  const events = readEvents(await alice.get('/api/changes'));
  await nextEvent(events);
  await service.database.admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'walsender' and datname = current_database()",
  );
  expect(await nextEvent(events)).toEqual({ event: 'end', data: { reason: 'changes_lost' } });
  const again = readEvents(await alice.get('/api/changes'));
  expect(await nextEvent(again)).toEqual({ event: 'ready', data: {} });
  await again.return();
});

test('Clients that go away leave nothing behind, on the server either', async () => {
  const alice = await service.traveller();
  const walSenders = async () => {
    const { rows } = await service.database.admin.query(
      "select count(*)::int as count from pg_stat_activity where backend_type = 'walsender' and datname = current_database()",
    );
    return rows[0].count;
  };
  const leaving = new AbortController();
  for (let i = 0; i < 20; i++) {
    const events = readEvents(await alice.request('GET', '/api/changes', undefined, leaving.signal));
    await nextEvent(events);
    events.next().catch(() => {});
  }
  expect(await walSenders()).toBe(1);
  leaving.abort();
  await expect.poll(walSenders).toBe(0);
});

test('A client that takes nothing is sent no more than a connection holds', async () => {
  const alice = await service.traveller();
  const events = readEvents(await alice.get('/api/changes'));
  await nextEvent(events);
  // Much more than a socket's buffers hold, while nobody reads.
  const description = 'x'.repeat(10_000);
  const names = Array.from({ length: 1000 }, (_, index) => `Trip ${index}`);
  await service.database.as('authenticated', alice.id, (client) =>
    client.query('insert into trips (user_id, name, description) select $1, unnest($2::text[]), $3', [
      alice.id,
      names,
      description,
    ]),
  );
  // Others are not held up by it.
  const bob = await service.traveller();
  const ofBob = readEvents(await bob.get('/api/changes'));
  await nextEvent(ofBob);
  await bob.json('POST', '/api/trips', { name: 'Bob’s' });
  expect(await nextEvent(ofBob)).toMatchObject({ data: { row: { name: 'Bob’s' } } });
  await ofBob.return();
  // When it reads again, everything is there.
  const seen = new Set<unknown>();
  while (seen.size < names.length) {
    const { data } = await nextEvent(events);
    seen.add((data.row as { name: string }).name);
  }
  expect(seen).toEqual(new Set(names));
  await events.return();
});
