import { describe, expect, test } from 'vitest';
import { isDate } from '../../src/types/calendar.ts';
import { CursorError, ValidationError } from '../../src/types/errors.ts';
import { clampLimit, decodeCursor, encodeCursor, isBigint, isTimestamptz } from '../../src/types/page.ts';
import { isUuid } from '../../src/types/uuid.ts';

const id = '0b0e9b1e-6b0f-4c5e-8f2a-1d2c3b4a5f60';

describe('a limit', () => {
  test('is 20 unless said otherwise', () => {
    expect(clampLimit(undefined)).toBe(20);
    expect(clampLimit(undefined, 50)).toBe(50);
    expect(clampLimit(1)).toBe(1);
    expect(clampLimit(100)).toBe(100);
  });

  test.each([0, -1, 101, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('%d is refused', (limit) => {
    expect(() => clampLimit(limit)).toThrow(ValidationError);
  });
});

describe('a cursor', () => {
  const checks = [isDate, isUuid] as const;

  test('gives back the values it was made from', () => {
    const cursor = encodeCursor('expenses.list', ['2026-12-01', id]);
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(decodeCursor('expenses.list', cursor, checks)).toEqual(['2026-12-01', id]);
  });

  test('of another list is refused', () => {
    const cursor = encodeCursor('income.list', ['2026-12-01', id]);
    expect(() => decodeCursor('expenses.list', cursor, checks)).toThrow(new CursorError('comes from another list'));
  });

  const base64url = (content: string) => Buffer.from(content).toString('base64url');
  test.each([
    ['empty', ''],
    ['no base64url', 'a=b'],
    ['no JSON', base64url('nonsense')],
    ['no list', base64url('{"0":"expenses.list"}')],
    ['not only text', base64url(`["expenses.list","2026-12-01",5]`)],
    ['too short', encodeCursor('expenses.list', ['2026-12-01'])],
    ['too long', encodeCursor('expenses.list', ['2026-12-01', id, id])],
    ['no date', encodeCursor('expenses.list', ["2026-02-30'; drop table trips", id])],
    ['no month', encodeCursor('expenses.list', ['0001-13-13', id])],
    ['no uuid', encodeCursor('expenses.list', ['2026-12-01', 'x'])],
    ['huge', encodeCursor('expenses.list', ['2026-12-01', 'x'.repeat(2000)])],
  ])('that is %s is malformed', (_, cursor) => {
    expect(() => decodeCursor('expenses.list', cursor, checks)).toThrow(new CursorError('is malformed'));
  });

  test('that is no text is malformed', () => {
    const cursor: string = JSON.parse('{"text":1}');
    expect(() => decodeCursor('expenses.list', cursor, checks)).toThrow(CursorError);
  });
});

describe('the checks of cursor values', () => {
  test.each(['2026-12-01 08:30:00.123456+13', '2026-12-01 08:30:00+00', '1999-12-31T23:59:59.9-03:30'])(
    '%s is a timestamptz',
    (value) => {
      expect(isTimestamptz(value)).toBe(true);
    },
  );

  test.each([
    ...['2026-12-01 08:30:00', '2026-02-30 08:30:00+00', '2026-12-01 24:00:00+00', '2026-12-01 08:60:00+00'],
    ...['2026-12-01 08:30:00.1234567+00', '2026-12-01 08:30:00+99', 'infinity', '0000-01-01 00:00:00+00', 'now'],
  ])('%s is none', (value) => {
    expect(isTimestamptz(value)).toBe(false);
  });

  test.each(['0', '-5', '9223372036854775807', '-9223372036854775808'])('%s is a bigint', (value) => {
    expect(isBigint(value)).toBe(true);
  });

  test.each(['', '1.0', '9223372036854775808', '1e3', ' 1', '99999999999999999999'])('%j is none', (value) => {
    expect(isBigint(value)).toBe(false);
  });
});
