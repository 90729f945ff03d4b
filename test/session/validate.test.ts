import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ValidationError } from '../../src/types/errors.ts';
import { amountSchema } from '../../src/types/money.ts';
import { validate } from '../../src/types/validate.ts';

const schema = z.strictObject({
  name: z.string().min(3).max(5),
  status: z.enum(['planning', 'active']),
  amount: amountSchema,
  count: z.number().int().min(1),
  tags: z.array(z.string()).max(1),
  stops: z.array(z.strictObject({ lat: z.number().lt(90) })),
  choice: z.union([z.number(), z.boolean()]),
});

function refusal(input: unknown): ValidationError {
  try {
    validate(schema, input);
  } catch (error) {
    if (error instanceof ValidationError) return error;
  }
  throw new Error('not refused');
}

test('returns what the schema makes of the input', () => {
  expect(validate(z.strictObject({ amount: amountSchema }), { amount: 42.5 })).toEqual({ amount: '42.50' });
});

test('names every place and what is expected there', () => {
  const { issues } = refusal({
    name: 'ab',
    status: 'x',
    amount: '1e3',
    count: 1.5,
    tags: ['a', 'b'],
    stops: [{ lat: 90, lon: 1 }],
    choice: 'x',
    surprise: 1,
  });
  expect(issues).toEqual([
    { path: 'name', reason: 'must be at least 3 characters long' },
    { path: 'status', reason: 'must be one of planning, active' },
    {
      path: 'amount',
      reason: 'must be a decimal such as "42.50": above zero, below 100,000,000, with at most two decimals',
    },
    { path: 'count', reason: 'must be a whole number' },
    { path: 'tags', reason: 'must be at most 1 entries long' },
    { path: 'stops.0.lat', reason: 'must be less than 90' },
    { path: 'stops.0.lon', reason: 'is not a known field' },
    { path: 'choice', reason: 'has the wrong form' },
    { path: 'surprise', reason: 'is not a known field' },
  ]);
  expect(refusal({}).issues).toContainEqual({ path: 'name', reason: 'is required' });
  expect(refusal('text').message).toBe('Invalid input: must be an object.');
});

test('never quotes what was given, even where zod or the application would', () => {
  z.config({ customError: (issue) => `wrong: ${inspect(issue.input)}` });
  try {
    const secret = 's3cret value';
    const error = refusal({
      ...{ name: secret, status: secret, amount: secret, count: secret, tags: secret, stops: [{ lat: secret }] },
      ...{ choice: secret, [secret]: 1, [`${secret}@example.com`]: 2 },
    });
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('s3cret');
    expect(error.issues).toContainEqual({ path: '*', reason: 'is not a known field' });
  } finally {
    z.config({ customError: undefined });
  }
});
