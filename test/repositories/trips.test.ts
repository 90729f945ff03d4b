import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CheckError, ConflictError, NotFoundError, type TripRepository, ValidationError } from '../../src/index.ts';
import type { Destination, DestinationPatch, Trip } from '../../src/types.ts';
import { testOwnRows } from './own_rows.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

testOwnRows(sessions, {
  table: 'trips',
  sortedBy: 'created_at',
  repository: ({ trips }) => trips,
  onBehalf: ({ trips }) => trips,
  input: (id) => ({ id, name: 'Big Lap' }),
  patch: {
    name: 'Small Lap',
    description: null,
    start_date: '2026-12-01',
    end_date: '2026-12-01',
    status: 'active' as const,
    budget_total: '9000.00',
    currency: 'AUD',
    route_data: { distance: 1234.5, duration: 99, geometry: 'encoded' },
    destinations: [{ name: 'Perth', lat: -31.95, lng: 115.86 }],
    metadata: { rig: 'van' },
  },
});

describe('a trip', () => {
  test('is planned, without a budget, in the profile’s currency', async () => {
    const alice = await sessions.signUp();
    await alice.profiles.update({ currency: 'NZD' });
    const trip = await alice.trips.create({ name: 'Big Lap' });
    expect(trip).toEqual({
      id: trip.id,
      user_id: alice.id,
      name: 'Big Lap',
      description: null,
      start_date: null,
      end_date: null,
      status: 'planning',
      budget_total: null,
      budget_spent: '0.00',
      spent_by_currency: {},
      expense_count: 0,
      currency: 'NZD',
      route_data: null,
      destinations: [],
      metadata: {},
      version: 1,
      created_at: expect.any(Date),
      updated_at: expect.any(Date),
    });
  });

  test.each<[string | number, string]>([
    ['9000.00', '9000.00'],
    ['0', '0.00'],
    [42.5, '42.50'],
    ['99999999.99', '99999999.99'],
  ])('takes a budget of %j and gives "%s"', async (budget_total, kept) => {
    const { trips } = await sessions.signUp();
    const trip = await trips.create({ name: 'Big Lap', budget_total });
    expect(trip.budget_total).toBe(kept);
    expect((await trips.update(trip.id, { budget_total })).budget_total).toBe(kept);
  });

  test('gives its dates as text', async () => {
    const { trips } = await sessions.signUp();
    const dates = { start_date: '2026-12-01', end_date: '2027-02-28' };
    expect(await trips.create({ name: 'Big Lap', ...dates })).toMatchObject(dates);
  });

  test('that ends before it starts is a CheckError', async () => {
    const { trips } = await sessions.signUp();
    const wrong = trips.create({ name: 'Big Lap', start_date: '2026-12-02', end_date: '2026-12-01' });
    await expect(wrong).rejects.toThrow(CheckError);
    const trip = await trips.create({ name: 'Big Lap', start_date: '2026-12-02' });
    await expect(trips.update(trip.id, { end_date: '2026-12-01' })).rejects.toMatchObject({
      constraint: 'trips_dates_check',
      message: 'A trip that ends needs a start date, and must not end before it.',
    });
  });

  test('loses its route, description and dates when they become null', async () => {
    const { trips } = await sessions.signUp();
    const given = { description: 'West', start_date: '2026-12-01', budget_total: '1.00' };
    const { id } = await trips.create({ name: 'Big Lap', ...given, route_data: { distance: 1, duration: 1 } });
    const nothing = { description: null, start_date: null, budget_total: null, route_data: null };
    expect(await trips.update(id, nothing)).toMatchObject(nothing);
  });

  test('has the status it is set to, and is listed by it', async () => {
    const { trips } = await sessions.signUp();
    const [one, other] = await trips.createMany([{ name: 'one' }, { name: 'other' }]);
    expect(await trips.setStatus(one?.id ?? '', 'completed')).toMatchObject({ status: 'completed', version: 2 });
    const names = async (status: Trip['status']) => (await trips.list({ status })).items.map(({ name }) => name);
    expect(await names('completed')).toEqual(['one']);
    expect(await names('planning')).toEqual(['other']);
    expect(await names('cancelled')).toEqual([]);
    await expect(trips.setStatus(randomUUID(), 'active')).rejects.toThrow(NotFoundError);
    await expect(trips.setStatus(other?.id ?? '', 'lost' as 'active')).rejects.toThrow(ValidationError);
    await expect(trips.list({ status: 'lost' as 'active' })).rejects.toThrow(ValidationError);
  });

  test('that is deleted leaves its expenses and posts without a trip', async () => {
    const { trips, expenses, posts } = await sessions.signUp();
    const { id: trip_id } = await trips.create({ name: 'Big Lap' });
    const expense = await expenses.create({ trip_id, amount: '1', category: 'fuel' });
    const post = await posts.create({ trip_id, title: 'Red dust', content: 'We saw it.' });
    expect(await trips.delete(trip_id)).toBe(true);
    expect(await expenses.get(expense.id)).toMatchObject({ trip_id: null });
    expect(await posts.get(post.id)).toMatchObject({ trip_id: null });
  });
});

