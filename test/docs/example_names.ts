import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { after } from 'node:test';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { z } from 'zod';
import { CheckError, type Claims, createDatabase, pruneConversations, pruneFeedback } from '../../src/index.ts';
import { amountSchema, validate } from '../../src/schemas.ts';
import { createTestDatabase } from '../../src/testing/index.ts';

/** The values of the names that docs/README.md says the examples use. */
export type ExampleNames = Awaited<ReturnType<typeof exampleNames>>;

/** Where an example may be: a migrated database, two people who have signed up, and what ends its loops. */
type Place = { connectionString: string; aliceId: string; bobId: string; signal: AbortSignal };

type Warehouse = { feed_position: { slot: string; lsn: string; ordinal: number } };

/** Prepares what the examples are about: `alice` has a trip, money, a post and a conversation, `bob` a request for her. */
export async function exampleNames({ connectionString, aliceId, bobId, signal }: Place) {
  const database = createDatabase({ connectionString, max: 3 });
  const claims: Claims = { sub: aliceId };
  const [alice, bob] = [database.asUser(claims), { ...database.asUser({ sub: bobId }), id: bobId }];
  const pam = database.asService().onBehalfOf(aliceId).pam;

  const trip = await alice.trips.create({
    name: 'Red Centre',
    start_date: '2026-04-01',
    end_date: '2026-04-30',
    status: 'completed',
    destinations: [{ name: 'Alice Springs', lat: -23.7, lng: 133.88 }, { name: 'Uluru' }, { name: 'Kings Canyon' }],
  });
  const detour = await alice.trips.create({ name: 'Detour' });
  const expense = await alice.expenses.create({ trip_id: trip.id, amount: '61.20', category: 'fuel', tags: ['van'] });
  const budget = await alice.budgets.create({ amount: '400.00', category: 'fuel', period: 'monthly' });
  const place = await alice.places.create({
    name: 'Tap behind the visitor centre',
    kind: 'water',
    location: { lat: -25.35, lng: 131.03 },
  });
  const post = await alice.posts.create({
    title: 'Red dust',
    content: 'Everywhere.',
    location: { lat: 38.57, lng: -109.55 },
  });
  await bob.posts.comment(post.id, 'Looks dry.');
  const { items: comments } = await alice.posts.comments(post.id);
  await bob.friends.request(aliceId);
  const conversation = await alice.pam.startConversation({ session_id: randomUUID() });
  await alice.pam.appendMessage(conversation.id, { role: 'user', content: 'Is there a free camp near Moab?' });
  const answer = await pam.appendMessage(conversation.id, {
    role: 'assistant',
    content: 'A free camp near Moab: Lone Mesa.',
  });
  const messages = await alice.pam.recent(conversation.id, { max_characters: 24_000 });

  return {
    // People and their sessions.
    database,
    userId: aliceId,
    claims,
    alice,
    bob,
    visitor: database.asAnon(),
    pam,
    // Rows of alice.
    trip,
    detour,
    expense,
    budget,
    place,
    post,
    comments,
    conversation,
    messages,
    answer,
    // What an app has of its own.
    signal,
    request: {
      signal,
      json: async () => ({ trip: { name: 'Big Lap' }, first_expense: { amount: 42.5, category: 'fuel' } }),
    },
    response: { on: () => {}, writableFinished: true } as unknown as ServerResponse,
    output: createWriteStream('export.jsonl'),
    imported: [{ amount: '12.00', category: 'food' }],
    receipts: [{ total: '9.90' }],
    lastSync: new Date(Date.now() - 3_600_000),
    model: {
      chat: async (said: readonly { role: string; content: string }[]) => `You have said ${said.length} things.`,
    },
    send: (_: unknown) => {},
    apply: async (..._: unknown[]) => {},
    empty: async (_: unknown) => {},
    notify: (_: unknown) => {},
    reportImport: (_: unknown) => {},
    askForOtherDates: () => {},
    log: { warn: (_: unknown) => {} },
    index: Object.assign(async (_: unknown) => {}, {
      merge: async (_: unknown) => {},
      remove: async (_: string) => {},
    }),
    warehouse: new Kysely<Warehouse>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString, max: 1 }) }),
    }),
    // What is imported where an example leaves it out.
    createDatabase,
    createTestDatabase,
    CheckError,
    pruneConversations,
    pruneFeedback,
    validate,
    amountSchema,
    after,
    z,
    sql,
    once,
    pipeline,
    createReadStream,
    createWriteStream,
  };
}
