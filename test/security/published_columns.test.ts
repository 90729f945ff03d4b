import { expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { makeBelongings } from './belongings.ts';
import { requests } from './requests.ts';

const database = testDatabase();
const { user } = requests(database);

/** Before the first row of a table the stream describes the table: its name and the columns that follow. */
function describedBy(message: Buffer): { table: string; columns: string[] } {
  let at = 5;
  const text = () => {
    const end = message.indexOf(0, at);
    const read = message.toString('utf8', at, end);
    at = end + 1;
    return read;
  };
  text();
  const table = text();
  const count = message.readInt16BE(at + 1);
  at += 3;
  const columns = Array.from({ length: count }, () => {
    at += 1;
    const name = text();
    at += 8;
    return name;
  });
  return { table, columns };
}

test('a subscriber is sent these columns of what people make', async () => {
  const id = await database.signUp();
  const client = await database.admin.connect();
  try {
    const slot = `columns_${Date.now()}`;
    await client.query("select pg_create_logical_replication_slot($1, 'pgoutput', true)", [slot]);
    await makeBelongings(user(id), id);
    // Decoding reads what was flushed, and a test server does not flush at every commit.
    await client.query("set local synchronous_commit = on; select pg_logical_emit_message(true, 'flush', '')");
    const { rows } = await client.query<{ data: Buffer }>(
      "select data from pg_logical_slot_get_binary_changes($1, null, null, 'proto_version', '1', 'publication_names', 'supabase_realtime')",
      [slot],
    );
    await client.query('select pg_drop_replication_slot($1)', [slot]);
    const described = rows
      .filter(({ data }) => data.toString('latin1', 0, 1) === 'R')
      .map(({ data }) => describedBy(data));
    const times = 'created_at updated_at';
    expect(Object.fromEntries(described.map(({ table, columns }) => [table, columns.join(' ')]))).toEqual({
      trips: `id user_id name description start_date end_date status budget_total budget_spent spent_by_currency expense_count currency version ${times}`,
      expenses: `id user_id trip_id amount currency category description date location receipt_url tags metadata version ${times}`,
      income_entries: `id user_id amount currency source description date type frequency ends_on metadata version ${times}`,
      posts: `id user_id trip_id title content images location tags likes_count comments_count visibility metadata version ${times}`,
      pam_conversations: `id user_id session_id context status ${times}`,
      pam_messages: `id conversation_id user_id position role content metadata ${times}`,
    });
  } finally {
    client.release();
  }
});
