import { DatabaseSync } from 'node:sqlite';
import { ConnectionError, createDatabase } from '../../src/index.ts';

/**
 * A consumer for a process of its own, which may be killed at any time: `node consumer.ts <connection string> <slot> <file>`.
 * It keeps a mirror of `income_entries`, with how many changes each row has had, and stores with each change, in one
 * transaction, the place up to which it has come. What comes again is counted and not applied.
 */
const [connectionString, slot = '', file = ''] = process.argv.slice(2);
const store = new DatabaseSync(file);
// Survives the end of the process, not of the machine.
store.exec(`
  pragma journal_mode = wal; pragma synchronous = off; pragma busy_timeout = 5000;
  create table if not exists mirror (id text primary key, description text, changes integer not null);
  create table if not exists progress (place text not null, applied integer not null, again integer not null);
  insert into progress select '', 0, 0 where not exists (select 1 from progress);
`);
const place = store.prepare('select place from progress');
const again = store.prepare('update progress set again = again + 1');
const proceed = store.prepare('update progress set place = ?, applied = applied + 1');
const apply = store.prepare(
  `insert into mirror values (?, ?, 1)
   on conflict (id) do update set description = excluded.description, changes = changes + 1`,
);
const remove = store.prepare('delete from mirror where id = ?');

let reached = String(place.get()?.place);
const database = createDatabase({ connectionString });
try {
  for await (const { lsn, ordinal, row, old } of database.changes({ slot, tables: ['income_entries'] })) {
    const next = `${lsn} ${String(ordinal).padStart(12, '0')}`;
    if (next <= reached) {
      again.run();
      continue;
    }
    store.exec('begin');
    if (row) apply.run(row.id, row.description ?? null);
    else if (old) remove.run(old.id);
    proceed.run(next);
    store.exec('commit');
    reached = next;
  }
} catch (error) {
  console.error(error);
  // Whoever started it starts it again.
  process.exit(error instanceof ConnectionError ? 75 : 1);
}
