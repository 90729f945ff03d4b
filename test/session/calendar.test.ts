import { describe, expect, test } from 'vitest';
import { dateSchema, timezoneSchema } from '../../src/types/calendar.ts';

describe('a date', () => {
  test.each(['2026-12-01', '2024-02-29', '1900-01-01', '2999-12-31'])('%s is taken as it is', (date) => {
    expect(dateSchema.parse(date)).toBe(date);
  });

  test.each([
    ...['2026-02-30', '2023-02-29', '2026-13-01', '2026-00-10', '2026-01-00', '1899-12-31', '3000-01-01'],
    ...['2026-1-1', '26-01-01', '2026-01-01T00:00:00Z', ' 2026-01-01', '2026/01/01', 'today', 'infinity', ''],
    new Date(0),
    20260101,
  ])('%j is refused', (input) => {
    expect(dateSchema.safeParse(input).success).toBe(false);
  });
});

describe('a time zone', () => {
  test.each(['UTC', 'Pacific/Auckland', 'America/Argentina/Buenos_Aires', 'Asia/Kolkata', 'Etc/GMT+5'])(
    '%s is taken',
    (name) => {
      expect(timezoneSchema.parse(name)).toBe(name);
    },
  );

  test.each(['EST', 'GMT', '+05:30', 'Mars/Olympus', 'FOO+5', 'Pacific/Auckland ', ''])('%j is refused', (name) => {
    expect(timezoneSchema.safeParse(name).success).toBe(false);
  });
});
