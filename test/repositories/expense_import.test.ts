import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type ExpenseReader, ForeignKeyError, ImportError, PermissionError, ValidationError } from '../../src/index.ts';
import type { ImportOptions } from '../../src/types.ts';
import { testSessions } from './sessions.ts';

const sessions = testSessions();

/** What is stored, oldest first: `2026-12-31 42.50 USD fuel Station`. */
async function stored(expenses: ExpenseReader): Promise<string[]> {
  const { items } = await expenses.list({ limit: 100 });
  return items
    .map(({ date, amount, currency, category, description }) =>
      [date, amount, currency, category, description].filter((part) => part !== null).join(' '),
    )
    .sort();
}

const report = (counts: object) => ({ created: 0, existing: 0, credits: 0, rejected: 0, reasons: [], ...counts });

describe('a file', () => {
  test.each<[string, string, ImportOptions, string[]]>([
    [
      'of a spreadsheet',
      'Date,Category,Description,Amount\n2026-12-30,Fuel,"Station, north",42.5\n2026-12-31, FOOD ,,"1,200"\n2026-12-31,,x,3.10',
      {},
      [
        '2026-12-30 42.50 USD fuel Station, north',
        '2026-12-31 1200.00 USD food',
        '2026-12-31 3.10 USD uncategorized x',
      ],
    ],
    [
      'of a German bank',
      '"Kontonummer:";"DE00"\n\n"Buchungstag";"Verwendungszweck";"Betrag (EUR)"\n"31.12.2026";"Diesel";"-1.042,50"\n"30.12.2026";"Lohn";"2.000,00"\n"29.12.2026";"Brot";"-3,20"\n',
      {},
      ['2026-12-29 3.20 EUR uncategorized Brot', '2026-12-31 1042.50 EUR uncategorized Diesel'],
    ],
    ...[
      'Buchungstag;Beguenstigter/Zahlungspflichtiger;Verwendungszweck;Betrag;Waehrung',
      'Buchungsdatum;Zahlungsempfänger*in;Verwendungszweck;Betrag (€);Währung',
      'Buchung;Auftraggeber/Empfänger;Verwendungszweck;Betrag;Währung',
      'Buchungstag;Empfänger;Verwendungszweck;Umsatz in EUR;Währung',
    ].map((names): [string, string, ImportOptions, string[]] => [
      `with whom it was paid to: ${names}`,
      `${names}\n31.12.2026;REWE;Einkauf;-12,50;EUR\n30.12.2026;Shell;Diesel;-60,00;EUR\n29.12.2026;Aldi;Brot;-3,20;EUR\n`,
      { currency: 'EUR' },
      [
        '2026-12-29 3.20 EUR uncategorized Aldi',
        '2026-12-30 60.00 EUR uncategorized Shell',
        '2026-12-31 12.50 EUR uncategorized REWE',
      ],
    ]),
    [
      'of an American bank',
      'Posting Date,Description,Amount\n12/31/2026,FUEL,-$42.50\n12/30/2026,PAY,"$2,000.00"\n12/29/2026,FOOD,($3.20)\n',
      { currency: 'USD' },
      ['2026-12-29 3.20 USD uncategorized FOOD', '2026-12-31 42.50 USD uncategorized FUEL'],
    ],
    [
      'with debits and credits in columns of their own',
      'Date\tDetails\tPaid out\tPaid in\tBalance\n31/12/2026\tFuel\t£42.50\t\t£9\n30/12/2026\tPay\t0.00\t£2000\t£50\n',
      { category: 'van' },
      ['2026-12-31 42.50 GBP van Fuel'],
    ],
    [
      'with a word for debits and credits',
      'Date,Amount,Dr/Cr\n2026-12-31,42.50,DR\n2026-12-30,2000,CR\n',
      {},
      ['2026-12-31 42.50 USD uncategorized'],
    ],
    [
      'with a currency in each line',
      'date,amount,currency\n2026-12-29,5,aud\n2026-12-30,6,€\n2026-12-31,NZD 7,',
      {},
      ['2026-12-29 5.00 AUD uncategorized', '2026-12-30 6.00 EUR uncategorized', '2026-12-31 7.00 NZD uncategorized'],
    ],
    [
      'without a line of names',
      '31/12/2026,"-42.50","BP Alice Springs","+1000.00"\n',
      { columns: { date: 1, amount: 2, description: 3 }, currency: 'AUD' },
      ['2026-12-31 42.50 AUD uncategorized BP Alice Springs'],
    ],
    [
      'of a credit card, with payments',
      'Date,Description,Amount\n12/31/2026,Fuel,42.50\n12/30/2026,Payment,-100.00\n12/29/2026,Food,3\n',
      { spent: 'positive' },
      ['2026-12-29 3.00 USD uncategorized Food', '2026-12-31 42.50 USD uncategorized Fuel'],
    ],
    ['with years of two digits', 'date,amount\n03/04/26,5\n', { dates: 'MDY' }, ['2026-03-04 5.00 USD uncategorized']],
    [
      'whose order of days its own lines tell',
      'date,amount\n3/4/2026,5\n13/4/2026,5\n',
      {},
      ['2026-04-03 5.00 USD uncategorized', '2026-04-13 5.00 USD uncategorized'],
    ],
    [
      'whose decimal mark other lines tell',
      'date;amount\n2026-01-01;1.234\n2026-01-02;0,5\n',
      {},
      ['2026-01-01 1234.00 USD uncategorized', '2026-01-02 0.50 USD uncategorized'],
    ],
    [
      'whose decimal mark is said',
      'date;amount\n2026-01-01;1.234\n',
      { decimal: ',' },
      ['2026-01-01 1234.00 USD uncategorized'],
    ],
    [
      'of Excel, with a mark of its encoding',
      '\ufeffDate;Amount\r\n2026-01-01;5,5\r\n',
      {},
      ['2026-01-01 5.50 USD uncategorized'],
    ],
    ['of a line of names alone', 'date,amount\n', {}, []],
  ])('%s is imported', async (_, file, options, lines) => {
    const { expenses } = await sessions.signUp();
    expect(await expenses.importCsv(file, options)).toMatchObject({ created: lines.length, rejected: 0 });
    expect(await stored(expenses)).toEqual(lines);
  });

  test('fills all fields that it has, and goes to a trip', async () => {
    const { expenses, trips } = await sessions.signUp();
    const { id } = await trips.create({ name: 'Big Lap', currency: 'AUD' });
    const file =
      'Date,Amount,Currency,Category,Description,Location,Tags,Receipt URL\n' +
      '2026-12-31,42.50,AUD,fuel,"Full\ntank",Wellington,"Van; diesel",https://example.com/1.pdf\n';
    expect(await expenses.importCsv(file, { trip_id: id })).toEqual(report({ lines: 1, created: 1 }));
    expect((await expenses.list()).items).toMatchObject([
      {
        trip_id: id,
        amount: '42.50',
        currency: 'AUD',
        category: 'fuel',
        description: 'Full\ntank',
        date: '2026-12-31',
        location: 'Wellington',
        receipt_url: 'https://example.com/1.pdf',
        tags: ['van', 'diesel'],
        metadata: {},
        version: 1,
      },
    ]);
    expect(await trips.get(id)).toMatchObject({ budget_spent: '42.50', expense_count: 1 });
  });

  test('counts the lines of money received, and every other', async () => {
    const { expenses } = await sessions.signUp();
    const file =
      'date,amount\n2026-01-01,-1\n\n2026-01-02,-2\n2026-01-03,500\n2026-01-04,-3,\n ,\n2026-01-05,x\n2026-01-06,-4\n';
    const { reasons, ...counts } = await expenses.importCsv(file, { skip_rejected: true });
    expect(counts).toEqual({ lines: 6, created: 4, existing: 0, credits: 1, rejected: 1 });
    expect(reasons).toHaveLength(1);
  });

  test.each<[string, string, string]>([
    ['dates', 'could have two orders', 'date,amount\n03/04/2026,5\n05/06/2026,5'],
    ['dates', 'have both orders', 'date,amount\n13/04/2026,5\n04/13/2026,5'],
    ['dates', 'have years of two digits', 'date,amount\n13/12/26,5'],
    ['decimal', 'could have two decimal marks', 'date,amount\n2026-01-01,"1,234"'],
    ['decimal', 'have both decimal marks', 'date;amount\n2026-01-01;1,5\n2026-01-01;1.5'],
    ['spent', 'have both signs, and few are negative', 'date,amount\n2026-01-01,-1\n2026-01-02,1'],
    ['currency', 'have a sign that several currencies have', 'date,amount\n2026-01-01,$1'],
    ['source', 'are not found', 'a,b\n1,2'],
  ])('must be explained by %s if what it tells %s', async (path, _, file) => {
    const { expenses } = await sessions.signUp();
    for (const skip_rejected of [false, true]) {
      await expect(expenses.importCsv(file, { skip_rejected })).rejects.toMatchObject({
        name: 'ValidationError',
        issues: [{ path }],
      });
    }
    expect(await stored(expenses)).toEqual([]);
  });
});

