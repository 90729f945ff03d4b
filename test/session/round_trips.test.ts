import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as api from '../../src/index.ts';
import { testDatabase } from '../support/database.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp_proxy.ts';

const file = testDatabase();
let proxy: TcpProxy;
let database: api.Database;

beforeAll(async () => {
  proxy = await startTcpProxy(file.connectionString);
  database = api.createDatabase({ connectionString: proxy.connectionString, max: 1 });
});

afterAll(async () => {
  await database.destroy();
  await proxy.close();
});

async function signUp() {
  const id = await file.signUp();
  return { ...database.asUser({ sub: id }), id };
}

async function roundTrips(work: () => Promise<unknown>): Promise<number> {
  const before = proxy.exchanges;
  await work();
  return proxy.exchanges - before;
}

type World = { alice: Awaited<ReturnType<typeof signUp>>; bob: Awaited<ReturnType<typeof signUp>> };
/** Prepares a call of the method in its common case. */
type Row = (world: World) => Promise<() => Promise<unknown>> | (() => Promise<unknown>);

const expense = { amount: '1', category: 'fuel', currency: 'USD' };
const income = { amount: '1', source: 'work', currency: 'USD' };
const post = { title: 'Red dust', content: 'x', visibility: 'public' } as const;
const stop = (name: string) => ({ name });

async function conversationOf({ alice }: World) {
  return await alice.pam.startConversation({ session_id: randomUUID() });
}

async function messageOf(world: World) {
  return await world.alice.pam.appendMessage((await conversationOf(world)).id, { role: 'user', content: 'x' });
}

