import { describe, expect, test } from 'vitest';
import { CheckError, IncomeRepository, ValidationError } from '../../src/index.ts';
import type { IncomeFilter, IncomeInput } from '../../src/types.ts';
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

describe('a list of income', () => {
  test.each<[string, IncomeFilter, string[]]>([
    ['nothing in particular', {}, ['Market', 'Retainer', 'Shop']],
    ['a type', { type: 'business' }, ['Shop']],
    ['a frequency, at its first date', { frequency: 'daily' }, ['Retainer']],
    ['a currency', { currency: 'AUD' }, ['Shop']],
    ['text in the source', { text: 'SHO' }, ['Shop']],
    ['text in the description', { text: '50%' }, ['Market']],
    ['days from one on', { since: '2026-12-01' }, ['Market', 'Retainer']],
    ['days up to one', { until: '2026-12-01' }, ['Retainer', 'Shop']],
    [
      'all at once',
      { type: 'recurring', frequency: 'daily', currency: 'USD', text: 'ret', since: '2026-12-01', until: '2026-12-01' },
      ['Retainer'],
    ],
  ])('may be of %s, and its pages too', async (_, filter, sources) => {
    const { income } = await sessions.signUp();
    await income.createMany([
      recurring('daily', '2026-12-01'),
      { amount: '1', source: 'Market', description: '50% off', date: '2026-12-05' },
      { amount: '1', source: 'Shop', type: 'business', currency: 'AUD', date: '2026-11-01' },
    ]);
    const { items } = await income.list(filter);
    expect(items.map(({ source }) => source)).toEqual(sources);
    const first = await income.list({ ...filter, limit: 1 });
    const rest = first.next_cursor ? await income.list({ ...filter, cursor: first.next_cursor }) : { items: [] };
    expect([...first.items, ...rest.items]).toEqual(items);
  });

  test.each<[string, object]>([
    ['a type', { type: 'stolen' }],
    ['a frequency', { frequency: 'hourly' }],
    ['a currency', { currency: 'usd' }],
    ['a date', { since: '2026-02-30' }],
    ['text', { text: ' ' }],
    ['a field', { colour: 'red' }],
  ])('refuses %s that nobody knows', async (_, filter) => {
    const { income } = await sessions.signUp();
    await expect(income.list(filter)).rejects.toThrow(ValidationError);
  });
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

  test.each<[string, object | null]>([
    ['reversed', { from: '2027-01-02', to: '2027-01-01' }],
    ['further apart', { from: '2027-01-01', to: '2037-01-31' }],
    ['no dates', { from: '2027-02-30', to: '2027-03-01' }],
    ['no dates', { from: '2027-02-01', to: 'tomorrow' }],
    ['one', { from: '2027-02-01' }],
    ['three', { from: '2027-02-01', to: '2027-02-02', until: '2027-02-03' }],
    ['nothing', null],
  ])('refuses two dates that are %s, as do the sums', async (_, wrong) => {
    const { income } = await sessions.signUp();
    const period = wrong as { from: string; to: string };
    await expect(income.occurrences(period)).rejects.toThrow(ValidationError);
    await expect(income.expected(period)).rejects.toThrow(ValidationError);
    await expect(income.cashFlow(period)).rejects.toThrow(ValidationError);
  });
});

/** Somebody who is paid and spends in two currencies, and somebody else who does, too. */
async function earner() {
  const alice = await sessions.signUp();
  const bob = await sessions.signUp();
  await alice.income.createMany([
    recurring('monthly', '2026-01-31'),
    recurring('weekly', '2026-02-26', { amount: '10.10', currency: 'AUD', ends_on: '2026-03-12' }),
    { amount: '0.02', source: 'Market', date: '2026-02-01' },
    { amount: '5000', source: 'Van', date: '2026-05-01' },
  ]);
  await alice.expenses.createMany([
    { amount: '2000.03', category: 'repairs', date: '2026-02-28' },
    { amount: '1', category: 'food', date: '2026-03-01' },
    { amount: '30', category: 'food', currency: 'NZD', date: '2026-03-31' },
    { amount: '9', category: 'food', date: '2026-01-30' },
    { amount: '9', category: 'food', date: '2026-04-01' },
  ]);
  await bob.income.create(recurring('daily', '2026-01-01'));
  await bob.expenses.create({ amount: '1', category: 'food', date: '2026-02-01' });
  return alice;
}

