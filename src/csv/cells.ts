import { parse } from 'csv-parse/sync';

/** A line of a CSV file (RFC 4180), its CRLF included. */
export function toLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (/^\s|\s$|[",;\r\n]/.test(cell) ? quoted(cell) : cell)).join(',')}\r\n`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/**
 * What a spreadsheet would calculate, also after apostrophes of the text's own. A quote is among them because a parser that
 * forgives loose quotes cannot tell one at the beginning from the cell's.
 */
const formula = /^'*["=+\-@＝＋－＠\t\r\n]/;

/** Puts an apostrophe before text that a spreadsheet would take for a formula. */
export function guardFormula(text: string): string {
  return formula.test(text) ? `'${text}` : text;
}

/** Takes away the apostrophe that `guardFormula` put. */
export function unguardFormula(cell: string): string {
  return cell.startsWith("'") && formula.test(cell) ? cell.slice(1) : cell;
}

/** Tags in one cell: `van, diesel`. One that has a comma, semicolon, quote or line break in it is quoted. */
export function joinTags(tags: readonly string[]): string {
  return tags.map((tag) => (/[",;\r\n]/.test(tag) ? quoted(tag) : tag)).join(', ');
}

/** The tags of a cell, parted by commas or semicolons. */
export function splitTags(cell: string): string[] {
  const records: string[][] = parse(cell, { delimiter: [',', ';'], trim: true, relax_quotes: true });
  return records.flat().filter((tag) => tag !== '');
}
