import { once } from 'node:events';
import { connect } from 'node:net';
import type { Trip } from '@wheelsandwins/db/types';
import { expect, test } from 'vitest';
import { testService } from './support/service.ts';

const service = testService();

/** How many statements wait for a lock. */
async function waiting(): Promise<number> {
  const { rows } = await service.database.admin.query(
    "select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rows[0].count;
}

test('A client that hangs up has its statement cancelled on the server', async () => {
  const alice = await service.traveller();
  const { id } = await alice.json<Trip>('POST', '/api/trips', { name: 'Big Lap' });
  const holder = await service.database.admin.connect();
  try {
    await holder.query('begin');
    await holder.query('select from trips where id = $1 for update', [id]);
    const hangUp = new AbortController();
    const request = alice.request('PATCH', `/api/trips/${id}`, { name: 'Bigger Lap' }, hangUp.signal);
    await expect.poll(waiting).toBe(1);
    hangUp.abort();
    await expect(request).rejects.toThrow();
    await expect
      .poll(() => service.lines.at(-1))
      .toMatchObject({
        route: '/api/trips/:id',
        error: 'CancelledError',
        hung_up: true,
      });
    expect(await waiting()).toBe(0);
  } finally {
    await holder.query('rollback');
    holder.release();
  }
  expect(await alice.json('GET', `/api/trips/${id}`)).toMatchObject({ name: 'Big Lap' });
});

test('A body that breaks off is no fault of the service', async () => {
  const alice = await service.traveller();
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    `POST /api/trips HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${alice.token}\r\nContent-Length: 1000\r\n\r\n{"n`,
    () => socket.destroy(),
  );
  await expect.poll(() => service.lines.at(-1)).toMatchObject({ route: '/api/trips', status: 400 });
});
