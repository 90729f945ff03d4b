import { randomUUID } from 'node:crypto';
import type { Trip } from '@wheelsandwins/db/types';
import { expect, test } from 'vitest';
import type { Problem } from '../src/problems.ts';
import { testService } from './support/service.ts';

const service = testService();

/** Status and problem of an answer, which is one. */
async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const problem = (await response.json()) as Problem;
  expect(problem).toMatchObject({ type: 'about:blank', status: response.status });
  return problem;
}

test('What is not of its form is a 422 that names the field', async () => {
  const alice = await service.traveller();
  const problem = await problemOf(await alice.request('POST', '/api/trips', { name: '', budget_total: 'much' }));
  expect(problem).toMatchObject({ status: 422, code: 'VALIDATION' });
  expect(problem.issues?.map(({ path }) => path)).toEqual(['name', 'budget_total']);
});

test.each([
  ['limit=0', 'limit'],
  ['limit=x', 'limit'],
  ['limit=', 'limit'],
  ['cursor=nonsense', 'cursor'],
  ['status=lost', 'status'],
  ['unknown=1', 'unknown'],
])('A list with ?%s is a 422', async (query, path) => {
  const alice = await service.traveller();
  const problem = await problemOf(await alice.get(`/api/trips?${query}`));
  expect(problem).toMatchObject({ status: 422, issues: [{ path }] });
});

test('What two fields decide is a 422 that names the rule', async () => {
  const alice = await service.traveller();
  const trip = { name: 'Backwards', start_date: '2026-12-01', end_date: '2026-11-01' };
  const problem = await problemOf(await alice.request('POST', '/api/trips', trip));
  expect(problem).toMatchObject({ status: 422, constraint: 'trips_dates_check' });
});

test('An expense on a trip of somebody else’s is a 422, as one on no trip', async () => {
  const [alice, bob] = [await service.traveller(), await service.traveller()];
  const { id } = await bob.json<Trip>('POST', '/api/trips', { name: 'Bob’s' });
  const problems = [];
  for (const trip_id of [id, randomUUID()]) {
    const expense = { trip_id, amount: '1.00', category: 'food' };
    problems.push(await problemOf(await alice.request('POST', '/api/expenses', expense)));
  }
  expect(problems[0]).toMatchObject({ status: 422, code: '23503' });
  expect(problems[1]).toEqual(problems[0]);
});

test('A version that is not the row’s any more is a 409', async () => {
  const alice = await service.traveller();
  const { id } = await alice.json<Trip>('POST', '/api/trips', { name: 'Big Lap' });
  const change = () => alice.request('PATCH', `/api/trips/${id}?if_version=1`, { name: 'Bigger Lap' });
  expect((await change()).status).toBe(200);
  expect(await problemOf(await change())).toMatchObject({ status: 409, code: 'CONFLICT' });
});

test('An id that is somebody else’s is a 409', async () => {
  const [alice, bob] = [await service.traveller(), await service.traveller()];
  const trip = await bob.json<Trip>('POST', '/api/trips', { name: 'Bob’s' });
  const problem = await problemOf(await alice.request('POST', '/api/trips', { id: trip.id, name: 'Mine' }));
  expect(problem).toMatchObject({ status: 409, code: '23505' });
});

test('What a suspended traveller writes is a 403', async () => {
  const alice = await service.traveller();
  await service.database.admin.query("update profiles set status = 'suspended' where id = $1", [alice.id]);
  expect((await alice.get('/api/trips')).status).toBe(200);
  const problem = await problemOf(await alice.request('POST', '/api/trips', { name: 'Big Lap' }));
  expect(problem).toMatchObject({ status: 403, code: '42501' });
});

test('What waits too long for a lock is a 503 that asks to come again', async () => {
  const alice = await service.traveller();
  const { id } = await alice.json<Trip>('POST', '/api/trips', { name: 'Big Lap' });
  const holder = await service.database.admin.connect();
  try {
    await holder.query('begin');
    await holder.query('select from trips where id = $1 for update', [id]);
    const response = await alice.request('PATCH', `/api/trips/${id}`, { name: 'Bigger Lap' });
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await problemOf(response)).toMatchObject({ status: 503, code: '55P03' });
  } finally {
    await holder.query('rollback');
    holder.release();
  }
});

test('A body that is no JSON is a 400, one that is too large a 413, an unknown address a 404', async () => {
  const alice = await service.traveller();
  expect(await problemOf(await alice.request('POST', '/api/trips', '{'))).toMatchObject({ status: 400 });
  const large = JSON.stringify({ name: 'x'.repeat(5_000_000) });
  expect(await problemOf(await alice.request('POST', '/api/trips', large))).toMatchObject({ status: 413 });
  expect(await problemOf(await alice.get('/api/nothing'))).toMatchObject({ status: 404 });
});

test('Nothing of rows, claims or addresses is in an error or in the log', async () => {
  const alice = await service.traveller({ user_metadata: { pet: 'Rex of Dust' } });
  const trip = await alice.json<Trip>('POST', '/api/trips', { name: 'Secret Lap' });
  const answers = [
    await alice.request('POST', '/api/trips', { id: trip.id, name: 'Secret Lap', start_date: 'Secret day' }),
    await alice.request('POST', '/api/trips', { name: 'Secret Lap', 'Secret Lap': 1 }),
    await alice.request('PATCH', `/api/trips/${trip.id}?if_version=7`, { name: 'Secret Lap' }),
    await alice.request('POST', '/api/expenses', { amount: 'Secret', category: 'Secret' }),
    await alice.request('POST', '/api/expenses/import', 'date,amount\nSecret,Secret\n'),
    await alice.get('/api/trips?cursor=Secret'),
    await alice.get('/api/Secret'),
  ];
  for (const answer of answers) {
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await answer.text()).not.toMatch(/Secret (Lap|day)|Rex|example\.com/);
  }
  const log = JSON.stringify(service.lines);
  expect(log).not.toMatch(/Secret|Rex|example\.com/);
  expect(log).not.toContain(alice.id);
  expect(log).not.toContain(trip.id);
  expect(log).not.toContain(alice.token.slice(0, 20));
  expect(service.lines).toContainEqual(
    expect.objectContaining({
      method: 'PATCH',
      route: '/api/trips/:id',
      status: 409,
      error: 'ConflictError',
      code: 'CONFLICT',
    }),
  );
});
