import type { Format, Row } from './question.ts';

const sizes = ['B', 'kB', 'MB', 'GB', 'TB'];
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1, minimumFractionDigits: 1 });

/** A value as people read it: `1,204`, `3.4 MB`, `97.1 %`, `yes`; nothing for null. */
export function shown(value: Row[string], format: Format): string {
  if (value === null) return '';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value;
  switch (format) {
    case 'bytes':
      return bytes(value);
    case 'percent':
      return `${tenths.format(value)} %`;
    case 'seconds':
      return `${tenths.format(value)} s`;
    case 'milliseconds':
      return `${tenths.format(value)} ms`;
    default:
      return whole.format(value);
  }
}

/** A column as people read its name. */
export function heading(column: string): string {
  return column.replaceAll('_', ' ');
}

export function isNumber(format: Format): boolean {
  return format !== 'text' && format !== 'flag';
}

function bytes(value: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(value, 1)) / 10), sizes.length - 1);
  return `${(power === 0 ? whole : tenths).format(value / 1024 ** power)} ${sizes[power]}`;
}
