import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';

const jsonObject = z.record(z.string(), z.json());
const location = z.strictObject({
  lat: z.number(),
  lng: z.number(),
  name: z.string().optional(),
  exact: z.boolean().optional(),
});

const people = z.array(
  z.object({
    id: z.string(),
    email: z.string().nullable(),
    phone: z.string().nullable(),
    full_name: z.string(),
    avatar_url: z.string(),
    region: z.string(),
    timezone: z.string(),
    currency: z.string(),
    preferences: jsonObject,
  }),
);
const friendships = z.array(z.object({ from: z.string(), to: z.string(), status: z.enum(['accepted', 'requested']) }));
const trips = z.array(
  z.object({
    id: z.string(),
    owner: z.string(),
    name: z.string(),
    description: z.string(),
    start_date: z.string(),
    end_date: z.string(),
    status: z.enum(['planning', 'active', 'completed', 'cancelled']),
    budget_total: z.string(),
    currency: z.string(),
    destinations: z.array(
      z.object({
        name: z.string(),
        lat: z.number(),
        lng: z.number(),
        arrive_on: z.string(),
        leave_on: z.string(),
        notes: z.string().optional(),
      }),
    ),
    route_data: z.looseObject({ distance: z.number(), duration: z.number() }),
  }),
);
const expenses = z.array(
  z.object({
    id: z.string(),
    owner: z.string(),
    trip_id: z.string().transform((id) => id || null),
    date: z.string(),
    amount: z.string(),
    currency: z.string(),
    category: z.string(),
    description: z.string(),
    location: z.string().transform((name) => name || null),
    tags: z.string().transform((tags) => tags.split(';').filter(Boolean)),
  }),
);
const income = z.array(
  z.object({
    id: z.string(),
    owner: z.string(),
    amount: z.string(),
    currency: z.string(),
    source: z.string(),
    description: z.string(),
    date: z.string(),
    type: z.enum(['one_time', 'recurring', 'business']),
    frequency: z.enum(['daily', 'weekly', 'monthly', 'yearly']).nullish(),
    ends_on: z.string().nullish(),
  }),
);
const posts = z.array(
  z.object({
    id: z.string(),
    author: z.string(),
    trip_id: z.string().nullable(),
    title: z.string(),
    content: z.string(),
    images: z.array(z.string()),
    location: location.nullable(),
    tags: z.array(z.string()),
    visibility: z.enum(['public', 'friends', 'private']),
    created_at: z.coerce.date(),
    liked_by: z.array(z.string()),
    comments: z.array(z.object({ id: z.string(), author: z.string(), content: z.string() })),
  }),
);
const conversation = z.object({
  id: z.string(),
  owner: z.string(),
  session_id: z.string(),
  context: jsonObject,
  messages: z.array(
    z.object({
      id: z.string(),
      role: z.enum(['user', 'assistant', 'system', 'tool']),
      content: z.string(),
      metadata: jsonObject,
      created_at: z.coerce.date(),
    }),
  ),
  feedback: z.array(
    z.object({
      message_id: z.string(),
      rating: z.number(),
      thumbs_up: z.boolean(),
      feedback_text: z.string(),
      feedback_type: z.string(),
    }),
  ),
});

/** A year of a household that lives in a van, as the files in `household/` tell it. */
export async function readHousehold() {
  return {
    people: people.parse(await json('people')),
    friendships: friendships.parse(await json('friendships')),
    trips: trips.parse(await json('trips')),
    expenses: expenses.parse(parse(await text('expenses.csv'), { columns: true })),
    income: income.parse(await json('income')),
    posts: posts.parse(await json('posts')),
    conversation: conversation.parse(await json('conversation')),
  };
}

async function json(name: string): Promise<unknown> {
  return JSON.parse(await text(`${name}.json`));
}

function text(name: string): Promise<string> {
  return readFile(new URL(`household/${name}`, import.meta.url), 'utf8');
}
