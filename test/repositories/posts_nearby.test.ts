import { beforeAll, describe, expect, test } from 'vitest';
import { CursorError, ValidationError } from '../../src/index.ts';
import type { Circle, NearbyPost, Page, PostInput } from '../../src/types.ts';
import { readPages } from '../support/read_pages.ts';
import { type Person, testSessions } from './sessions.ts';

const sessions = testSessions();

type Point = { lat: number; lng: number };
type Stored = Point & { id: string; user_id: string; visibility: string; time: string };

let alice: Person;
let bob: Person;
let carol: Person;
let eve: Person;
let stored: Stored[];

const corners: Point[] = [
  { lat: 90, lng: 0 },
  { lat: -90, lng: 120 },
  { lat: 89.99, lng: 179.99 },
  { lat: 89.99, lng: -90 },
  { lat: 89.5, lng: 0 },
  { lat: -89.97, lng: 12 },
  { lat: 0, lng: 180 },
  { lat: 0, lng: -180 },
  { lat: -16.5, lng: 179.99 },
  { lat: -16.5, lng: -179.98 },
  { lat: -16.78, lng: 180 },
  { lat: 0, lng: 0 },
  { lat: 38.57, lng: -109.55 },
  { lat: 38.57, lng: -109.55 },
  { lat: 38.57, lng: -109.55 },
  { lat: 38.58, lng: -109.55 },
];

/** Bob is Alice's friend, Carol a stranger, Eve blocked: each posts in the corners of the map and anywhere, for all to see or not. */
beforeAll(async () => {
  [alice, bob, carol, eve] = [
    await sessions.signUp(),
    await sessions.signUp(),
    await sessions.signUp(),
    await sessions.signUp(),
  ];
  await alice.friends.request(bob.id);
  await bob.friends.accept(alice.id);
  const somewhere = () => ({ lat: Math.asin(2 * Math.random() - 1) * (180 / Math.PI), lng: Math.random() * 360 - 180 });
  for (const [turn, { posts }] of [alice, bob, carol, eve].entries()) {
    const points = [...corners, ...Array.from({ length: 60 }, somewhere), ...Array.from({ length: 10 }, () => null)];
    const inputs: PostInput[] = points.map((location, n) => ({
      title: 'Here',
      content: 'We are.',
      visibility: (['public', 'friends', 'private'] as const)[(n + turn) % 3],
      location: location && { ...location, ...(n % 5 === 0 && { exact: true }) },
    }));
    await posts.createMany(inputs);
  }
  await alice.friends.block(eve.id);
  stored = (
    await sessions.admin.query<Stored>(`
      select id, user_id, visibility, created_at::text as time, (location -> 'lat')::float8 as lat, (location -> 'lng')::float8 as lng
      from posts where location is not null`)
  ).rows;
});

/** By the angle between two vectors: another formula than the database's. */
function metresBetween(one: Point, other: Point): number {
  const vector = ({ lat, lng }: Point) => {
    const [a, b] = [(lat * Math.PI) / 180, (lng * Math.PI) / 180];
    return [Math.cos(a) * Math.cos(b), Math.cos(a) * Math.sin(b), Math.sin(a)] as const;
  };
  const [[ax, ay, az], [bx, by, bz]] = [vector(one), vector(other)];
  const cross = Math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx);
  return 6_371_009 * Math.atan2(cross, ax * bx + ay * by + az * bz);
}

const seenBy = {
  alice: ({ user_id, visibility }: Stored) =>
    user_id === alice.id ||
    (visibility === 'public' && user_id !== eve.id) ||
    (visibility === 'friends' && user_id === bob.id),
  visitor: ({ visibility }: Stored) => visibility === 'public',
};

