import { types } from 'pg';

const parseAny: (text: string) => Date | number = types.getTypeParser(types.builtins.TIMESTAMPTZ);

const [dash, space, plus, minus] = ['-', ' ', '+', '-'].map((character) => character.charCodeAt(0));

/**
 * A moment as `pg` reads it: a `Date`, or an infinite number. A page has forty of them, and `pg`'s way, three regular
 * expressions each, is a good part of what it takes to read one. Here is the usual form,
 * "2026-11-28 16:00:00.123456+00"; whatever is not of it (another era, a year of more or less than four digits, minutes in
 * the zone) is left to `pg`.
 */
export function parseTimestamptz(text: string): Date | number {
  const zone = text.length - 3;
  const sign = text.charCodeAt(zone);
  const isUsual =
    (zone === 19 || (zone > 20 && zone <= 26)) &&
    text.charCodeAt(4) === dash &&
    text.charCodeAt(10) === space &&
    (sign === plus || sign === minus);
  const year = 100 * twoDigits(text, 0) + twoDigits(text, 2);
  // `Date.UTC` takes the years before 100 for others.
  if (!isUsual || year < 100) return parseAny(text);
  const hours = twoDigits(text, zone + 1) * (sign === minus ? -1 : 1);
  const [month, day, hour] = [twoDigits(text, 5) - 1, twoDigits(text, 8), twoDigits(text, 11)];
  const millis = zone === 19 ? 0 : millisOf(text, zone);
  return new Date(Date.UTC(year, month, day, hour - hours, twoDigits(text, 14), twoDigits(text, 17), millis));
}

function twoDigits(text: string, place: number): number {
  return 10 * digit(text, place) + digit(text, place + 1);
}

/** Of the fraction, which ends before the zone: the digits that a `Date` does not hold are cut off. */
function millisOf(text: string, zone: number): number {
  const at = (place: number) => (place < zone ? digit(text, place) : 0);
  return 100 * at(20) + 10 * at(21) + at(22);
}

function digit(text: string, place: number): number {
  return text.charCodeAt(place) - 48;
}
