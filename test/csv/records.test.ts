import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ColumnNames } from '../../src/csv/columns.ts';
import { type Delimiter, readRecords } from '../../src/csv/records.ts';
import type { CsvSource } from '../../src/csv/source.ts';
import { ValidationError } from '../../src/index.ts';

async function read(source: CsvSource, wanted: ColumnNames = {}, delimiter?: Delimiter) {
  const { columns, records } = await readRecords(source, wanted, delimiter);
  const lines: [number, ...string[]][] = [];
  for await (const { line, cells } of records) lines.push([line, ...cells]);
  return { places: Object.fromEntries(columns.places), currency: columns.currency, lines };
}

describe('the columns of a file', () => {
  test.each<[string, string, Record<string, number>]>([
    ['in any order', 'Amount,Category,Date', { amount: 0, category: 1, date: 2 }],
    ['in any case, between quotes and spaces', ' "DATE" ;" aMount "', { date: 0, amount: 1 }],
    ['parted by tabs', 'Transaction Date\tDetails\tAmount', { date: 0, description: 1, amount: 2 }],
    ['parted by bars', 'date|amount', { date: 0, amount: 1 }],
    [
      'with debits and credits',
      'Date,Description,Debit,Credit,Balance',
      { date: 0, description: 1, debit: 2, credit: 3 },
    ],
    [
      'of a German bank',
      'Buchungstag;Verwendungszweck;Betrag (EUR);Währung',
      { date: 0, description: 1, amount: 2, currency: 3 },
    ],
    ['of a French bank', 'Date;Libellé;Montant', { date: 0, description: 1, amount: 2 }],
    ['the likelier of two', 'Value Date,Date,Memo,Description,Value,Amount', { date: 1, description: 3, amount: 5 }],
    ['the first of two alike', 'Date,Amount,Memo,Memo', { date: 0, amount: 1, description: 2 }],
    ['of an export', 'date,amount,receipt_url,trip_id,id', { date: 0, amount: 1, receipt_url: 2, trip_id: 3, id: 4 }],
    ['and none that only sounds alike', 'Date,Amount,Updated,Amount due,Categorical', { date: 0, amount: 1 }],
  ])('are found %s', async (_, header, places) => {
    expect((await read(header)).places).toEqual(places);
    expect((await read(`\ufeff${header}\r\n`)).places).toEqual(places);
  });

  test('are found after what a bank prints first', async () => {
    const file =
      'Account;12-34\nFrom;01.01.2026;to;31.01.2026\n\n"Balance ""today""";1,00\n\nDatum;Betrag\n31.01.2026;1,50\n';
    expect(await read(file)).toMatchObject({ places: { date: 0, amount: 1 }, lines: [[7, '31.01.2026', '1,50']] });
  });

  test('are found by the delimiter that gives most of them', async () => {
    expect((await read('date;amount;place, town\n1;2;3')).lines).toEqual([[2, '1', '2', '3']]);
  });

  test('may be named, and left out', async () => {
    const header = 'When it was,Date,Cost (USD),Category\n';
    expect((await read(header, { date: 'when it WAS', category: null })).places).toEqual({ date: 0, amount: 2 });
    await expect(read(header, { date: 'When' })).rejects.toThrow(ValidationError);
  });

  test('may be numbered, if no line names them', async () => {
    const { places, lines } = await read('01/12/2026,"-42.50",Fuel\n', { date: 1, amount: 2, description: 3 });
    expect(places).toEqual({ date: 0, amount: 1, description: 2 });
    expect(lines).toEqual([[1, '01/12/2026', '-42.50', 'Fuel']]);
    await expect(read('01/12/2026,5\n', { date: 1 })).rejects.toThrow(ValidationError);
  });

  test.each<[string, string | undefined]>([
    ['Date,Amount (EUR)', 'EUR'],
    ['Date,Amount EUR', 'EUR'],
    ['Date,amount_EUR', 'EUR'],
    ['Date,Debit AUD,Credit AUD', 'AUD'],
    ['Date,Amount', undefined],
    ['Date,Amount (net)', undefined],
    ['Date,Amount (XYZ)', undefined],
  ])('%s say the currency %s', async (header, currency) => {
    expect((await read(header)).currency).toBe(currency);
  });

  test.each([
    ['an empty file', ''],
    ['blank lines', '\n\n'],
    ['other names', 'a,b\n1,2'],
    ['a date alone', 'date\n'],
    ['an amount alone', 'amount,description'],
    ['a file that names them late', `${'x,y\n'.repeat(50)}date,amount`],
  ])('are not found in %s', async (_, file) => {
    await expect(read(file)).rejects.toMatchObject({ issues: [{ path: 'source' }] });
  });
});

