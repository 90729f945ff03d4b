import fc from 'fast-check';
import { sql } from 'kysely';
import { types } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type Database } from '../../src/index.ts';
import { parseTimestamptz } from '../../src/session/timestamptz.ts';
import { testDatabase } from '../support/database.ts';

const parseAsPg: (text: string) => Date | number = types.getTypeParser(types.builtins.TIMESTAMPTZ);

const file = testDatabase();
let database: Database;

beforeAll(() => {
  database = createDatabase({ connectionString: file.connectionString, max: 1 });
});

afterAll(() => database.destroy());

const digits = (value: number, count: number) => String(value).padStart(count, '0');
const upTo = (most: number, count = 2) => fc.integer({ min: 0, max: most }).map((value) => digits(value, count));

const written = fc
  .record({
    year: fc.integer({ min: 1, max: 12_000 }).map((year) => digits(year, 4)),
    month: fc.integer({ min: 1, max: 12 }).map((month) => digits(month, 2)),
    day: fc.integer({ min: 1, max: 28 }).map((day) => digits(day, 2)),
    hour: upTo(23),
    minute: upTo(59),
    second: upTo(59),
    fraction: fc.oneof(fc.constant(''), fc.stringMatching(/^\.\d{1,6}$/)),
    zone: fc.oneof(fc.stringMatching(/^[+-](0\d|1[0-5])$/), fc.stringMatching(/^[+-](0\d|1[0-5]):[0-5]\d(:[0-5]\d)?$/)),
    era: fc.constantFrom('', '', '', ' BC'),
  })
  .map(
    (at) => `${at.year}-${at.month}-${at.day} ${at.hour}:${at.minute}:${at.second}${at.fraction}${at.zone}${at.era}`,
  );

test('a moment is what pg reads it as, whatever its year, fraction, zone and era', () => {
  fc.assert(
    fc.property(written, (text) => {
      expect(parseTimestamptz(text)).toEqual(parseAsPg(text));
    }),
    { numRuns: 5000 },
  );
});

test.each([
  '2026-11-28 16:00:00.123456+00',
  '2026-11-28 16:00:00-11',
  '2026-11-28 23:59:59.9+05:45',
  '1582-10-15 00:00:00+00',
  '0099-12-31 23:00:00-02',
  '10000-01-01 00:00:00+00',
  '0044-03-15 12:00:00+00 BC',
  'infinity',
  '-infinity',
])('%s comes from the server as it is', async (text) => {
  const { kysely } = database.asService();
  const { rows } = await sql<{ at: Date | number; millis: string }>`
    select ${text}::timestamptz as at, floor(extract(epoch from ${text}::timestamptz) * 1000) as millis
  `.execute(kysely);
  expect(rows.map(({ at }) => Number(at))).toEqual(rows.map(({ millis }) => Number(millis)));
});
