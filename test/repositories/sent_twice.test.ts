import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { type Person, testSessions } from './sessions.ts';

const file = testSessions();
let alice: Person;

const tables = ['expenses', 'income_entries', 'budgets', 'posts', 'trips', 'places'];
const gate = 4711;

beforeAll(async () => {
  alice = await file.signUp();
  // Each insert waits at its end while somebody holds the gate, also one that has found its row there.
  await file.admin.query(`
    create function public.wait_at_gate() returns trigger language plpgsql as $$
    begin
      perform pg_catalog.pg_advisory_xact_lock_shared(${gate});
      return null;
    end
    $$`);
  for (const table of tables) {
    await file.admin.query(
      `create trigger wait_at_gate after insert on public.${table} for each statement execute function public.wait_at_gate()`,
    );
  }
});

async function waiting(): Promise<number> {
  const { rows } = await file.admin.query(
    "select count(*)::int as count from pg_locks where locktype = 'advisory' and not granted and objid = $1 and database = (select oid from pg_database where datname = current_database())",
    [gate],
  );
  return rows[0].count;
}

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
])('%s that is sent again while it is deleted is made again, and never somebody else’s', async (_, create, remove) => {
  const id = randomUUID();
  await create(id);
  const holder = await file.admin.connect();
  try {
    await holder.query('select pg_advisory_lock($1)', [gate]);
    const again = create(id);
    await expect.poll(waiting).toBe(1);
    expect(await remove(id)).toBe(true);
    await holder.query('select pg_advisory_unlock($1)', [gate]);
    expect(await again).toMatchObject({ id });
  } finally {
    await holder.query('select pg_advisory_unlock_all()');
    holder.release();
  }
});

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
