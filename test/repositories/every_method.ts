import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import * as api from '../../src/index.ts';

/** Who calls. */
export type World = {
  readonly alice: api.Session<api.UserRepositories> & { readonly id: string };
  readonly bob: api.Session<api.UserRepositories> & { readonly id: string };
  readonly visitor: api.Session<api.AnonRepositories>;
  readonly service: api.ServiceSession;
};

/** Prepares a call of the method in its common case. */
export type Prepare = (world: World) => Promise<() => Promise<unknown>> | (() => Promise<unknown>);

const expense = { amount: '1', category: 'fuel', currency: 'USD' };
const income = { amount: '1', source: 'work', currency: 'USD' };
const budget = { amount: '1', period: 'weekly', currency: 'USD', starts_on: '2026-12-01' } as const;
const place = { name: 'Tap', kind: 'water', location: { lat: 1, lng: 2 } } as const;
const post = { title: 'Red dust', content: 'x', visibility: 'public' } as const;
const stop = (name: string) => ({ name });

async function conversationOf({ alice }: World) {
  return await alice.pam.startConversation({ session_id: randomUUID() });
}

async function messageOf(world: World) {
  return await world.alice.pam.appendMessage((await conversationOf(world)).id, { role: 'user', content: 'x' });
}

/**
 * Methods that send one statement. A repeated `create`, an `update` with `if_version` and a `delete` that miss read the stored row
 * in a second.
 */