describe('lines that cannot be imported', () => {
  const file = [
    'date,amount,currency,category,tags,receipt_url,metadata,description',
    '2026-12-01,5,USD,fuel,,,,good',
    '2026-02-30,5,USD,fuel,,,,s3cret',
    's3cret,0,USD,fuel,,,,',
    '2026-12-01,s3cret,USD,fuel,,,,',
    '2026-12-01,5,S3CRET,fuel,,,,',
    `2026-12-01,1.9999,USD,${'s3cret'.repeat(20)},"${'s3cret'.repeat(20)}",s3cret,,`,
    '2026-12-01,5,USD,fuel,,,s3cret,',
    '2026-12-01,100000000,USD,fuel,,,,',
    ',,USD,fuel,,,,',
    '2026-12-01,5,USD,fuel,,,,"multi\nline",s3cret',
    '2026-12-01,EUR 5,USD,fuel,,,,',
    '2026-12-01,ABC 5,USD,fuel,,,,',
    '2026-12-01,6,,,,,,also good',
  ].join('\n');

  const reasons = [
    [3, 'date'],
    [4, 'date'],
    [5, 'amount'],
    [6, 'currency'],
    [7, 'amount'],
    [7, 'category'],
    [7, 'receipt_url'],
    [7, 'tags'],
    [8, 'metadata'],
    [9, 'amount'],
    [10, 'amount'],
    [11, null],
    [13, 'currency'],
    [14, 'amount'],
  ];
  const places = (found: ImportError['reasons']) =>
    found
      .map(({ line, column }) => [line, column])
      .sort(([a = 0, b], [c = 0, d]) => Number(a) - Number(c) || (String(b) < String(d) ? -1 : 1));

  test('are named, with column and reason, and nothing is imported', async () => {
    const { expenses } = await sessions.signUp();
    const error = await expenses.importCsv(file).catch((reason: unknown) => reason);
    if (!(error instanceof ImportError)) throw error;
    expect(error).toBeInstanceOf(ValidationError);
    expect(error.code).toBe('IMPORT');
    expect(places(error.reasons)).toEqual(reasons);
    expect(error.reasons.every(({ reason }) => /^(must|is|has) .{5,}/.test(reason))).toBe(true);
    expect(error.reasons.map(({ line }) => line)).toEqual(error.reasons.map(({ line }) => line).sort((a, b) => a - b));
    expect(error.issues[0]).toEqual({ path: 'lines.3.date', reason: error.reasons[0]?.reason });
    expect(error.message.split('\n')).toHaveLength(1);
    expect(error.message).toMatch(/^Invalid input: lines\.3\.date .* and 4 more\.$/);
    expect(`${error.stack} ${JSON.stringify(error)}`).not.toMatch(/s3cret/i);
    expect(await stored(expenses)).toEqual([]);
  });

  test('are left out if one asks for that', async () => {
    const { expenses } = await sessions.signUp();
    const result = await expenses.importCsv(file, { skip_rejected: true });
    expect(result).toMatchObject({ lines: 13, created: 2, existing: 0, credits: 0, rejected: 11 });
    expect(places(result.reasons)).toEqual(reasons);
    expect(JSON.stringify(result)).not.toMatch(/s3cret/i);
    expect(await stored(expenses)).toEqual([
      '2026-12-01 5.00 USD fuel good',
      '2026-12-01 6.00 USD uncategorized also good',
    ]);
  });

  test('undo what else a transaction did', async () => {
    const alice = await sessions.signUp();
    const importing = alice.transaction(async (tx) => {
      await tx.trips.create({ name: 'Big Lap' });
      await tx.expenses.importCsv('date,amount\nx,5');
    });
    await expect(importing).rejects.toThrow(ImportError);
    expect((await alice.trips.list()).items).toEqual([]);
  });

  test('are those of trips that are not the user’s, unless a trip is said', async () => {
    const alice = await sessions.signUp();
    const bob = await sessions.signUp();
    const [own, others] = [await alice.trips.create({ name: 'x' }), await bob.trips.create({ name: 'y' })];
    const trips = [own.id.toUpperCase(), others.id, '', randomUUID(), 'Big Lap'];
    const lines = `date,amount,trip_id\n${trips.map((id) => `2026-01-01,5,${id}`).join('\n')}`;
    for (const { expenses } of [alice, sessions.database.asService().onBehalfOf(alice.id)]) {
      await expect(expenses.importCsv(lines)).rejects.toMatchObject({
        reasons: [3, 5, 6].map((line) => ({ line, column: 'trip_id' })),
      });
      const options = { skip_rejected: true };
      await expect(expenses.importCsv(lines, options)).resolves.toMatchObject({ lines: 5, rejected: 3 });
    }
    expect((await alice.expenses.list({ trip_id: own.id })).items).toHaveLength(1);
    expect((await alice.expenses.list({ trip_id: null })).items).toHaveLength(1);
    await expect(alice.expenses.importCsv(lines, { trip_id: others.id })).rejects.toThrow(ForeignKeyError);
    const carol = await sessions.signUp();
    expect(await carol.expenses.importCsv(lines, { trip_id: null })).toMatchObject({ created: 5 });
  });
});

