import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError, type Options, parse } from 'csv-parse';
import { parse as parseNow } from 'csv-parse/sync';
import { type ColumnNames, type Columns, columnsByName, columnsByPlace, refuseDoubles } from './columns.ts';
import { refuseSource } from './refuse.ts';
import { type CsvSource, piecesOf } from './source.ts';

export const delimiters = [',', ';', '\t', '|'] as const;
export type Delimiter = (typeof delimiters)[number];

/** The cells of a line, and its number, counted from 1; a cell with line breaks makes it several lines long. */
export type CsvRecord = { readonly line: number; readonly cells: readonly string[] };

const options = {
  bom: true,
  record_delimiter: ['\r\n', '\n', '\r'],
  relax_column_count: true,
  // Banks write quotes into cells that are not quoted.
  relax_quotes: true,
  skip_empty_lines: true,
  max_record_size: 131_072,
} as const satisfies Options;

/** As much of a file as is looked at to find its delimiter and its line of names, which a bank's letterhead may precede. */
const headBytes = 65_536;
const headRecords = 40;

/**
 * Finds the columns of a file, and gives its lines after the line of names, without the blank ones.
 *
 * @throws {ValidationError} if no line names a date and an amount, two columns have the amount's name, the file is not UTF-8,
 * or a quote is never closed.
 */
export async function readRecords(
  source: CsvSource,
  wanted: ColumnNames,
  delimiter: Delimiter | undefined,
): Promise<{ columns: Columns; header: readonly string[] | undefined; records: AsyncGenerator<CsvRecord> }> {
  const pieces = piecesOf(source);
  try {
    const head = await readHead(pieces);
    const layout = findLayout(head, wanted, delimiter === undefined ? delimiters : [delimiter]);
    return { ...layout, records: recordsAfter(layout.skipped, parsed(joined(head, pieces), layout.delimiter)) };
  } catch (error) {
    // A file that is open would stay so.
    await pieces.return();
    throw error;
  }
}

async function* joined(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  yield head;
  yield* rest;
}

async function readHead(pieces: AsyncGenerator<Buffer, void>): Promise<Buffer> {
  const head: Buffer[] = [];
  for (let size = 0; size < headBytes; ) {
    const { value, done } = await pieces.next();
    if (done) break;
    head.push(value);
    size += value.length;
  }
  return Buffer.concat(head);
}

type Layout = { columns: Columns; header: readonly string[] | undefined; delimiter: Delimiter; skipped: number };

function findLayout(head: Buffer, wanted: ColumnNames, candidates: readonly Delimiter[]): Layout {
  const layouts = candidates.flatMap((delimiter): Layout[] => {
    const records = firstRecords(head, delimiter);
    const byPlace = columnsByPlace(wanted, records[0]?.length ?? 0);
    if (byPlace) return [{ columns: byPlace, header: undefined, delimiter, skipped: 0 }];
    for (const [index, cells] of records.entries()) {
      const columns = columnsByName(wanted, cells);
      if (columns) return [{ columns, header: cells, delimiter, skipped: index + 1 }];
    }
    return [];
  });
  const [best] = layouts.toSorted(
    (a, b) => b.columns.places.size - a.columns.places.size || b.columns.width - a.columns.width,
  );
  if (!best) refuseSource('has no line that names a date and an amount: say with columns where they are');
  if (best.header) refuseDoubles(best.columns, best.header);
  return best;
}

/** The end of the head may cut a cell in two, which the parser takes for an error: what came before it counts. */
function firstRecords(head: Buffer, delimiter: Delimiter): string[][] {
  const records: string[][] = [];
  const keep = (record: string[]) => {
    records.push(record);
    return null;
  };
  try {
    parseNow(head, { ...options, delimiter, to: headRecords, on_record: keep });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
  }
  return records;
}

async function* recordsAfter(
  skipped: number,
  records: AsyncIterable<CsvRecord>,
): AsyncGenerator<CsvRecord, void, undefined> {
  let read = 0;
  for await (const record of records) {
    read += 1;
    if (read > skipped && record.cells.some((cell) => cell.trim() !== '')) yield record;
  }
}

async function* parsed(
  bytes: AsyncGenerator<Buffer>,
  delimiter: Delimiter,
): AsyncGenerator<CsvRecord, void, undefined> {
  let lastLine = 0;
  let miscounted = 0;
  /** The lines of the records that the parser is ahead. */
  const lines: number[] = [];
  const parser = parse({
    ...options,
    delimiter,
    on_record: (cells, info) => {
      const breaks = cells.join('').match(/\r\n|\r|\n/g) ?? [];
      // The parser counts a CRLF inside of a cell as two lines.
      miscounted += breaks.filter((lineBreak) => lineBreak === '\r\n').length;
      lastLine = info.lines - miscounted;
      lines.push(lastLine - breaks.length);
      return cells;
    },
  });
  // What goes wrong with the source ends the parser with the same error, which the loop throws.
  pipeline(Readable.from(bytes), parser).catch(() => {});
  try {
    for await (const cells of parser as AsyncIterable<string[]>) {
      const line = lines.shift() ?? 0;
      if (cells.some((cell) => /^".*[\r\n]/.test(cell))) refuseQuote(line);
      yield { line, cells };
    }
  } catch (error) {
    if (error instanceof CsvError) refuseQuote(lastLine + 1);
    throw error;
  }
}

/** A quote that opens a cell and is not closed takes the lines that follow into it: nothing after it can be trusted. */
function refuseQuote(line: number): never {
  return refuseSource(`has a quote that is not closed, or a line of more than 128 kB: line ${line} or soon after it`);
}