export const oneStatement: Readonly<Record<string, Prepare>> = {
  'ExpenseRepository.create':
    ({ alice }) =>
    () =>
      alice.expenses.create(expense),
  'ExpenseReader.find':
    ({ alice }) =>
    () =>
      alice.expenses.find(randomUUID()),
  'ExpenseReader.get': async ({ alice }) => {
    const { id } = await alice.expenses.create(expense);
    return () => alice.expenses.get(id);
  },
  'ExpenseReader.list':
    ({ alice }) =>
    () =>
      alice.expenses.list({ category: 'fuel', limit: 20 }),
  'ExpenseReader.exportCsv': async ({ alice }) => {
    await alice.expenses.create(expense);
    return () => text(alice.expenses.exportCsv());
  },
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
  'ExpenseReader.totalsByCategory':
    ({ alice }) =>
    () =>
      alice.expenses.totalsByCategory(),
  'ExpenseReader.totalsByMonth':
    ({ alice }) =>
    () =>
      alice.expenses.totalsByMonth(),
  'ExpenseReader.totalsByTrip':
    ({ alice }) =>
    () =>
      alice.expenses.totalsByTrip({ since: '2026-01-01', until: '2026-12-31' }),
  'ExpenseReader.totalsByTag':
    ({ alice }) =>
    () =>
      alice.expenses.totalsByTag({ since: '2026-01-01', until: '2026-12-31' }),
  'ExpenseReader.totalsByCurrency':
    ({ alice }) =>
    () =>
      alice.expenses.totalsByCurrency({ trip_id: randomUUID() }),

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
  'IncomeRepository.delete': async ({ alice }) => {
    const { id } = await alice.income.create(income);
    return () => alice.income.delete(id);
  },
  'IncomeRepository.occurrences':
    ({ alice }) =>
    () =>
      alice.income.occurrences({ from: '2026-01-01', to: '2026-12-31' }),
  'IncomeRepository.expected':
    ({ alice }) =>
    () =>
      alice.income.expected({ from: '2026-01-01', to: '2026-12-31' }),
  'IncomeRepository.cashFlow':
    ({ alice }) =>
    () =>
      alice.income.cashFlow({ from: '2026-01-01', to: '2026-12-31' }),

  'BudgetRepository.create':
    ({ alice }) =>
    () =>
      alice.budgets.create(budget),
  'BudgetRepository.find':
    ({ alice }) =>
    () =>
      alice.budgets.find(randomUUID()),
  'BudgetRepository.get': async ({ alice }) => {
    const { id } = await alice.budgets.create(budget);
    return () => alice.budgets.get(id);
  },
  'BudgetRepository.list':
    ({ alice }) =>
    () =>
      alice.budgets.list({ period: 'weekly' }),
  'BudgetRepository.usage':
    ({ alice }) =>
    () =>
      alice.budgets.usage({ states: ['near', 'over'] }),
  'BudgetRepository.history': async ({ alice }) => {
    const { id } = await alice.budgets.create(budget);
    return () => alice.budgets.history(id);
  },
  'BudgetRepository.update': async ({ alice }) => {
    const { id } = await alice.budgets.create(budget);
    return () => alice.budgets.update(id, { amount: '2' }, { if_version: 1 });
  },
  'BudgetRepository.delete': async ({ alice }) => {
    const { id } = await alice.budgets.create(budget);
    return () => alice.budgets.delete(id);
  },

  'PlaceRepository.create':
    ({ alice }) =>
    () =>
      alice.places.create(place),
  'PlaceRepository.find':
    ({ alice }) =>
    () =>
      alice.places.find(randomUUID()),
  'PlaceRepository.get': async ({ alice }) => {
    const { id } = await alice.places.create(place);
    return () => alice.places.get(id);
  },
  'PlaceRepository.list':
    ({ alice }) =>
    () =>
      alice.places.list({ kind: 'water' }),
  'PlaceRepository.update': async ({ alice }) => {
    const { id } = await alice.places.create(place);
    return () => alice.places.update(id, { rating: 5 }, { if_version: 1 });
  },
  'PlaceRepository.delete': async ({ alice }) => {
    const { id } = await alice.places.create(place);
    return () => alice.places.delete(id);
  },

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
      alice.trips.list({ status: 'planning', when: 'upcoming' }),
  'TripRepository.listWithTotals':
    ({ alice }) =>
    () =>
      alice.trips.listWithTotals(),
  'TripRepository.update': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    return () => alice.trips.update(id, { name: 'Bigger' });
  },
  'TripRepository.setStatus': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    return () => alice.trips.setStatus(id, 'active');
  },
  'TripRepository.duplicate': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    return () => alice.trips.duplicate(id, { start_date: '2026-12-01', budgets: true });
  },
  'TripRepository.days': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap', start_date: '2026-12-01' });
    return () => alice.trips.days(id);
  },
  'TripRepository.distance': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    return () => alice.trips.distance(id);
  },
  'TripRepository.addDestination': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    return () => alice.trips.addDestination(id, stop('Moab'));
  },
  'TripRepository.updateDestination': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap', destinations: [stop('Moab')] });
    return () => alice.trips.updateDestination(id, 0, { notes: 'Water.' });
  },
  'TripRepository.moveDestination': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap', destinations: [stop('Moab'), stop('Zion')] });
    return () => alice.trips.moveDestination(id, { from: 0, to: 1 });
  },
  'TripRepository.removeDestination': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap', destinations: [stop('Moab')] });
    return () => alice.trips.removeDestination(id, 0);
  },
  'TripRepository.delete': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    return () => alice.trips.delete(id);
  },
  'TripRepository.search':
    ({ alice }) =>
    () =>
      alice.trips.search('lap'),
  'TripRepository.financialSummary': async ({ alice }) => {
    const { id } = await alice.trips.create({ name: 'Big Lap' });
    return () => alice.trips.financialSummary(id);
  },

  'PostReader.feed':
    ({ visitor }) =>
    () =>
      visitor.posts.feed(),
  'PostReader.byAuthor':
    ({ alice, bob }) =>
    () =>
      bob.posts.byAuthor(alice.id),
  'PostReader.byTag':
    ({ bob }) =>
    () =>
      bob.posts.byTag('beach'),
  'PostReader.near':
    ({ bob }) =>
    () =>
      bob.posts.near({ lat: 38.57, lng: -109.55, radius_km: 50 }),
  'PostReader.find':
    ({ visitor }) =>
    () =>
      visitor.posts.find(randomUUID()),
  'PostReader.get': async ({ alice, visitor }) => {
    const { id } = await alice.posts.create(post);
    return () => visitor.posts.get(id);
  },
  'PostReader.search':
    ({ visitor }) =>
    () =>
      visitor.posts.search('dust'),
  'PostRepository.feed':
    ({ bob }) =>
    () =>
      bob.posts.feed(),
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

  'ModerationRepository.posts':
    ({ service }) =>
    () =>
      service.moderation.posts(),
  'ModerationRepository.comments':
    ({ service }) =>
    () =>
      service.moderation.comments(),
  'ModerationRepository.findPost':
    ({ service }) =>
    () =>
      service.moderation.findPost(randomUUID()),
  'ModerationRepository.findComment':
    ({ service }) =>
    () =>
      service.moderation.findComment(randomUUID()),
  'ModerationRepository.removePost': async ({ alice, service }) => {
    const { id } = await alice.posts.create(post);
    return () => service.moderation.removePost(id);
  },
  'ModerationRepository.removeComment':
    ({ service }) =>
    () =>
      service.moderation.removeComment(randomUUID()),

  'PublicProfileRepository.find':
    ({ visitor }) =>
    () =>
      visitor.profiles.find(randomUUID()),
  'PublicProfileRepository.get':
    ({ alice, bob }) =>
    () =>
      bob.profiles.get(alice.id),
  'PublicProfileRepository.findMany':
    ({ alice, bob }) =>
    () =>
      bob.profiles.findMany([alice.id]),
  'ProfileRepository.me':
    ({ alice }) =>
    () =>
      alice.profiles.me(),
  'ProfileRepository.update':
    ({ alice }) =>
    () =>
      alice.profiles.update({ full_name: 'Alice' }),
  'ProfileRepository.updatePreferences':
    ({ alice }) =>
    () =>
      alice.profiles.updatePreferences({ units: 'metric' }),
  'ProfileRepository.erase':
    ({ alice }) =>
    () =>
      alice.profiles.erase(),
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
  'PamRepository.unarchive': async (world) => {
    const { id } = await conversationOf(world);
    return () => world.alice.pam.unarchive(id);
  },
  'PamRepository.delete': async (world) => {
    const { id } = await conversationOf(world);
    return () => world.alice.pam.delete(id);
  },
  'PamRepository.appendMessage': async (world) => {
    const { id } = await conversationOf(world);
    return () => world.alice.pam.appendMessage(id, { role: 'user', content: 'x' });
  },
  'PamRepository.history':
    ({ alice }) =>
    () =>
      alice.pam.history(randomUUID()),
  'PamRepository.recent': async (world) => {
    const { conversation_id } = await messageOf(world);
    return () => world.alice.pam.recent(conversation_id, { max_characters: 1000 });
  },
  'PamRepository.search':
    ({ alice }) =>
    () =>
      alice.pam.search('fuel'),
  'ServicePamRepository.mergeContext': async (world) => {
    const { id } = await conversationOf(world);
    const { pam } = world.service.onBehalfOf(world.alice.id);
    return () => pam.mergeContext(id, { vehicle: 'van' });
  },
  'FeedbackRepository.giveFeedback': async (world) => {
    const { id } = await messageOf(world);
    return () => world.alice.pam.giveFeedback({ message_id: id, rating: 5 });
  },
  'FeedbackRepository.listFeedback':
    ({ alice }) =>
    () =>
      alice.pam.listFeedback(),
  'FeedbackRepository.feedbackStatistics':
    ({ alice }) =>
    () =>
      alice.pam.feedbackStatistics({ since: '2026-01-01', until: '2026-12-31' }),
  'FeedbackRepository.deleteFeedback': async (world) => {
    const { id: message_id } = await messageOf(world);
    const { id } = await world.alice.pam.giveFeedback({ message_id, rating: 5 });
    return () => world.alice.pam.deleteFeedback(id);
  },
  'FeedbackReader.list':
    ({ service }) =>
    () =>
      service.feedback.list(),
  'FeedbackReader.statistics':
    ({ service }) =>
    () =>
      service.feedback.statistics({ since: '2026-01-01', until: '2026-12-31' }),

  'AccountRepository.find':
    ({ service }) =>
    () =>
      service.accounts.find(randomUUID()),
  'AccountRepository.get':
    ({ alice, service }) =>
    () =>
      service.accounts.get(alice.id),
  'AccountRepository.findByEmail':
    ({ service }) =>
    () =>
      service.accounts.findByEmail('alice@example.com'),
  'AccountRepository.list':
    ({ service }) =>
    () =>
      service.accounts.list({ status: 'suspended' }),
  'AccountRepository.setRole':
    ({ alice, service }) =>
    () =>
      service.accounts.setRole(alice.id, 'moderator'),
  'AccountRepository.setStatus':
    ({ alice, service }) =>
    () =>
      service.accounts.setStatus(alice.id, 'suspended'),
  'AccountRepository.erase':
    ({ alice, service }) =>
    () =>
      service.accounts.erase(alice.id),
  'ExpenseRepository.createMany':
    ({ alice }) =>
    () =>
      alice.expenses.createMany([expense, expense]),
  'IncomeRepository.createMany':
    ({ alice }) =>
    () =>
      alice.income.createMany([income, income]),
  'BudgetRepository.createMany':
    ({ alice }) =>
    () =>
      alice.budgets.createMany([budget, budget]),
  'PlaceRepository.createMany':
    ({ alice }) =>
    () =>
      alice.places.createMany([place, place]),
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

/** Methods that make a transaction of their own: the insert, which opens it, and the commit. */
export const oneTransaction: Readonly<Record<string, Prepare>> = {
  'ExpenseRepository.importCsv':
    ({ alice }) =>
    () =>
      alice.expenses.importCsv(`date,amount,text\n2026-01-01,5,${randomUUID()}\n`),
};

/** Methods that give row after row, table after table. */
export const streams: Readonly<Record<string, Prepare>> = {
  'ProfileRepository.exportData':
    ({ alice }) =>
    async () => {
      const rows = [];
      for await (const row of alice.profiles.exportData()) rows.push(row);
      return rows;
    },
};

/** `ExpenseRepository.create` and so on: what there is, read off the classes. */
export function methodsOfRepositories(): string[] {
  const exported: Record<string, unknown> = api;
  const repositories = Object.keys(exported).filter((name) => /(Repository|Reader)$/.test(name));
  if (repositories.length < 8) throw new Error(`Only ${repositories.length} repositories are exported.`);
  return repositories.flatMap((name) =>
    Object.getOwnPropertyNames(Object(exported[name]).prototype)
      .filter((method) => method !== 'constructor')
      .map((method) => `${name}.${method}`),
  );
}
