import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import {
  destinationSchema,
  imageUrlsSchema,
  itinerarySchema,
  jsonObjectSchema,
  locationSchema,
  routeSchema,
  tagsSchema,
} from '../../src/types/json.ts';

function accepts(schema: z.ZodType, input: unknown): boolean {
  return schema.safeParse(input).success;
}

function nested(levels: number): unknown {
  return levels === 0 ? {} : { inner: nested(levels - 1) };
}

describe('a JSON object', () => {
  test('keeps everything JSON has', () => {
    const value = { text: 'é', number: -1.5, list: [1, null, [true]], object: { a: {} } };
    expect(jsonObjectSchema.parse(value)).toEqual(value);
  });

  test('ends at 16 kB, counted in bytes', () => {
    const overhead = '{"a":""}'.length;
    expect(accepts(jsonObjectSchema, { a: 'x'.repeat(16 * 1024 - overhead) })).toBe(true);
    expect(accepts(jsonObjectSchema, { a: 'x'.repeat(16 * 1024 - overhead + 1) })).toBe(false);
    expect(accepts(jsonObjectSchema, { a: 'é'.repeat(8 * 1024) })).toBe(false);
  });

  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  test.each([
    ['a list', []],
    ['null', null],
    ['text', '{}'],
    ['a date', new Date(0)],
    ['a date inside', { at: new Date(0) }],
    ['a map', new Map()],
    ['NaN', { a: Number.NaN }],
    ['a bigint', { a: 1n }],
    ['a function', { a: () => 1 }],
    ['undefined in a list', { a: [undefined] }],
    ['U+0000', { a: 'a\0' }],
    ['U+0000 in a key', { 'a\0': 1 }],
    ['a lone surrogate', { a: '\ud800' }],
    ['a cycle', cyclic],
    ['depth without end', nested(5000)],
  ])('%s is refused', (_, input) => {
    expect(accepts(jsonObjectSchema, input)).toBe(false);
  });
});

describe('an itinerary', () => {
  test('has stops with a name, and whatever else is known', () => {
    const stops = [
      { name: 'Taupō' },
      { name: 'Wellington', lat: -41.29, lng: 174.78, arrive_on: '2026-12-01', leave_on: '2026-12-01', notes: 'Ferry' },
    ];
    expect(itinerarySchema.parse(stops)).toEqual(stops);
  });

  test.each([
    {},
    { name: '' },
    { name: '   ' },
    { name: 'x'.repeat(201) },
    { name: 'a\0b' },
    { name: 'A', lat: 1 },
    { name: 'A', lng: 1 },
    { name: 'A', lat: 90.1, lng: 0 },
    { name: 'A', lat: 0, lng: -180.1 },
    { name: 'A', lat: Number.NaN, lng: 0 },
    { name: 'A', lat: '1', lng: '2' },
    { name: 'A', arrive_on: '2026-12-02', leave_on: '2026-12-01' },
    { name: 'A', leave_on: '2026-02-30' },
    { name: 'A', notes: 'x'.repeat(2001) },
    { name: 'A', note: 'not a field' },
  ])('%j is no stop', (input) => {
    expect(accepts(destinationSchema, input)).toBe(false);
  });

  test('counts characters as Postgres does and ends at 200 stops', () => {
    expect(accepts(destinationSchema, { name: '🏕'.repeat(200) })).toBe(true);
    expect(accepts(destinationSchema, { name: '🏕'.repeat(201) })).toBe(false);
    expect(accepts(itinerarySchema, Array(200).fill({ name: 'A' }))).toBe(true);
    expect(accepts(itinerarySchema, Array(201).fill({ name: 'A' }))).toBe(false);
  });
});

describe('a route', () => {
  test('keeps what Mapbox adds', () => {
    const route = { distance: 1.5, duration: 0, geometry: 'abc', legs: [{ steps: [] }], weight_name: 'auto' };
    expect(routeSchema.parse(route)).toEqual(route);
    expect(accepts(routeSchema, { distance: 1, duration: 1, geometry: { type: 'LineString' } })).toBe(true);
  });

  test.each([
    { distance: 1 },
    { distance: -1, duration: 1 },
    { distance: 1, duration: Number.POSITIVE_INFINITY },
    { distance: 1, duration: 1, geometry: 5 },
    { distance: 1, duration: 1, legs: ['a'] },
    { distance: 1, duration: 1, at: new Date(0) },
    { distance: 1, duration: 1, geometry: 'x'.repeat(1024 * 1024) },
    [],
  ])('is more than %j', (input) => {
    expect(accepts(routeSchema, input)).toBe(false);
  });
});

describe('a location', () => {
  test('is a point, named or not', () => {
    const location = { lat: -36.85, lng: 174.76, name: 'Auckland', exact: true };
    expect(locationSchema.parse(location)).toEqual(location);
    expect(accepts(locationSchema, { lat: 90, lng: -180 })).toBe(true);
  });

  test.each([{ lat: 1 }, { lat: 91, lng: 0 }, { lat: 0, lng: 0, name: '' }, { lat: 0, lng: 0, zoom: 3 }])(
    '%j is refused',
    (input) => {
      expect(accepts(locationSchema, input)).toBe(false);
    },
  );
});

describe('tags', () => {
  test('are trimmed, in lower case and kept once', () => {
    expect(tagsSchema.parse([' Beach', 'beach', 'Van Life '])).toEqual(['beach', 'van life']);
  });

  test('are at most 20, after repetitions are dropped', () => {
    const tags = Array.from({ length: 20 }, (_, number) => `tag ${number}`);
    expect(accepts(tagsSchema, [...tags, 'TAG 1'])).toBe(true);
    expect(accepts(tagsSchema, [...tags, 'one more'])).toBe(false);
  });

  test.each([[['']], [['  ']], [['x'.repeat(51)]], [[null]], [[['nested']]], ['beach']])('%j is refused', (input) => {
    expect(accepts(tagsSchema, input)).toBe(false);
  });
});

describe('image addresses', () => {
  test('are https, at most 20', () => {
    const url = 'https://images.example.com/a%20b.jpg?w=200';
    expect(imageUrlsSchema.parse([url])).toEqual([url]);
    expect(accepts(imageUrlsSchema, Array(21).fill(url))).toBe(false);
  });

  test.each([
    'http://example.com/a.jpg',
    'javascript:alert(1)',
    'https:example.com',
    'https://',
    'https://exa mple.com',
    ' https://example.com',
    `https://example.com/${'x'.repeat(2048)}`,
  ])('%j is refused', (url) => {
    expect(accepts(imageUrlsSchema, [url])).toBe(false);
  });
});
