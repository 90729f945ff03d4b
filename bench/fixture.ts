import { randomUUID } from 'node:crypto';
import { Client } from 'pg';

/** Whose rows are read and written. */
export type Traveller = {
  readonly id: string;
  readonly trip: string;
  /** The ids of their 20 newest expenses. */
  readonly newest: readonly string[];
};

/**
 * Fills a migrated database: 50 travellers with four trips each and 40, 80, … 2000 expenses, because the planner takes what
 * it knows of all for what it does not know of one. The one with 200 reads. New expenses belong to `writer`, so that what is
 * read stays as it is.
 */
export async function fill(connectionString: string): Promise<{ reader: Traveller; writer: string }> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    const writer = randomUUID();
    const people = [writer, ...Array.from({ length: 50 }, () => randomUUID())];
    await client.query(
      "insert into auth.users (id, email) select id, id || '@example.com' from unnest($1::uuid[]) as id",
      [people],
    );
    await client.query(
      `insert into trips (user_id, name, start_date, budget_total, currency)
       select id, 'Lap ' || number, '2026-01-01', 9000, 'USD'
       from unnest($1::uuid[]) as id, generate_series(1, 4) as number`,
      [people.slice(1)],
    );
    await client.query(
      `insert into expenses (user_id, trip_id, amount, currency, category, description, date, location, tags, metadata)
       select user_id, trip_id, number + 0.5, 'USD', (array['fuel', 'food', 'camping', 'repairs'])[1 + number % 4],
         'Paid at stop ' || number, date '2026-01-01' + number::integer, case when number % 3 = 0 then 'Moab, Utah' end,
         case when number % 2 = 0 then array['road', 'van'] else '{}' end, jsonb_build_object('odometer', 80000 + number)
       from unnest($1::uuid[]) with ordinality as person (user_id, place)
       join (select user_id, id, row_number() over (partition by user_id order by id) from trips) as trip (user_id, trip_id, lap) using (user_id),
         generate_series(1, 40 * place) as number
       where number % 4 = lap - 1`,
      [people.slice(1)],
    );
    await client.query('vacuum analyze');
    return { reader: await travellerOf(client, people[5] ?? ''), writer };
  } finally {
    await client.end();
  }
}

async function travellerOf(client: Client, id: string): Promise<Traveller> {
  const { rows } = await client.query<{ id: string; trip_id: string }>(
    'select id, trip_id from expenses where user_id = $1 order by date desc, id desc limit 20',
    [id],
  );
  return { id, trip: rows[0]?.trip_id ?? '', newest: rows.map((expense) => expense.id) };
}
