import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { type Person, testSessions } from './sessions.ts';

const file = testSessions();
let alice: Person;

beforeAll(async () => {
  alice = await file.signUp();
});

test.each<[string, (id: string) => Promise<unknown>, (id: string) => Promise<boolean>]>([
  [
    'an expense',
    (id) => alice.expenses.create({ id, amount: '1', category: 'fuel' }),
    (id) => alice.expenses.delete(id),
  ],
  ['an income entry', (id) => alice.income.create({ id, amount: '1', source: 'x' }), (id) => alice.income.delete(id)],
  [
    'a budget',
    (id) => alice.budgets.create({ id, amount: '1', period: 'monthly', category: id }),
    (id) => alice.budgets.delete(id),
  ],
  ['a post', (id) => alice.posts.create({ id, title: 'x', content: 'x' }), (id) => alice.posts.delete(id)],
  ['a trip', (id) => alice.trips.create({ id, name: 'x' }), (id) => alice.trips.delete(id)],
  [
    'a place',
    (id) => alice.places.create({ id, name: 'x', kind: 'water', location: { lat: 1, lng: 2 } }),
    (id) => alice.places.delete(id),
  ],
])(
  '%s that is sent again while it is deleted is there or made again, and never somebody else’s',
  async (_, create, remove) => {
    for (let round = 0; round < 40; round++) {
      const id = randomUUID();
      await create(id);
      const [removed, again] = await Promise.all([remove(id), create(id)]);
      expect(removed).toBe(true);
      expect(again).toMatchObject({ id });
    }
  },
);

test('an expense that is sent again does not wait for its trip, whose lock who changes the expense wants', async () => {
  const trip = await alice.trips.create({ name: 'Big Lap' });
  const sent = { id: randomUUID(), trip_id: trip.id, amount: '42.50', category: 'fuel' };
  const first = await alice.expenses.create(sent);
  const holder = await file.admin.connect();
  try {
    await holder.query('begin');
    await holder.query('select from trips where id = $1 for no key update', [trip.id]);
    expect(await alice.expenses.create(sent)).toEqual(first);
  } finally {
    await holder.query('rollback');
    holder.release();
  }
});
