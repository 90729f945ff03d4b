import { randomUUID } from 'node:crypto';
import type { Request } from './requests.ts';

/** Ids of rows of one user, one row in every table that users write to. */
export type Belongings = ReturnType<typeof belongingsOf>;

/** Fresh ids: the rows need not exist. */
export function belongingsOf(user_id: string) {
  return {
    user_id,
    trip_id: randomUUID(),
    expense_id: randomUUID(),
    income_id: randomUUID(),
    budget_id: randomUUID(),
    place_id: randomUUID(),
    post_id: randomUUID(),
    conversation_id: randomUUID(),
    message_id: randomUUID(),
    feedback_id: randomUUID(),
  };
}

/** The tables that users write to, parents first: a statement that makes a row, and a change to it if rows may change. */
export const ownTables: { table: string; create: (ids: Belongings) => string; change?: string }[] = [
  {
    table: 'trips',
    create: (ids) => `insert into trips (id, user_id, name) values ('${ids.trip_id}', '${ids.user_id}', 'Big Lap')`,
    change: "name = 'Detour'",
  },
  {
    table: 'expenses',
    create: (ids) => `insert into expenses (id, user_id, trip_id, amount, category)
      values ('${ids.expense_id}', '${ids.user_id}', '${ids.trip_id}', '42.50', 'fuel')`,
    change: "amount = '1.00'",
  },
  {
    table: 'income_entries',
    create: (ids) => `insert into income_entries (id, user_id, amount, source)
      values ('${ids.income_id}', '${ids.user_id}', '100.00', 'fruit picking')`,
    change: "amount = '1.00'",
  },
  {
    table: 'budgets',
    create: (ids) => `insert into budgets (id, user_id, trip_id, amount, period)
      values ('${ids.budget_id}', '${ids.user_id}', '${ids.trip_id}', '900.00', 'trip')`,
    change: "amount = '1.00'",
  },
  {
    table: 'places',
    create: (ids) => `insert into places (id, user_id, trip_id, name, kind, location)
      values ('${ids.place_id}', '${ids.user_id}', '${ids.trip_id}', 'Tap', 'water', '{"lat": -36.848461, "lng": 174.763336}')`,
    change: "name = 'Hose'",
  },
  {
    table: 'posts',
    create: (ids) => `insert into posts (id, user_id, trip_id, title, content, visibility)
      values ('${ids.post_id}', '${ids.user_id}', '${ids.trip_id}', 'Sunrise', 'Over the dunes.', 'private')`,
    change: "title = 'Sunset'",
  },
  {
    table: 'post_locations',
    create: (ids) => `insert into post_locations (post_id, user_id, location)
      values ('${ids.post_id}', '${ids.user_id}', '{"lat": -36.848461, "lng": 174.763336}')`,
    change: `location = '{"lat": 0, "lng": 0}'`,
  },
  {
    table: 'pam_conversations',
    create: (ids) => `insert into pam_conversations (id, user_id, session_id)
      values ('${ids.conversation_id}', '${ids.user_id}', 'tab ${ids.conversation_id}')`,
    change: "status = 'archived'",
  },
  {
    table: 'pam_messages',
    create: (ids) => `insert into pam_messages (id, user_id, conversation_id, role, content)
      values ('${ids.message_id}', '${ids.user_id}', '${ids.conversation_id}', 'user', 'Where is fuel cheap?')`,
  },
  {
    table: 'pam_feedback',
    create: (ids) => `insert into pam_feedback (id, user_id, message_id, rating)
      values ('${ids.feedback_id}', '${ids.user_id}', '${ids.message_id}', 5)`,
    change: 'rating = 4',
  },
];

/** Has a user make one row in every table of `ownTables`. */
export async function makeBelongings(user: Request, user_id: string): Promise<Belongings> {
  const ids = belongingsOf(user_id);
  for (const { create } of ownTables) await user(create(ids));
  return ids;
}