describe('a file that is imported again', () => {
  const january = 'Date,Description,Amount\n2026-01-30,Coffee,3.5\n2026-01-30,Coffee,3.5\n2026-01-31,Fuel,"1,042.50"\n';

  test('makes nothing new, however it is written, and leaves what was changed', async () => {
    const { expenses, trips } = await sessions.signUp();
    const { id } = await trips.create({ name: 'Big Lap' });
    expect(await expenses.importCsv(january)).toEqual(report({ lines: 3, created: 3 }));
    const [fuel] = (await expenses.list({ text: 'fuel' })).items;
    if (!fuel) throw new Error('no fuel');
    const changed = await expenses.update(fuel.id, { category: 'diesel', date: '2026-02-01', trip_id: id });
    const german =
      '"Betrag";"Datum";"Beschreibung"\n"1.042,50";"31.01.2026";"Fuel"\n3,50;30.01.2026;Coffee\n3,5;2026-01-30;Coffee';
    for (const [file, options] of [
      [january, {}],
      [Buffer.from(january), { trip_id: id }],
      [german, { category: 'x', currency: 'EUR' }],
    ] as const) {
      expect(await expenses.importCsv(file, options)).toEqual(report({ lines: 3, existing: 3 }));
    }
    expect(await expenses.get(fuel.id)).toEqual(changed);
    expect((await expenses.list()).items).toHaveLength(3);
  });

  test('adds what a later file has more', async () => {
    const { expenses } = await sessions.signUp();
    await expenses.importCsv(january);
    const later = `${january}2026-02-01,Ferry,80\n2026-01-30,Coffee,3.5\n`;
    expect(await expenses.importCsv(later)).toEqual(report({ lines: 5, created: 2, existing: 3 }));
    expect(await expenses.importCsv(later)).toEqual(report({ lines: 5, existing: 5 }));
    expect(await expenses.importCsv('Amount,Description,Date\n80,Ferry,2026-02-01')).toEqual(
      report({ lines: 1, existing: 1 }),
    );
  });

  test.each([
    ['category', 'date,amount,category\n2026-01-01,5,fuel\n', 'date,amount,category\n2026-01-01,5,food\n'],
    ['currency', 'date,amount,currency\n2026-01-01,5,USD\n', 'date,amount,currency\n2026-01-01,5,AUD\n'],
    ['description', 'date,amount,text\n2026-01-01,5,a\n', 'date,amount,text\n2026-01-01,5,b\n'],
    ['date', 'date,amount\n2026-01-01,5\n', 'date,amount\n2026-01-02,5\n'],
    ['amount', 'date,amount\n2026-01-01,5\n', 'date,amount\n2026-01-01,5.01\n'],
    ['place', 'date,amount,place\n2026-01-01,5,a\n', 'date,amount,place\n2026-01-01,5,b\n'],
    ['tag', 'date,amount,tags\n2026-01-01,5,a\n', 'date,amount,tags\n2026-01-01,5,b\n'],
  ])('makes a new expense of a line that says another %s', async (_, one, other) => {
    const { expenses } = await sessions.signUp();
    expect(await expenses.importCsv(one)).toMatchObject({ created: 1 });
    expect(await expenses.importCsv(other)).toMatchObject({ created: 1 });
  });

  test('brings back what was deleted', async () => {
    const { expenses } = await sessions.signUp();
    await expenses.importCsv(january);
    const [fuel] = (await expenses.list({ text: 'fuel' })).items;
    await expenses.delete(fuel?.id ?? '');
    expect(await expenses.importCsv(january)).toEqual(report({ lines: 3, created: 1, existing: 2 }));
    expect(await expenses.importCsv(january)).toEqual(report({ lines: 3, existing: 3 }));
    expect((await expenses.list({ text: 'fuel' })).items).toHaveLength(1);
  });

  test('by sixteen devices at once is imported once', async () => {
    const { expenses } = await sessions.signUp();
    const reports = await sessions.sixteenTimes('expenses', () => expenses.importCsv(january));
    expect(reports.map(({ created }) => created).sort()).toEqual([...Array(15).fill(0), 3]);
    expect(reports.map(({ existing }) => existing).sort()).toEqual([0, ...Array(15).fill(3)]);
    expect((await expenses.list()).items).toHaveLength(3);
  });

  test('by another user is theirs', async () => {
    const [alice, bob] = [await sessions.signUp(), await sessions.signUp()];
    await alice.expenses.importCsv(january);
    expect(await bob.expenses.importCsv(january)).toEqual(report({ lines: 3, created: 3 }));
    expect(await bob.expenses.importCsv(january)).toEqual(report({ lines: 3, existing: 3 }));
    expect((await bob.expenses.list()).items).toHaveLength(3);
    expect((await alice.expenses.list()).items).toHaveLength(3);
  });

  test('cannot be asked for, nor hindered, by somebody who guesses its lines', async () => {
    const [alice, mallory] = [await sessions.signUp(), await sessions.signUp()];
    await alice.expenses.importCsv(january);
    const keys = 'select id, import_key from expenses where user_id = $1';
    const { rows } = await sessions.admin.query<{ id: string; import_key: string }>(keys, [alice.id]);
    const lineOf = (import_key: string) => ({ user_id: mallory.id, amount: '1', category: 'x', import_key });
    for (const { id, import_key } of rows) {
      expect(id).not.toBe(import_key);
      await mallory.expenses.create({ id: import_key, amount: '1', category: 'x' });
      await mallory.kysely.insertInto('expenses').values(lineOf(import_key)).execute();
      await alice.expenses.delete(id);
    }
    expect(await alice.expenses.importCsv(january)).toEqual(report({ lines: 3, created: 3 }));
    expect(await alice.expenses.importCsv(january)).toEqual(report({ lines: 3, existing: 3 }));
    expect(await stored(alice.expenses)).toHaveLength(3);
    expect(await stored(mallory.expenses)).toHaveLength(6);
  });

  test('is known by its ids if it has some', async () => {
    const { expenses } = await sessions.signUp();
    const own = await expenses.create({ amount: '5', category: 'fuel', date: '2026-01-01' });
    const foreign = randomUUID();
    const lines = `date,amount,id\n2026-01-01,5,${own.id.toUpperCase()}\n2026-01-02,6,${foreign}\n2026-01-02,6,${foreign}\n2026-01-03,7,42\n`;
    expect(await expenses.importCsv(lines)).toEqual(report({ lines: 4, created: 2, existing: 2 }));
    expect(await expenses.find(foreign)).toBeUndefined();
    expect(await expenses.importCsv(lines.replaceAll(',6,', ',60,'))).toEqual(report({ lines: 4, existing: 4 }));
  });
});

