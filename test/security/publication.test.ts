import { describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { makeBelongings } from './belongings.ts';
import { requests } from './requests.ts';

const database = testDatabase();
const { user } = requests(database);
const published = ['expenses', 'income_entries', 'pam_conversations', 'pam_messages', 'posts', 'trips'];

/** The deletions that a subscriber of the publication is sent while `action` runs: table, kind of old row, its columns. */
async function deletionsDuring(action: () => Promise<unknown>) {
  const client = await database.admin.connect();
  try {
    const slot = `security_${Date.now()}`;
    await client.query("select pg_create_logical_replication_slot($1, 'pgoutput', true)", [slot]);
    await action();
    // Decoding reads what was flushed, and a test server does not flush at every commit.
    await client.query("set local synchronous_commit = on; select pg_logical_emit_message(true, 'flush', '')");
    const { rows } = await client.query<{ data: Buffer }>(
      "select data from pg_logical_slot_get_binary_changes($1, null, null, 'proto_version', '1', 'publication_names', 'supabase_realtime')",
      [slot],
    );
    await client.query('select pg_drop_replication_slot($1)', [slot]);
    const deletions = rows.map(({ data }) => data).filter((data) => data.toString('latin1', 0, 1) === 'D');
    const { rows: names } = await client.query<{ oid: number; name: string }>(
      'select oid::int, relname::text as name from pg_class',
    );
    return deletions.map((data) => ({
      table: names.find(({ oid }) => oid === data.readInt32BE(1))?.name,
      kind: data.toString('latin1', 5, 6),
      columns: columnsOf(data.subarray(6)),
    }));
  } finally {
    client.release();
  }
}

/** The columns of a TupleData of the protocol that are present; "n" is a column that is not sent, "t" one as text. */
function columnsOf(tuple: Buffer): string[] {
  const columns: string[] = [];
  for (let count = tuple.readInt16BE(0), at = 2; count > 0; count--) {
    const kind = tuple.toString('latin1', at++, at);
    if (kind === 'n') continue;
    const length = tuple.readInt32BE(at);
    columns.push(tuple.toString('utf8', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return columns;
}

describe('the publication', () => {
  test('tells every subscriber of a deletion no more than which row it was and whose', async () => {
    const id = await database.signUp();
    const hers = await makeBelongings(user(id), id);
    const deletions = await deletionsDuring(() => user(id)('delete from profiles'));
    const keys = {
      expenses: hers.expense_id,
      income_entries: hers.income_id,
      pam_conversations: hers.conversation_id,
      pam_messages: hers.message_id,
      posts: hers.post_id,
      trips: hers.trip_id,
    };
    const sent = deletions.sort((one, other) => String(one.table).localeCompare(String(other.table)));
    expect(sent).toEqual(Object.entries(keys).map(([table, key]) => ({ table, kind: 'K', columns: [key, id] })));
  });

  test('has no table whose old rows are sent whole', async () => {
    const { rows } = await database.admin.query(
      "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relreplident not in ('d', 'i')",
    );
    expect(rows).toEqual([]);
  });

  test('carries what its owner, or the audience of a post, may see, and no table of accounts, friends or exact places', async () => {
    const { rows } = await database.admin.query<{ tablename: string; attnames: string[] }>(
      "select tablename::text, attnames::text[] from pg_publication_tables where pubname = 'supabase_realtime' order by 1",
    );
    expect(rows.map(({ tablename }) => tablename)).toEqual(published);
    for (const { attnames } of rows) {
      expect(attnames).toEqual(expect.arrayContaining(['id', 'user_id']));
      expect(attnames).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^(search|route_data|destinations)$/)]),
      );
    }
  });
});
