import { tripFilterSchema, tripInputSchema, tripPatchSchema, validate } from '@wheelsandwins/db/schemas';
import { Hono } from 'hono';
import { bodyOf, ifVersion, listQuery } from '../input.ts';
import type { SignedIn } from '../sessions.ts';

export const trips = new Hono<SignedIn>()
  .get('/', async (c) => {
    const { page, filter } = listQuery(c.req.query());
    return c.json(await c.var.traveller.trips.list({ ...validate(tripFilterSchema, filter), ...page }));
  })
  .post('/', async (c) => c.json(await c.var.traveller.trips.create(await bodyOf(tripInputSchema, c.req)), 201))
  .get('/:id', async (c) => c.json(await c.var.traveller.trips.get(c.req.param('id'))))
  .patch('/:id', async (c) => {
    const patch = await bodyOf(tripPatchSchema, c.req);
    return c.json(await c.var.traveller.trips.update(c.req.param('id'), patch, ifVersion(c.req)));
  })
  .delete('/:id', async (c) => {
    await c.var.traveller.trips.delete(c.req.param('id'));
    return c.body(null, 204);
  });