/** A repeated `create`, and an `update` with `if_version` that misses, read the stored row in a second round trip. */
const one: Record<string, Row> = {
  'ExpenseRepository.create':
    ({ alice }) =>
    () =>
      alice.expenses.create(expense),
  'ExpenseRepository.find':
    ({ alice }) =>
    () =>
      alice.expenses.find(randomUUID()),
  'ExpenseRepository.get': async ({ alice }) => {
    const { id } = await alice.expenses.create(expense);
    return () => alice.expenses.get(id);
  },
  'ExpenseRepository.list':
    ({ alice }) =>
    () =>
      alice.expenses.list({ category: 'fuel', limit: 20 }),
  'ExpenseRepository.update': async ({ alice }) => {
    const { id } = await alice.expenses.create(expense);
    return () => alice.expenses.update(id, { amount: '2' }, { if_version: 1 });
  },
  'ExpenseRepository.delete': async ({ alice }) => {
    const { id } = await alice.expenses.create(expense);
    return () => alice.expenses.delete(id);
  },
  'ExpenseRepository.move': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    return () => alice.expenses.move({ from: id, to: null });
  },
  'ExpenseRepository.totalsByCategory':
    ({ alice }) =>
    () =>
      alice.expenses.totalsByCategory({ since: '2026-01-01', until: '2026-12-31' }),

  'IncomeRepository.create':
    ({ alice }) =>
    () =>
      alice.income.create(income),
  'IncomeRepository.find':
    ({ alice }) =>
    () =>
      alice.income.find(randomUUID()),
  'IncomeRepository.get': async ({ alice }) => {
    const { id } = await alice.income.create(income);
    return () => alice.income.get(id);
  },
  'IncomeRepository.list':
    ({ alice }) =>
    () =>
      alice.income.list(),
  'IncomeRepository.update': async ({ alice }) => {
    const { id } = await alice.income.create(income);
    return () => alice.income.update(id, { amount: '2' });
  },
  'IncomeRepository.delete':
    ({ alice }) =>
    () =>
      alice.income.delete(randomUUID()),
  'IncomeRepository.occurrences':
    ({ alice }) =>
    () =>
      alice.income.occurrences({ from: '2026-01-01', to: '2026-12-31' }),

  'TripRepository.create':
    ({ alice }) =>
    () =>
      alice.trips.create({ name: 'Big Lap' }),
  'TripRepository.find':
    ({ alice }) =>
    () =>
      alice.trips.find(randomUUID()),
  'TripRepository.get': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    return () => alice.trips.get(id);
  },
  'TripRepository.list':
    ({ alice }) =>
    () =>
      alice.trips.list({ status: 'planning' }),
  'TripRepository.update': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    return () => alice.trips.update(id, { name: 'Bigger' });
  },
  'TripRepository.setStatus': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    return () => alice.trips.setStatus(id, 'active');
  },
  'TripRepository.addDestination': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    return () => alice.trips.addDestination(id, stop('Moab'));
  },
  'TripRepository.moveDestination': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap', destinations: [stop('Moab'), stop('Zion')] });
    return () => alice.trips.moveDestination(id, { from: 0, to: 1 });
  },
  'TripRepository.removeDestination': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap', destinations: [stop('Moab')] });
    return () => alice.trips.removeDestination(id, 0);
  },
  'TripRepository.delete':
    ({ alice }) =>
    () =>
      alice.trips.delete(randomUUID()),
  'TripRepository.search':
    ({ alice }) =>
    () =>
      alice.trips.search('lap'),
  'TripRepository.financialSummary': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    return () => alice.trips.financialSummary(id);
  },

  'PostReader.feed':
    ({ bob }) =>
    () =>
      bob.posts.feed(),
  'PostReader.byAuthor':
    ({ alice, bob }) =>
    () =>
      bob.posts.byAuthor(alice.id, { tag: 'beach' }),
  'PostReader.byTag': () => () => database.asAnon().posts.byTag('beach'),
  'PostReader.near':
    ({ bob }) =>
    () =>
      bob.posts.near({ lat: 38.57, lng: -109.55, radius_km: 50 }),
  'PostReader.find': () => () => database.asAnon().posts.find(randomUUID()),
  'PostReader.get': async ({ alice }) => {
    const { id } = await alice.posts.create(post);
    return () => database.asAnon().posts.get(id);
  },
  'PostReader.search': () => () => database.asAnon().posts.search('dust'),
  'PostRepository.feed':
    ({ bob }) =>
    () =>
      bob.posts.feed({ scope: 'friends' }),
  'PostRepository.create':
    ({ alice }) =>
    () =>
      alice.posts.create(post),
  'PostRepository.list':
    ({ alice }) =>
    () =>
      alice.posts.list(),
  'PostRepository.update': async ({ alice }) => {
    const { id } = await alice.posts.create(post);
    return () => alice.posts.update(id, { title: 'Redder' });
  },
  'PostRepository.delete': async ({ alice }) => {
    const { id } = await alice.posts.create(post);
    return () => alice.posts.delete(id);
  },
  'PostRepository.exactLocation':
    ({ alice }) =>
    () =>
      alice.posts.exactLocation(randomUUID()),
  'PostRepository.setExactLocation': async ({ alice }) => {
    const { id } = await alice.posts.create(post);
    return () => alice.posts.setExactLocation(id, { lat: 38.57331, lng: -109.54984 });
  },
  'PostReactionRepository.like': async ({ alice, bob }) => {
    const { id } = await alice.posts.create(post);
    return () => bob.posts.like(id);
  },
  'PostReactionRepository.unlike': async ({ alice, bob }) => {
    const { id } = await alice.posts.create(post);
    return () => bob.posts.unlike(id);
  },
  'PostReactionRepository.likes':
    ({ bob }) =>
    () =>
      bob.posts.likes(randomUUID()),
  'PostReactionRepository.comment': async ({ alice, bob }) => {
    const { id } = await alice.posts.create(post);
    return () => bob.posts.comment(id, 'x');
  },
  'PostReactionRepository.comments':
    ({ bob }) =>
    () =>
      bob.posts.comments(randomUUID()),
  'PostReactionRepository.editComment': async ({ alice }) => {
    const { id } = await alice.posts.create(post);
    const comment = await alice.posts.comment(id, 'x');
    return () => alice.posts.editComment(comment.id, 'y');
  },
  'PostReactionRepository.deleteComment':
    ({ alice }) =>
    () =>
      alice.posts.deleteComment(randomUUID()),

  'ModerationRepository.posts': () => () => database.asService().moderation.posts(),
  'ModerationRepository.comments':
    ({ alice }) =>
    () =>
      alice.moderation.comments({ user_id: alice.id }),
  'ModerationRepository.findPost': () => () => database.asService().moderation.findPost(randomUUID()),
  'ModerationRepository.findComment': () => () => database.asService().moderation.findComment(randomUUID()),
  'ModerationRepository.removePost': () => () => database.asService().moderation.removePost(randomUUID()),
  'ModerationRepository.removeComment': () => () => database.asService().moderation.removeComment(randomUUID()),

  'PublicProfileRepository.find': () => () => database.asAnon().profiles.find(randomUUID()),
  'PublicProfileRepository.get':
    ({ alice, bob }) =>
    () =>
      bob.profiles.get(alice.id),
  'ProfileRepository.me':
    ({ alice }) =>
    () =>
      alice.profiles.me(),
  'ProfileRepository.update':
    ({ alice }) =>
    () =>
      alice.profiles.update({ full_name: 'Alice' }),
  'ProfileRepository.financialSummary':
    ({ alice }) =>
    () =>
      alice.profiles.financialSummary(),
  'ProfileRepository.activity':
    ({ alice }) =>
    () =>
      alice.profiles.activity(),

  'FriendRepository.list':
    ({ alice }) =>
    () =>
      alice.friends.list(),
  'FriendRepository.find':
    ({ alice, bob }) =>
    () =>
      alice.friends.find(bob.id),
  'FriendRepository.mutual':
    ({ alice, bob }) =>
    () =>
      alice.friends.mutual(bob.id),
  'FriendRepository.request':
    ({ alice, bob }) =>
    () =>
      alice.friends.request(bob.id),
  'FriendRepository.accept': async ({ alice, bob }) => {
    await bob.friends.request(alice.id);
    return () => alice.friends.accept(bob.id);
  },
  'FriendRepository.decline':
    ({ alice, bob }) =>
    () =>
      alice.friends.decline(bob.id),
  'FriendRepository.cancel':
    ({ alice, bob }) =>
    () =>
      alice.friends.cancel(bob.id),
  'FriendRepository.remove':
    ({ alice, bob }) =>
    () =>
      alice.friends.remove(bob.id),
  'FriendRepository.block':
    ({ alice, bob }) =>
    () =>
      alice.friends.block(bob.id),
  'FriendRepository.unblock':
    ({ alice, bob }) =>
    () =>
      alice.friends.unblock(bob.id),
  'FriendRepository.blocked':
    ({ alice }) =>
    () =>
      alice.friends.blocked(),

  'PamRepository.startConversation':
    ({ alice }) =>
    () =>
      alice.pam.startConversation({ session_id: 'phone' }),
  'PamRepository.find':
    ({ alice }) =>
    () =>
      alice.pam.find(randomUUID()),
  'PamRepository.get': async (world) => {
    const { id } = await conversationOf(world);
    return () => world.alice.pam.get(id);
  },
  'PamRepository.list':
    ({ alice }) =>
    () =>
      alice.pam.list(),
  'PamRepository.archive': async (world) => {
    const { id } = await conversationOf(world);
    return () => world.alice.pam.archive(id);
  },
  'PamRepository.delete':
    ({ alice }) =>
    () =>
      alice.pam.delete(randomUUID()),
  'PamRepository.appendMessage': async (world) => {
    const { id } = await conversationOf(world);
    return () => world.alice.pam.appendMessage(id, { role: 'user', content: 'x' });
  },
  'PamRepository.history':
    ({ alice }) =>
    () =>
      alice.pam.history(randomUUID()),
  'PamRepository.giveFeedback': async (world) => {
    const { id } = await messageOf(world);
    return () => world.alice.pam.giveFeedback({ message_id: id, rating: 5 });
  },
};

