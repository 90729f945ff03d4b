import { z } from 'zod';
import { currencies } from '../types/currency.ts';
import { ValidationError } from '../types/errors.ts';

/** The columns of an export, in their order. */
export const exportedFields = [
  'date',
  'amount',
  'currency',
  'category',
  'description',
  'location',
  'tags',
  'receipt_url',
  'trip_id',
  'metadata',
  'id',
] as const;

/**
 * What a column of a file may hold: a field of an expense, the amounts of debits or of credits alone, or which of the two
 * an amount is.
 */
const csvFields = [...exportedFields, 'debit', 'credit', 'direction'] as const;
/** The columns of a file that are imported. */
export type CsvField = (typeof csvFields)[number];

/** What banks and spreadsheets call them, the likelier name first. */
const names: Readonly<Record<CsvField, readonly string[]>> = {
  date: [
    'date',
    'transaction date',
    'booking date',
    'posting date',
    'posted date',
    'date posted',
    'post date',
    'completed date',
    'date completed',
    'started date',
    'value date',
    'day',
    'datum',
    'buchungstag',
    'buchungsdatum',
    'buchung',
    'valutadatum',
    'wertstellung',
    'date operation',
    'date comptable',
    'fecha',
    'fecha operacion',
    'data',
  ],
  amount: [
    'amount',
    'transaction amount',
    'amount paid',
    'billing amount',
    'value',
    'total',
    'sum',
    'price',
    'cost',
    'betrag',
    'umsatz',
    'betrag in',
    'umsatz in',
    'montant',
    'importe',
    'importo',
    'bedrag',
    'valor',
  ],
  debit: [
    'debit',
    'debit amount',
    'debits',
    'withdrawal',
    'withdrawals',
    'withdrawal amount',
    'paid out',
    'money out',
    'out',
    'spent',
    'charge',
    'soll',
    'lastschrift',
    'cargo',
    'addebito',
  ],
  credit: [
    'credit',
    'credit amount',
    'credits',
    'deposit',
    'deposits',
    'deposit amount',
    'paid in',
    'money in',
    'in',
    'received',
    'haben',
    'gutschrift',
    'abono',
    'accredito',
  ],
  direction: [
    'debit credit',
    'credit debit',
    'credit debit indicator',
    'debit credit indicator',
    'dr cr',
    'cr dr',
    'd c',
    'soll haben',
    'direction',
  ],
  currency: ['currency', 'currency code', 'ccy', 'wahrung', 'devise', 'moneda', 'divisa', 'valuta'],
  category: ['category', 'expense category', 'kategorie', 'categorie', 'categoria'],
  description: [
    'description',
    'transaction description',
    'details',
    'transaction details',
    'narrative',
    'narration',
    'particulars',
    'memo',
    'payee',
    'merchant',
    'merchant name',
    'name',
    'what',
    'item',
    'note',
    'notes',
    'text',
    'reference',
    'beguenstigter zahlungspflichtiger',
    'auftraggeber empfanger',
    'zahlungsempfanger in',
    'zahlungsempfanger',
    'empfanger',
    'verwendungszweck',
    'beschreibung',
    'buchungstext',
    'libelle',
    'concepto',
    'descripcion',
    'descrizione',
    'omschrijving',
  ],
  location: ['location', 'place', 'where', 'city', 'town', 'ort', 'lieu', 'lugar'],
  tags: ['tags', 'tag', 'labels', 'label'],
  receipt_url: ['receipt url', 'receipt', 'receipt link'],
  trip_id: ['trip id'],
  metadata: ['metadata'],
  id: ['id'],
};

export const columnsSchema = z
  .partialRecord(z.enum(csvFields), z.union([z.string().trim().min(1).max(200), z.int().min(1).max(1000), z.null()]))
  .refine((columns) => {
    const kinds = new Set(Object.values(columns).map((column) => (column === null ? undefined : typeof column)));
    return !kinds.has('number') || !kinds.has('string');
  }, 'must be names, or numbers if the file has no line of names');

/** Where each field is, counted from 0, and the currency that the name of an amount says: `Amount (EUR)`. */
export type Columns = {
  readonly places: ReadonlyMap<CsvField, number>;
  readonly width: number;
  readonly currency: string | undefined;
};

/** The name of a column by a word for it: the field's own, or a place counted from 1; null for none. */
export type ColumnNames = z.output<typeof columnsSchema>;

/** Where the fields are in a file without a line of names; undefined if `wanted` has no places of a date and an amount. */
export function columnsByPlace(wanted: ColumnNames, width: number): Columns | undefined {
  const places = new Map<CsvField, number>();
  for (const field of csvFields) {
    const place = wanted[field];
    if (typeof place === 'number') places.set(field, place - 1);
  }
  return isEnough(places) ? { places, width, currency: undefined } : undefined;
}

/**
 * Where the fields are, if `cells` is the line of names: `wanted` first, else what banks and spreadsheets call them.
 * Undefined if no date or no amount is among them, or not all that is wanted.
 */
export function columnsByName(wanted: ColumnNames, cells: readonly string[]): Columns | undefined {
  const found = cells.map(normalize);
  const places = new Map<CsvField, number>();
  for (const field of csvFields) {
    const name = wanted[field];
    if (name === null) continue;
    const place = typeof name === 'string' ? found.indexOf(normalize(name)) : firstOf(names[field], found);
    if (place >= 0) places.set(field, place);
    else if (typeof name === 'string') return undefined;
  }
  if (!isEnough(places)) return undefined;
  const amount = places.get('amount') ?? places.get('debit') ?? -1;
  return { places, width: cells.length, currency: currencyIn(cells[amount] ?? '') };
}

/**
 * Refuses a line of names in which two columns are called what the amount, the debit or the credit is: which of them was
 * spent, nobody can tell.
 *
 * @throws {ValidationError} with the path `columns`.
 */
export function refuseDoubles({ places }: Columns, cells: readonly string[]): void {
  const found = cells.map(normalize);
  for (const field of ['amount', 'debit', 'credit'] as const) {
    const place = places.get(field);
    if (place === undefined || found.indexOf(found[place] ?? '') === found.lastIndexOf(found[place] ?? '')) continue;
    const reason = `cannot tell the ${field}, for which the file has two columns of one name: rename one of them there`;
    throw new ValidationError([{ path: 'columns', reason }]);
  }
}

function isEnough(places: ReadonlyMap<CsvField, number>): boolean {
  return places.has('date') && (places.has('amount') || places.has('debit'));
}

function firstOf(candidates: readonly string[], found: readonly string[]): number {
  const name = candidates.find((candidate) => found.includes(candidate));
  return name === undefined ? -1 : found.indexOf(name);
}

const known = new Set<string>(currencies);

function currencyIn(name: string): string | undefined {
  const [, code] = /(?:\(|\s|_)([A-Z]{3})\)?\s*$/.exec(name) ?? [];
  return code !== undefined && known.has(code) ? code : undefined;
}

/** `Amount (EUR)`, `AMOUNT`, `amount_` are one name, as are `Währung` and `Wahrung`. */
function normalize(name: string): string {
  const code = currencyIn(name);
  const bare = code === undefined ? name : name.slice(0, name.lastIndexOf(code));
  return bare
    .slice(0, 200)
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/\([^)]*\)?/g, ' ')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}
