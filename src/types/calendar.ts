import { z } from 'zod';

/** Whether the text is a day of the calendar, written YYYY-MM-DD. */
export function isDate(value: string): boolean {
  // JavaScript takes 30 February for 2 March, and what has no such month or day in ways of its own.
  return (
    /^(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/.test(value) &&
    new Date(value).getUTCDate() === Number(value.slice(8))
  );
}

/** A day without a time: "2026-12-01", in the years 1900 to 2999. */
export const dateSchema = z
  .string()
  .refine(
    (value) => isDate(value) && value >= '1900' && value < '3000',
    'must be a date such as "2026-12-01", from 1900 to 2999',
  );

const millisOfDay = 86_400_000;

/** The day that comes `days` days after the date, or before it if that is negative. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(date) + days * millisOfDay).toISOString().slice(0, 10);
}

/** How many days `until` comes after `since`. */
export function daysBetween(since: string, until: string): number {
  return (Date.parse(until) - Date.parse(since)) / millisOfDay;
}

/** As IANA writes them: "Area/City", "Etc/GMT-5". `Intl` alone takes them in any case, and abbreviations. */
const zoneName = /^(UTC|[A-Z][A-Za-z_]*(\/[A-Z][A-Za-z_-]*)+|Etc\/GMT(0|\+(\d|1[0-2])|-(\d|1[0-4])))$/;

function isTimezone(name: string): boolean {
  if (name.length > 64 || !zoneName.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** An IANA time zone: "Pacific/Auckland", or "UTC". */
export const timezoneSchema = z.string().refine(isTimezone, 'must be an IANA time zone such as "Pacific/Auckland"');