describe('a large file', () => {
  const file = `date,amount,text\n${Array.from({ length: 25_000 }, (_, i) => `2026-01-0${1 + (i % 9)},0.01,line ${i}`).join('\n')}`;

  test('is imported in parts that tell of their progress, all together', { timeout: 120_000 }, async () => {
    const { expenses, trips, id } = await sessions.signUp();
    const trip = await trips.create({ name: 'Big Lap' });
    const seen: object[] = [];
    const options = { trip_id: trip.id, on_progress: (progress: object) => seen.push(progress) };
    expect(await expenses.importCsv(file, options)).toEqual(report({ lines: 25_000, created: 25_000 }));
    expect(seen).toEqual([10_000, 20_000, 25_000].map((done) => ({ done, total: 25_000 })));
    expect(await trips.get(trip.id)).toMatchObject({ budget_spent: '250.00', expense_count: 25_000 });
    const count = 'select count(distinct description)::int as count from expenses where user_id = $1';
    expect((await sessions.admin.query(count, [id])).rows).toEqual([{ count: 25_000 }]);
  });

  test('is not imported at all if telling of it fails', { timeout: 120_000 }, async () => {
    const { expenses } = await sessions.signUp();
    const on_progress = async ({ done }: { done: number }) => {
      if (done > 10_000) throw new Error('enough');
    };
    await expect(expenses.importCsv(file, { on_progress })).rejects.toThrow('enough');
    expect((await expenses.list()).items).toEqual([]);
  });
});

