import { expenseFilterSchema, expenseInputSchema, totalsFilterSchema, validate } from '@wheelsandwins/db/schemas';
import { Hono } from 'hono';
import { bodyOf, listQuery, piecesOf } from '../input.ts';
import type { SignedIn } from '../sessions.ts';

export const expenses = new Hono<SignedIn>()
  .get('/', async (c) => {
    const { page, filter } = listQuery(c.req.query());
    return c.json(await c.var.traveller.expenses.list({ ...validate(expenseFilterSchema, filter), ...page }));
  })
  .post('/', async (c) => c.json(await c.var.traveller.expenses.create(await bodyOf(expenseInputSchema, c.req)), 201))
  .get('/totals', async (c) => {
    const filter = validate(totalsFilterSchema, c.req.query());
    return c.json({ items: await c.var.traveller.expenses.totalsByCategory(filter) });
  })
  .post('/import', async (c) => {
    // The repository reads the file as it arrives, and checks what the query says of it.
    const { skip_rejected, ...options } = c.req.query();
    const report = await c.var.traveller.expenses.importCsv(piecesOf(c.req), {
      ...options,
      skip_rejected: skip_rejected === 'true',
    });
    return c.json(report);
  });
