import { createDatabase } from '@wheelsandwins/db';
import type { FeedPost, Page } from '@wheelsandwins/db/types';
import { expect, test } from 'vitest';
import { type Client, testService } from './support/service.ts';

const service = testService();

test('Visitors see public posts, travellers their own and their friends’ besides', async () => {
  const [alice, bob] = [await service.traveller(), await service.traveller()];
  const database = createDatabase({ connectionString: service.database.connectionString, max: 1 });
  for (const visibility of ['public', 'friends', 'private'] as const) {
    await database.asUser({ sub: alice.id }).posts.create({ title: visibility, content: 'Dust', visibility });
  }
  await database.asUser({ sub: bob.id }).friends.request(alice.id);
  await database.asUser({ sub: alice.id }).friends.accept(bob.id);
  await database.destroy();

  const titles = async (client: Client) => {
    const { items } = await client.json<Page<FeedPost>>('GET', '/api/feed');
    return items.map(({ title }) => title);
  };
  expect(await titles(service.visitor())).toEqual(['public']);
  expect(await titles(bob)).toEqual(['friends', 'public']);
  expect(await titles(alice)).toEqual(['private', 'friends', 'public']);
});

test('A token that is not good is refused, not taken for a visitor', async () => {
  const alice = await service.traveller({ exp: 1 });
  expect((await alice.get('/api/feed')).status).toBe(401);
});
