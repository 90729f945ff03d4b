/** In which order day and month are written where the year comes last: 31/12/2026 or 12/31/2026. */
export type DateOrder = 'DMY' | 'MDY';

/** A date as a file has it: its parts, or two numbers that are day and month in the file's order. */
export type WrittenDate =
  | { readonly year: string; readonly month: string; readonly day: string }
  | { readonly year: string; readonly pair: readonly [string, string]; readonly mark: string };

const time = '(?:,?[T ]\\s*\\d{1,2}:\\d{2}.*)?';
const yearFirst = new RegExp(`^(\\d{4})([-/.])(\\d{1,2})\\2(\\d{1,2})${time}$`);
const compact = /^(\d{4})(\d{2})(\d{2})$/;
const yearLast = new RegExp(`^(\\d{1,2})([-/.])(\\d{1,2})\\2(\\d{4}|\\d{2})${time}$`);
const dayAndName = new RegExp(`^(\\d{1,2})[- ]([A-Za-z]{3,9})\\.?[-, ]+(\\d{4})${time}$`);
const nameAndDay = new RegExp(`^([A-Za-z]{3,9})\\.? (\\d{1,2}),? +(\\d{4})${time}$`);

const months = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];

function monthOf(name: string): string {
  return String(months.findIndex((month) => month.startsWith(name.toLowerCase())) + 1);
}

/** Reads `2026-12-31`, `20261231`, `31.12.2026`, `12/31/2026`, `31 Dec 2026`, each also with a time; undefined if it is none. */
export function readDate(cell: string): WrittenDate | undefined {
  const text = cell.trim();
  const [, y, , m, d] = yearFirst.exec(text) ?? [];
  if (y && m && d) return { year: y, month: m, day: d };
  const [, year, month, day] = compact.exec(text) ?? [];
  if (year && month && day) return { year, month, day };
  const [, first, mark, second, last] = yearLast.exec(text) ?? [];
  if (first && mark && second && last) return { year: last, pair: [first, second], mark };
  const [, namedDay, name, itsYear] = dayAndName.exec(text) ?? [];
  if (namedDay && name && itsYear) return { year: itsYear, month: monthOf(name), day: namedDay };
  const [, monthName, dayAfter, yearAfter] = nameAndDay.exec(text) ?? [];
  if (monthName && dayAfter && yearAfter) return { year: yearAfter, month: monthOf(monthName), day: dayAfter };
  return undefined;
}

/** Which order the date shows; 'either' if it could be both, undefined if it is the same either way. */
export function orderOf(date: WrittenDate): DateOrder | 'either' | undefined {
  if (!('pair' in date)) return undefined;
  const [first, second] = date.pair.map(Number);
  // With points between them the day stands first, wherever that is the custom.
  if (date.mark === '.') return 'DMY';
  const isMonth = [first, second].map((number) => Number(number) <= 12);
  if (first === second || !isMonth.includes(true)) return undefined;
  if (!isMonth.includes(false)) return 'either';
  return isMonth[0] ? 'MDY' : 'DMY';
}

/** The date as "2026-12-31", whether there is such a day or not. A year of two digits is of this century. */
export function toIsoDate(date: WrittenDate, order: DateOrder): string {
  const [first, second] = 'pair' in date ? date.pair : [date.day, date.month];
  const [day, month] = 'pair' in date && order === 'MDY' ? [second, first] : [first, second];
  return [date.year.padStart(4, '20'), month.padStart(2, '0'), day.padStart(2, '0')].join('-');
}
