import {
  type AnonRepositories,
  createDatabase,
  DatabaseError,
  type ServiceSession,
  type Session,
  type UserRepositories,
} from '../src/index.ts';
import { readTheBank, watchTheBudgets } from './money.ts';
import { lookAround, moderate } from './people.ts';
import { heading, money, say, table } from './print.ts';

type User = Session<UserRepositories>;

const people = {
  maya: 'fa9e0e10-0375-4089-b4b4-ee44e1db9075',
  sam: 'fd090b5c-5288-4cde-aac0-7bbe5ff255ab',
  priya: '25539322-81be-4c84-bc8c-c44868abc245',
};

/** What users, a stranger, a visitor and the service see and do through the repositories, printed as it happens. */
export async function tellStory(connectionString: string): Promise<void> {
  const database = createDatabase({ connectionString });
  try {
    const maya = database.asUser({ sub: people.maya });
    const sam = database.asUser({ sub: people.sam });
    const priya = database.asUser({ sub: people.priya });
    await reviewTheYear(maya);
    await planTheWayBack(maya);
    await searchAndLookAhead(maya);
    await readTheBank(maya);
    await watchTheBudgets(maya);
    await share(maya, sam, priya, database.asAnon());
    await lookAround(maya, priya);
    await moderate(sam, priya, database.asService());
    await askPam(maya, database.asService());
    await tryWhatIsForbidden(maya, priya);
    await takeHome(maya);
  } finally {
    await database.destroy();
  }
}

async function reviewTheYear(maya: User): Promise<void> {
  heading('Maya looks back at a year on the road');
  const { items: trips } = await maya.trips.list({ limit: 100 });
  const summaries = await Promise.all(trips.map(({ id }) => maya.trips.financialSummary(id)));
  const byStart = trips
    .map((trip, index) => ({ trip, summary: summaries[index] }))
    .sort((a, b) => (a.trip.start_date ?? '').localeCompare(b.trip.start_date ?? ''));
  say(
    table(
      byStart.map(({ trip, summary }) => ({
        trip: trip.name,
        from: trip.start_date,
        to: trip.end_date,
        status: trip.status,
        route: `${Math.round((trip.route_data?.distance ?? 0) / 1000)} km`,
        budget: money(trip.budget_total, trip.currency),
        spent: money(trip.budget_spent, trip.currency),
        left: money(summary?.remaining_budget ?? null, trip.currency),
        'other currencies': Object.entries(trip.spent_by_currency)
          .filter(([currency]) => currency !== trip.currency)
          .map(([currency, amount]) => money(amount, currency))
          .join(', '),
      })),
    ),
  );

  say('\n  Her last months, what came in and what it cost:\n');
  const months = await maya.income.cashFlow({ from: '2026-09-01', to: '2026-11-22' });
  say(table(months.map(({ month, income, expenses, net, currency }) => ({ month, income, expenses, net, currency }))));
  say('\n  The last thirty days by category:\n');
  const spent = await maya.expenses.totalsByCategory({ since: '2026-10-24', until: '2026-11-22' });
  say(table(spent.slice(0, 6).map(({ category, total, currency, count }) => ({ category, total, currency, count }))));
}

async function planTheWayBack(maya: User): Promise<void> {
  heading('She plans the way back, and a detour');
  const trip = await maya.trips.create({
    name: 'Back west along the border',
    start_date: '2027-02-21',
    end_date: '2027-03-20',
    budget_total: '1800.00',
    destinations: [
      { name: 'Marathon, TX', lat: 30.2069, lng: -103.245, arrive_on: '2027-02-24' },
      { name: 'Bisbee, AZ', lat: 31.4482, lng: -109.9284, arrive_on: '2027-03-06' },
    ],
  });
  await maya.trips.addDestination(
    trip.id,
    { name: 'Marfa, TX', lat: 30.3095, lng: -104.0206, notes: 'The lights' },
    { at: 1 },
  );
  const planned = await maya.trips.addDestination(trip.id, { name: 'Ajo, AZ', lat: 32.3717, lng: -112.8607 });
  say(`  Stops: ${planned.destinations.map(({ name }) => name).join(' → ')}`);
  const { items: campsites } = await maya.places.list({ kind: 'campsite' });
  say(`  Campsites that she keeps to come back to: ${campsites.map(({ name }) => name).join('; ')}`);

  await maya.expenses.createMany([
    { trip_id: trip.id, amount: '96', category: 'Camping', description: 'Deposit, two nights', location: 'Marfa, TX' },
    { trip_id: trip.id, amount: '38.5', category: 'books', description: 'Paper map of the Big Bend' },
    {
      trip_id: trip.id,
      amount: '450.00',
      currency: 'MXN',
      category: 'restaurants',
      description: 'Lunch across the river',
    },
  ]);
  say(`  Recorded three expenses. Spent: ${spending(await maya.trips.get(trip.id))}`);

  const detour = await maya.transaction(async (tx) => {
    const created = await tx.trips.create({ name: 'Detour to Boquillas', currency: 'MXN', budget_total: '2500.00' });
    await tx.expenses.move({ from: trip.id, to: created.id });
    return created;
  });
  say('  Moved them to a new trip, "Detour to Boquillas", in one transaction:\n');
  const trips = await Promise.all([trip.id, detour.id].map((id) => maya.trips.get(id)));
  say(
    table(
      trips.map((each) => ({
        trip: each.name,
        budget: money(each.budget_total, each.currency),
        counted: money(each.budget_spent, each.currency),
        spent: spending(each),
        expenses: each.expense_count,
      })),
    ),
  );
}

