import { expect, test } from 'vitest';
import { jsonObjectSchema, routeSchema } from '../../src/types/json.ts';

/** An object that JSON writes out `2 ** depth` times, though it takes `depth` objects of memory. */
function doubled(depth: number, innermost: unknown): object {
  let value: object = { innermost };
  for (let level = 0; level < depth; level++) value = { a: value, b: value };
  return value;
}

test('an object that refers to the same one again and again is measured as it would be written', () => {
  const route = (geometry: object) => ({ distance: 1, duration: 1, geometry });
  expect(jsonObjectSchema.safeParse(doubled(3, 'x')).success).toBe(true);
  expect(routeSchema.safeParse(route(doubled(3, 'x'))).success).toBe(true);
  expect(jsonObjectSchema.safeParse(doubled(60, 'x')).success).toBe(false);
  expect(routeSchema.safeParse(route(doubled(60, 'x'))).success).toBe(false);
});

test('text that is referred to again and again is no longer than it would be written', () => {
  const text = 'x'.repeat(1_000_000);
  expect(jsonObjectSchema.safeParse({ list: Array.from({ length: 5000 }, () => text) }).success).toBe(false);
  expect(routeSchema.safeParse({ distance: 1, duration: 1, list: Array(5000).fill(text) }).success).toBe(false);
});
