import { z } from 'zod';
import { addDays, dateSchema, daysBetween } from '../types/calendar.ts';
import { ValidationError } from '../types/errors.ts';
import type { Itinerary } from '../types/json.ts';

/**
 * A day of a trip. `day` counts from 1, the trip's first; `stops` are where one is that day, in the order of travel: two on
 * a day of moving on, none while it is open. `at` is the stop's place in `destinations`, counted from 0.
 */
export type TripDay = { date: string; day: number; stops: { at: number; name: string }[] };

export const dayWindowSchema = z
  .strictObject({ from: dateSchema, to: dateSchema })
  .partial()
  .refine(({ from, to }) => from === undefined || to === undefined || from <= to, {
    path: ['to'],
    error: 'must not be before from',
  });

type Dates = { start_date: string | null; end_date: string | null; destinations: Itinerary };
type Stay = { at: number; name: string; first: string; last: string };

const mostDays = 1100;

/**
 * The days from the first date that the trip or a stop has to the last, as far as they lie in the window.
 *
 * @throws {ValidationError} if these are more than 1100.
 */
export function daysOf(trip: Dates, window: z.output<typeof dayWindowSchema>): TripDay[] {
  const stays = staysOf(trip);
  const known = [trip.start_date, trip.end_date, ...stays.flatMap(({ first, last }) => [first, last])]
    .filter((date) => date !== null)
    .sort();
  const [start, end] = [known[0], known.at(-1)];
  if (start === undefined || end === undefined) return [];
  const from = window.from && window.from > start ? window.from : start;
  const to = window.to && window.to < end ? window.to : end;
  const count = daysBetween(from, to) + 1;
  if (count > mostDays) {
    throw new ValidationError([{ path: 'to', reason: `must leave at most ${mostDays} days of the trip` }]);
  }
  return Array.from({ length: Math.max(count, 0) }, (_, offset) => {
    const date = addDays(from, offset);
    return {
      date,
      day: daysBetween(start, date) + 1,
      stops: stays.filter(({ first, last }) => first <= date && date <= last).map(({ at, name }) => ({ at, name })),
    };
  });
}

/**
 * From when to when one is at each stop that has a date. Where one of the two is not known, one stays until the next stop
 * that has a date, or the end of the trip, and comes from the stop before, or the start.
 */
function staysOf({ start_date, end_date, destinations }: Dates): Stay[] {
  return destinations.flatMap(({ name, arrive_on, leave_on }, at) => {
    const known = arrive_on ?? leave_on;
    if (known === undefined) return [];
    const before = destinations.slice(0, at).findLast(hasDate);
    const after = destinations.slice(at + 1).find(hasDate);
    const from = arrive_on ?? before?.leave_on ?? before?.arrive_on ?? start_date ?? known;
    const until = leave_on ?? after?.arrive_on ?? after?.leave_on ?? end_date ?? known;
    const [first = known] = [from, known].sort();
    const last = [known, until].sort()[1] ?? known;
    return [{ at, name, first, last }];
  });
}

function hasDate({ arrive_on, leave_on }: Itinerary[number]): boolean {
  return arrive_on !== undefined || leave_on !== undefined;
}