const places: Point[] = [
  { lat: 38.57, lng: -109.55 },
  { lat: 0, lng: 0 },
  { lat: 90, lng: 0 },
  { lat: 90, lng: -133 },
  { lat: -90, lng: 180 },
  { lat: 89.9, lng: 179 },
  { lat: -89.96, lng: -170 },
  { lat: 0, lng: 180 },
  { lat: 0, lng: -180 },
  { lat: -16.5, lng: 180 },
  { lat: -16.5, lng: -179.99 },
  { lat: -16.5, lng: 179.5 },
  { lat: 66.6, lng: -179.9999 },
  { lat: -33.9, lng: 18.4 },
];

describe.each(places)('around $lat, $lng', (place) => {
  test.each([0.5, 100, 1_500, 9_000, 20_040])(
    '%d km: what is there, nearest first, page by page',
    async (radius_km) => {
      for (const who of ['alice', 'visitor'] as const) {
        const { posts } = who === 'alice' ? alice : sessions.database.asAnon();
        const all = stored.filter(seenBy[who]).map((row) => ({ ...row, metres: metresBetween(place, row) }));
        // To the metre: what lies on the circle itself may count or not.
        const within = all.filter(({ metres }) => metres <= radius_km * 1000 + 0.4);
        expect(all.filter(({ metres }) => Math.abs(metres - radius_km * 1000) < 0.6 && radius_km < 20_040)).toEqual([]);
        for (const limit of [3, 100]) {
          const items = await readPages((cursor) => posts.near({ ...place, radius_km, limit, cursor }));
          expect(items.map(({ id }) => id).sort()).toEqual(within.map(({ id }) => id).sort());
          const metres = new Map(within.map((row) => [row.id, row.metres]));
          for (const { id, distance_km } of items) {
            expect(Math.abs(distance_km * 1000 - (metres.get(id) ?? Number.NaN))).toBeLessThan(0.6);
          }
          const times = new Map(stored.map((row) => [row.id, row.time]));
          const order = items.map(({ id, distance_km }) => ({ id, distance_km, time: times.get(id) ?? '' }));
          const sorted = order.toSorted(
            (a, b) => a.distance_km - b.distance_km || compare(b.time, a.time) || compare(b.id, a.id),
          );
          expect(order).toEqual(sorted);
        }
      }
    },
  );
});

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

