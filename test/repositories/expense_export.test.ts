import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { ValidationError } from '../../src/index.ts';
import type { Expense, ExpenseInput } from '../../src/types.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

const names = 'date,amount,currency,category,description,location,tags,receipt_url,trip_id,metadata,id\r\n';

test('an export of nothing is the line of names', async () => {
  const { expenses } = await sessions.signUp();
  expect(await text(expenses.exportCsv())).toBe(names);
});

test('an export has the expenses of a filter, newest first, and no formula', async () => {
  const { expenses, trips } = await sessions.signUp();
  const trip = await trips.create({ name: 'Big Lap' });
  const [a, b] = await expenses.createMany([
    {
      amount: '1234.5',
      currency: 'AUD',
      category: 'fuel',
      date: '2026-01-01',
      description: '=1+1',
      tags: ['van', 'diesel'],
    },
    {
      trip_id: trip.id,
      amount: 2,
      category: 'food',
      date: '2026-01-02',
      location: 'Moab, "Utah"',
      metadata: { a: [1] },
    },
    { amount: 3, category: 'food', date: '2025-01-01' },
  ]);
  expect(await text(expenses.exportCsv({ since: '2026-01-01' }))).toBe(
    `${names}2026-01-02,2.00,USD,food,,"Moab, ""Utah""",,,${trip.id},"{""a"":[1]}",${b?.id}\r\n` +
      `2026-01-01,1234.50,AUD,fuel,'=1+1,,"van, diesel",,,,${a?.id}\r\n`,
  );
  expect(() => expenses.exportCsv({ colour: 'red' } as object)).toThrow(ValidationError);
});

test('an export loses and repeats no row of several pages, while others come and go', { timeout: 60_000 }, async () => {
  const alice = await sessions.signUp();
  const bob = await sessions.signUp();
  await bob.expenses.create({ amount: 1, category: 'his' });
  const inputs = (count: number, category: string) =>
    Array.from({ length: count }, (_, i): ExpenseInput => ({ amount: 1, category, date: `2026-01-0${1 + (i % 9)}` }));
  const rows = await alice.expenses.createMany(inputs(2500, 'old'));
  const pieces = [];
  for await (const piece of alice.expenses.exportCsv()) {
    pieces.push(piece);
    await alice.expenses.createMany(inputs(20, 'new'));
    const [, last] = piece.match(/,([^,]+)\r\n$/) ?? [];
    await alice.expenses.delete(last ?? '');
  }
  expect(pieces).toHaveLength(3);
  const records: Record<string, string>[] = parse(pieces.join(''), { columns: true });
  const ids = records.filter(({ category }) => category === 'old').map(({ id }) => id);
  expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
  expect(ids.sort()).toEqual(rows.map(({ id }) => id).sort());
});

describe('what is exported', () => {
  /** A number from 0 up to 1, the same for the same seed: mulberry32. */
  function random(seed: number): () => number {
    let state = seed;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  const pieces = [
    ',',
    ';',
    '"',
    '""',
    "'",
    '=',
    '+',
    '-',
    '@',
    '\t',
    '\n',
    '\r\n',
    '\r',
    ' ',
    '\u00a0',
    'a',
    'É',
    '🚐',
    '1.5',
    '＝',
    '\\',
    '|',
    '$',
    '{',
    '\ufeff',
  ];

  function expense(next: () => number): ExpenseInput {
    const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T;
    const maybe = <T>(value: T): T | null => (next() < 0.3 ? null : value);
    const anyText = (): string => {
      const made = Array.from({ length: 1 + Math.floor(next() * 8) }, () => pick(pieces)).join('');
      return made.trim() === '' ? `${made}x${made}` : made;
    };
    return {
      amount: (1 + Math.floor(next() * 10 ** pick([1, 3, 5, 9]))) / 100,
      currency: pick(['USD', 'AUD', 'JPY', 'EUR']),
      category: anyText(),
      description: maybe(anyText()),
      date: `${pick(['1900', '2026', '2999'])}-0${1 + Math.floor(next() * 9)}-${10 + Math.floor(next() * 18)}`,
      location: maybe(anyText()),
      receipt_url: maybe(`https://example.com/${Math.floor(next() * 9)},"=x"`),
      tags: Array.from({ length: Math.floor(next() * 4) }, anyText),
      metadata: next() < 0.5 ? {} : { [anyText()]: [anyText(), next(), null, true] },
    };
  }

  const essence = ({ amount, currency, category, description, date, location, receipt_url, tags, metadata }: Expense) =>
    JSON.stringify([date, amount, currency, category, description, location, receipt_url, tags, metadata]);

  async function all(expenses: {
    list: (request: object) => Promise<{ items: Expense[]; next_cursor: string | null }>;
  }) {
    const found = [];
    let cursor: string | null = null;
    do {
      const page: { items: Expense[]; next_cursor: string | null } = await expenses.list({ limit: 100, cursor });
      found.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor);
    return found;
  }

  test.each([1, 2, 3, 4])('is the same once it is imported elsewhere, whatever it is (seed %i)', async (seed) => {
    const next = random(seed);
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    const made = await alice.expenses.createMany(Array.from({ length: 250 }, () => expense(next)));
    const file = await text(alice.expenses.exportCsv());
    const formulas = (parse(file) as string[][])
      .slice(1)
      .flatMap((cells) => cells.filter((cell) => /^[=+\-@＝\t\r\n]/.test(cell)));
    expect(formulas).toEqual([]);
    const report = await bob.expenses.importCsv(Readable.from(alice.expenses.exportCsv()));
    expect(report).toMatchObject({ created: 250, reasons: [] });
    const imported = await all(bob.expenses);
    expect(imported.map(essence).sort()).toEqual(made.map(essence).sort());
    expect(await bob.expenses.importCsv(file)).toMatchObject({ existing: 250 });
    expect(await alice.expenses.importCsv(file)).toMatchObject({ existing: 250 });
    expect(await all(alice.expenses)).toHaveLength(250);
  });
});
