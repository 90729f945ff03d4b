import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ForeignKeyError, ValidationError } from '../../src/index.ts';
import { type PlaceFilter, type PlaceInput, placeKinds } from '../../src/types.ts';
import { testOwnRows } from './own_rows.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

const tap = { name: 'Tap', kind: 'water' as const, location: { lat: -25.352812, lng: 131.034281 } };

testOwnRows(sessions, {
  table: 'places',
  sortedBy: 'created_at',
  repository: ({ places }) => places,
  onBehalf: ({ places }) => places,
  input: (id) => ({ id, ...tap, rating: 3, notes: 'Slow.' }),
  patch: {
    trip_id: null,
    name: 'Lone Mesa',
    kind: 'campsite' as const,
    location: { lat: 38.637219, lng: -109.815328, name: 'Moab' },
    rating: null,
    notes: null,
    tags: ['free', 'quiet'],
  },
});

async function traveller() {
  const alice = await sessions.signUp();
  const [trip, detour] = await alice.trips.createMany([{ name: 'Big Lap' }, { name: 'Detour' }]);
  if (!trip || !detour) throw new Error('no trips');
  return { ...alice, trip, detour };
}

describe('a place', () => {
  test('needs a name, a kind and a location, which is kept as exactly as it is given', async () => {
    const { places, id: user_id } = await sessions.signUp();
    const place = await places.create(tap);
    expect(place).toEqual({
      ...tap,
      id: place.id,
      user_id,
      trip_id: null,
      rating: null,
      notes: null,
      tags: [],
      version: 1,
      created_at: expect.any(Date),
      updated_at: expect.any(Date),
    });
  });

  test.each(placeKinds)('may be of the kind %s', async (kind) => {
    const { places } = await sessions.signUp();
    expect(await places.create({ ...tap, kind })).toMatchObject({ kind });
  });

  test('has its tags once, in lower case, after an update too', async () => {
    const { places } = await sessions.signUp();
    const { id, tags } = await places.create({ ...tap, tags: [' Cold', 'cold', 'Free'] });
    expect(tags).toEqual(['cold', 'free']);
    expect(await places.update(id, { tags: ['WARM '] })).toMatchObject({ tags: ['warm'] });
    expect(await places.update(id, { tags: [] })).toMatchObject({ tags: [] });
  });

  test('keeps what a patch does not name', async () => {
    const { places, trip } = await traveller();
    const place = await places.create({ ...tap, trip_id: trip.id, rating: 4, notes: 'Slow.', tags: ['cold'] });
    const changed = await places.update(place.id, { rating: 5 });
    expect(changed).toEqual({ ...place, rating: 5, version: 2, updated_at: changed.updated_at });
  });

  test('outlives its trip', async () => {
    const { places, trips, trip } = await traveller();
    const place = await places.create({ ...tap, trip_id: trip.id });
    await trips.delete(trip.id);
    expect(await places.get(place.id)).toMatchObject({ ...tap, trip_id: null });
  });

  test('is on none but the user’s own trips, for the service too', async () => {
    const { trip } = await traveller();
    const bob = await sessions.signUp();
    for (const { places } of [bob, sessions.database.asService().onBehalfOf(bob.id)]) {
      const { id } = await places.create(tap);
      for (const trip_id of [trip.id, randomUUID()]) {
        await expect(places.create({ ...tap, trip_id })).rejects.toThrow(ForeignKeyError);
        await expect(places.update(id, { trip_id })).rejects.toThrow(ForeignKeyError);
      }
    }
  });

  test.each<[string, object]>([
    ['no name', { name: undefined }],
    ['a blank name', { name: ' ' }],
    ['no kind', { kind: undefined }],
    ['a kind that nobody knows', { kind: 'hotel' }],
    ['no location', { location: undefined }],
    ['a location of null', { location: null }],
    ['a latitude beyond the pole', { location: { lat: 90.1, lng: 0 } }],
    ['a rating of six', { rating: 6 }],
    ['half a star', { rating: 3.5 }],
    ['blank notes', { notes: '' }],
    ['a trip that is no uuid', { trip_id: '42' }],
  ])('is not made with %s', async (_, wrong) => {
    const { places } = await sessions.signUp();
    const input: PlaceInput = { ...tap, ...wrong };
    await expect(places.create(input)).rejects.toThrow(ValidationError);
    await expect(places.createMany([tap, input])).rejects.toMatchObject({
      issues: [{ path: expect.stringMatching(/^1\./) }],
    });
    expect((await places.list()).items).toEqual([]);
  });
});

describe('a list of places', () => {
  test.each<[string, (trip_id: string) => PlaceFilter, string[]]>([
    ['a kind', () => ({ kind: 'water' }), ['d', 'c', 'a']],
    ['a trip', (trip_id) => ({ trip_id }), ['c', 'b', 'a']],
    ['no trip', () => ({ trip_id: null }), ['d']],
    ['a kind and a trip', (trip_id) => ({ kind: 'water', trip_id }), ['c', 'a']],
    ['nothing in particular', () => ({}), ['e', 'd', 'c', 'b', 'a']],
  ])('may be of %s, newest first, and its pages too', async (_, filter, names) => {
    const { places, trip, detour } = await traveller();
    await places.create({ ...tap, name: 'a', trip_id: trip.id });
    await places.create({ ...tap, name: 'b', trip_id: trip.id, kind: 'fuel' });
    await places.create({ ...tap, name: 'c', trip_id: trip.id });
    await places.create({ ...tap, name: 'd' });
    await places.create({ ...tap, name: 'e', trip_id: detour.id, kind: 'other' });
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await places.list({ ...filter(trip.id), limit: 1, cursor });
      found.push(...page.items.map(({ name }) => name));
      cursor = page.next_cursor;
    } while (cursor);
    expect(found).toEqual(names);
  });

  test.each<[string, object]>([
    ['a kind that nobody knows', { kind: 'hotel' }],
    ['a kind of null', { kind: null }],
    ['a trip that is no uuid', { trip_id: '42' }],
    ['what it is not listed by', { rating: 5 }],
  ])('is not asked for by %s', async (_, filter) => {
    const { places } = await sessions.signUp();
    await expect(places.list(filter)).rejects.toThrow(ValidationError);
  });
});