describe('a page of posts around a place', () => {
  const moab = { lat: 38.57, lng: -109.55 };

  test('neither loses nor repeats a post while others come and go', async () => {
    const far = { lat: -50.5, lng: 20.25 };
    const at = (n: number) => ({ title: 'x', content: 'x', location: { lat: far.lat + n / 100, lng: far.lng } });
    const made = await carol.posts.createMany(Array.from({ length: 30 }, (_, n) => at(n % 6)));
    const seen: string[] = [];
    const extra: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<NearbyPost> = await alice.posts.near({ ...far, radius_km: 20, limit: 4, cursor });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor;
      extra.push(...(await carol.posts.createMany([at(0), at(5)])).map(({ id }) => id));
      await carol.posts.delete(seen.at(-1) ?? '');
    } while (cursor);
    const expected = made.map(({ id }) => id);
    expect(seen.filter((id) => expected.includes(id)).sort()).toEqual(expected.sort());
    expect(new Set(seen).size).toBe(seen.length);
    for (const id of [...expected, ...extra]) await carol.posts.delete(id);
  });

  test('goes by the place that is shown, and tells nothing of the exact one', async () => {
    const camp = { lat: -45.123456, lng: 60.987654 };
    const { id } = await carol.posts.create({ title: 'x', content: 'x', location: camp });
    await carol.posts.setExactLocation(id, camp);
    for (const person of [alice, carol]) {
      const [item] = (await person.posts.near({ lat: -45.12, lng: 60.99, radius_km: 0.001 })).items;
      expect(item).toMatchObject({ id, distance_km: 0, location: { lat: -45.12, lng: 60.99 } });
      expect((await person.posts.near({ ...camp, radius_km: 0.1 })).items).toEqual([]);
    }
    await carol.posts.update(id, { location: { ...camp, exact: true } });
    expect((await alice.posts.near({ ...camp, radius_km: 0.001 })).items).toMatchObject([{ id, distance_km: 0 }]);
    await carol.posts.update(id, { location: null });
    expect((await alice.posts.near({ ...camp, radius_km: 5 })).items).toEqual([]);
    await carol.posts.delete(id);
  });

  test('has names, and what one likes', async () => {
    const { id } = await carol.posts.create({ title: 'x', content: 'x', location: { lat: 12.5, lng: 12.5 } });
    await carol.profiles.update({ full_name: 'Carol' });
    await alice.posts.like(id);
    const { items } = await alice.posts.near({ lat: 12.5, lng: 12.51, radius_km: 2 });
    expect(items).toEqual([
      { ...(await alice.posts.get(id)), full_name: 'Carol', avatar_url: null, liked: true, distance_km: 1.086 },
    ]);
    await carol.posts.delete(id);
  });

  test('refuses a cursor that is malformed, of another list or of another place', async () => {
    const { next_cursor } = await alice.posts.near({ ...moab, radius_km: 5000, limit: 2 });
    expect((await alice.posts.near({ ...moab, radius_km: 3000, limit: 2, cursor: next_cursor })).items).toHaveLength(2);
    const feed = (await alice.posts.feed({ limit: 1 })).next_cursor;
    for (const cursor of [feed, 'x', next_cursor?.slice(0, -8)]) {
      await expect(alice.posts.near({ ...moab, radius_km: 1, cursor })).rejects.toThrow(CursorError);
    }
    await expect(alice.posts.near({ ...moab, lat: 38.58, radius_km: 1, cursor: next_cursor })).rejects.toThrow(
      CursorError,
    );
    await expect(alice.posts.feed({ cursor: next_cursor })).rejects.toThrow(CursorError);
  });

  test.each<Record<string, unknown>>([
    {},
    { ...moab },
    { ...moab, radius_km: 0 },
    { ...moab, radius_km: -1 },
    { ...moab, radius_km: 20_041 },
    { ...moab, radius_km: Number.NaN },
    { ...moab, radius_km: Number.POSITIVE_INFINITY },
    { ...moab, radius_km: '5' },
    { lat: 90.1, lng: 0, radius_km: 1 },
    { lat: 0, lng: -180.5, radius_km: 1 },
    { lat: Number.NaN, lng: 0, radius_km: 1 },
    { lat: null, lng: 0, radius_km: 1 },
    { ...moab, radius_km: 1, radius: 5 },
    { ...moab, radius_km: 1, limit: 0 },
    { ...moab, radius_km: 1, limit: 101 },
  ])('is a ValidationError for %j', async (circle) => {
    await expect(alice.posts.near(circle as Circle)).rejects.toThrow(ValidationError);
  });

  test('of the function itself, from whatever numbers', async () => {
    const near = async (...values: unknown[]) =>
      (await sessions.admin.query('select * from posts_near($1, $2, $3, $4, limit_results => $5)', values)).rows;
    for (const wrong of [
      ['NaN', 0, 1],
      [0, 'NaN', 1],
      [91, 0, 1],
      [0, 181, 1],
      [0, 0, 0],
      [0, 0, -1],
      [null, 0, 1],
      [0, 0, null],
      ['infinity', 0, 1],
    ]) {
      await expect(near(...wrong, null, 5)).rejects.toMatchObject({ code: '22023' });
    }
    for (const endless of ['NaN', 'infinity', 1e300]) expect(await near(0, 0, endless, null, 5)).toHaveLength(5);
    expect(await near(0, 0, 1e8, 30_000_000, 5)).toEqual([]);
    expect(await near(0, 0, 1e8, -5, null)).toHaveLength(20);
    expect(await near(0, 0, 1e8, null, 1000)).toHaveLength(101);
    expect(await near(0, 0, 1e8, null, -3)).toHaveLength(1);
    expect(await near(0, 0, 5e-324, null, 5)).toHaveLength(1);
  });
});
