import { describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();

async function merged(target: unknown, patch: unknown): Promise<unknown> {
  const values = [target, patch].map((value) => (value === undefined ? null : JSON.stringify(value)));
  const { rows } = await database.as('authenticated', await database.signUp(), (client) =>
    client.query('select jsonb_merge_patch($1, $2)::text as merged', values),
  );
  return rows[0].merged === null ? undefined : JSON.parse(rows[0].merged);
}

const nested = (depth: number, leaf: unknown): unknown => (depth === 0 ? leaf : { a: nested(depth - 1, leaf) });

describe('a merge patch', () => {
  test.each<[unknown, unknown, unknown]>([
    // RFC 7396, appendix A.
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    // Its example of section 3.
    [
      {
        title: 'Goodbye!',
        author: { givenName: 'John', familyName: 'Doe' },
        tags: ['example', 'sample'],
        content: 'This will be unchanged',
      },
      { title: 'Hello!', phoneNumber: '+01-123-456-7890', author: { familyName: null }, tags: ['example'] },
      {
        title: 'Hello!',
        author: { givenName: 'John' },
        tags: ['example'],
        content: 'This will be unchanged',
        phoneNumber: '+01-123-456-7890',
      },
    ],
    [{ a: 1 }, {}, { a: 1 }],
    [undefined, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
    [{ a: [null] }, { b: [null] }, { a: [null], b: [null] }],
    [{ a: 1 }, undefined, { a: 1 }],
    [{ '': 1, 'a.b': { $: 1 } }, { '': null, 'a.b': { $: 2 } }, { 'a.b': { $: 2 } }],
  ])('of %j with %j gives %j', async (target, patch, result) => {
    expect(await merged(target, patch)).toEqual(result);
  });

  test('keeps numbers as they are written', async () => {
    const { rows } = await database.admin.query(
      `select jsonb_merge_patch('{"a": 1.10}', '{"b": 12345678901234567890.50}')::text as merged`,
    );
    expect(rows).toEqual([{ merged: '{"a": 1.10, "b": 12345678901234567890.50}' }]);
  });

  test('goes a hundred objects deep and refuses what is deeper', async () => {
    expect(await merged(nested(100, 1), nested(100, 2))).toEqual(nested(100, 2));
    expect(await merged(nested(3000, 1), { b: 1 })).toEqual({ ...Object(nested(3000, 1)), b: 1 });
    await expect(merged({}, nested(101, 1))).rejects.toMatchObject({ code: '22023' });
    await expect(merged({}, nested(3000, 1))).rejects.toMatchObject({ code: '22023' });
  });

  test('may be large', async () => {
    const large = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key ${i}`, { value: i }]));
    expect(await merged(large, large)).toEqual(large);
  });
});
