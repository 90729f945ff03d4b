import { Client } from 'pg';
import { createDatabase, type Database } from '../index.ts';
import { readHousehold } from './read_household.ts';

type Household = Awaited<ReturnType<typeof readHousehold>>;

/**
 * Loads the household into a migrated database, through the repositories, as each person; only what lies in the past
 * (when a post or message was written) is stated by the service. Every record has an id of its own, so that loading twice
 * adds nothing.
 *
 * @returns how many records of each kind it added
 */
export async function loadHousehold(connectionString: string): Promise<Record<string, number>> {
  const household = await readHousehold();
  const database = createDatabase({ connectionString, max: 4 });
  try {
    const before = await count(database);
    await signUp(connectionString, household.people);
    for (const person of household.people) await loadPerson(database, household, person);
    await loadFriendships(database, household.friendships);
    await loadReactions(database, household.posts);
    await loadConversation(database, household.conversation);
    const after = await count(database);
    return Object.fromEntries(Object.entries(after).map(([kind, number]) => [kind, number - (before[kind] ?? 0)]));
  } finally {
    await database.destroy();
  }
}

/** Such as `5 people, 12 trips`; empty if every count is 0. */
export function listCounts(counts: Record<string, number>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
}

async function count(database: Database): Promise<Record<string, number>> {
  const tables = {
    people: 'profiles',
    friendships: 'friendships',
    trips: 'trips',
    expenses: 'expenses',
    'income entries': 'income_entries',
    places: 'places',
    posts: 'posts',
    likes: 'post_likes',
    comments: 'post_comments',
    messages: 'pam_messages',
    opinions: 'pam_feedback',
  } as const;
  const { kysely } = database.asService();
  const counts: Record<string, number> = {};
  for (const [kind, table] of Object.entries(tables)) {
    const { rows } = await kysely
      .selectFrom(table)
      .select(({ fn }) => fn.countAll().as('rows'))
      .executeTakeFirstOrThrow();
    // Each of two friends has a row.
    counts[kind] = table === 'friendships' ? Number(rows) / 2 : Number(rows);
  }
  return counts;
}

/** What Supabase Auth does when somebody registers; the rest follows by trigger. */
async function signUp(connectionString: string, people: Household['people']): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    for (const { id, email, phone, full_name, avatar_url } of people) {
      await client.query(
        'insert into auth.users (id, email, phone, raw_user_meta_data) values ($1, $2, $3, $4) on conflict do nothing',
        [id, email, phone, { full_name, avatar_url }],
      );
    }
  } finally {
    await client.end();
  }
}

async function loadPerson(
  database: Database,
  household: Household,
  person: Household['people'][number],
): Promise<void> {
  const { id: sub, region, timezone, currency, preferences } = person;
  const session = database.asUser({ sub });
  await session.profiles.update({ region, timezone, currency, preferences });
  await session.trips.createMany(owned(household.trips, sub));
  await session.expenses.createMany(owned(household.expenses, sub));
  await session.income.createMany(owned(household.income, sub));
  await session.places.createMany(owned(household.places, sub));

  const posts = household.posts.filter(({ author }) => author === sub);
  if (posts.length === 0) return;
  await database
    .asService()
    .onBehalfOf(sub)
    .kysely.insertInto('posts')
    .values(
      posts.map(({ author, liked_by, comments, location, metadata = {}, ...post }) => ({
        ...post,
        user_id: author,
        location: location && JSON.stringify(location),
        metadata: JSON.stringify(metadata),
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

function owned<Record extends { owner: string }>(records: Record[], person: string): Omit<Record, 'owner'>[] {
  return records.filter(({ owner }) => owner === person).map(({ owner, ...record }) => record);
}

async function loadFriendships(database: Database, friendships: Household['friendships']): Promise<void> {
  for (const { from, to, status } of friendships) {
    await database.asUser({ sub: from }).friends.request(to);
    if (status === 'accepted') await database.asUser({ sub: to }).friends.accept(from);
  }
}

async function loadReactions(database: Database, posts: Household['posts']): Promise<void> {
  for (const post of posts) {
    for (const sub of post.liked_by) await database.asUser({ sub }).posts.like(post.id);
    for (const { id, author, content } of post.comments) {
      await database.asUser({ sub: author }).posts.comment(post.id, content, { id });
    }
  }
}

async function loadConversation(database: Database, conversation: Household['conversation']): Promise<void> {
  const { id, owner, session_id, context, messages, feedback } = conversation;
  const backend = database.asService().onBehalfOf(owner);
  await backend.transaction(async (tx) => {
    await tx.kysely
      .insertInto('pam_conversations')
      .values({ id, user_id: owner, session_id, context: JSON.stringify(context) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await tx.kysely
      .insertInto('pam_messages')
      .values(
        messages.map(({ metadata, ...message }) => ({
          ...message,
          conversation_id: id,
          user_id: owner,
          metadata: JSON.stringify(metadata),
        })),
      )
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  });
  for (const opinion of feedback) await database.asUser({ sub: owner }).pam.giveFeedback(opinion);
}
