import { currencies } from '../types/currency.ts';

export type DecimalMark = '.' | ',';

/** An amount as a file has it, not yet a number: that depends on the file's decimal mark. */
export type WrittenAmount = {
  /** Digits and the marks between them. */
  readonly digits: string;
  readonly isNegative: boolean;
  /** The currency that stands beside it, if any: a code or a sign. */
  readonly unit: string | undefined;
};

const sign = '[+\\-\u2212]';
const unit = '[A-Z]{3}|[A-Z]{0,2}\\p{Sc}';
const form = new RegExp(
  `^(?<open>\\()?(?<s1>${sign})?\\s*(?<u1>${unit})?\\s*(?<s2>${sign})?\\s*(?<digits>[\\d.,][\\d.,'’\\s]*?)\\s*(?<s3>${sign})?\\s*(?<u2>${unit})?(?<close>\\))?$`,
  'u',
);

/** Trying all ways to share spaces among the parts takes time that grows with the cube of the length. */
const longest = 40;

/** Reads `-1,234.56`, `1.234,56 €`, `(42.50)`, `42,50-`, `USD 42.50`; undefined if it is no amount. */
export function readAmount(cell: string): WrittenAmount | undefined {
  const text = cell.trim();
  const { open, close, s1, s2, s3, u1, u2, digits } = (text.length <= longest && form.exec(text)?.groups) || {};
  const signs = [s1, s2, s3].filter((part) => part !== undefined);
  if (digits === undefined || Boolean(open) !== Boolean(close) || signs.length > (open ? 0 : 1) || (u1 && u2)) {
    return undefined;
  }
  return { digits, isNegative: Boolean(open) || (signs[0] ?? '+') !== '+', unit: u1 ?? u2 };
}

/**
 * Which decimal mark the digits show: `1,234.56`, `12.5` and `1.2345` a point, `1.234.567` a comma. `1,234` could be both;
 * undefined means that it is the same either way.
 */
export function markOf(digits: string): DecimalMark | 'either' | undefined {
  const marks: string[] = digits.match(/[.,]/g) ?? [];
  const last = marks.at(-1);
  if (last !== '.' && last !== ',') return undefined;
  const other = last === '.' ? ',' : '.';
  if (marks.includes(other)) return last;
  if (marks.length > 1) return other;
  const [before = '', after = ''] = digits.split(last);
  return after.length === 3 && /^[1-9]\d{0,2}$/.test(before) ? 'either' : last;
}

/** What stands between groups of digits. */
const groupMarks: Readonly<Record<DecimalMark, RegExp>> = { '.': /[,'’\s]/, ',': /[.'’\s]/ };

/** The amount as decimal text, such as "1234.56"; undefined if the digits are not grouped by threes or have no such form. */
export function toDecimal(digits: string, mark: DecimalMark): string | undefined {
  const [whole = '', cents = '', ...more] = digits.split(mark);
  if (more.length > 0 || !/^\d*$/.test(cents) || (whole === '' && cents === '')) return undefined;
  const groups = whole.split(groupMarks[mark]);
  const [first = '', ...others] = groups;
  // Also 12,34,567.89, as it is written in India.
  const isGrouped = others.length === 0 || (/^\d{1,3}$/.test(first) && others.at(-1)?.length === 3);
  if (!isGrouped || !/^\d*$/.test(first) || !others.every((part) => /^\d{2,3}$/.test(part))) return undefined;
  const decimals = cents.replace(/0+$/, '');
  return `${groups.join('') || '0'}${decimals && `.${decimals}`}`;
}

const signs: Readonly<Record<string, string>> = {
  '€': 'EUR',
  '£': 'GBP',
  US$: 'USD',
  CA$: 'CAD',
  A$: 'AUD',
  AU$: 'AUD',
  NZ$: 'NZD',
};
const known = new Set<string>(currencies);

/** The ISO 4217 code that stands for a code or a sign; undefined for one that several currencies have, such as `$`. */
export function currencyOf(unit: string): string | undefined {
  return known.has(unit) ? unit : signs[unit];
}

/** Whether several currencies have the sign. */
export function isShared(unit: string): boolean {
  return /\p{Sc}/u.test(unit) && currencyOf(unit) === undefined;
}