describe('an itinerary', () => {
  const stops = (names: string): Destination[] => [...names].map((name) => ({ name }));
  const names = ({ destinations }: Trip) => destinations.map(({ name }) => name).join('');

  async function tripThrough(places: string) {
    const alice = await sessions.signUp();
    return { ...alice, trip: await alice.trips.create({ name: 'Big Lap', destinations: stops(places) }) };
  }

  test.each<[string, number | undefined, string]>([
    ['', undefined, 'x'],
    ['abc', undefined, 'abcx'],
    ['abc', 0, 'xabc'],
    ['abc', 1, 'axbc'],
    ['abc', 3, 'abcx'],
    ['abc', 150, 'abcx'],
  ])('"%s" with a stop added at %s is "%s"', async (before, at, after) => {
    const { trips, trip } = await tripThrough(before);
    const changed = await trips.addDestination(trip.id, { name: 'x' }, { at });
    expect(names(changed)).toBe(after);
    expect(changed.version).toBe(2);
  });

  test('keeps all that is known of a stop', async () => {
    const { trips, trip } = await tripThrough('a');
    expect((await trips.addDestination(trip.id, moab, { at: 0 })).destinations).toEqual([moab, { name: 'a' }]);
  });

  test.each([
    ['abcd', 0, 2, 'bcad'],
    ['abcd', 0, 3, 'bcda'],
    ['abcd', 3, 0, 'dabc'],
    ['abcd', 2, 1, 'acbd'],
    ['abcd', 1, 1, 'abcd'],
    ['abcd', 1, 100, 'acdb'],
  ])('"%s" with the stop at %i moved to %i is "%s"', async (before, from, to, after) => {
    const { trips, trip } = await tripThrough(before);
    expect(names(await trips.moveDestination(trip.id, { from, to }))).toBe(after);
  });

  test.each([
    ['abc', 0, 'bc'],
    ['abc', 2, 'ab'],
    ['a', 0, ''],
  ])('"%s" without the stop at %i is "%s"', async (before, at, after) => {
    const { trips, trip } = await tripThrough(before);
    expect(names(await trips.removeDestination(trip.id, at))).toBe(after);
  });

  test('says so if there is no stop at that place, and stays as it is', async () => {
    const { trips, trip } = await tripThrough('abc');
    await expect(trips.moveDestination(trip.id, { from: 3, to: 0 })).rejects.toThrow(NotFoundError);
    await expect(trips.removeDestination(trip.id, 3)).rejects.toThrow(NotFoundError);
    await expect(trips.updateDestination(trip.id, 3, { name: 'x' })).rejects.toThrow(NotFoundError);
    for (const place of [-1, 1.5, 201]) {
      await expect(trips.addDestination(trip.id, { name: 'x' }, { at: place })).rejects.toThrow(ValidationError);
      await expect(trips.moveDestination(trip.id, { from: 0, to: place })).rejects.toThrow(ValidationError);
      await expect(trips.moveDestination(trip.id, { from: place, to: 0 })).rejects.toThrow(ValidationError);
      await expect(trips.removeDestination(trip.id, place)).rejects.toThrow(ValidationError);
      await expect(trips.updateDestination(trip.id, place, { name: 'x' })).rejects.toThrow(ValidationError);
    }
    expect(await trips.get(trip.id)).toEqual(trip);
  });

  const moab = {
    name: 'Moab',
    lat: 38.5733,
    lng: -109.5498,
    arrive_on: '2026-04-02',
    leave_on: '2026-04-05',
    notes: 'Water.',
  };

  test.each<[DestinationPatch, object]>([
    [{ name: 'Zion' }, { ...moab, name: 'Zion' }],
    [
      { lat: 1, lng: -2 },
      { ...moab, lat: 1, lng: -2 },
    ],
    [{ arrive_on: '2026-04-05' }, { ...moab, arrive_on: '2026-04-05' }],
    [
      { arrive_on: '2027-01-01', leave_on: '2027-01-02' },
      { ...moab, arrive_on: '2027-01-01', leave_on: '2027-01-02' },
    ],
    [
      { notes: null, leave_on: null },
      { name: 'Moab', lat: 38.5733, lng: -109.5498, arrive_on: '2026-04-02' },
    ],
    [
      { lat: null, lng: null, arrive_on: null },
      { name: 'Moab', leave_on: '2026-04-05', notes: 'Water.' },
    ],
  ])('has a stop changed by %j, and the others as they were', async (patch, changed) => {
    const { trips } = await sessions.signUp();
    const { id } = await trips.create({ name: 'Big Lap', destinations: [{ name: 'a' }, moab, { name: 'b' }] });
    const { destinations, version } = await trips.updateDestination(id, 1, patch);
    expect(destinations).toEqual([{ name: 'a' }, changed, { name: 'b' }]);
    expect(version).toBe(2);
    expect((await trips.updateDestination(id, 0, { ...moab, name: 'c' })).destinations[0]).toEqual({
      ...moab,
      name: 'c',
    });
  });

  test.each<[object | null]>([
    [{}],
    [{ name: undefined }],
    [{ name: null }],
    [{ name: ' ' }],
    [{ lat: 1 }],
    [{ lat: 1, lng: null }],
    [{ lat: 91, lng: 0 }],
    [{ arrive_on: '2026-02-30' }],
    [{ arrive_on: '2026-04-02', leave_on: '2026-04-01' }],
    [{ colour: 'red' }],
    [null],
  ])('has no stop changed by %j', async (patch) => {
    const { trips, trip } = await tripThrough('ab');
    await expect(trips.updateDestination(trip.id, 0, patch as DestinationPatch)).rejects.toThrow(ValidationError);
    expect(await trips.get(trip.id)).toEqual(trip);
  });

  test('has no stop that leaves before it arrives, whichever of the two changes', async () => {
    const { trips } = await sessions.signUp();
    const { id } = await trips.create({ name: 'Big Lap', destinations: [moab] });
    const constraint = 'trips_destinations_check';
    await expect(trips.updateDestination(id, 0, { arrive_on: '2026-04-06' })).rejects.toMatchObject({ constraint });
    await expect(trips.updateDestination(id, 0, { leave_on: '2026-04-01' })).rejects.toMatchObject({ constraint });
  });

  test('keeps what sixteen devices say of one stop at once', async () => {
    const { trips, trip } = await tripThrough('a');
    const patches: DestinationPatch[] = [
      { notes: 'Water.' },
      { lat: 1, lng: 2 },
      { arrive_on: '2026-04-02' },
      { name: 'x' },
    ];
    let next = 0;
    await sessions.sixteenTimes('trips', () => trips.updateDestination(trip.id, 0, patches[next++ % 4] ?? {}));
    const { destinations } = await trips.get(trip.id);
    expect(destinations).toEqual([{ name: 'x', notes: 'Water.', lat: 1, lng: 2, arrive_on: '2026-04-02' }]);
  });

  describe('and the status, changed with if_version', () => {
    const changes: [string, (trips: TripRepository, id: string, options: { if_version?: number }) => Promise<Trip>][] =
      [
        ['addDestination', (trips, id, options) => trips.addDestination(id, { name: 'x' }, { at: 0, ...options })],
        ['updateDestination', (trips, id, options) => trips.updateDestination(id, 1, { name: 'x' }, options)],
        ['moveDestination', (trips, id, options) => trips.moveDestination(id, { from: 1, to: 0 }, options)],
        ['removeDestination', (trips, id, options) => trips.removeDestination(id, 1, options)],
        ['setStatus', (trips, id, options) => trips.setStatus(id, 'active', options)],
        ['update', (trips, id, options) => trips.update(id, { name: 'x' }, options)],
      ];

    test.each(changes)('by %s are changed as they were read, or not', async (_, change) => {
      const { trips, trip } = await tripThrough('ab');
      expect(await change(trips, trip.id, { if_version: undefined })).toMatchObject({ version: 2 });
      const { id, version } = await trips.create({ name: 'Big Lap', destinations: stops('ab') });
      const changed = await change(trips, id, { if_version: version });
      expect(changed).toMatchObject({ version: 2 });
      for (const other of [1, 3]) {
        await expect(change(trips, id, { if_version: other })).rejects.toThrow(ConflictError);
      }
      await expect(change(trips, randomUUID(), { if_version: 1 })).rejects.toThrow(NotFoundError);
      expect(await trips.get(id)).toEqual(changed);
    });

    test.each(changes)('by %s are not changed with what is no version', async (_, change) => {
      const { trips, trip } = await tripThrough('ab');
      for (const wrong of [0, -1, 1.5, '1', null, Number.NaN, 2 ** 31]) {
        await expect(change(trips, trip.id, { if_version: wrong as number })).rejects.toThrow(ValidationError);
      }
      await expect(change(trips, trip.id, { ifVersion: 1 } as object)).rejects.toThrow(ValidationError);
      expect(await trips.get(trip.id)).toEqual(trip);
    });

    test('are not found where there is no such stop in that version', async () => {
      const { trips, trip } = await tripThrough('ab');
      const options = { if_version: 1 };
      await expect(trips.updateDestination(trip.id, 2, { name: 'x' }, options)).rejects.toThrow(NotFoundError);
      await expect(trips.moveDestination(trip.id, { from: 2, to: 0 }, options)).rejects.toThrow(NotFoundError);
      await expect(trips.removeDestination(trip.id, 2, options)).rejects.toThrow(NotFoundError);
      await trips.removeDestination(trip.id, 0);
      await expect(trips.removeDestination(trip.id, 1, options)).rejects.toThrow(ConflictError);
    });
  });

  test('holds 200 stops, and no more', async () => {
    const { trips, trip } = await tripThrough('a'.repeat(199));
    expect((await trips.addDestination(trip.id, { name: 'z' })).destinations.at(-1)).toEqual({ name: 'z' });
    for (const at of [0, 200, undefined]) {
      await expect(trips.addDestination(trip.id, { name: 'x' }, { at })).rejects.toThrow(CheckError);
    }
    expect((await trips.moveDestination(trip.id, { from: 199, to: 0 })).destinations[0]).toEqual({ name: 'z' });
    expect((await trips.removeDestination(trip.id, 199)).destinations).toHaveLength(199);
  });

  test('loses no stop that two devices add at once', async () => {
    const { trips, trip } = await tripThrough('');
    await sessions.sixteenTimes('trips', () => trips.addDestination(trip.id, { name: 'x' }));
    expect(names(await trips.get(trip.id))).toBe('x'.repeat(16));
  });

  test('of somebody else, or of no trip, cannot be changed, nor by the service for another', async () => {
    const { trips, trip } = await tripThrough('ab');
    const bob = await sessions.signUp();
    for (const other of [bob.trips, sessions.database.asService().onBehalfOf(bob.id).trips]) {
      for (const id of [trip.id, randomUUID()]) {
        await expect(other.addDestination(id, { name: 'x' })).rejects.toThrow(NotFoundError);
        await expect(other.moveDestination(id, { from: 0, to: 1 })).rejects.toThrow(NotFoundError);
        await expect(other.removeDestination(id, 0)).rejects.toThrow(NotFoundError);
        await expect(other.updateDestination(id, 0, { name: 'x' })).rejects.toThrow(NotFoundError);
        await expect(other.setStatus(id, 'active')).rejects.toThrow(NotFoundError);
      }
    }
    expect(await trips.get(trip.id)).toEqual(trip);
  });

  test.each([
    ['without a name', {}],
    ['with a latitude alone', { name: 'x', lat: 1 }],
    ['that leaves before it arrives', { name: 'x', arrive_on: '2026-12-02', leave_on: '2026-12-01' }],
    ['with a field nobody knows', { name: 'x', latitude: 1 }],
  ])('takes no stop %s', async (_, stop) => {
    const { trips, trip } = await tripThrough('ab');
    await expect(trips.addDestination(trip.id, stop as Destination)).rejects.toThrow(ValidationError);
    await expect(trips.update(trip.id, { destinations: [stop as Destination] })).rejects.toThrow(ValidationError);
  });
});