/** Transactions: the insert, which opens it, and the commit. */
const two: Record<string, Row> = {
  'ExpenseRepository.createMany':
    ({ alice }) =>
    () =>
      alice.expenses.createMany([expense, expense]),
  'IncomeRepository.createMany':
    ({ alice }) =>
    () =>
      alice.income.createMany([income, income]),
  'TripRepository.createMany':
    ({ alice }) =>
    () =>
      alice.trips.createMany([{ name: 'a' }, { name: 'b' }]),
  'PostRepository.createMany':
    ({ alice }) =>
    () =>
      alice.posts.createMany([post, post]),
  'PamRepository.appendMessages': async (world) => {
    const { id } = await conversationOf(world);
    return () => world.alice.pam.appendMessages(id, [{ role: 'user', content: 'x' }]);
  },
};

test('every method of every repository is counted here', () => {
  const exported: Record<string, unknown> = api;
  const repositories = Object.keys(exported).filter((name) => /(Repository|Reader)$/.test(name));
  expect(repositories.length).toBeGreaterThan(7);
  const methods = repositories.flatMap((name) =>
    Object.getOwnPropertyNames(Object(exported[name]).prototype)
      .filter((method) => method !== 'constructor')
      .map((method) => `${name}.${method}`),
  );
  expect([...Object.keys(one), ...Object.keys(two)].sort()).toEqual(methods.sort());
});

