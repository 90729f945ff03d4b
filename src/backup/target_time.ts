import { isDate } from '../types/calendar.ts';

const form = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d(?:\.\d{1,6})?)? ?(?:(Z|UTC|GMT)|([+-]\d\d):?(\d\d)?)$/i;

/**
 * The moment that Postgres will recover to: a day, a time and a zone, such as `2026-12-01 14:03:00+00`. Without its zone it
 * would be read in that of the server that was copied.
 *
 * @returns undefined if it is no such text
 */
export function momentOf(text: string): Date | undefined {
  const [, day = '', minute, second = ':00', utc, hours, minutes = '00'] = form.exec(text) ?? [];
  const moment = new Date(`${day}T${minute}${second}${utc ? 'Z' : `${hours}:${minutes}`}`);
  return isDate(day) && !Number.isNaN(moment.getTime()) ? moment : undefined;
}