describe('a search', () => {
  async function travellers() {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    // One after the other: what is equally good comes newest first.
    await alice.trips.create({ name: 'Yosemite', description: 'Driving through the valley' });
    await alice.trips.create({ name: 'The valley', status: 'completed' });
    await alice.trips.create({ name: 'Coast', description: 'Yosemite on the way home' });
    await bob.trips.create({ name: 'Yosemite with Bob' });
    return { alice, bob };
  }

  test.each([
    ['a word', 'valley', ['The valley', 'Yosemite']],
    ['the start of a word', 'yos', ['Yosemite', 'Coast']],
    ['another form of a word', 'drives', ['Yosemite']],
    ['all of several words', 'yosemite home', ['Coast']],
    ['nothing', '', []],
    ['nothing but signs', "') | & :*", []],
    ['a word that is nowhere', 'kakadu', []],
  ])('for %s finds the user’s own, the best first', async (_, term, found) => {
    const { alice } = await travellers();
    const rows = await alice.trips.search(term);
    expect(rows.map(({ trip_name }) => trip_name)).toEqual(found);
  });

  test('gives the row of its type', async () => {
    const { alice } = await travellers();
    const [row] = await alice.trips.search('coast');
    expect(row).toEqual({
      trip_id: expect.any(String),
      trip_name: 'Coast',
      description: 'Yosemite on the way home',
      user_email: `${alice.id}@example.com`,
      status: 'planning',
      created_at: expect.any(Date),
      rank: expect.any(Number),
      user_id: alice.id,
    });
  });

  test('may ask for a status and a number', async () => {
    const { alice } = await travellers();
    expect(await alice.trips.search('valley', { status: 'completed' })).toMatchObject([{ trip_name: 'The valley' }]);
    expect(await alice.trips.search('yosemite', { limit: 1 })).toHaveLength(1);
    await expect(alice.trips.search('x', { status: 'lost' as 'active' })).rejects.toThrow(ValidationError);
    await expect(alice.trips.search('x', { limit: 0 })).rejects.toThrow(ValidationError);
    await expect(alice.trips.search('a\0b')).rejects.toThrow(ValidationError);
  });

  test('by the service for a user finds theirs alone', async () => {
    const { bob } = await travellers();
    const rows = await sessions.database.asService().onBehalfOf(bob.id).trips.search('yosemite');
    expect(rows.map(({ trip_name }) => trip_name)).toEqual(['Yosemite with Bob']);
  });
});

