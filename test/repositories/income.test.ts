import { describe, expect, test } from 'vitest';
import { CheckError, type IncomeInput, ValidationError } from '../../src/index.ts';
import { testOwnRows } from './own_rows.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

testOwnRows(sessions, {
  table: 'income_entries',
  sortedBy: 'date',
  repository: ({ income }) => income,
  onBehalf: ({ income }) => income,
  input: (id) => ({ id, amount: '1850.00', source: 'Retainer', date: '2026-12-01' }),
  patch: {
    amount: '7.05',
    currency: 'NZD',
    source: 'Photographs',
    description: 'Prints',
    date: '2026-12-02',
    type: 'recurring' as const,
    frequency: 'weekly' as const,
    ends_on: '2026-12-31',
    metadata: { client: 'gallery' },
  },
});

const recurring = (
  frequency: IncomeInput['frequency'],
  date: string,
  more: Partial<IncomeInput> = {},
): IncomeInput => ({
  amount: '1850',
  source: 'Retainer',
  type: 'recurring',
  frequency,
  date,
  ...more,
});

test('an income is a single one of today where its user is, in their currency', async () => {
  const alice = await sessions.signUp();
  for (const timezone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
    await alice.profiles.update({ currency: 'AUD', timezone });
    const entry = await alice.income.create({ amount: 42.5, source: 'Market' });
    expect(entry).toEqual({
      id: entry.id,
      user_id: alice.id,
      amount: '42.50',
      currency: 'AUD',
      source: 'Market',
      description: null,
      date: new Intl.DateTimeFormat('en-CA', { timeZone: timezone }).format(entry.created_at),
      type: 'one_time',
      frequency: null,
      ends_on: null,
      metadata: {},
      version: 1,
      created_at: expect.any(Date),
      updated_at: expect.any(Date),
    });
  }
});

test.each<[string, Partial<IncomeInput>]>([
  ['recurs without a frequency', { type: 'recurring' }],
  ['has a frequency and does not recur', { type: 'business', frequency: 'monthly' }],
  ['ends before it begins', { type: 'recurring', frequency: 'monthly', ends_on: '2026-11-30' }],
  ['ends and does not recur', { ends_on: '2026-12-31' }],
])('an income that %s is a CheckError', async (_, wrong) => {
  const { income } = await sessions.signUp();
  const input = { amount: '1', source: 'work', date: '2026-12-01' };
  await expect(income.create({ ...input, ...wrong })).rejects.toThrow(CheckError);
  const { id } = await income.create(input);
  await expect(income.update(id, wrong)).rejects.toThrow(CheckError);
});

test('a list may be of one type, and shows a recurring income once, at its first date', async () => {
  const { income } = await sessions.signUp();
  await income.createMany([
    recurring('daily', '2026-12-01'),
    { amount: '1', source: 'Market', date: '2026-12-05' },
    { amount: '1', source: 'Shop', type: 'business', date: '2026-11-01' },
  ]);
  const sources = async (filter: Parameters<typeof income.list>[0]) =>
    (await income.list(filter)).items.map(({ source }) => source);
  expect(await sources({})).toEqual(['Market', 'Retainer', 'Shop']);
  expect(await sources({ type: 'recurring' })).toEqual(['Retainer']);
  expect(await sources({ type: 'business' })).toEqual(['Shop']);
  await expect(income.list({ type: 'stolen' as 'business' })).rejects.toThrow(ValidationError);
});

describe('occurrences', () => {
  test.each<[string, IncomeInput, string, string, string[]]>([
    ['a day', { amount: '1', source: 'x', date: '2027-01-15' }, '2027-01-15', '2027-01-15', ['2027-01-15']],
    ['no day outside', { amount: '1', source: 'x', date: '2027-01-15' }, '2027-01-16', '2027-12-31', []],
    [
      'the last of a month',
      recurring('monthly', '2027-01-31'),
      '2027-01-01',
      '2027-04-30',
      ['2027-01-31', '2027-02-28', '2027-03-31', '2027-04-30'],
    ],
    [
      'the 29th of February',
      recurring('yearly', '2024-02-29'),
      '2027-01-01',
      '2028-12-31',
      ['2027-02-28', '2028-02-29'],
    ],
    [
      'weeks from long ago',
      recurring('weekly', '2020-01-01'),
      '2027-01-01',
      '2027-01-14',
      ['2027-01-06', '2027-01-13'],
    ],
    [
      'days until it ends',
      recurring('daily', '2026-12-30', { ends_on: '2027-01-02' }),
      '2027-01-01',
      '2027-01-31',
      ['2027-01-01', '2027-01-02'],
    ],
    [
      'days from when it begins',
      recurring('daily', '2027-01-30'),
      '2027-01-01',
      '2027-01-31',
      ['2027-01-30', '2027-01-31'],
    ],
    ['nothing before it begins', recurring('daily', '2027-02-01'), '2027-01-01', '2027-01-31', []],
  ])('are %s', async (_, entry, from, to, days) => {
    const { income } = await sessions.signUp();
    await income.create(entry);
    expect((await income.occurrences({ from, to })).map(({ date }) => date)).toEqual(days);
  });

  test('tell what each pays, in the order of days, of the user alone', async () => {
    const alice = await sessions.signUp();
    const bob = await sessions.signUp();
    const [retainer, market] = await alice.income.createMany([
      recurring('monthly', '2027-01-31'),
      { amount: '20.5', currency: 'NZD', source: 'Market', date: '2027-02-01' },
    ]);
    await bob.income.create(recurring('daily', '2027-01-01'));
    const due = (income_id: string | undefined, date: string) => ({
      income_id,
      date,
      amount: '1850.00',
      currency: 'USD',
      source: 'Retainer',
      type: 'recurring',
      frequency: 'monthly',
    });
    const expected = [
      due(retainer?.id, '2027-01-31'),
      {
        income_id: market?.id,
        date: '2027-02-01',
        amount: '20.50',
        currency: 'NZD',
        source: 'Market',
        type: 'one_time',
        frequency: null,
      },
      due(retainer?.id, '2027-02-28'),
    ];
    const period = { from: '2027-01-01', to: '2027-02-28' };
    expect(await alice.income.occurrences(period)).toEqual(expected);
    const service = sessions.database.asService().onBehalfOf(alice.id);
    expect(await service.income.occurrences(period)).toEqual(expected);
  });

  test('may be asked for ten years at once, the last day included', async () => {
    const { income } = await sessions.signUp();
    await income.create(recurring('daily', '2027-01-01'));
    const days = await income.occurrences({ from: '2027-01-01', to: '2037-01-01' });
    expect(days).toHaveLength(3654);
    expect(days.at(-1)?.date).toBe('2037-01-01');
  });

  test.each([
    ['reversed', '2027-01-02', '2027-01-01'],
    ['further apart', '2027-01-01', '2037-01-31'],
    ['no dates', '2027-02-30', '2027-03-01'],
    ['no dates', '2027-02-01', 'tomorrow'],
  ])('refuses two dates that are %s', async (_, from, to) => {
    const { income } = await sessions.signUp();
    await expect(income.occurrences({ from, to })).rejects.toThrow(ValidationError);
  });
});
