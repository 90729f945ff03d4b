import { type Kysely, type Selectable, sql } from 'kysely';
import type { DB } from '../types/database.ts';
import {
  clampLimit,
  decodeCursor,
  encodeCursor,
  isTimestamptz,
  type Page,
  type PageRequest,
  toPage,
} from '../types/page.ts';
import { isUuid } from '../types/uuid.ts';
import { compiledOnce } from './compiled_once.ts';
import { type FeedPost, selectFeed } from './post_feed.ts';

/** A post, and how many kilometres it is from the place that was asked for: to the metre, along a great circle. */
export type NearbyPost = FeedPost & { distance_km: number };

type Place = { lat: number; lng: number };
type Nearby = Place & {
  me?: string;
  radius_m: number;
  last_distance?: string;
  last_created_at?: string;
  last_id?: string;
  limit: number;
};

const selectNearby = compiledOnce((db, { me, lat, lng, radius_m, limit, ...last }: Nearby) => {
  const { last_distance, last_created_at, last_id } = last;
  const after =
    last_id === undefined
      ? sql`null, null, null`
      : sql`${last_distance}::integer, ${last_created_at}::timestamptz, ${last_id}::uuid`;
  const nearby = sql<Selectable<DB['posts']> & { distance_m: number }>`(
    select posts.*, nearby.distance_m
    from public.posts_near(
      ${lat}::double precision, ${lng}::double precision, ${radius_m}::double precision, ${after}, ${limit}::integer
    ) as nearby
    join posts on posts.id = nearby.post_id
  )`;
  return selectFeed(db, me, nearby)
    .select(sql<number>`posts.distance_m`.as('distance_m'))
    .orderBy('distance_m')
    .orderBy('posts.created_at', 'desc')
    .orderBy('posts.id', 'desc');
});

/** A page of the posts around a place, nearest first. */
export async function readNearby(
  db: Kysely<DB>,
  me: string | undefined,
  { radius_km, ...place }: Place & { radius_km: number },
  { limit, cursor }: PageRequest,
): Promise<Page<NearbyPost>> {
  // The order is the place's: a cursor from another would lose posts.
  const kind = `posts.near ${place.lat} ${place.lng}`;
  const most = clampLimit(limit);
  const [last_distance, last_created_at, last_id] = cursor
    ? decodeCursor(kind, cursor, [isMetres, isTimestamptz, isUuid])
    : [];
  const last = { last_distance, last_created_at, last_id };
  return toPage(
    await selectNearby(db, { me, ...place, radius_m: radius_km * 1000, ...last, limit: most + 1 }),
    most,
    ({ distance_m, sort_key, id }) => encodeCursor(kind, [`${distance_m}`, sort_key, id]),
    ({ distance_m, sort_key, ...post }) => ({ ...post, distance_km: distance_m / 1000 }),
  );
}

function isMetres(value: string): boolean {
  return /^\d{1,8}$/.test(value);
}
