import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { guardFormula, joinTags, splitTags, toLine, unguardFormula } from '../../src/csv/cells.ts';

test.each(['', 'a', 'a,b', 'a;b', 'say "no"', '"', 'a\nb', 'a\r\nb', ' a ', '\t', 'é🚐'])(
  'the cell %j is read back',
  (cell) => {
    const [record] = parse(toLine([cell, 'x', cell]));
    expect(record).toEqual([cell, 'x', cell]);
  },
);

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1', "'=1", "''-1", '"x"'])(
  '%j is no formula once it is guarded, and comes back',
  (text) => {
    expect(guardFormula(text)).toBe(`'${text}`);
    expect(unguardFormula(guardFormula(text))).toBe(text);
  },
);

test.each(['', 'fuel', "it's", "'", "'fuel'", '1+1', 'a=b'])('%j is no formula and stays as it is', (text) => {
  expect(guardFormula(text)).toBe(text);
  expect(unguardFormula(text)).toBe(text);
});

test.each([[[]], [['van']], [['van', 'diesel']], [['a,b', 'c;d', 'e"f', '"', "it's", 'x\ny', 'x\r\ny', '-1']]])(
  'the tags %j are read back',
  (tags) => {
    expect(splitTags(joinTags(tags))).toEqual(tags);
  },
);

test('tags may be parted by commas or semicolons, with or without spaces', () => {
  expect(splitTags(' van; diesel,winter ,, ')).toEqual(['van', 'diesel', 'winter']);
});