describe('a file with two columns of one name', () => {
  test.each([
    ['amounts', 'Date,Amount,Amount\n2026-02-01,50.00,42.10\n', {}],
    ['amounts in two currencies', 'Date,Amount (USD),Amount (EUR)\n2026-02-01,50.00,42.10\n', {}],
    ['amounts that are asked for', 'Date,Spent,spent\n2026-02-01,50.00,42.10\n', { columns: { amount: 'Spent' } }],
    ['debits', 'Date,Debit,Debit,Credit\n2026-02-01,50.00,42.10,\n', {}],
    ['credits', 'Date,Debit,Credit,CREDIT\n2026-02-01,50.00,,42.10\n', {}],
  ])('is refused, as nobody can tell what was spent: %s', async (_, file, options) => {
    const { expenses } = await sessions.signUp();
    await expect(expenses.importCsv(file, options)).rejects.toMatchObject({ issues: [{ path: 'columns' }] });
    expect((await expenses.list()).items).toEqual([]);
  });

  test('is imported if these are others, of which the first is taken', async () => {
    const { expenses } = await sessions.signUp();
    await expenses.importCsv('Date,Amount,Note,Note\n2026-02-01,50.00,Hotel,late\n');
    expect(await stored(expenses)).toEqual(['2026-02-01 50.00 USD uncategorized Hotel']);
  });
});

