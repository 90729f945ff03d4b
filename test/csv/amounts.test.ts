import { describe, expect, test } from 'vitest';
import { currencyOf, type DecimalMark, isShared, markOf, readAmount, toDecimal } from '../../src/csv/amounts.ts';

describe('an amount', () => {
  test.each<[string, string, boolean, string | undefined]>([
    ['42.50', '42.50', false, undefined],
    [' 42,5 ', '42,5', false, undefined],
    ['+42', '42', false, undefined],
    ['-42.50', '42.50', true, undefined],
    ['\u221242.50', '42.50', true, undefined],
    ['42.50-', '42.50', true, undefined],
    ['(1,234.56)', '1,234.56', true, undefined],
    ['($42.50)', '42.50', true, '$'],
    ['-$1,234.56', '1,234.56', true, '$'],
    ['$-42', '42', true, '$'],
    ['1.234,56 €', '1.234,56', false, '€'],
    ['-1.234,56\u00a0EUR', '1.234,56', true, 'EUR'],
    ['USD 5', '5', false, 'USD'],
    ['A$ 5', '5', false, 'A$'],
    ['1 234,56', '1 234,56', false, undefined],
    ['1\u202f234,56', '1\u202f234,56', false, undefined],
    ["1'234.56", "1'234.56", false, undefined],
    ['.5', '.5', false, undefined],
  ])('may be written %j', (cell, digits, isNegative, unit) => {
    expect(readAmount(cell)).toEqual({ digits, isNegative, unit });
  });

  test.each(['', '-', 'x', '1e5', '--5', '-5-', '(5', '5)', '(-5)', '$5 EUR', '0x10', 'five', '5 apples', '=5', 'NaN'])(
    'is not %j',
    (cell) => {
      const amount = readAmount(cell);
      expect(amount).toBeUndefined();
    },
  );

  test('is not looked for in long text', () => {
    expect(readAmount(`1${' '.repeat(100_000)}x`)).toBeUndefined();
    expect(readAmount('1'.repeat(41))).toBeUndefined();
  });
});

describe('the decimal mark', () => {
  test.each<[string, DecimalMark | 'either' | undefined]>([
    ['42', undefined],
    ['1 234', undefined],
    ['42.50', '.'],
    ['42,5', ','],
    ['1,234.5', '.'],
    ['1.234,56', ','],
    ['1,234,567', '.'],
    ['1.234.567', ','],
    ['12,34,567', '.'],
    ['1,234', 'either'],
    ['123.456', 'either'],
    ['1234,567', ','],
    ['0.125', '.'],
    ['1.2345', '.'],
    ['1 234,567', ','],
    ['.5', '.'],
  ])('of %j is %s', (digits, mark) => {
    expect(markOf(digits)).toBe(mark);
  });
});

describe('as decimal text', () => {
  test.each<[string, DecimalMark, string]>([
    ['42', '.', '42'],
    ['42', ',', '42'],
    ['42.50', '.', '42.5'],
    ['42.5000', '.', '42.5'],
    ['42.125', '.', '42.125'],
    ['1,234', '.', '1234'],
    ['1,234', ',', '1.234'],
    ['1.234.567,89', ',', '1234567.89'],
    ['12,34,567.8', '.', '1234567.8'],
    ['1 234 567', '.', '1234567'],
    ["1'234.5", '.', '1234.5'],
    ['.5', '.', '0.5'],
    ['5.', '.', '5'],
    ['0.00', '.', '0'],
  ])('%j with the mark %j is %s', (digits, mark, decimal) => {
    expect(toDecimal(digits, mark)).toBe(decimal);
  });

  test.each<[string, DecimalMark]>([
    ['1,23', '.'],
    ['1,2345', '.'],
    ['1234,567', '.'],
    [',234', '.'],
    ['1,,234', '.'],
    ['1.2.3', '.'],
    ['1.234,567.89', '.'],
    ['1.5,0', '.'],
    ['.', '.'],
    ['12.34', ','],
    ['1 2', '.'],
  ])('%j is none with the mark %j', (digits, mark) => {
    expect(toDecimal(digits, mark)).toBeUndefined();
  });
});

test('a unit is a currency, unless several have it', () => {
  expect(['EUR', '€', '£', 'A$', 'NZ$', 'US$', '$', '¥', 'ABC'].map(currencyOf)).toEqual([
    'EUR',
    'EUR',
    'GBP',
    'AUD',
    'NZD',
    'USD',
    undefined,
    undefined,
    undefined,
  ]);
  expect(['$', '¥', 'kr', '€', 'ABC', 'USD'].map(isShared)).toEqual([true, true, false, false, false, false]);
});