describe.each([
  [1, one],
  [2, two],
])('%i on the wire', (expected, rows) => {
  test.each(Object.entries(rows))('%s', async (_, prepare) => {
    const call = await prepare({ alice: await signUp(), bob: await signUp() });
    expect(await roundTrips(call)).toBe(expected);
  });
});

describe('a transaction', () => {
  test.each([1, 2, 5])('of %i statements costs one round trip more', async (n) => {
    const alice = await signUp();
    const work = () =>
      alice.transaction(
        async (tx) => {
          for (let i = 0; i < n; i++) await tx.trips.list();
        },
        { isolationLevel: 'serializable' },
      );
    expect(await roundTrips(work)).toBe(n + 1);
  });

  test('that does nothing costs nothing', async () => {
    const alice = await signUp();
    expect(await roundTrips(() => alice.transaction(async () => {}))).toBe(0);
  });

  test('that fails costs as much', async () => {
    const alice = await signUp();
    const failing = () => alice.transaction((tx) => tx.trips.get(randomUUID())).catch(() => {});
    expect(await roundTrips(failing)).toBe(2);
  });
});

test('a statement of a service’s own costs one, also if it fails', async () => {
  const { kysely } = await signUp();
  expect(await roundTrips(() => sql`select 1`.execute(kysely))).toBe(1);
  expect(await roundTrips(() => sql`select 1 / 0`.execute(kysely).catch(() => {}))).toBe(1);
});

test('a statement is parsed once a connection, and the settings too', async () => {
  const [alice, bob] = [await signUp(), await signUp()];
  await alice.trips.list();
  const before = proxy.parses;
  await Promise.all([alice.trips.list(), bob.trips.list(), bob.trips.list({ limit: 3 })]);
  expect(proxy.parses).toBe(before);
});

describe('without prepared statements', () => {
  let unprepared: api.Database;

  beforeAll(() => {
    const { connectionString } = proxy;
    unprepared = api.createDatabase({ connectionString, max: 1, preparedStatements: false });
  });

  afterEach(async () => {
    await unprepared.destroy();
  });

  test('the counts are the same', async () => {
    const alice = unprepared.asUser({ sub: await file.signUp() });
    expect(await roundTrips(() => alice.trips.list())).toBe(1);
    expect(await roundTrips(() => alice.trips.createMany([{ name: 'a' }]))).toBe(2);
    expect(await roundTrips(() => alice.transaction((tx) => tx.trips.list()))).toBe(2);
  });
});