describe('the financial summary', () => {
  test('counts the trip’s currency and shows all, with the ten newest expenses', async () => {
    const { trips, expenses, id: user_id } = await sessions.signUp();
    const trip = await trips.create({ name: 'Big Lap', budget_total: '100', currency: 'AUD' });
    await expenses.createMany([
      ...Array.from({ length: 11 }, (_, day) => ({
        trip_id: trip.id,
        amount: '10.05',
        currency: 'AUD',
        category: 'fuel',
        date: `2026-12-${10 + day}`,
      })),
      { trip_id: trip.id, amount: '7', currency: 'NZD', category: 'ferry', date: '2026-12-25' },
      { amount: '1000', currency: 'AUD', category: 'tyres' },
    ]);
    const summary = await trips.financialSummary(trip.id);
    expect(summary).toEqual({
      trip_id: trip.id,
      trip_name: 'Big Lap',
      user_id,
      budget_total: '100.00',
      actual_spent: '110.55',
      remaining_budget: '-10.55',
      expense_count: 12,
      recent_expenses: expect.any(Array),
      currency: 'AUD',
      spent_by_currency: { AUD: '110.55', NZD: '7.00' },
    });
    expect(summary.recent_expenses).toHaveLength(10);
    expect(summary.recent_expenses[0]).toEqual({
      id: expect.any(String),
      category: 'ferry',
      amount: '7.00',
      currency: 'NZD',
      date: '2026-12-25',
    });
  });

  test('of a trip without budget or expenses is empty', async () => {
    const { trips } = await sessions.signUp();
    const { id } = await trips.create({ name: 'Big Lap' });
    expect(await trips.financialSummary(id)).toMatchObject({
      budget_total: null,
      actual_spent: '0.00',
      remaining_budget: null,
      expense_count: 0,
      recent_expenses: [],
      spent_by_currency: {},
    });
  });

  test('of somebody else’s trip is not found', async () => {
    const { trips } = await sessions.signUp();
    const bob = await sessions.signUp();
    const { id } = await trips.create({ name: 'Big Lap' });
    await expect(bob.trips.financialSummary(id)).rejects.toThrow(NotFoundError);
    await expect(sessions.database.asService().onBehalfOf(bob.id).trips.financialSummary(id)).rejects.toThrow(
      NotFoundError,
    );
    await expect(bob.trips.financialSummary('42')).rejects.toThrow(ValidationError);
  });
});
