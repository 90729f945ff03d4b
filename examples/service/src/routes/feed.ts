import type { Database } from '@wheelsandwins/db';
import { Hono } from 'hono';
import { listQuery } from '../input.ts';
import { tokenOf } from '../sessions.ts';
import type { VerifyToken } from '../tokens.ts';

/** The newest posts: public ones for visitors, for travellers also their friends' and their own. */
export function feed(database: Database, verify: VerifyToken) {
  return new Hono().get('/', async (c) => {
    const token = await tokenOf(c.req.header('authorization'), verify);
    const { signal } = c.req.raw;
    const { posts } = token ? database.asUser(token.claims, { signal }) : database.asAnon({ signal });
    return c.json(await posts.feed(listQuery(c.req.query()).page));
  });
}