describe('an import', () => {
  const file = 'date,amount\n2026-01-01,5\n';

  test('can be a part of a transaction, and of the service’s work for a user', async () => {
    const alice = await sessions.signUp();
    await alice.transaction(async (tx) => {
      const { id } = await tx.trips.create({ name: 'Big Lap' });
      expect(await tx.expenses.importCsv(file, { trip_id: id })).toMatchObject({ created: 1 });
    });
    const { expenses } = sessions.database.asService().onBehalfOf(alice.id);
    expect(await expenses.importCsv(file)).toMatchObject({ existing: 1 });
    expect((await alice.expenses.list()).items).toHaveLength(1);
  });

  test('is not for a suspended user', async () => {
    const alice = await sessions.signUp();
    await sessions.suspend(alice);
    await expect(alice.expenses.importCsv(file)).rejects.toThrow(PermissionError);
  });

  test.each<[string, object]>([
    ['a field that nobody knows', { colour: 'red' }],
    ['a trip', { trip_id: '42' }],
    ['a currency', { currency: 'usd' }],
    ['a category', { category: ' ' }],
    ['an order of dates', { dates: 'YMD' }],
    ['a decimal mark', { decimal: "'" }],
    ['a delimiter', { delimiter: 'x' }],
    ['a sign', { spent: '-' }],
    ['what to do with rejected lines', { skip_rejected: 'yes' }],
    ['whom to tell', { on_progress: 'me' }],
    ['a column', { columns: { colour: 'red' } }],
    ['a column’s place', { columns: { date: 0 } }],
    ['names and places at once', { columns: { date: 'Date', amount: 2 } }],
  ])('refuses options that have %s wrong', async (_, options) => {
    const { expenses } = await sessions.signUp();
    await expect(expenses.importCsv(file, options)).rejects.toThrow(ValidationError);
    await expect(expenses.importCsv(file, null as unknown as object)).rejects.toThrow(ValidationError);
  });
});
