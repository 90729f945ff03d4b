import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import {
  commentSchema,
  conversationInputSchema,
  expenseInputSchema,
  feedbackInputSchema,
  incomeInputSchema,
  messageInputSchema,
  placeInputSchema,
  postInputSchema,
  profilePatchSchema,
  tripInputSchema,
  uuidSchema,
} from '../schemas.ts';

const people = z.array(
  profilePatchSchema.required().extend({
    id: uuidSchema,
    email: z.string().nullable(),
    phone: z.string().nullable(),
  }),
);
const friendships = z.array(z.object({ from: uuidSchema, to: uuidSchema, status: z.enum(['accepted', 'requested']) }));
const owner = uuidSchema;
const trips = z.array(tripInputSchema.extend({ owner }));
const expenses = z.array(
  expenseInputSchema.extend({
    owner,
    trip_id: z.string().transform((id) => id || null),
    location: z.string().transform((name) => name || null),
    tags: z.string().transform((tags) => tags.split(';').filter(Boolean)),
  }),
);
const income = z.array(incomeInputSchema.extend({ owner }));
const places = z.array(placeInputSchema.extend({ owner }));
const posts = z.array(
  postInputSchema.extend({
    id: uuidSchema,
    author: owner,
    created_at: z.coerce.date(),
    liked_by: z.array(uuidSchema),
    comments: z.array(z.object({ id: uuidSchema, author: uuidSchema, content: commentSchema })),
  }),
);
const conversation = z.object({
  ...conversationInputSchema.required().shape,
  owner,
  context: z.record(z.string(), z.json()),
  messages: z.array(messageInputSchema.required().extend({ created_at: z.coerce.date() })),
  feedback: z.array(feedbackInputSchema),
});

/** A year of a household that lives in a van, as the files in `records/` tell it. */
export async function readHousehold() {
  return {
    people: people.parse(await json('people')),
    friendships: friendships.parse(await json('friendships')),
    trips: trips.parse(await json('trips')),
    expenses: expenses.parse(parse(await text('expenses.csv'), { columns: true })),
    income: income.parse(await json('income')),
    places: places.parse(await json('places')),
    posts: posts.parse(await json('posts')),
    conversation: conversation.parse(await json('conversation')),
  };
}

async function json(name: string): Promise<unknown> {
  return JSON.parse(await text(`${name}.json`));
}

function text(name: string): Promise<string> {
  return readFile(new URL(`records/${name}`, import.meta.url), 'utf8');
}
