import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { NotFoundError, ValidationError } from '../../src/index.ts';
import type { Destination, TripDay, TripInput } from '../../src/types.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

/** "04-02:a 04-03:ab": each day with the stops of that day. */
const written = (days: TripDay[]) =>
  days.map(({ date, stops }) => `${date.slice(5)}:${stops.map(({ name }) => name).join('')}`).join(' ');

const stop = (name: string, arrive?: string, leave?: string): Destination => ({
  name,
  ...(arrive && { arrive_on: `2026-${arrive}` }),
  ...(leave && { leave_on: `2026-${leave}` }),
});

const dates = (start: string, end?: string) => ({
  start_date: `2026-${start}`,
  ...(end && { end_date: `2026-${end}` }),
});

describe('the days of a trip', () => {
  test.each<[string, Omit<TripInput, 'name'>, string]>([
    ['without any date', { destinations: [stop('a')] }, ''],
    ['with a start alone', dates('04-02'), '04-02:'],
    ['with dates and no stop', dates('04-02', '04-04'), '04-02: 04-03: 04-04:'],
    [
      'with stops that follow each other',
      {
        ...dates('04-01', '04-06'),
        destinations: [stop('a', '04-02', '04-03'), stop('b', '04-03', '04-04'), stop('c')],
      },
      '04-01: 04-02:a 04-03:ab 04-04:b 04-05: 04-06:',
    ],
    [
      'with stops that know when they begin',
      {
        ...dates('04-01', '04-06'),
        destinations: [stop('a', '04-01'), stop('x'), stop('b', '04-03'), stop('c', '04-05')],
      },
      '04-01:a 04-02:a 04-03:ab 04-04:b 04-05:bc 04-06:c',
    ],
    [
      'with stops that know when they end',
      { ...dates('04-01', '04-06'), destinations: [stop('a', undefined, '04-02'), stop('b', undefined, '04-04')] },
      '04-01:a 04-02:ab 04-03:b 04-04:b 04-05: 04-06:',
    ],
    ['with stops alone', { destinations: [stop('a', '02-27'), stop('b', '03-01')] }, '02-27:a 02-28:a 03-01:ab'],
    [
      'with stops outside of its dates',
      { ...dates('04-02', '04-03'), destinations: [stop('a', '04-01', '04-02'), stop('b', '04-05')] },
      '04-01:a 04-02:a 04-03: 04-04: 04-05:b',
    ],
    [
      'with stops in no order',
      {
        destinations: [
          stop('a', '04-03'),
          stop('b', '04-01'),
          stop('c', undefined, '04-02'),
          stop('d', undefined, '03-31'),
        ],
      },
      '03-31:d 04-01:bc 04-02:bc 04-03:a',
    ],
    [
      'with a stop that is left after the trip',
      { ...dates('04-01', '04-02'), destinations: [stop('a', undefined, '04-03')] },
      '04-01:a 04-02:a 04-03:a',
    ],
    [
      'at one place twice',
      { destinations: [stop('a', '04-01', '04-01'), stop('a', '04-03')] },
      '04-01:a 04-02: 04-03:a',
    ],
  ])('%s', async (_, plan, expected) => {
    const { trips } = await sessions.signUp();
    const { id } = await trips.create({ name: 'Big Lap', ...plan });
    expect(written(await trips.days(id))).toBe(expected);
  });

  test('have a date, a number, and the places of their stops', async () => {
    const { trips } = await sessions.signUp();
    const destinations = [stop('x'), stop('a', '12-31'), stop('b', undefined, '12-31')];
    const { id } = await trips.create({ name: 'Big Lap', ...dates('12-30'), end_date: '2027-01-01', destinations });
    const days = [
      { date: '2026-12-30', day: 1, stops: [] },
      {
        date: '2026-12-31',
        day: 2,
        stops: [
          { at: 1, name: 'a' },
          { at: 2, name: 'b' },
        ],
      },
      { date: '2027-01-01', day: 3, stops: [] },
    ];
    expect(await trips.days(id)).toEqual(days);
    expect(await trips.days(id, { from: '2026-12-31' })).toEqual(days.slice(1));
    expect(await trips.days(id, { to: '2026-12-31' })).toEqual(days.slice(0, 2));
    expect(await trips.days(id, { from: '2026-12-31', to: '2026-12-31' })).toEqual(days.slice(1, 2));
    expect(await trips.days(id, { from: '1900-01-01', to: '2999-12-31' })).toEqual(days);
    expect(await trips.days(id, { from: '2027-01-02' })).toEqual([]);
    expect(await trips.days(id, { to: '2026-12-29' })).toEqual([]);
  });

  test('are 1100 at most', async () => {
    const { trips } = await sessions.signUp();
    const { id } = await trips.create({ name: 'Life', start_date: '1900-01-01', end_date: '2999-12-31' });
    await expect(trips.days(id)).rejects.toThrow(ValidationError);
    await expect(trips.days(id, { from: '1900-01-01', to: '1903-01-06' })).rejects.toThrow(ValidationError);
    const days = await trips.days(id, { from: '2900-01-01', to: '2903-01-05' });
    expect(days).toHaveLength(1100);
    expect(days[0]).toEqual({ date: '2900-01-01', day: 365_244, stops: [] });
  });

  test.each<[object | null]>([
    [{ from: '2026-02-30' }],
    [{ from: '2026-02-02', to: '2026-02-01' }],
    [{ since: '2026-02-02' }],
    [null],
  ])('are not asked for with %j', async (wrong) => {
    const { trips } = await sessions.signUp();
    const { id } = await trips.create({ name: 'Big Lap' });
    await expect(trips.days(id, wrong as object)).rejects.toThrow(ValidationError);
  });
});

