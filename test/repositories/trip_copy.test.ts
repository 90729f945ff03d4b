import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CheckError, NotFoundError, PermissionError, UniqueError, ValidationError } from '../../src/index.ts';
import type { TripCopy } from '../../src/types.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

const lap = {
  name: 'Big Lap',
  description: 'Around the country',
  start_date: '2026-12-01',
  end_date: '2027-02-28',
  status: 'completed' as const,
  budget_total: '9000.00',
  currency: 'AUD',
  route_data: { distance: 14_500_000, duration: 99, geometry: 'encoded' },
  destinations: [
    { name: 'Perth', lat: -31.95, lng: 115.86, arrive_on: '2026-12-01', leave_on: '2026-12-05', notes: 'Water.' },
    { name: 'Nullarbor' },
    { name: 'Eucla', leave_on: '2026-12-31' },
  ],
  metadata: { rig: 'van' },
};

async function traveller() {
  const alice = await sessions.signUp();
  const trip = await alice.trips.create(lap);
  const { id: trip_id } = trip;
  await alice.budgets.createMany([
    { trip_id, amount: '500', currency: 'NZD', category: 'fuel', period: 'weekly', starts_on: '2026-12-01' },
    { trip_id, amount: '9000', currency: 'AUD', period: 'trip', starts_on: '2026-11-01' },
    { amount: '1', period: 'monthly', starts_on: '2026-12-01' },
  ]);
  await alice.expenses.create({ trip_id, amount: '42.50', currency: 'AUD', category: 'fuel' });
  return { ...alice, trip: await alice.trips.get(trip_id) };
}

