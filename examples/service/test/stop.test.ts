import { once } from 'node:events';
import { connect } from 'node:net';
import type { Trip } from '@wheelsandwins/db/types';
import { afterEach, expect, test } from 'vitest';
import { testDatabase } from './support/database.ts';
import { nextEvent, readEvents } from './support/read_events.ts';
import { type RunningService, runService } from './support/run_service.ts';
import { clientOf, environmentOf } from './support/service.ts';
import { tokenOf } from './support/tokens.ts';

const database = testDatabase();
let service: RunningService | undefined;

afterEach(async () => {
  service?.kill('SIGKILL');
  await service?.ended;
});

async function start() {
  service = await runService(environmentOf(database.connectionString));
  const id = await database.signUp();
  const alice = clientOf(service.url, id, await tokenOf(id));
  return { service, alice, trip: await alice.json<Trip>('POST', '/api/trips', { name: 'Big Lap' }) };
}

async function waiting(): Promise<number> {
  const { rows } = await database.admin.query(
    "select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rows[0].count;
}

test('SIGTERM ends open streams, lets a running request finish, and closes the database', async () => {
  const { service, alice, trip } = await start();
  expect((await alice.get('/health/ready')).status).toBe(200);
  const events = readEvents(await alice.get('/api/changes'));
  await nextEvent(events);
  const holder = await database.admin.connect();
  await holder.query('begin');
  await holder.query('select from trips where id = $1 for update', [trip.id]);
  const running = alice.request('PATCH', `/api/trips/${trip.id}`, { name: 'Bigger Lap' });
  await expect.poll(waiting).toBe(1);
  // As a browser opens it beforehand.
  const port = Number(new URL(service.url).port);
  const silent = connect(port, '127.0.0.1');
  await once(silent, 'connect');

  service.kill('SIGTERM');
  await once(silent, 'close');
  expect(await nextEvent(events)).toEqual({ event: 'end', data: { reason: 'shutdown' } });
  expect(await events.next()).toMatchObject({ done: true });
  // Not by fetch: it has connections open, and what comes by one of them before it is closed is answered still.
  await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
  expect(await waiting()).toBe(1);
  await holder.query('commit');
  holder.release();

  const response = await running;
  expect(response.headers.get('connection')).toBe('close');
  expect(await response.json()).toMatchObject({ name: 'Bigger Lap' });
  expect(await service.ended).toBe(0);
  expect(service.lines.map((line) => JSON.parse(line).message).slice(-2)).toEqual(['request', 'stopped']);
  const { rows } = await database.admin.query(
    "select pid from pg_stat_activity where datname = current_database() and application_name = 'wheels-service'",
  );
  expect(rows).toEqual([]);
});

test('What does not end in its time is cancelled, and the service ends all the same', async () => {
  const { service, alice, trip } = await start();
  // A client that sends half a request and then nothing.
  const half = fetch(new URL('/api/trips', service.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${alice.token}` },
    body: new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{')) }),
    duplex: 'half',
  });
  half.catch(() => {});
  expect((await alice.get(`/api/trips/${trip.id}`)).status).toBe(200);
  service.kill('SIGTERM');
  await expect(half).rejects.toThrow();
  expect(await service.ended).toBe(0);
});

test('What it cannot start with is one line and exit code 1', async () => {
  await expect(runService({ ...environmentOf(''), DATABASE_URL: '' })).rejects.toThrow(
    'The service has ended with 1: DATABASE_URL is not set: set it to postgres://user:password@host:5432/database.',
  );
});
