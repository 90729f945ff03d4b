import { loadHousehold } from '../../../src/household/load_household.ts';
import { query } from './wheels_db.ts';

/** Fills a database with a household's year, and with texts that are hard to carry. */
export async function fillDatabase(connectionString: string): Promise<void> {
  await loadHousehold(connectionString);
  await query(
    connectionString,
    `insert into public.trips (user_id, name, description, destinations)
       select id, E'Tab\\there, \\\\. and "quotes"', E'line\\r\\nline\\\\n ''quoted'' \\u00e9\\u4e2d\\U0001F600', '[{"name": "A\\\\b"}]'
       from public.profiles order by id limit 1;
     insert into private.blocks (user_id, blocked_id)
       select least(a.id, b.id), greatest(a.id, b.id) from public.profiles a, public.profiles b where a.id < b.id order by 1, 2 limit 1;`,
  );
}
