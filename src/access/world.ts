import { randomUUID } from 'node:crypto';
import type { Person } from './access.ts';

/** Ids of the rows of one owner, and of the people around them. */
export type Ids = Readonly<Record<(typeof names)[number], string>>;

/** As whom each person's statements run. */
export type World = Readonly<Record<Person, Caller & { ids: Ids }>>;

export type Caller = { role: 'anon' | 'authenticated' | 'service_role'; sub?: string };

type Send = (text: string, values?: unknown[]) => Promise<unknown>;

/** How people sign up, and how they and the service send a statement. */
export type Platform = {
  signUp(): Promise<string>;
  user(sub: string): Send;
  service(): Send;
};

const names = [
  'owner',
  'trip',
  'expense',
  'income',
  'budget',
  'place',
  'public',
  'friends',
  'private',
  'conversation',
  'message',
  'unrated_message',
  'feedback',
  'public_comment',
  'friends_comment',
  'private_comment',
  'guests_comment_public',
  'guests_comment_friends',
  'guests_comment_private',
  'comment_elsewhere',
  'guest',
  'guests_post',
  'newcomer',
  'blocked',
  'asker',
  'asked',
  'other',
] as const;

/** The users among the people of access.ts, and those around them. */
const actors = ['owner', 'friend', 'blocked', 'stranger', 'suspended', 'moderator', 'admin'] as const;
const everybody = [...actors, 'guest', 'newcomer', 'asker', 'asked'] as const;

const audiences = ['public', 'friends', 'private'] as const;

/**
 * Makes the people of access.ts: two owners with one row of each kind, one of them suspended afterwards, and the others.
 * `friend` and `guest` are both owners' friends and each other's; `asker` has asked everybody to be friends, and everybody
 * has asked `asked`. Everybody likes the owner's public post. `other` is whom functions about another person are called with.
 * The words and the place of it are nobody else's, so that a search finds them first, however much a database holds.
 */
export async function makeWorld({ signUp, user, service }: Platform): Promise<World> {
  const signedUp: [string, string][] = [];
  for (const name of everybody) signedUp.push([name, await signUp()]);
  const id = Object.fromEntries(signedUp) as Record<(typeof everybody)[number], string>;
  const { guest, newcomer, blocked, asker, asked } = id;
  const befriend = async (one: string, other: string) => {
    await user(one)('select request_friend($1)', [other]);
    await user(other)('select accept_friend($1)', [one]);
  };

  const react = (post: string, comment: string) =>
    `select like_post('${post}'), comment_on_post('${post}', 'x', '${comment}')`;

  const guests_post = randomUUID();
  await user(guest)("insert into posts (id, user_id, title, content) values ($1, $2, 'Camp', 'Shade.')", [
    guests_post,
    guest,
  ]);
  await befriend(id.friend, guest);
  for (const name of actors) {
    await user(asker)('select request_friend($1)', [id[name]]);
    await user(id[name])('select request_friend($1)', [asked]);
  }

  const people = { guest, guests_post, newcomer, blocked, asker, asked };
  const hers = { ...freshIds(), ...people, owner: id.owner };
  const his = { ...freshIds(), ...people, owner: id.suspended };
  for (const ids of [hers, his]) {
    await befriend(ids.owner, id.friend);
    await befriend(ids.owner, guest);
    for (const text of belongings(ids)) await user(ids.owner)(text);
    for (const audience of audiences) {
      await user(ids.owner)(react(ids[audience], ids[`${audience}_comment`]));
      await user(guest)(react(ids[audience], ids[`guests_comment_${audience}`]));
      await user(ids.owner)(`update posts set visibility = '${audience}' where id = '${ids[audience]}'`);
    }
    await user(ids.owner)(react(guests_post, ids.comment_elsewhere));
  }
  for (const name of actors) await user(id[name])('select like_post($1)', [hers.public]);
  for (const ids of [hers, his]) await user(ids.owner)('select block_user($1)', [blocked]);
  await service()("update profiles set role = 'moderator' where id = $1", [id.moderator]);
  await service()("update profiles set role = 'admin' where id = $1", [id.admin]);
  await service()("update profiles set status = 'suspended' where id = $1", [id.suspended]);

  const as = (sub: string, other = id.owner) => ({ role: 'authenticated', sub, ids: { ...hers, other } }) as const;
  return {
    anon: { role: 'anon', ids: { ...hers, other: id.owner } },
    owner: as(id.owner, guest),
    friend: as(id.friend),
    blocked: as(blocked),
    stranger: as(id.stranger),
    suspended: { ...as(id.suspended), ids: { ...his, other: guest } },
    moderator: as(id.moderator),
    admin: as(id.admin),
    service: { role: 'service_role', ids: { ...hers, other: id.owner } },
  };
}

function freshIds(): Ids {
  return Object.fromEntries(names.map((name) => [name, randomUUID()])) as Ids;
}

/** What an owner makes; posts are public at first, so that a guest can write on all of them. */
function belongings(ids: Ids): string[] {
  const place = `{"lat": -48.88, "lng": -123.39}`;
  return [
    `insert into trips (id, user_id, name) values ('${ids.trip}', '${ids.owner}', 'Kwelobarra')`,
    `insert into expenses (id, user_id, trip_id, amount, category)
     values ('${ids.expense}', '${ids.owner}', '${ids.trip}', 42.5, 'fuel')`,
    `insert into income_entries (id, user_id, amount, source, date)
     values ('${ids.income}', '${ids.owner}', 100, 'fruit picking', '2026-06-01')`,
    `insert into budgets (id, user_id, amount, period) values ('${ids.budget}', '${ids.owner}', 900, 'monthly')`,
    `insert into places (id, user_id, name, kind, location)
     values ('${ids.place}', '${ids.owner}', 'Kwelobarra', 'campsite', '${place}')`,
    ...audiences.map(
      (audience) => `insert into posts (id, user_id, title, content, tags, location)
        values ('${ids[audience]}', '${ids.owner}', 'Kwelobarra', 'Sand.', '{kwelodunes}', '${place}')`,
    ),
    `insert into post_locations (post_id, user_id, location) values ('${ids.public}', '${ids.owner}', '${place}')`,
    `insert into pam_conversations (id, user_id, session_id) values ('${ids.conversation}', '${ids.owner}', 'phone')`,
    ...[ids.message, ids.unrated_message].map(
      (message) => `insert into pam_messages (id, user_id, conversation_id, role, content)
        values ('${message}', '${ids.owner}', '${ids.conversation}', 'user', 'Kwelobarra')`,
    ),
    `insert into pam_feedback (id, user_id, message_id, rating)
     values ('${ids.feedback}', '${ids.owner}', '${ids.message}', 5)`,
  ];
}
