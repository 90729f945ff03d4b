import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import type { Position } from './work.ts';

/** `newest` is the id of their newest expense, `expenses` how many they have. */
type Traveller = { readonly id: string; readonly newest: string; readonly expenses: number };

/** Whose rows are read and written. */
export type People = {
  /** Only reads. */
  readonly reader: Traveller;
  /** What is made is theirs, so that what is read stays as it is. */
  readonly writer: { readonly id: string; readonly conversation: string };
  readonly editor: Traveller;
  /** Sixteen who read at the same time. */
  readonly crowd: readonly string[];
  /** The last post of the public feed's page 499. */
  readonly page500: Position;
};

/**
 * Fills a migrated database: 50 travellers with four trips each and 40, 80, … 2000 expenses, because the planner takes what
 * it knows of all for what it does not know of one, and 12,000 public posts. The one with 200 expenses reads.
 */
export async function fill(connectionString: string): Promise<People> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    const writer = randomUUID();
    const people = Array.from({ length: 50 }, () => randomUUID());
    await client.query(
      "insert into auth.users (id, email) select id, id || '@example.com' from unnest($1::uuid[]) as id",
      [[writer, ...people]],
    );
    await client.query(
      `insert into trips (user_id, name, start_date, budget_total, currency)
       select id, 'Lap ' || number, '2026-01-01', 9000, 'USD'
       from unnest($1::uuid[]) as id, generate_series(1, 4) as number`,
      [people],
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
      [people],
    );
    await client.query(
      `insert into posts (user_id, title, content, tags, created_at)
       select ($1::uuid[])[1 + number % 50], 'Day ' || number,
         case when number % 40 = 0 then 'Dust storm on the track, day ' else 'Calm and sunny, day ' end || number,
         array['road'], timestamptz '2026-01-01' + number * interval '7 minutes'
       from generate_series(1, 12000) as number`,
      [people],
    );
    await client.query(
      'insert into post_likes (post_id, user_id, post_user_id, post_visibility) select id, $1, user_id, visibility from posts where created_at > $2',
      [people[4], '2026-02-20'],
    );
    const conversation = await one(
      client,
      "insert into pam_conversations (user_id, session_id) values ($1, 'bench') returning id",
      [writer],
    );
    await client.query('vacuum analyze');
    const [reader = '', editor = '', ...others] = people.slice(4);
    return {
      reader: { id: reader, newest: await newestOf(client, reader), expenses: 200 },
      writer: { id: writer, conversation },
      editor: { id: editor, newest: await newestOf(client, editor), expenses: 240 },
      crowd: others.slice(0, 16),
      page500: await lastOfPage(client, 499),
    };
  } finally {
    await client.end();
  }
}

/** Takes away what the writer has made, and what is left of it in the tables. */
export async function sweep(connectionString: string, { writer }: People): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    for (const table of ['expenses', 'trips', 'pam_messages']) {
      await client.query(`delete from ${table} where user_id = $1`, [writer.id]);
      await client.query(`vacuum analyze ${table}`);
    }
  } finally {
    await client.end();
  }
}

function newestOf(client: Client, id: string): Promise<string> {
  return one(client, 'select id from expenses where user_id = $1 order by date desc, id desc limit 1', [id]);
}

async function one(client: Client, text: string, values: string[]): Promise<string> {
  const { rows } = await client.query<{ id: string }>(text, values);
  return rows[0]?.id ?? '';
}

async function lastOfPage(client: Client, page: number): Promise<Position> {
  const { rows } = await client.query<Position>(
    "select created_at::text, id from posts where visibility = 'public' order by posts.created_at desc, id desc offset $1 limit 1",
    [page * 20 - 1],
  );
  const [position] = rows;
  if (!position) throw new Error(`There is no page ${page} of the feed.`);
  return position;
}
