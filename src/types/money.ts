import { z } from 'zod';

/** An amount of money as Postgres writes a numeric with two decimals: "42.50". Never a float. */
export type Money = string;

const form = /^0*(\d{1,8})(?:\.(\d{1,2}))?$/;

/** `String` gives a number's shortest decimal form, so that 42.5 passes and 0.1 + 0.2 does not. */
function normalize(value: string | number): Money | undefined {
  const text = String(value);
  if (text.length > 64) return undefined;
  const [, units, cents = ''] = form.exec(text) ?? [];
  return units && `${units}.${cents.padEnd(2, '0')}`;
}

function moneySchema(least: string, isEnough: (money: Money) => boolean) {
  const reason = `must be a decimal such as "42.50": ${least}, below 100,000,000, with at most two decimals`;
  return z.union([z.string(), z.number()], reason).transform((value, context): Money => {
    const money = normalize(value);
    if (money === undefined || !isEnough(money)) {
      context.addIssue({ code: 'custom', message: reason });
      return z.NEVER;
    }
    return money;
  });
}

/** An expense or an income: above zero. Takes "42.5" or 42.5, gives "42.50". */
export const amountSchema = moneySchema('above zero', (money) => money !== '0.00');

/** A budget: zero or more. Takes "42.5" or 42.5, gives "42.50". */
export const budgetSchema = moneySchema('zero or more', () => true);