describe('a copy of a trip', () => {
  test('has its plan, and neither its expenses nor its status', async () => {
    const { trips, budgets, trip } = await traveller();
    const copy = await trips.duplicate(trip.id);
    expect(copy).toEqual({
      ...trip,
      ...lap,
      id: copy.id,
      status: 'planning',
      budget_spent: '0.00',
      spent_by_currency: {},
      expense_count: 0,
      version: 1,
      created_at: copy.created_at,
      updated_at: copy.created_at,
    });
    expect(copy.id).not.toBe(trip.id);
    expect(copy.created_at.valueOf()).toBeGreaterThan(trip.created_at.valueOf());
    expect(await trips.get(copy.id)).toEqual(copy);
    expect(await trips.get(trip.id)).toEqual(trip);
    expect((await budgets.list({ trip_id: copy.id })).items).toEqual([]);
  });

  test('moves all dates along with its start, also those of budgets', async () => {
    const { trips, budgets, trip } = await traveller();
    const given = { id: randomUUID(), name: 'Big Lap 2028', start_date: '2027-12-01', budgets: true };
    const copy = await trips.duplicate(trip.id, given);
    expect(copy).toMatchObject({
      id: given.id,
      name: 'Big Lap 2028',
      start_date: '2027-12-01',
      // 2028 is a leap year, and the trip takes as many days.
      end_date: '2028-02-28',
      destinations: [
        { ...lap.destinations[0], arrive_on: '2027-12-01', leave_on: '2027-12-05' },
        { name: 'Nullarbor' },
        { name: 'Eucla', leave_on: '2027-12-31' },
      ],
    });
    const { items } = await budgets.list({ trip_id: copy.id });
    expect(items).toHaveLength(2);
    const [weekly, whole] = items.toSorted((a, b) => b.period.localeCompare(a.period));
    expect(weekly).toMatchObject({ amount: '500.00', currency: 'NZD', category: 'fuel', starts_on: '2027-12-01' });
    expect(whole).toMatchObject({ amount: '9000.00', currency: 'AUD', category: null, starts_on: '2027-11-01' });
    expect((await budgets.list()).items).toHaveLength(5);
  });

  test.each<[string, object, string, object]>([
    [
      'the first date of a stop, where the trip has no start',
      {
        destinations: [
          { name: 'b', arrive_on: '2026-01-10' },
          { name: 'a', leave_on: '2026-01-05' },
        ],
      },
      '2026-03-01',
      {
        destinations: [
          { name: 'b', arrive_on: '2026-03-06' },
          { name: 'a', leave_on: '2026-03-01' },
        ],
      },
    ],
    [
      'nothing, where there is no date',
      { destinations: [{ name: 'a' }] },
      '2026-03-01',
      { destinations: [{ name: 'a' }] },
    ],
    [
      'its start backwards',
      { start_date: '2028-03-01', end_date: '2028-03-31' },
      '2027-03-01',
      { end_date: '2027-03-31' },
    ],
  ])('counts days from %s', async (_, plan, start_date, moved) => {
    const { trips } = await sessions.signUp();
    const { id } = await trips.create({ name: 'Big Lap', ...plan });
    expect(await trips.duplicate(id, { start_date })).toMatchObject({ start_date, ...moved });
    expect(await trips.duplicate(id)).toMatchObject(plan);
  });

  test('that is sent twice is made once, and the stored row comes back', async () => {
    const { trips, budgets, trip } = await traveller();
    const id = randomUUID();
    const made = await trips.duplicate(trip.id, { id, budgets: true });
    const changed = await trips.update(made.id, { name: 'Changed' });
    expect(await trips.duplicate(trip.id, { id: id.toUpperCase(), budgets: true, name: 'Other' })).toEqual(changed);
    await trips.delete(trip.id);
    expect(await trips.duplicate(trip.id, { id, budgets: true })).toEqual(changed);
    expect((await budgets.list({ trip_id: id })).items).toHaveLength(2);
    expect((await trips.list()).items).toHaveLength(1);
  });

  test('that sixteen connections send at once is made once, with its budgets', async () => {
    const { trips, budgets, trip } = await traveller();
    const id = randomUUID();
    const rows = await sessions.sixteenTimes('trips', () => trips.duplicate(trip.id, { id, budgets: true }));
    expect(new Set(rows.map((row) => JSON.stringify(row))).size).toBe(1);
    expect((await budgets.list({ trip_id: id })).items).toHaveLength(2);
    expect((await trips.list()).items).toHaveLength(2);
  });

  test('is not made of somebody else’s, nor under their id, by the service neither', async () => {
    const { trips, trip } = await traveller();
    const bob = await traveller();
    for (const other of [bob.trips, sessions.database.asService().onBehalfOf(bob.id).trips]) {
      for (const id of [trip.id, randomUUID()]) {
        await expect(other.duplicate(id, { budgets: true })).rejects.toThrow(NotFoundError);
      }
      await expect(other.duplicate(bob.trip.id, { id: trip.id, budgets: true })).rejects.toThrow(UniqueError);
    }
    expect((await bob.trips.list()).items).toEqual([bob.trip]);
    expect((await trips.list()).items).toEqual([trip]);
  });

  test('is not made with a date beyond the calendar, nor a part of it', async () => {
    const { trips, budgets, trip } = await traveller();
    await expect(trips.duplicate(trip.id, { start_date: '2999-12-01', budgets: true })).rejects.toThrow(CheckError);
    await budgets.create({ trip_id: trip.id, amount: 1, period: 'weekly', starts_on: '1900-01-01' });
    await expect(trips.duplicate(trip.id, { start_date: '2025-12-01', budgets: true })).rejects.toMatchObject({
      constraint: 'budgets_starts_on_check',
    });
    expect((await trips.list()).items).toEqual([trip]);
    expect((await budgets.list()).items).toHaveLength(4);
  });

  test('is not made by a suspended user', async () => {
    const { trips, trip, ...alice } = await traveller();
    await sessions.suspend(alice);
    await expect(trips.duplicate(trip.id)).rejects.toThrow(PermissionError);
  });

  test.each<[object | null]>([
    [{ id: '42' }],
    [{ name: ' ' }],
    [{ start_date: '2026-02-30' }],
    [{ start_date: null }],
    [{ budgets: 'yes' }],
    [{ status: 'active' }],
    [null],
  ])('is not asked for with %j', async (wrong) => {
    const { trips, trip } = await traveller();
    await expect(trips.duplicate(trip.id, wrong as TripCopy)).rejects.toThrow(ValidationError);
    await expect(trips.duplicate('42')).rejects.toThrow(ValidationError);
    await expect(trips.duplicate(trip.id, { id: trip.id.toUpperCase() })).rejects.toThrow(ValidationError);
  });
});