async function searchAndLookAhead(maya: User): Promise<void> {
  heading('She searches her trips, and looks at what is coming in');
  for (const term of ['rockies', 'drive', 'van']) {
    const hits = await maya.trips.search(term, { limit: 3 });
    say(`  "${term}" finds ${hits.map(({ trip_name }) => trip_name).join('; ') || 'nothing'}`);
  }
  const due = await maya.income.occurrences({ from: '2027-01-01', to: '2027-03-31' });
  say('\n  Income due from January to March 2027 (a retainer of the 31st falls on the last day of a shorter month):\n');
  say(
    table(
      due.slice(0, 8).map(({ date, source, amount, currency }) => ({ date, source, amount: money(amount, currency) })),
    ),
  );
}

async function share(maya: User, sam: User, priya: User, visitor: Session<AnonRepositories>): Promise<void> {
  heading('She posts for her friends');
  const post = await maya.posts.create({
    title: 'Our spot behind the dunes',
    content: 'Third track on the left, then walk. Bring your own shade and somebody who can cook.',
    location: { lat: 27.67512, lng: -97.16834, name: 'Mustang Island, TX' },
    visibility: 'friends',
    tags: ['Beach', 'camping'],
  });
  say(`  Sam, a friend, likes it: ${await sam.posts.like(post.id)} like. He comments, too.`);
  await sam.posts.comment(post.id, 'I can cook. I have said this before.');
  const seen = await sam.posts.get(post.id);
  say(`  What he sees of the place is rounded to about a kilometre: ${seen.location?.lat}, ${seen.location?.lng}`);

  const feeds = await Promise.all([maya, sam, priya, visitor].map(({ posts }) => posts.feed({ limit: 100 })));
  say('\n  The same feed, asked for by four people:\n');
  say(
    table(
      ['Maya', 'Sam, a friend', 'Priya, a stranger', 'a visitor'].map((who, index) => {
        const items = feeds[index]?.items ?? [];
        const count = (visibility: string) => items.filter((item) => item.visibility === visibility).length;
        return { who, public: count('public'), friends: count('friends'), private: count('private') };
      }),
    ),
  );
}

async function askPam(maya: User, backend: ServiceSession): Promise<void> {
  heading('She asks PAM, and the service answers');
  const conversation = await maya.pam.startConversation({ session_id: 'demo' });
  await maya.pam.appendMessage(conversation.id, { role: 'user', content: 'What did we spend on fuel in October?' });
  const totals = await maya.expenses.totalsByCategory({ since: '2026-10-01', until: '2026-10-31' });
  const fuel = totals.filter(({ category }) => category === 'fuel');
  await backend.onBehalfOf(people.maya).pam.appendMessage(conversation.id, {
    role: 'assistant',
    content: `${fuel.map(({ total, currency, count }) => `${money(total, currency)} in ${count} stops`).join(' and ')}.`,
  });
  for (const { role, content } of await maya.pam.recent(conversation.id, { max_characters: 2000 })) {
    say(`  ${role.padEnd(10)} ${content}`);
  }
}

async function takeHome(maya: User): Promise<void> {
  heading('At last she takes everything with her');
  const rows = new Map<string, number>();
  for await (const { table: name } of maya.profiles.exportData()) rows.set(name, (rows.get(name) ?? 0) + 1);
  say(`  Her export: ${[...rows].map(([name, count]) => `${name} ${count}`).join(', ')}.`);
}

async function tryWhatIsForbidden(maya: User, priya: User): Promise<void> {
  heading('And what is refused');
  const trip = await maya.trips.list({ limit: 1 }).then(({ items }) => items[0]);
  const post = await maya.posts.list({ limit: 1 }).then(({ items }) => items[0]);
  const conversation = await maya.pam.startConversation({ session_id: 'demo' });
  if (!trip || !post) return;
  const attempts: [string, () => Promise<unknown>][] = [
    ["Priya reads Maya's trip", () => priya.trips.get(trip.id)],
    ["Priya renames Maya's trip", () => priya.trips.update(trip.id, { name: 'Mine' })],
    [
      "Priya hangs an expense on Maya's trip",
      () => priya.expenses.create({ trip_id: trip.id, amount: '9999.00', category: 'fuel' }),
    ],
    ["Priya likes a post for Maya's friends", () => priya.posts.like(post.id)],
    [
      'Priya makes herself an admin',
      () => priya.kysely.updateTable('profiles').set({ role: 'admin' }).where('id', '=', people.priya).execute(),
    ],
    [
      "Maya writes PAM's answer herself",
      () =>
        maya.kysely
          .insertInto('pam_messages')
          .values({
            user_id: people.maya,
            conversation_id: conversation.id,
            role: 'assistant',
            content: 'Buy the boat.',
          })
          .execute(),
    ],
    ['Maya spends three tenths of a cent', () => maya.expenses.create({ amount: '0.003', category: 'fuel' })],
    [
      'Maya ends a trip before it starts',
      () => maya.trips.create({ name: 'Back in time', start_date: '2027-05-02', end_date: '2027-05-01' }),
    ],
  ];
  const outcomes = [];
  for (const [attempt, act] of attempts) outcomes.push({ attempt, outcome: await outcomeOf(act) });
  say(table(outcomes));
}

/** Refusals are the point of the scene; anything else is a fault of the demo. */
async function outcomeOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (error instanceof DatabaseError) return `${error.name}: ${error.message}`;
    throw error;
  }
  throw new Error('What should have been refused went through.');
}

function spending({ spent_by_currency }: { spent_by_currency: Record<string, string> }): string {
  const amounts = Object.entries(spent_by_currency).map(([currency, amount]) => money(amount, currency));
  return amounts.join(', ') || 'nothing';
}
