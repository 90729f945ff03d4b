import { describe, expect, test } from 'vitest';
import { type DateOrder, orderOf, readDate, toIsoDate } from '../../src/csv/dates.ts';

function read(cell: string) {
  const date = readDate(cell);
  if (!date) throw new Error(`no date: ${cell}`);
  return date;
}

describe('a date', () => {
  test.each([
    '2026-12-31',
    '2026/12/31',
    '2026.12.31',
    '20261231',
    '2026-12-31T23:59:59.999Z',
    '2026-12-31 23:59',
    ' 2026-12-31 ',
    '31 Dec 2026',
    '31-Dec-2026',
    '31 December 2026',
    'Dec 31, 2026',
    'december 31 2026',
    '31.12.2026',
    '31.12.2026 08:15',
  ])('%j is a day however the file is', (cell) => {
    const date = read(cell);
    expect(toIsoDate(date, 'DMY')).toBe('2026-12-31');
    expect(orderOf(date)).toBe(cell.trim().startsWith('31.') ? 'DMY' : undefined);
  });

  test.each<[string, DateOrder, string]>([
    ['3/4/2026', 'DMY', '2026-04-03'],
    ['3/4/2026', 'MDY', '2026-03-04'],
    ['03-04-2026', 'MDY', '2026-03-04'],
    ['3/4/2026 14:05', 'DMY', '2026-04-03'],
    ['03/04/26', 'DMY', '2026-04-03'],
    ['03.04.2026', 'MDY', '2026-03-04'],
  ])('%j in the order %s is %s', (cell, order, day) => {
    expect(toIsoDate(read(cell), order)).toBe(day);
  });

  test.each<[string, DateOrder | 'either' | undefined]>([
    ['13/4/2026', 'DMY'],
    ['4/13/2026', 'MDY'],
    ['3/4/2026', 'either'],
    ['4/4/2026', undefined],
    ['31/31/2026', undefined],
    ['3.4.2026', 'DMY'],
  ])('%j shows the order %s', (cell, order) => {
    expect(orderOf(read(cell))).toBe(order);
  });

  test('that is none stays one that is none', () => {
    expect(toIsoDate(read('2026-02-30'), 'DMY')).toBe('2026-02-30');
    expect(toIsoDate(read('13/13/2026'), 'DMY')).toBe('2026-13-13');
    expect(toIsoDate(read('31 Foo 2026'), 'DMY')).toBe('2026-00-31');
  });

  test.each(['', 'today', '2026-12', '31.12', '31/12-2026', '46357', '1.2.3.4', '2026-12-31x', '123456789', '5/6/202'])(
    'is not %j',
    (cell) => {
      expect(readDate(cell)).toBeUndefined();
    },
  );
});