describe('the lines of a file', () => {
  test('have the numbers that an editor shows, whatever ends them', async () => {
    const file = 'date,amount\r\n1,2\n\n3,"x\r\ny"\r4,5\r\n ,\n6,"p\nq\n\nr"\n7,8';
    expect((await read(file)).lines.map(([line]) => line)).toEqual([2, 4, 6, 8, 12]);
  });

  test('may have quotes in cells that have none around them', async () => {
    const file = 'date;amount;text\n1;2;Shop "Zum Löwen"\n3;4;"Best" café\n5;6;"say ""hi"""\n';
    expect((await read(file)).lines.map((cells) => cells[3])).toEqual(['Shop "Zum Löwen"', '"Best" café', 'say "hi"']);
  });

  test.each([
    ['at the end', 'date,amount\n1,2\n3,"4\n5,6\n', 3],
    ['and swallows lines', 'date,amount,text\n1,2,a\n3,4,"b\n5,6,c\n7,8,"d"\n9,10,e\n', 3],
    ['at the beginning of a large file', `date,amount\n1,"2\n${'3,4\n'.repeat(100_000)}`, 2],
  ])('are refused with a quote that is not closed, %s', async (_, file, line) => {
    await expect(read(file)).rejects.toMatchObject({
      issues: [{ path: 'source', reason: expect.stringContaining(`line ${line} `) }],
    });
  });
});

describe('a source', () => {
  const file = 'date,amount,text\n2026-01-01,5,Café 🚐\n';
  const bytes = Buffer.from(file);
  const cut = async function* (size: number) {
    for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
  };

  test.each<[string, () => CsvSource]>([
    ['text', () => file],
    ['a Buffer', () => bytes],
    ['a Uint8Array', () => new Uint8Array(bytes)],
    ['a stream of bytes, one at a time', () => cut(1)],
    ['a stream of bytes', () => cut(7)],
    ['a web stream', () => new Blob([bytes]).stream() as AsyncIterable<Uint8Array>],
    [
      'a stream of text',
      async function* () {
        yield* [...file];
      },
    ],
  ])('may be %s', async (_, source) => {
    expect((await read(source())).lines).toEqual([[2, '2026-01-01', '5', 'Café 🚐']]);
  });

  test.each<[string, unknown]>([
    ['Latin-1', Buffer.from('date,amount,text\n1,2,Caf\u00e9\n', 'latin1')],
    ['UTF-16', Buffer.from('\ufeffdate,amount\n1,2\n', 'utf16le')],
    ['half a character', Buffer.from('date,amount\n1,\u00e9').subarray(0, -1)],
    ['half a surrogate pair', 'date,amount\n1,\ud83d'],
    ['a number', 5],
    ['null', null],
    ['a list', ['date,amount']],
    [
      'a stream of numbers',
      (async function* () {
        yield 5;
      })(),
    ],
  ])('may not be %s', async (_, source) => {
    await expect(read(source as CsvSource)).rejects.toMatchObject({ issues: [{ path: 'source' }] });
  });

  test('that fails fails the reader with its own error', async () => {
    const failing = async function* (text: string) {
      yield text;
      throw new Error('hung up');
    };
    await expect(read(failing('date,amount\n'))).rejects.toThrow('hung up');
    await expect(read(failing(`date,amount\n${'1,2\n'.repeat(50_000)}`))).rejects.toThrow('hung up');
  });

  test('is closed whatever happens', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'csv-'));
    const contents = [
      'nothing to see\n'.repeat(100_000),
      `date,amount\n${'1,2\n'.repeat(100_000)}`,
      `date,amount\n1,"${'2\n'.repeat(200_000)}`,
    ];
    for (const [index, content] of contents.entries()) {
      const path = join(directory, `${index}.csv`);
      await writeFile(path, content);
      const stream = createReadStream(path);
      await read(stream).catch(() => {});
      await expect.poll(() => stream.closed).toBe(true);
    }
    await rm(directory, { recursive: true });
  });
});
