import { sql } from 'kysely';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type Database } from '../../src/index.ts';
import { oneStatement, oneTransaction, streams, type World } from '../repositories/every_method.ts';
import { testDatabase } from '../support/database.ts';
import { fill, person } from './fill.ts';

// A hundred rows for each of them; test:all asks for 20,000, of whom a million expenses.
const people = Number(process.env.SCALE_PEOPLE || 4000);

const file = testDatabase();
let database: Database;

beforeAll(async () => {
  const client = new Client({ connectionString: file.connectionString });
  await client.connect();
  await fill(client, people);
  await client.end();
  // One connection, which comes to use one plan for all values, and is told apart from what the test itself reads.
  database = createDatabase({ connectionString: file.connectionString, max: 1, statementTimeoutMillis: 0 });
}, 900_000);

afterAll(() => database.destroy());

type Work = { scanned: number; fetched: number };

/** What has been read of each table so far, by scans and through indexes. */
async function counters(): Promise<Map<string, Work>> {
  // The statistics of a connection are sent after a statement, at most once a second unless asked for.
  await sql`select pg_stat_force_next_flush()`.execute(database.asService().kysely);
  const { rows } = await file.admin.query<Work & { table: string }>(
    `select relname as table, seq_tup_read::int as scanned, coalesce(idx_tup_fetch, 0)::int as fetched
     from pg_stat_user_tables where schemaname in ('public', 'private', 'auth')`,
  );
  return new Map(rows.map((row) => [row.table, row]));
}

/** What of a table a call may read through indexes: the 300 rows that a page, its joins and its policies need, or as said. */
const most: Record<string, number> = {
  // All of the traveller's expenses, which is what is asked for.
  'ExpenseReader.exportCsv': 1100,
  'ProfileRepository.exportData': 1100,
  'ExpenseReader.totalsByCategory': 1100,
  'ExpenseReader.totalsByMonth': 1100,
  'ExpenseReader.totalsByTrip': 1100,
  'ExpenseReader.totalsByTag': 1100,
  'IncomeRepository.cashFlow': 1100,
  // The newest thousand that match are ranked, found among the newest 20,000.
  'PostReader.search': 23_000,
  // Everybody's of the last month.
  'FeedbackReader.statistics': 3 * people,
};

/** Who may read a table whole, because all of it is asked for. */
const whole: Record<string, string> = {
  'FeedbackReader.statistics': 'pam_feedback',
  // The window of 20,000 public posts is all there are.
  ...(people < 20_000 && { 'PostReader.search': 'posts' }),
};

let leaver = 100;

test.each(Object.entries({ ...oneStatement, ...oneTransaction, ...streams }))('%s', async (method, prepare) => {
  const own = (n: number) => ({ ...database.asUser({ sub: person(n) }), id: person(n) });
  // Whose account is suspended or erased is not the one who goes on.
  const endsAnAccount = /^AccountRepository|erase$/.test(method);
  if (endsAnAccount) leaver += 1;
  const world: World = {
    alice: own(endsAnAccount ? leaver : 1),
    bob: own(2),
    visitor: database.asAnon(),
    service: database.asService(),
  };
  const read: Record<string, Work> = {};
  // After five the server may use one plan for all values.
  for (let time = 0; time < 7; time++) {
    const call = await prepare(world);
    const before = await counters();
    await call();
    for (const [table, { scanned, fetched }] of await counters()) {
      const first = before.get(table);
      const known = read[table] ?? { scanned: 0, fetched: 0 };
      read[table] = {
        scanned: Math.max(known.scanned, scanned - (first?.scanned ?? 0)),
        fetched: Math.max(known.fetched, fetched - (first?.fetched ?? 0)),
      };
    }
    if (method.endsWith('.erase')) break;
  }
  const scanned = Object.entries(read).filter(([table, work]) => work.scanned > 0 && whole[method] !== table);
  expect(scanned, 'tables that are read whole').toEqual([]);
  const much = Object.entries(read).filter(([, { fetched }]) => fetched > (most[method] ?? 300));
  expect(much, 'tables of which much is read').toEqual([]);
});