describe('the distance of a trip', () => {
  const perth = { name: 'Perth', lat: -31.9523, lng: 115.8613 };
  const adelaide = { name: 'Adelaide', lat: -34.9285, lng: 138.6007 };
  const suva = { name: 'Suva', lat: -18.1248, lng: 178.4501 };
  const apia = { name: 'Apia', lat: -13.8333, lng: -171.7667 };

  test.each<[string, Destination[], number | null, number]>([
    ['no stop', [], null, 0],
    ['one stop', [perth], null, 0],
    ['one stop on the map', [perth, { name: 'x' }], null, 0],
    ['the same place twice', [perth, perth], 0, 0],
    ['two stops', [perth, adelaide], 2_131_000, 5000],
    ['there and back, past a place that is nowhere', [perth, { name: 'x' }, adelaide, perth], 4_262_000, 10_000],
    ['across the date line', [suva, apia], 1_145_000, 10_000],
    [
      'half of the equator',
      [
        { name: 'a', lat: 0, lng: -90 },
        { name: 'b', lat: 0, lng: 90 },
      ],
      20_015_115,
      5,
    ],
    [
      'pole to pole',
      [
        { name: 'n', lat: 90, lng: 0 },
        { name: 's', lat: -90, lng: 123 },
      ],
      20_015_115,
      5,
    ],
  ])('in a straight line, over %s', async (_, destinations, metres, tolerance) => {
    const { trips } = await sessions.signUp();
    const { id } = await trips.create({ name: 'Big Lap', destinations });
    const { straight_line_metres, ...route } = await trips.distance(id);
    expect(route).toEqual({ route_metres: null, route_seconds: null });
    if (metres === null) expect(straight_line_metres).toBeNull();
    else expect(Math.abs((straight_line_metres ?? Number.NaN) - metres)).toBeLessThanOrEqual(tolerance);
    if (metres !== null) expect(Number.isInteger(straight_line_metres)).toBe(true);
  });

  test('by its route is that of all legs', async () => {
    const { trips } = await sessions.signUp();
    const legs = [
      { distance: 1200.5, duration: 60, summary: 'A1' },
      { distance: 300.25, duration: 30.5, summary: 'A2' },
    ];
    const route_data = { distance: 1500.75, duration: 90.5, geometry: 'encoded', legs };
    const { id } = await trips.create({ name: 'Big Lap', route_data });
    expect(await trips.distance(id)).toEqual({
      route_metres: 1500.75,
      route_seconds: 90.5,
      straight_line_metres: null,
    });
    await trips.update(id, { route_data: null });
    expect(await trips.distance(id)).toMatchObject({ route_metres: null, route_seconds: null });
  });
});

test('the days and the distance of somebody else’s trip, or of none, are not found', async () => {
  const { trips } = await sessions.signUp();
  const bob = await sessions.signUp();
  const { id } = await trips.create({ name: 'Big Lap', ...dates('04-02') });
  for (const other of [bob.trips, sessions.database.asService().onBehalfOf(bob.id).trips]) {
    for (const wrong of [id, randomUUID()]) {
      await expect(other.days(wrong)).rejects.toThrow(NotFoundError);
      await expect(other.distance(wrong)).rejects.toThrow(NotFoundError);
    }
    await expect(other.days('42')).rejects.toThrow(ValidationError);
    await expect(other.distance('42')).rejects.toThrow(ValidationError);
  }
});
