import { beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
let alice: string;

beforeAll(async () => {
  alice = await database.signUp();
});

const asAlice = async (text: string, values?: unknown[]) =>
  (await database.as('authenticated', alice, (client) => client.query(text, values))).rows;

const json = (value: unknown) => JSON.stringify(value);

describe('an itinerary', () => {
  const insert =
    "insert into trips (user_id, name, destinations) values (auth.uid(), 'Big Lap', $1) returning id, destinations";
  const perth = {
    name: 'Perth',
    lat: -31.95,
    lng: 115.86,
    arrive_on: '2026-12-01',
    leave_on: '2026-12-03',
    notes: 'Water.',
  };

  test.each([
    ['nothing yet', []],
    ['stops with a name alone', [{ name: 'Perth' }, { name: 'Broome' }]],
    ['a stop with all it may have', [perth]],
    ['a stop of one day', [{ ...perth, leave_on: '2026-12-01' }]],
    ['an arrival alone', [{ name: 'Perth', arrive_on: '2026-12-01' }]],
    ['the same place twice, in this order', [{ name: 'Perth' }, { name: 'Broome' }, { name: 'Perth' }]],
    [
      'the poles and the date line',
      [
        { name: 'x', lat: 90, lng: -180 },
        { name: 'y', lat: -90, lng: 180 },
      ],
    ],
    ['two hundred stops', Array(200).fill({ name: 'x' })],
  ])('holds %s', async (_, stops) => {
    expect((await asAlice(insert, [json(stops)]))[0].destinations).toEqual(stops);
  });

  test.each([
    ['an object', {}],
    ['a text', 'Perth'],
    ['null', null],
    ['texts', ['Perth']],
    ['nulls', [null]],
    ['a list in a list', [[perth]]],
    ['a stop without a name', [{ lat: 1, lng: 1 }]],
    ['a blank name', [{ name: ' ' }]],
    ['a name of 201 characters', [{ name: 'x'.repeat(201) }]],
    ['a name that is a number', [{ name: 7 }]],
    ['a latitude without a longitude', [{ name: 'x', lat: 1 }]],
    ['a latitude beyond the pole', [{ name: 'x', lat: 90.1, lng: 0 }]],
    ['a longitude beyond the date line', [{ name: 'x', lat: 0, lng: 180.1 }]],
    ['coordinates as text', [{ name: 'x', lat: '1', lng: '1' }]],
    ['coordinates that are null', [{ name: 'x', lat: null, lng: null }]],
    ['a day that does not exist', [{ name: 'x', arrive_on: '2026-02-30' }]],
    ['a day of no month', [{ name: 'x', arrive_on: '2026-13-01' }]],
    ['a day with a time', [{ name: 'x', arrive_on: '2026-12-01T00:00:00Z' }]],
    ['a day in words', [{ name: 'x', arrive_on: 'tomorrow' }]],
    ['a day beyond the calendar', [{ name: 'x', arrive_on: '3000-01-01' }]],
    ['a day that is null', [{ name: 'x', arrive_on: null }]],
    ['leaving before arriving', [{ name: 'x', arrive_on: '2026-12-02', leave_on: '2026-12-01' }]],
    ['blank notes', [{ name: 'x', notes: '' }]],
    ['notes of 2001 characters', [{ name: 'x', notes: 'x'.repeat(2001) }]],
    ['a key nobody knows', [{ name: 'x', latitude: 1 }]],
    ['a second stop that is wrong', [perth, {}]],
    ['201 stops', Array(201).fill({ name: 'x' })],
  ])('is not %s', async (_, stops) => {
    const refused = { code: '23514', table: 'trips', constraint: 'trips_destinations_check' };
    await expect(asAlice(insert, [json(stops)])).rejects.toMatchObject(refused);
    const rows = await asAlice(insert, ['[]']);
    await expect(
      asAlice('update trips set destinations = $1 where id = $2', [json(stops), rows[0].id]),
    ).rejects.toMatchObject(refused);
  });

  test('is a list, not nothing', async () => {
    await expect(asAlice(insert, [null])).rejects.toMatchObject({ code: '23502', column: 'destinations' });
  });
});

describe('a route', () => {
  const insert =
    "insert into trips (user_id, name, route_data) values (auth.uid(), 'Big Lap', $1) returning id, route_data";
  const route = { distance: 1234.5, duration: 99, geometry: 'encoded', legs: [{ steps: [] }], weight_name: 'auto' };

  test.each([
    ['a route of Mapbox Directions', route],
    ['its geometry as GeoJSON', { ...route, geometry: { type: 'LineString', coordinates: [[1, 2]] } }],
    ['distance and duration alone', { distance: 0, duration: 0 }],
    ['no route', null],
  ])('may be %s', async (_, value) => {
    expect((await asAlice(insert, [value && json(value)]))[0].route_data).toEqual(value);
  });

  test.each([
    ['a list', [route]],
    ['a text', 'encoded'],
    ['JSON null', null],
    ['without distance', { duration: 1 }],
    ['without duration', { distance: 1 }],
    ['of negative length', { distance: -1, duration: 1 }],
    ['with its distance as text', { distance: '1', duration: 1 }],
    ['with a number for geometry', { ...route, geometry: 1 }],
    ['with one leg instead of a list', { ...route, legs: {} }],
    ['larger than 2 MiB', { ...route, geometry: 'x'.repeat(2_097_152) }],
  ])('may not be %s', async (_, value) => {
    const refused = { code: '23514', table: 'trips', constraint: 'trips_route_data_check' };
    await expect(asAlice(insert, [json(value)])).rejects.toMatchObject(refused);
    const rows = await asAlice(insert, [null]);
    await expect(
      asAlice('update trips set route_data = $1 where id = $2', [json(value), rows[0].id]),
    ).rejects.toMatchObject(refused);
  });
});

describe.each([
  [
    'places',
    "insert into places (user_id, name, kind, location) values (auth.uid(), 'Tap', 'water', $1) returning location",
  ],
  [
    'posts',
    "insert into posts (user_id, title, content, location) values (auth.uid(), 'Red dust', 'x', $1) returning location",
  ],
  [
    'post_locations',
    `with post as (insert into posts (user_id, title, content) values (auth.uid(), 'Red dust', 'x') returning id)
      select id, $1::jsonb from post`,
  ],
])('a location of %s', (table, statement) => {
  const insert = async (location: unknown) => {
    if (table !== 'post_locations') return await asAlice(statement, [json(location)]);
    const rows = await asAlice(statement, [json(location)]);
    return await asAlice(
      'insert into post_locations (post_id, user_id, location) values ($1, auth.uid(), $2) returning location',
      [rows[0].id, json(location)],
    );
  };

  test.each([
    { lat: -36.85, lng: 174.76 },
    { lat: -36.85, lng: 174.76, name: 'Auckland' },
    { lat: -36.8509, lng: 174.7645, name: 'Auckland', exact: true },
    { lat: 90, lng: 180 },
  ])('may be %j', async (location) => {
    expect(await insert(location)).toEqual([{ location }]);
  });

  test.each([
    [[1, 2]],
    ['Auckland'],
    [null],
    [{}],
    [{ lat: 1 }],
    [{ lat: 90.01, lng: 0 }],
    [{ lat: 0, lng: -180.01 }],
    [{ lat: '1', lng: '1' }],
    [{ lat: 1, lng: 1, name: ' ' }],
    [{ lat: 1, lng: 1, name: 'x'.repeat(201) }],
    [{ lat: 1, lng: 1, exact: 'yes' }],
    [{ lat: 1, lng: 1, exact: null }],
    [{ lat: 1, lng: 1, address: 'Queen Street 1' }],
  ])('may not be %j', async (location) => {
    await expect(insert(location)).rejects.toMatchObject({ code: '23514', constraint: `${table}_location_check` });
  });
});

test.each([
  ['is coarse', { lat: -36.850912, lng: 174.764587 }, { lat: -36.85, lng: 174.76 }],
  ['is coarse if its author says so', { lat: 1.239, lng: 2.001, exact: false }, { lat: 1.24, lng: 2, exact: false }],
  ['keeps its name', { lat: 1.239, lng: 2.5, name: 'Camp' }, { lat: 1.24, lng: 2.5, name: 'Camp' }],
  ['is exact if its author says so', { lat: 1.239, lng: 2.001, exact: true }, { lat: 1.239, lng: 2.001, exact: true }],
])('the location of a post %s', async (_, given, kept) => {
  const rows = await asAlice(
    "insert into posts (user_id, title, content, location) values (auth.uid(), 'Red dust', 'x', $1) returning id, location",
    [json(given)],
  );
  expect(rows[0].location).toEqual(kept);
  const update = 'update posts set location = $1 where id = $2 returning location';
  expect(await asAlice(update, [json(given), rows[0].id])).toEqual([{ location: kept }]);
});

describe.each([
  ['trips', 'metadata', "insert into trips (user_id, name, metadata) values ($1, 'Big Lap', $2)"],
  ['expenses', 'metadata', "insert into expenses (user_id, amount, category, metadata) values ($1, 1, 'fuel', $2)"],
  [
    'income_entries',
    'metadata',
    "insert into income_entries (user_id, amount, source, metadata) values ($1, 1, 'work', $2)",
  ],
  ['posts', 'metadata', "insert into posts (user_id, title, content, metadata) values ($1, 'Red dust', 'x', $2)"],
  ['profiles', 'preferences', 'update profiles set preferences = $2 where id = $1'],
  [
    'pam_conversations',
    'context',
    'insert into pam_conversations (user_id, session_id, context) values ($1, gen_random_uuid(), $2)',
  ],
])('%s.%s', (table, column, statement) => {
  const write = async (value: unknown) => {
    const result = await database.as('service_role', (client) => client.query(statement, [alice, json(value)]));
    return result.rowCount;
  };

  test('is an object', async () => {
    expect(await write({ theme: { dark: true }, list: [1, null] })).toBe(1);
  });

  test.each([[[]], ['text'], [7], [true], [null]])('is not %j', async (value) => {
    await expect(write(value)).rejects.toMatchObject({ code: '23514', constraint: `${table}_${column}_check` });
  });

  test('is at most 32 KiB', async () => {
    expect(await write({ a: 'x'.repeat(32_000) })).toBe(1);
    await expect(write({ a: 'x'.repeat(32_768) })).rejects.toMatchObject({ constraint: `${table}_${column}_check` });
  });
});
