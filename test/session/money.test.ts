import { describe, expect, test } from 'vitest';
import { currencySchema } from '../../src/types/currency.ts';
import { amountSchema, budgetSchema } from '../../src/types/money.ts';

describe('an amount', () => {
  test.each([
    ['42.50', '42.50'],
    ['42.5', '42.50'],
    ['42', '42.00'],
    ['0.01', '0.01'],
    ['007', '7.00'],
    ['99999999.99', '99999999.99'],
    [42.5, '42.50'],
    [1, '1.00'],
    [99999999.99, '99999999.99'],
  ])('%j becomes %j', (input, money) => {
    expect(amountSchema.parse(input)).toBe(money);
  });

  test.each([
    ...[
      '',
      ' 5 ',
      '+5',
      '-5',
      '1e3',
      'NaN',
      'Infinity',
      '٤٢',
      '5.',
      '.5',
      '5,00',
      '10.999',
      '5.000',
      '0x10',
      '1_000',
      '5\n',
    ],
    ...['0', '0.00', '100000000', '100000000.00', '99999999.999'],
    ...[0, -1, 10.999, 0.1 + 0.2, 1e8, 1e21, 1e-7, Number.NaN, Number.POSITIVE_INFINITY],
    ...[null, undefined, true, ['5'], { amount: '5' }],
  ])('%j is refused', (input) => {
    expect(amountSchema.safeParse(input).success).toBe(false);
  });
});

describe('a budget', () => {
  test('may be zero', () => {
    expect(budgetSchema.parse('0')).toBe('0.00');
    expect(budgetSchema.parse(-0)).toBe('0.00');
  });

  test.each(['-0.01', '-0', '100000000', '0.001'])('%j is refused', (input) => {
    expect(budgetSchema.safeParse(input).success).toBe(false);
  });
});

describe('a currency', () => {
  test.each(['NZD', 'USD', 'MXN'])('%s is taken', (code) => {
    expect(currencySchema.parse(code)).toBe(code);
  });

  test.each(['nzd', 'ABC', 'US', 'USD ', ''])('%j is refused', (code) => {
    expect(currencySchema.safeParse(code).success).toBe(false);
  });
});