/** The user’s own repository, the service’s for them, and one of a service that nobody’s claims restrain. */
function repositoriesOf(alice: { id: string; income: IncomeRepository }): IncomeRepository[] {
  const service = sessions.database.asService();
  return [alice.income, service.onBehalfOf(alice.id).income, new IncomeRepository(service.kysely, alice.id)];
}

describe('expected income', () => {
  test('is the sum of all occurrences, in each currency', async () => {
    const alice = await earner();
    for (const income of repositoriesOf(alice)) {
      expect(await income.expected({ from: '2026-01-31', to: '2026-03-31' })).toEqual([
        { currency: 'AUD', total: '30.30', count: 3 },
        { currency: 'USD', total: '5550.02', count: 4 },
      ]);
      expect(await income.expected({ from: '2026-04-01', to: '2026-04-29' })).toEqual([]);
      expect(await income.occurrences({ from: '2026-01-31', to: '2026-03-31' })).toHaveLength(7);
    }
  });

  test('is nobody else’s', async () => {
    const [alice, bob] = [await earner(), await sessions.signUp()];
    const period = { from: '2026-01-01', to: '2026-12-31' };
    const intruder = new IncomeRepository(bob.kysely, alice.id);
    expect(await intruder.expected(period)).toEqual([]);
    expect(await intruder.occurrences(period)).toEqual([]);
    expect(await intruder.cashFlow(period)).toEqual([]);
  });
});

describe('the cash flow', () => {
  test('of each month is what comes in less what is spent, in each currency', async () => {
    const flow = [
      { month: '2026-01', currency: 'USD', income: '1850.00', expenses: '0.00', net: '1850.00' },
      { month: '2026-02', currency: 'AUD', income: '10.10', expenses: '0.00', net: '10.10' },
      { month: '2026-02', currency: 'USD', income: '1850.02', expenses: '2000.03', net: '-150.01' },
      { month: '2026-03', currency: 'AUD', income: '20.20', expenses: '0.00', net: '20.20' },
      { month: '2026-03', currency: 'NZD', income: '0.00', expenses: '30.00', net: '-30.00' },
      { month: '2026-03', currency: 'USD', income: '1850.00', expenses: '1.00', net: '1849.00' },
    ];
    const alice = await earner();
    for (const income of repositoriesOf(alice)) {
      expect(await income.cashFlow({ from: '2026-01-31', to: '2026-03-31' })).toEqual(flow);
    }
  });

  test('agrees with what is expected and with the totals of expenses', async () => {
    const { income, expenses } = await earner();
    const [from, to] = ['2026-01-01', '2026-12-31'];
    const flow = await income.cashFlow({ from, to });
    const cents = (money: string) => BigInt(money.replace('.', ''));
    const sum = (currency: string, kind: 'income' | 'expenses' | 'net') =>
      flow.filter((row) => row.currency === currency).reduce((total, row) => total + cents(row[kind]), 0n);
    const expected = await income.expected({ from, to });
    const spent = await expenses.totalsByCurrency({ since: from, until: to });
    for (const { currency, total } of expected) expect(sum(currency, 'income')).toBe(cents(total));
    for (const { currency, total } of spent) expect(sum(currency, 'expenses')).toBe(cents(total));
    for (const { income, expenses, net } of flow) expect(cents(income) - cents(expenses)).toBe(cents(net));
  });
});
