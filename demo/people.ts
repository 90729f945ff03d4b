import type { ServiceSession, Session, UserRepositories } from '../src/index.ts';
import { heading, say, table } from './print.ts';

type User = Session<UserRepositories>;

const moab = { lat: 38.5733, lng: -109.5498 };

export async function lookAround(maya: User, priya: User): Promise<void> {
  heading('Priya, new in Utah, looks around');
  const { items } = await priya.posts.near({ ...moab, radius_km: 400, limit: 5 });
  say(
    table(
      items.map(({ title, full_name, distance_km, tags }) => ({
        post: title,
        by: full_name,
        km: distance_km.toFixed(1),
        tags: tags.join(', '),
      })),
    ),
  );
  const { items: tagged } = await priya.posts.byTag('vanlife', { limit: 3 });
  say(`\n  Tagged "vanlife": ${tagged.map(({ title }) => title).join('; ')}`);
  const { items: friends } = await maya.friends.list({ status: 'accepted' });
  for (const { friend_id, full_name } of friends) {
    const { items: mutual } = await maya.friends.mutual(friend_id);
    say(`  Friends of both Maya and ${full_name}: ${mutual.map((person) => person.full_name).join(', ') || 'nobody'}`);
  }
}

export async function moderate(sam: User, priya: User, backend: ServiceSession): Promise<void> {
  heading('The service takes an advertisement down');
  const spam = await priya.posts.create({ title: 'Cheap diesel!!!', content: 'Write to me for a discount.' });
  const before = (await sam.posts.search('diesel')).length;
  await backend.moderation.removePost(spam.id);
  say(`  Sam finds ${before} posts about diesel, then ${(await sam.posts.search('diesel')).length}`);
}
